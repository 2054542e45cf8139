"""What each primitive and its derivative is called in a formula; the numbers never come from here."""

from __future__ import annotations

# Python expressions in a primitive's own argument names, so that a test can compare what they say with the rules.
# A primitive that is missing here is written by its name, its derivative as ∂y/∂x alone.

#: What a primitive computes.
VALUES: dict[str, str] = {
    "add": "input + other",
    "sub": "input - other",
    "mul": "input * other",
    "div": "input / other",
    "addcmul": "input + tensor1 * tensor2",
    "neg": "-input",
    "clone": "input",
    "power": "input ** n",
    "pow": "input ** exponent",
    "sqrt": "sqrt(input)",
    "exp": "exp(input)",
    "log": "log(input)",
    "log1p": "log(1 + input)",
    "tanh": "tanh(input)",
    "sigmoid": "sigmoid(input)",
    "relu": "relu(input)",
    "leaky_relu": "leaky_relu(input)",
    "silu": "input * sigmoid(input)",
    "softplus": "log(1 + exp(input))",
    "bce": "BCE(input, target)",
    "abs": "abs(input)",
    "maximum": "max(input, other)",
    "minimum": "min(input, other)",
    "clamp": "clamp(input, min, max)",
    "where": "where(condition, input, other)",
    "cast": "input",
    "reciprocal": "1 / input",
    "rsqrt": "1 / sqrt(input)",
    "exp2": "2 ** input",
    "expm1": "exp(input) - 1",
    "log2": "log2(input)",
    "log10": "log10(input)",
    "logaddexp": "log(exp(input) + exp(other))",
    "xlogy": "input * log(other)",
    "sin": "sin(input)",
    "cos": "cos(input)",
    "tan": "tan(input)",
    "asin": "asin(input)",
    "acos": "acos(input)",
    "atan": "atan(input)",
    "atan2": "atan2(input, other)",
    "hypot": "sqrt(input ** 2 + other ** 2)",
    "sinh": "sinh(input)",
    "cosh": "cosh(input)",
    "asinh": "asinh(input)",
    "acosh": "acosh(input)",
    "atanh": "atanh(input)",
    "erf": "erf(input)",
    "sign": "sign(input)",
    "step": "step(input)",
    "floor": "floor(input)",
    "ceil": "ceil(input)",
    "trunc": "trunc(input)",
    "frac": "frac(input)",
    "floor_divide": "floor(input / other)",
    "remainder": "input - other * floor(input / other)",
    "softmax": "softmax(input)",
    "log_softmax": "log_softmax(input)",
}


def _halved(sign: str) -> dict[str, str]:
    """Return the derivatives of the larger or smaller of two, of which equal ones get half each."""
    ways = (("input", "other"), ("other", "input"))
    return {a: f"indicator({a} {sign} {b}) + indicator({a} == {b}) / 2" for a, b in ways}


