"""Functions of one element in LLVM's language: what NumPy's functions of these names compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TYPES = {"float32": "float", "float64": "double", "int64": "i64", "int32": "i32", "bool": "i1"}
SHORT = {"float": "f32", "double": "f64"}

#: How far products and sums may be computed as one: in the last digit.
FAST = "contract"


def number(value: Any, kind: str) -> str:
    """Return a number as LLVM writes it."""
    import struct

    if kind in ("float", "double"):
        value = float(value)
        if kind == "float":
            try:
                value = struct.unpack("f", struct.pack("f", value))[0]
            except OverflowError:
                value = float("inf") if value > 0 else float("-inf")
        return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"
    if kind == "i1":
        return "1" if value else "0"
    return str(int(value))


class Writer:
    """Writes instructions, each into a register of its own."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0
        self.needed: set[str] = set()

    def __call__(self, text: str) -> str:
        """Write an instruction and return its register."""
        self.count += 1
        register = f"%r{self.count}"
        self.lines.append(f"  {register} = {text}")
        return register

    def do(self, text: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Start a block."""
        self.lines.append(f"{name}:")

    def call(self, name: str, kind: str, *args: str) -> str:
        """Call a function of numbers of one kind."""
        self.needed.add(f"{name}|{kind}|{len(args)}")
        return self(f"call {kind} @{name}({', '.join(f'{kind} {a}' for a in args)})")

    # -- functions -----------------------------------------------------------------------------------------------------

    def function(self, name: str, kind: str, args: list[str], literals: list[Any]) -> str:
        """Compute one of NumPy's functions of arguments of one kind; literals are the arguments that are numbers."""
        if kind in ("float", "double"):
            return self._of_floats(name, kind, args, literals)
        return self._of_integers(name, kind, args)

    def _of_floats(self, name: str, kind: str, a: list[str], literals: list[Any]) -> str:
        if name in _ARITHMETIC:
            return self(f"f{_ARITHMETIC[name]} {FAST} {kind} {', '.join(a)}")
        if name in _COMPARISONS:
            return self(f"fcmp {'u' if name == 'not_equal' else 'o'}{_COMPARISONS[name]} {kind} {', '.join(a)}")
        if name == "negative":
            return self(f"fneg {kind} {a[0]}")
        if name == "positive":
            return a[0]
        if name == "square":
            return self(f"fmul {FAST} {kind} {a[0]}, {a[0]}")
        if name == "reciprocal":
            return self(f"fdiv {kind} {number(1, kind)}, {a[0]}")
        if name in ("isnan", "isinf", "isfinite"):
            if name == "isnan":
                return self(f"fcmp uno {kind} {a[0]}, {a[0]}")
            size = self.intrinsic("fabs", kind, a[0])
            how = "oeq" if name == "isinf" else "one"
            return self(f"fcmp {how} {kind} {size}, {number(float('inf'), kind)}")
        if name in _INTRINSICS:
            return self.intrinsic(_INTRINSICS[name], kind, *a)
        if name == "power":
            return self._power(kind, a, literals[1])
        if name == "logaddexp":
            return self._logaddexp(kind, a)
        if name in ("exp", "tanh"):
            return self.call(f"ad.{name}.{SHORT[kind]}", kind, a[0])
        if name in _LIBRARY:
            return self.call(_LIBRARY[name] + ("f" if kind == "float" else ""), kind, *a)
        if name in ("logical_and", "logical_or", "logical_not"):
            truths = [self(f"fcmp une {kind} {x}, {number(0, kind)}") for x in a]
            return self._of_integers(name, "i1", truths)
        raise KeyError(name)

    def _of_integers(self, name: str, kind: str, a: list[str]) -> str:
        if name in ("bitwise_and", "logical_and"):
            return self(f"and {kind} {', '.join(a)}")
        if name in ("bitwise_or", "logical_or"):
            return self(f"or {kind} {', '.join(a)}")
        if name == "bitwise_xor":
            return self(f"xor {kind} {', '.join(a)}")
        if name in ("invert", "logical_not"):
            return self(f"xor {kind} {a[0]}, -1")
        if name in _COMPARISONS:
            how = (
                _COMPARISONS[name]
                if name in ("equal", "not_equal")
                else ("u" if kind == "i1" else "s") + _COMPARISONS[name]
            )
            return self(f"icmp {how} {kind} {', '.join(a)}")
        if kind == "i1" and name in ("add", "maximum"):
            return self(f"or i1 {', '.join(a)}")
        if kind == "i1" and name in ("multiply", "minimum"):
            return self(f"and i1 {', '.join(a)}")
        if name in _ARITHMETIC and name != "divide":
            return self(f"{_ARITHMETIC[name]} {kind} {', '.join(a)}")
        if name == "negative":
            return self(f"sub {kind} 0, {a[0]}")
        if name == "positive":
            return a[0]
        if name == "square":
            return self(f"mul {kind} {a[0]}, {a[0]}")
        if name in ("maximum", "minimum"):
            return self.call(f"llvm.s{name[:3]}.{kind}", kind, *a)
        if name == "absolute":
            less = self(f"icmp slt {kind} {a[0]}, 0")
            other = self(f"sub {kind} 0, {a[0]}")
            return self.choice(less, kind, other, a[0])
        if name in ("isnan", "isinf", "isfinite"):
            return "1" if name == "isfinite" else "0"
        raise KeyError(name)

    def intrinsic(self, name: str, kind: str, *args: str) -> str:
        """Call a function that LLVM knows."""
        return self.call(f"llvm.{name}.{SHORT[kind]}", kind, *args)

    def choice(self, condition: str, kind: str, a: str, b: str) -> str:
        """Return a where the condition holds, else b."""
        return self(f"select i1 {condition}, {kind} {a}, {kind} {b}")

    def _power(self, kind: str, a: list[str], n: Any) -> str:
        if n is not None and float(n).is_integer() and 0 < abs(n) <= 4:
            y = a[0]
            for _ in range(int(abs(n)) - 1):
                y = self(f"fmul {kind} {y}, {a[0]}")
            return y if n > 0 else self(f"fdiv {kind} {number(1, kind)}, {y}")
        if n is not None and n == 0.5:
            return self.intrinsic("sqrt", kind, a[0])
        return self.call("powf" if kind == "float" else "pow", kind, *a)

    def _logaddexp(self, kind: str, a: list[str]) -> str:
        """Compute max + log1p(exp(-|a - b|)); where both are the same infinity, that."""
        top = self.intrinsic("maximum", kind, *a)
        off = self(f"fsub {kind} {a[0]}, {a[1]}")
        away = self(f"fneg {kind} {self.intrinsic('fabs', kind, off)}")
        more = self.call(
            "log1p" + ("f" if kind == "float" else ""), kind, self.call(f"ad.exp.{SHORT[kind]}", kind, away)
        )
        total = self(f"fadd {kind} {top}, {more}")
        equal = self(f"fcmp oeq {kind} {a[0]}, {a[1]}")
        twice = self(f"fadd {kind} {a[0]}, {number(0.6931471805599453, kind)}")
        return self.choice(equal, kind, twice, total)

    def cast(self, register: str, old: str, new: str) -> str:
        """Convert to another kind."""
        if old == new:
            return register
        floats = ("float", "double")
        if old in floats and new in floats:
            return self(f"{'fpext' if new == 'double' else 'fptrunc'} {old} {register} to {new}")
        if new == "i1":
            return self(
                f"fcmp une {old} {register}, {number(0, old)}" if old in floats else f"icmp ne {old} {register}, 0"
            )
        if old in floats:
            return self(f"fptosi {old} {register} to {new}")
        if new in floats:
            return self(f"{'uitofp' if old == 'i1' else 'sitofp'} {old} {register} to {new}")
        wider = int(new[1:]) > int(old[1:])
        return self(f"{('zext' if old == 'i1' else 'sext') if wider else 'trunc'} {old} {register} to {new}")


_ARITHMETIC = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div"}
_COMPARISONS = {
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}
_INTRINSICS = {
    "sqrt": "sqrt", "absolute": "fabs", "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint",
    "copysign": "copysign", "maximum": "maximum", "minimum": "minimum",
}  # fmt: skip
_LIBRARY = {
    "exp2": "exp2", "expm1": "expm1", "log": "log", "log2": "log2", "log10": "log10", "log1p": "log1p", "sin": "sin",
    "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2", "hypot": "hypot",
}  # fmt: skip
#: The functions of C's library that are called.
LIBRARY = {name + end for name in (*_LIBRARY.values(), "pow") for end in ("", "f")}


# -- functions that a loop computes for several elements at once -------------------------------------------------------


def _polynomial(w: Writer, kind: str, x: str, coefficients: tuple[float, ...]) -> str:
    y = number(coefficients[0], kind)
    for c in coefficients[1:]:
        y = w.intrinsic("fmuladd", kind, y, x, number(c, kind))
    return y


def _exp(w: Writer, kind: str, x: str) -> str:
    """Write exp(x) = 2ⁿ exp(r): n the nearest integer to x / log 2, and Cephes's approximations of exp(r).

    Where the result is 0, as for the -inf of a mask, exp(0) is computed and not taken: a product that underflows
    costs a processor a hundred cycles, and took a causal softmax from 0.6 to 26 ns an element.
    """
    single = kind == "float"
    low, high = (-104.0, 90.0) if single else (-746.0, 710.0)
    whole, mantissa = ("i32", 23) if single else ("i64", 52)
    vanishes = w(f"fcmp olt {kind} {x}, {number(low, kind)}")
    x = w.choice(vanishes, kind, number(0, kind), x)
    x = w.choice(w(f"fcmp ogt {kind} {x}, {number(high, kind)}"), kind, number(high, kind), x)
    shift = number(1.5 * 2.0**mantissa, kind)
    t = w.intrinsic("fma", kind, x, number(1.4426950408889634, kind), shift)
    n = w(f"fsub {kind} {t}, {shift}")
    for part in (0.693359375, -2.12194440e-4) if single else (6.93145751953125e-1, 1.42860682030941723212e-6):
        x = w.intrinsic("fma", kind, n, number(-part, kind), x)
    square = w(f"fmul {kind} {x}, {x}")
    if single:
        p = _polynomial(
            w,
            kind,
            x,
            (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
        )
        y = w(f"fadd {kind} {w.intrinsic('fmuladd', kind, p, square, x)}, {number(1, kind)}")
    else:
        top = _polynomial(
            w, kind, square, (1.26177193074810590878e-4, 3.02994407707441961300e-2, 9.99999999999999999910e-1)
        )
        top = w(f"fmul {kind} {top}, {x}")
        bottom = _polynomial(
            w, kind, square, (3.00198505138664455042e-6, 2.52448340349684104192e-3, 2.27265548208155028766e-1, 2.0)
        )
        half = w(f"fdiv {kind} {top}, {w(f'fsub {kind} {bottom}, {top}')}")
        y = w.intrinsic("fmuladd", kind, half, number(2, kind), number(1, kind))
    power = w(f"sub {whole} {w(f'bitcast {kind} {t} to {whole}')}, {w(f'bitcast {kind} {shift} to {whole}')}")
    first = w(f"ashr {whole} {power}, 1")  # in two steps, for 2ⁿ alone may be out of range
    for half_power in (first, w(f"sub {whole} {power}, {first}")):
        biased = w(f"add {whole} {half_power}, {127 if single else 1023}")
        scale = w(f"bitcast {whole} {w(f'shl {whole} {biased}, {mantissa}')} to {kind}")
        y = w(f"fmul {kind} {y}, {scale}")
    return w.choice(vanishes, kind, number(0, kind), y)


def _tanh(w: Writer, kind: str, x: str) -> str:
    """Write tanh(x): Cephes's approximations below 0.625, 1 - 2 / (exp(2x) + 1) beyond."""
    size = w.intrinsic("fabs", kind, x)
    square = w(f"fmul {kind} {x}, {x}")
    if kind == "float":
        p = _polynomial(
            w,
            kind,
            square,
            (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1),
        )
    else:
        top = _polynomial(
            w, kind, square, (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3)
        )
        bottom = _polynomial(
            w, kind, square, (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3)
        )
        p = w(f"fdiv {kind} {top}, {bottom}")
    near = w.intrinsic("fmuladd", kind, w(f"fmul {kind} {p}, {square}"), x, x)
    e = w.call(f"ad.exp.{SHORT[kind]}", kind, w(f"fadd {kind} {size}, {size}"))
    far = w(f"fdiv {kind} {number(2, kind)}, {w(f'fadd {kind} {e}, {number(1, kind)}')}")
    far = w.intrinsic("copysign", kind, w(f"fsub {kind} {number(1, kind)}, {far}"), x)
    return w.choice(w(f"fcmp olt {kind} {size}, {number(0.625, kind)}"), kind, near, far)


_OWN: dict[str, Callable[[Writer, str, str], str]] = {"exp": _exp, "tanh": _tanh}


def definitions(needed: set[str]) -> str:
    """Return the functions that were called: their own text, or that they are elsewhere."""
    lines: list[str] = []
    done: set[str] = set()
    queue = sorted(needed)
    while queue:
        entry = queue.pop()
        if entry in done:
            continue
        done.add(entry)
        if entry.startswith("declare "):
            lines.append(entry)
            continue
        name, kind, count = entry.split("|")
        if name.startswith("ad."):
            w = Writer()
            y = _OWN[name.split(".")[1]](w, kind, "%x")
            queue += sorted(w.needed)
            lines += [f"define internal {kind} @{name}({kind} %x) alwaysinline {{", *w.lines, f"  ret {kind} {y}", "}"]
        else:
            lines.append(f"declare {kind} @{name}({', '.join([kind] * int(count))})")
    return "\n".join(lines)
