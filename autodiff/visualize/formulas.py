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
    "abs": "abs(input)",
    "maximum": "max(input, other)",
    "minimum": "min(input, other)",
}

#: The derivative of a function of each element, by each input.
SLOPES: dict[str, dict[str, str]] = {
    "add": {"input": "1", "other": "1"},
    "sub": {"input": "1", "other": "-1"},
    "mul": {"input": "other", "other": "input"},
    "div": {"input": "1 / other", "other": "-(input / other ** 2)"},
    "neg": {"input": "-1"},
    "clone": {"input": "1"},
    "cast": {"input": "1"},
    "remainder": {"input": "1"},
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
    "sign": {"input": "0"},
    "floor": {"input": "0"},
    "abs": {"input": "sign(input)"},
    "maximum": {"input": "indicator(input > other)", "other": "indicator(other > input)"},
    "minimum": {"input": "indicator(input < other)", "other": "indicator(other < input)"},
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

#: The Jacobian of a product with a vector, by that vector.
JACOBIANS: dict[tuple[str, str], str] = {
    ("matmul", "input"): "transpose(other)",
    ("matmul", "other"): "input",
    ("linear", "input"): "weight",
}
