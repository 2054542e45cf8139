"""Write an expression on one line, or in LaTeX."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

from .expression import Expression, name, number, parts, value
from .notation import on_paper
from .simplify import is_negative, product

_MOST_POSITIONS = 6  # of an array of positions that is written out
_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega"
)
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly the parts of a formula hold together


def text(e: Expression) -> str:
    """Write a formula on one line.

    Examples
    --------
    >>> from autodiff.symbolic import symbol, text
    >>> z = symbol("z")
    >>> y = 1 / (1 + np.exp(-z))
    >>> text((y * (1 - y)).expression)
    'σ(z)(1 − σ(z))'
    """
    return _Text(on_paper(e)).whole()


def factor(e: Expression) -> str:
    """Write a formula on one line, a sum or a product in parentheses."""
    e = on_paper(e)
    return _Text(e).write(e).within(_POWER, _Text.parentheses)


def latex(e: Expression) -> str:
    r"""Write a formula in LaTeX.

    Examples
    --------
    >>> from autodiff.symbolic import latex, symbol
    >>> z = symbol("z")
    >>> latex((1 / (2 * np.sqrt(z))).expression)
    '\\frac{1}{2 \\cdot \\sqrt{z}}'
    """
    return _Latex(on_paper(e)).whole()


class _Written(NamedTuple):
    text: str
    hold: int

    def within(self, hold: int, parentheses: tuple[str, str]) -> str:
        return self.text if self.hold >= hold else parentheses[0] + self.text + parentheses[1]


class _Text:
    """A formula on one line."""

    parentheses = ("(", ")")
    minus, times, each, product = "−", "·", " ⊙ ", " @ "
    functions: ClassVar[dict[str, str]] = {}
    comparisons: ClassVar[dict[str, str]] = {"<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
    conditions: ClassVar[dict[str, str]] = {"and": " and ", "or": " or "}

    def __init__(self, e: Expression) -> None:
        self.e = e
        self.has_gradient = any(p.head == "name" and p.data.startswith("∂") and p.shape for p in parts(e))

    def whole(self) -> str:
        return self.write(self.e).text

    def write(self, e: Expression) -> _Written:
        if e.head in ("name", "constant"):
            said = e.data if isinstance(e.data, str) else repr(e.data)
            return _Written(self.name(said), _PRODUCT if "/" in said else _ATOM)
        write: Callable[[Expression], _Written] = getattr(self, f"write_{e.head}", self.write_other)
        return write(e)

    def part(self, e: Expression, hold: int) -> str:
        return self.write(e).within(hold, self.parentheses)

    # -- numbers and names

    def write_number(self, e: Expression) -> _Written:
        n = e.data
        if isinstance(n, Fraction) and n.denominator != 2:  # 1 / 3 of a mean, but 0.5
            return self.fraction(number(n.numerator), [number(n.denominator)], n < 0)
        return _Written(self.number(n), _SUM if n < 0 else _ATOM)

    def number(self, value: float) -> str:
        return digits_of(value, 4)

    def ones(self) -> str:
        return "ones"

    def name(self, text: str) -> str:
        return text

    def write_true(self, e: Expression) -> _Written:
        return _Written("true", _ATOM)

    # -- sums and products

    def write_add(self, e: Expression) -> _Written:
        said = self.term(e.args[0])
        for t in e.args[1:]:
            negative = is_negative(t)
            size = product([number(-1), t]) if negative else t
            said += f" {self.minus if negative else '+'} {self.term(size)}"
        return _Written(said, _SUM)

    def term(self, e: Expression) -> str:
        return self.write(number(e.data) if e.head == "number" else e).text

    def write_mul(self, e: Expression) -> _Written:
        above, below = [], []
        for f in e.args:
            n = value(f.args[1]) if f.head == "pow" else None
            if isinstance(n, (int, float, Fraction)) and n < 0:
                below.append(f.args[0] if n == -1 else Expression("pow", (f.args[0], number(-n)), None, f.shape))
            else:
                above.append(f)
        coefficient: Any = 1
        if above and isinstance(above[0].data, (int, float, Fraction)) and above[0].head == "number":
            coefficient = above.pop(0).data
        negative, size = coefficient < 0, abs(coefficient)
        if isinstance(size, Fraction) and size.denominator != 1:
            below.insert(0, number(size.denominator))
            size = size.numerator
        if size != 1 or not above:
            above.insert(0, number(size))
        if below:
            return self.fraction(self.gathered(above), below, negative)
        said = self.factors(above)
        return _Written(self.minus * negative + said, _SUM if negative else _PRODUCT)

    @staticmethod
    def gathered(factors: list[Expression]) -> Expression:
        if len(factors) == 1:
            return factors[0]
        return Expression("mul", tuple(factors), None, factors[-1].shape)

    def fraction(self, above: Expression, below: list[Expression], negative: bool) -> _Written:
        top = self.factors(list(above.args)) if above.head == "mul" else self.part(self.plain(above), _PRODUCT)
        bottom = self.part(self.plain(below[0]), _POWER) if len(below) == 1 else f"({self.factors(below)})"
        return _Written(f"{self.minus * negative}{top} / {bottom}", _SUM if negative else _PRODUCT)

    @staticmethod
    def plain(e: Expression) -> Expression:
        return number(e.data) if e.head == "number" else e

    def factors(self, factors: list[Expression]) -> str:
        said, before = "", factors[0]
        for f in factors:
            is_each = self.has_gradient and before.shape and f.shape and said  # element by element, and not as matrices
            right = self.part(self.plain(f), _POWER if f.head == "matmul" and len(factors) > 1 else _PRODUCT)
            held = right.startswith(self.parentheses[0])
            is_clear = held and said.endswith((*"0123456789", self.parentheses[1]))  # x(…) would be a function of …
            is_clear = is_clear and before.head != "name"
            said += (self.each if is_each else "" if not said or is_clear else self.times) + right
            before = f
        return said

    def write_pow(self, e: Expression) -> _Written:
        a, n = e.args[0], value(e.args[1])
        if isinstance(n, (int, float, Fraction)) and n < 0:
            return self.write_mul(Expression("mul", (e,), None, e.shape))
        if a.head == "function" and a.data in ("tanh", "tan", "sin", "cos", "sinh", "cosh") and isinstance(n, int):
            inner = self.write(a).text
            head = self.function(a.data)
            return _Written(head + self.exponent(e.args[1]) + inner[len(head) :], _ATOM)
        return _Written(self.part(a, _ATOM) + self.exponent(e.args[1]), _POWER)

    def exponent(self, e: Expression) -> str:
        if isinstance(value(e), int):
            return self.number(value(e)).translate(str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
        return "^" + self.part(e, _ATOM)

    def write_matmul(self, e: Expression) -> _Written:
        left, right = (self.operand(x, _PRODUCT) for x in e.args)
        if e.args[0].head == "mul":
            left = f"{self.parentheses[0]}{left}{self.parentheses[1]}"
        if e.args[1].head in ("mul", "matmul"):
            right = f"{self.parentheses[0]}{right}{self.parentheses[1]}"
        return _Written(f"{left}{self.product}{right}", _PRODUCT)

    def write_transpose(self, e: Expression) -> _Written:
        swapped = (*range(len(e.data) - 2), len(e.data) - 1, len(e.data) - 2)
        if e.data == swapped or len(e.shape) < 2:
            return _Written(self.operand(e.args[0], _ATOM) + self.transposed(), _ATOM)
        return self.called("permute", [self.write(e.args[0]).text])

    def write_row(self, e: Expression) -> _Written:
        return _Written(self.operand(e.args[0], _ATOM) + self.transposed(), _ATOM)

    def operand(self, e: Expression, hold: int) -> str:
        """Write an operand of a product of matrices, where a 1 is a matrix of ones."""
        return self.ones() if value(e) == 1 and e.shape else self.part(e, hold)

    def transposed(self) -> str:
        return "ᵀ"

    def write_sum(self, e: Expression) -> _Written:
        return _Written(self.sign_of_sum() + self.part(e.args[0], _PRODUCT), _PRODUCT)

    def sign_of_sum(self) -> str:
        return "Σ "

    # -- functions

    def function(self, called: str) -> str:
        return self.functions.get(called, _NAMES.get(called, called))

    def called(self, called: str, inside: list[str]) -> _Written:
        return _Written(f"{self.function(called)}({', '.join(inside)})", _ATOM)

    def inside(self, e: Expression) -> list[str]:
        return [self.write(_bare(self.plain(x))).text for x in e.args]

    def write_function(self, e: Expression) -> _Written:
        if e.data == "absolute":
            return self.between("|", e)
        if e.data == "sqrt":
            return self.root(e)
        if e.data == "remainder":
            return _Written(f"{self.part(e.args[0], _PRODUCT)} mod {self.part(e.args[1], _POWER)}", _PRODUCT)
        return self.called(e.data, self.inside(e))

    def root(self, e: Expression) -> _Written:
        return _Written("√" + self.part(e.args[0], _ATOM), _POWER)

    def between(self, bar: str, e: Expression) -> _Written:
        return _Written(bar + self.inside(e)[0] + bar, _ATOM)

    def write_sigmoid(self, e: Expression) -> _Written:
        return self.called("σ", self.inside(e))

    def write_norm(self, e: Expression) -> _Written:
        return self.between("‖", e)

    def write_named(self, e: Expression) -> _Written:
        if e.data == "‖·‖":
            return self.between("‖", Expression("args", e.args[1:], None, ()))
        return self.called(e.data, self.inside(Expression("args", e.args[1:], None, ())))

    def write_diag(self, e: Expression) -> _Written:
        return self.called("diag", self.inside(e))

    def write_ones(self, e: Expression) -> _Written:
        return _Written(self.ones(), _ATOM)

    def write_identity(self, e: Expression) -> _Written:
        return _Written("I", _ATOM)

    def write_call(self, e: Expression) -> _Written:
        return self.called(repr(e.data[0]), self.inside(e))

    def write_index(self, e: Expression) -> _Written:
        return _Written(f"{self.part(e.args[0], _ATOM)}[{key(e.data.key)}]", _ATOM)

    def write_broadcast(self, e: Expression) -> _Written:
        return self.write(e.args[0])

    def write_reshape(self, e: Expression) -> _Written:
        return self.write(e.args[0])

    def write_other(self, e: Expression) -> _Written:
        return self.called(e.head, self.inside(e))

    # -- conditions

    def write_indicator(self, e: Expression) -> _Written:
        return _Written(f"1[{self.write(e.args[0]).text}]", _ATOM)

    def write_compare(self, e: Expression) -> _Written:
        sign = self.comparisons.get(e.data, e.data)
        return _Written(f"{self.term(e.args[0])} {sign} {self.term(e.args[1])}", _SUM)

    def write_and(self, e: Expression) -> _Written:
        a, b = e.args
        if e.head == a.head == "and" or a.head != "compare" or b.head != "compare" or a.args[0] != b.args[0]:
            return self.conditions_joined(e)
        if e.head == "and" and a.data in (">", ">=") and b.data in ("<", "<="):  # low ≤ x ≤ high
            low = {">": "<", ">=": "<="}[a.data]
            below, above = (self.comparisons.get(sign, sign) for sign in (low, b.data))
            return _Written(
                f"{self.term(a.args[1])} {below} {self.term(a.args[0])} {above} {self.term(b.args[1])}", _SUM
            )
        return self.conditions_joined(e)

    def conditions_joined(self, e: Expression) -> _Written:
        return _Written(self.conditions[e.head].join(self.part(x, _SUM) for x in e.args), _SUM)

    write_or = write_and

    def write_not(self, e: Expression) -> _Written:
        return _Written("not " + self.part(e.args[0], _ATOM), _SUM)


_NAMES = {
    "maximum": "max", "minimum": "min", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "rint": "round",
}  # fmt: skip


def _bare(e: Expression) -> Expression:
    """Return a name without the parentheses around all of it, for those of a call."""
    said = e.data if e.head == "name" else ""
    is_held = said.startswith("(") and said.find(")") == len(said) - 1
    return name(said[1:-1], e.shape) if is_held else e


class _Latex(_Text):
    """A formula in LaTeX."""

    parentheses = (r"\left(", r"\right)")
    minus, times, each, product = "-", r" \cdot ", r" \odot ", r" \, "
    functions: ClassVar[dict[str, str]] = {
        "σ": r"\sigma",
        **{f: rf"\{f}" for f in ("tanh", "exp", "log", "sin", "cos", "tan", "sinh", "cosh")},
        "maximum": r"\max",
        "minimum": r"\min",
    }
    comparisons: ClassVar[dict[str, str]] = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne"}
    conditions: ClassVar[dict[str, str]] = {"and": r" \land ", "or": r" \lor "}

    def number(self, value: float) -> str:
        return latex_number(value, 4)

    def ones(self) -> str:
        return r"\mathbf{1}"

    def name(self, text: str) -> str:
        return latex_name(text)

    def fraction(self, above: Expression, below: list[Expression], negative: bool) -> _Written:
        top, bottom = self.write(self.plain(above)).text, self.factors(below)
        if len(below) == 1:
            bottom = self.write(self.plain(below[0])).text
        return _Written(rf"{self.minus * negative}\frac{{{top}}}{{{bottom}}}", _SUM if negative else _PRODUCT)

    def exponent(self, e: Expression) -> str:
        return f"^{{{self.write(e).text}}}"

    def transposed(self) -> str:
        return r"^\top"

    def sign_of_sum(self) -> str:
        return r"\sum "

    def function(self, called: str) -> str:
        written = _NAMES.get(called, called).replace("_", r"\_")
        return self.functions.get(called, rf"\operatorname{{{written}}}")

    def called(self, called: str, inside: list[str]) -> _Written:
        return _Written(rf"{self.function(called)}\left({', '.join(inside)}\right)", _ATOM)

    def root(self, e: Expression) -> _Written:
        return _Written(rf"\sqrt{{{self.inside(e)[0]}}}", _ATOM)

    def between(self, bar: str, e: Expression) -> _Written:
        bar = {"|": "|", "‖": r"\|"}[bar]
        return _Written(rf"\left{bar}{self.inside(e)[0]}\right{bar}", _ATOM)

    def write_indicator(self, e: Expression) -> _Written:
        return _Written(rf"\mathbf{{1}}[{self.write(e.args[0]).text}]", _ATOM)


def digits_of(value: Any, digits: int) -> str:
    """Return one number with `digits` significant digits, integers in full, as it stands in a formula."""
    if isinstance(value, int):
        return str(int(value)).replace("-", "−")
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    mantissa, e, exponent = f"{float(value) + 0.0:.{digits}g}".partition("e")
    return (mantissa + (f"e{int(exponent)}" if e else "")).replace("-", "−")


def latex_number(value: Any, digits: int) -> str:
    """Return a number in LaTeX."""
    mantissa, e, exponent = digits_of(value, digits).replace("−", "-").replace("∞", r"\infty").partition("e")
    return mantissa + (rf" \cdot 10^{{{exponent}}}" if e else "")


def latex_name(text: str) -> str:
    r"""Return a tensor's name in LaTeX: one letter in italics, a word upright.

    Examples
    --------
    >>> from autodiff.symbolic import latex_name
    >>> [latex_name(n) for n in ("z", "0.weight", "w_1", "θ₂")]
    ['z', '\\mathrm{0.weight}', '\\mathrm{w\\_1}', '\\theta _{2}']
    """
    if text.startswith("∂") and "/∂" in text:
        above, below = text[1:].split("/∂", 1)
        return rf"\frac{{\partial {latex_name(above)}}}{{\partial {latex_name(below)}}}"
    base = text.rstrip("₀₁₂₃₄₅₆₇₈₉")
    below = text[len(base) :].translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    written = _latex_letter(base) if len(base) == 1 else rf"\mathrm{{{''.join(map(_latex_letter, base))}}}"
    return written + (f"_{{{below}}}" if below else "")


def _latex_letter(c: str) -> str:
    called = unicodedata.name(c, "").removeprefix("GREEK SMALL LETTER ").lower()
    if _GREEK.fullmatch(called):
        return rf"\{called} "
    return "\\" + c if c in "_%&#$^{}" else r"\backslash " if c == "\\" else c


def key(index: Any) -> str:
    """Return an index as it is written between brackets.

    Examples
    --------
    >>> from autodiff.symbolic.formulas import key
    >>> [key(i) for i in (0, (slice(None), -1), (Ellipsis, slice(1, 6, 2), None), np.arange(3))]
    ['0', ':, −1', '…, 1:6:2, None', '[0, 1, 2]']
    """
    if isinstance(index, tuple):
        return ", ".join(map(key, index))
    if isinstance(index, slice):
        start, stop, step = ("" if part is None else str(part) for part in (index.start, index.stop, index.step))
        return (f"{start}:{stop}" + (f":{step}" if step else "")).replace("-", "−")
    if index is Ellipsis:
        return "…"
    if index is None or isinstance(index, int):
        return str(index).replace("-", "−")
    is_short = getattr(index, "size", _MOST_POSITIONS + 1) <= _MOST_POSITIONS
    return str(index.tolist()).replace("-", "−") if is_short else "array"