#: The derivative of a function of each element, by each input.
SLOPES: dict[str, dict[str, str]] = {
    "add": {"input": "1", "other": "1"},
    "sub": {"input": "1", "other": "-1"},
    "mul": {"input": "other", "other": "input"},
    "addcmul": {"input": "1", "tensor1": "tensor2", "tensor2": "tensor1"},
    "div": {"input": "1 / other", "other": "-(input / other ** 2)"},
    "neg": {"input": "-1"},
    "clone": {"input": "1"},
    "cast": {"input": "1"},
    "remainder": {"input": "1", "other": "-floor(input / other)"},
    "floor_divide": {"input": "0", "other": "0"},
    "power": {"input": "n * input ** (n - 1)"},
    "pow": {"input": "exponent * input ** (exponent - 1)", "exponent": "input ** exponent * log(input)"},
    "sqrt": {"input": "1 / (2 * sqrt(input))"},
    "exp": {"input": "exp(input)"},
    "log": {"input": "1 / input"},
    "log1p": {"input": "1 / (1 + input)"},
    "tanh": {"input": "1 - tanh(input) ** 2"},
    "sigmoid": {"input": "sigmoid(input) * (1 - sigmoid(input))"},
    "relu": {"input": "indicator(input > 0)"},
    "leaky_relu": {"input": "indicator(input > 0) + slope * indicator(input <= 0)"},
    "silu": {"input": "sigmoid(input) * (1 + input * (1 - sigmoid(input)))"},
    "softplus": {"input": "sigmoid(input)"},
    "bce": {"input": "sigmoid(input) - target", "target": "-input"},
    "sign": {"input": "0"},
    "step": {"input": "0"},
    "floor": {"input": "0"},
    "ceil": {"input": "0"},
    "trunc": {"input": "0"},
    "round": {"input": "0"},
    "frac": {"input": "1"},
    "clamp": {"input": "indicator(min <= input) * indicator(input <= max)"},
    "where": {"input": "indicator(condition)", "other": "1 - indicator(condition)"},
    "reciprocal": {"input": "-(1 / input ** 2)"},
    "rsqrt": {"input": "-(1 / (2 * input * sqrt(input)))"},
    "exp2": {"input": "log(2) * 2 ** input"},
    "expm1": {"input": "exp(input)"},
    "log2": {"input": "1 / (input * log(2))"},
    "log10": {"input": "1 / (input * log(10))"},
    "logaddexp": {"input": "sigmoid(input - other)", "other": "sigmoid(other - input)"},
    "xlogy": {"input": "log(other)", "other": "input / other"},
    "sin": {"input": "cos(input)"},
    "cos": {"input": "-sin(input)"},
    "tan": {"input": "1 + tan(input) ** 2"},
    "asin": {"input": "1 / sqrt(1 - input ** 2)"},
    "acos": {"input": "-(1 / sqrt(1 - input ** 2))"},
    "atan": {"input": "1 / (1 + input ** 2)"},
    "atan2": {"input": "other / (input ** 2 + other ** 2)", "other": "-(input / (input ** 2 + other ** 2))"},
    "hypot": {"input": "input / sqrt(input ** 2 + other ** 2)", "other": "other / sqrt(input ** 2 + other ** 2)"},
    "sinh": {"input": "cosh(input)"},
    "cosh": {"input": "sinh(input)"},
    "asinh": {"input": "1 / sqrt(input ** 2 + 1)"},
    "acosh": {"input": "1 / sqrt(input ** 2 - 1)"},
    "atanh": {"input": "1 / (1 - input ** 2)"},
    "erf": {"input": "2 * exp(-(input ** 2)) / sqrt(π)"},
    "abs": {"input": "sign(input)"},
    "maximum": _halved(">"),
    "minimum": _halved("<"),
}

#: What is written where neither the symbol nor the name of a primitive says enough.
CALLED: dict[str, str] = {"window_max": "maxpool", "convolve": "conv"}

#: What a reduction of all elements to one computes.
REDUCTIONS: dict[str, str] = {
    "sum": "sum(input)",
    "mean": "mean(input)",
    "amax": "max(input)",
    "amin": "min(input)",
    "logsumexp": "logsumexp(input)",
    "prod": "prod(input)",
    "norm": "norm(input)",
}

#: The derivative of its result y by each of the n elements that it came from; of the norm, the Euclidean one's.
SHARES: dict[str, str] = {
    "sum": "1",
    "mean": "1 / n",
    **dict.fromkeys(("amax", "amin"), "indicator(input == y) / sum(indicator(input == y))"),  # equal ones share
    "logsumexp": "exp(input - y)",
    "prod": "y / input",
    "norm": "input / y",
}

#: What the derivative is where elements are only moved, in words.
MOVES: dict[str, str] = {
    "reshape": "1, the same elements in another shape",
    **dict.fromkeys(("permute", "flip", "roll"), "1, elements in another order"),
    **dict.fromkeys(("index", "gather", "diagonal", "of_classes"), "1 where chosen, else 0"),
    "mean_nll": "−1/n where chosen, else 0",
    **dict.fromkeys(("undiagonal", "unindex", "scatter", "put", "to_classes", "cat", "stack"), "1 where it is put"),
    "expand": "1 at each copy",
    "windows": "1 in each window",
    "unwindows": "1 where it is added",
}

#: What a product of matrices computes, and what it makes of the gradient g of its result; the sum is that of rows.
PRODUCTS: dict[str, str] = {
    "matmul": "input @ other",
    "linear": "input @ transpose(weight) + bias",
}
PULLED: dict[str, dict[str, str]] = {
    "matmul": {"input": "g @ transpose(other)", "other": "transpose(input) @ g"},
    "linear": {"input": "g @ weight", "weight": "transpose(g) @ input", "bias": "sum(g)"},
}

#: What a function of whole rows makes of the gradient g of its result y; the sum is that of a row.
ROWS: dict[str, str] = {
    "softmax": "y * (g - sum(g * y))",
    "log_softmax": "g - exp(y) * sum(g)",
}

#: The Jacobian of a function of a vector, by that vector.
JACOBIANS: dict[tuple[str, str], str] = {
    ("matmul", "input"): "transpose(other)",
    ("matmul", "other"): "input",
    ("linear", "input"): "weight",
    ("softmax", "input"): "diag(y) - outer(y, y)",
    ("log_softmax", "input"): "I - outer(ones, exp(y))",
}
