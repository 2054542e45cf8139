"""Formulas as Python's syntax trees: filled in, shortened, and written as text and as LaTeX."""

from __future__ import annotations

import ast
import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from .text import number

Expr = ast.expr

_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega"
)
_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly the parts of a formula hold together


def name(text: str) -> Expr:
    """Return what stands for a tensor; any text may be its name."""
    return ast.Name(text)


def constant(value: float) -> Expr:
    """Return a number."""
    is_whole = abs(value) < 1e15 and value == int(value)
    return ast.Constant(int(value) if is_whole else float(value))


@functools.cache
def _parsed(source: str) -> Expr:
    return ast.parse(source, mode="eval").body


def filled(source: str, values: Mapping[str, Expr]) -> Expr:
    """Return a formula, written in Python, with its names replaced, and shortened.

    Examples
    --------
    >>> from autodiff.visualize.expressions import constant, filled, name, text
    >>> text(filled("n * x ** (n - 1)", {"x": name("z"), "n": constant(2)}))
    '2·z'
    """
    return _filled(_parsed(source), values)


def _filled(e: Expr, values: Mapping[str, Expr]) -> Expr:
    if isinstance(e, ast.Name):
        return values.get(e.id, e)
    if isinstance(e, ast.BinOp):
        return _shortened(ast.BinOp(_filled(e.left, values), e.op, _filled(e.right, values)))
    if isinstance(e, ast.UnaryOp):
        return product([ast.Constant(-1), _filled(e.operand, values)])
    if isinstance(e, ast.Compare):
        return ast.Compare(_filled(e.left, values), e.ops, [_filled(right, values) for right in e.comparators])
    if isinstance(e, ast.Call):
        return ast.Call(e.func, [_filled(x, values) for x in e.args], [])
    return e


def value(e: Expr) -> Any:
    """Return the number that an expression is; None if it is none."""
    return e.value if isinstance(e, ast.Constant) else None


def is_number(e: Expr) -> bool:
    """Tell whether an expression holds numbers alone, such as 1 / 3."""
    return all(n.id.isdigit() for n in ast.walk(e) if isinstance(n, ast.Name))


def _shortened(e: ast.BinOp) -> Expr:
    """Do what numbers alone decide: 2 · 3, x · 1, x + 0, x¹."""
    a, b = value(e.left), value(e.right)
    if isinstance(e.op, ast.Mult):
        return product([e.left, e.right])
    if isinstance(e.op, ast.Div):
        return constant(a / b) if a is not None and b else product([e])
    if isinstance(e.op, ast.Pow) and b == 1:
        return e.left
    if isinstance(e.op, (ast.Add, ast.Sub)):
        sign = 1 if isinstance(e.op, ast.Add) else -1
        if a is not None and b is not None:
            return constant(a + sign * b)
        if b == 0:
            return e.left
        if a == 0:
            return product([constant(sign), e.right])
    return e


def product(factors: Iterable[Expr]) -> Expr:
    """Return a product, its numbers multiplied and in front, what it is divided by in one place."""
    number_in_front: float = 1
    others: list[Expr] = []
    divisors: list[Expr] = []
    queue = list(factors)
    while queue:
        factor = queue.pop(0)
        if isinstance(factor, ast.BinOp) and isinstance(factor.op, ast.Mult):
            queue[:0] = [factor.left, factor.right]
        elif isinstance(factor, ast.BinOp) and isinstance(factor.op, ast.Div):
            queue.insert(0, factor.left)
            divisors.insert(0, factor.right)
        elif (n := value(factor)) is not None:
            number_in_front *= n
        else:
            others.append(factor)
    if number_in_front == 0:
        return constant(0)
    if number_in_front != 1 or not others:
        others.insert(0, constant(number_in_front))
    above = functools.reduce(lambda left, right: ast.BinOp(left, ast.Mult(), right), others)
    return ast.BinOp(above, ast.Div(), product(divisors)) if divisors else above


def total(terms: Iterable[Expr]) -> Expr:
    """Return a sum: equal terms counted, then what is negative, numbers last."""
    flat: list[Expr] = []
    queue = list(terms)
    while queue:
        term = queue.pop(0)
        if isinstance(term, ast.BinOp) and isinstance(term.op, ast.Add):
            queue[:0] = [term.left, term.right]
        else:
            flat.append(term)
    counts: dict[str, list[Expr]] = {}
    for term in sorted(flat, key=lambda term: (value(term) is not None, _leads(term))):
        counts.setdefault(ast.dump(term), []).append(term)
    terms = [product([constant(len(same)), same[0]]) for same in counts.values()]
    return functools.reduce(lambda left, right: _shortened(ast.BinOp(left, ast.Add(), right)), terms)


class _Written(NamedTuple):
    text: str
    hold: int

    def within(self, hold: int, parentheses: tuple[str, str]) -> str:
        return self.text if self.hold >= hold else parentheses[0] + self.text + parentheses[1]


def text(e: Expr) -> str:
    """Write a formula on one line.

    Examples
    --------
    >>> from autodiff.visualize.expressions import filled, name, text
    >>> text(filled("sigmoid(x) * (1 - sigmoid(x))", {"x": name("z")}))
    'σ(z)(1 − σ(z))'
    """
    return _Text().write(e).text


def factor(e: Expr) -> str:
    """Write a formula on one line, a sum or a product in parentheses."""
    return _Text().write(e).within(_POWER, _Text.parentheses)


def latex(e: Expr) -> str:
    r"""Write a formula in LaTeX.

    Examples
    --------
    >>> from autodiff.visualize.expressions import filled, latex, name
    >>> latex(filled("1 / (2 * sqrt(x))", {"x": name("z")}))
    '\\frac{1}{2 \\cdot \\sqrt{z}}'
    """
    return _Latex().write(e).text


class _Text:
    """A formula on one line."""

    parentheses = ("(", ")")
    minus, times, product, lead = "−", "·", " @ ", "−"
    functions: ClassVar[dict[str, str]] = {"sigmoid": "σ"}
    comparisons: ClassVar[dict[str, str]] = {"Gt": ">", "Lt": "<", "LtE": "≤", "GtE": "≥", "Eq": "="}

    def write(self, e: Expr) -> _Written:
        if isinstance(e, ast.Constant):
            n = value(e)
            return _Written(self.number(n), _SUM if n < 0 else _ATOM)
        if isinstance(e, ast.Name):
            return _Written(self.name(e.id), _PRODUCT if "/" in e.id else _ATOM)
        if isinstance(e, ast.Compare):
            sign = self.comparisons[type(e.ops[0]).__name__]
            return _Written(f"{self.write(e.left).text} {sign} {self.write(e.comparators[0]).text}", _SUM)
        if isinstance(e, ast.Call):
            assert isinstance(e.func, ast.Name)  # the table holds no other calls
            return self.call(e.func.id, e.args)
        assert isinstance(e, ast.BinOp)
        write = getattr(self, type(e.op).__name__.lower())
        return write(e.left, e.right)  # type: ignore[no-any-return]  # one of the methods below

    def number(self, value: float) -> str:
        return number(value, 4)

    def name(self, text: str) -> str:
        return text

    def part(self, e: Expr, hold: int) -> str:
        return self.write(e).within(hold, self.parentheses)

    def add(self, a: Expr, b: Expr) -> _Written:
        right = self.part(b, _SUM)
        if right.startswith(self.lead):
            return _Written(f"{self.part(a, _SUM)} {self.minus} {right[len(self.lead) :]}", _SUM)
        return _Written(f"{self.part(a, _SUM)} + {right}", _SUM)

    def sub(self, a: Expr, b: Expr) -> _Written:
        return _Written(f"{self.part(a, _SUM)} {self.minus} {self.part(b, _PRODUCT)}", _SUM)

    def mult(self, a: Expr, b: Expr) -> _Written:
        right = self.part(b, _PRODUCT)
        if value(a) == -1:
            return _Written(self.lead + right, _SUM)
        left = self.write(a).text if _leads(a) else self.part(a, _PRODUCT)
        is_clear = right.startswith(self.parentheses[0]) and not left[-1].isalpha()  # x(…) would be a function of …
        return _Written(f"{left}{'' if is_clear else self.times}{right}", _SUM if _leads(a) else _PRODUCT)

    def matmult(self, a: Expr, b: Expr) -> _Written:
        return _Written(f"{self.part(a, _PRODUCT)}{self.product}{self.part(b, _PRODUCT)}", _PRODUCT)

    def div(self, a: Expr, b: Expr) -> _Written:
        leads = _leads(a)
        above = self.write(a).text if leads else self.part(a, _PRODUCT)
        return _Written(f"{above} / {self.part(b, _POWER)}", _SUM if leads else _PRODUCT)

    def pow(self, a: Expr, b: Expr) -> _Written:
        if isinstance(a, ast.Call) and isinstance(a.func, ast.Name) and a.func.id in ("tanh",):
            inner = self.call(a.func.id, a.args).text
            head = self.function(a.func.id)
            return _Written(head + self.exponent(b) + inner[len(head) :], _ATOM)
        return _Written(self.part(a, _ATOM) + self.exponent(b), _POWER)

    def exponent(self, e: Expr) -> str:
        raised = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
        if isinstance(value(e), int):
            return self.number(value(e)).translate(raised)
        return "^" + self.part(e, _ATOM)

    def function(self, called: str) -> str:
        return self.functions.get(called, called)

    def call(self, called: str, args: list[Expr]) -> _Written:
        inside = ", ".join(self.write(x).text for x in args)
        if called == "indicator":
            return _Written(f"1[{inside}]", _ATOM)
        if called == "abs":
            return _Written(f"|{inside}|", _ATOM)
        if called == "norm":
            return _Written(f"‖{inside}‖", _ATOM)
        if called == "outer":
            return self.matmult(args[0], ast.Call(ast.Name("transpose"), [args[1]], []))
        if called == "transpose":
            return _Written(self.part(args[0], _ATOM) + "ᵀ", _ATOM)
        if called == "sum":
            return _Written("Σ " + self.part(args[0], _PRODUCT), _PRODUCT)
        if called == "sqrt":
            return _Written("√" + self.part(args[0], _ATOM), _POWER)
        return _Written(f"{self.function(called)}({inside})", _ATOM)


class _Latex(_Text):
    """A formula in LaTeX."""

    parentheses = (r"\left(", r"\right)")
    minus, times, product, lead = "-", r" \cdot ", r" \, ", "-"
    functions: ClassVar[dict[str, str]] = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log"}
    comparisons: ClassVar[dict[str, str]] = {"Gt": ">", "Lt": "<", "LtE": r"\le", "GtE": r"\ge", "Eq": "="}

    def number(self, value: float) -> str:
        return latex_number(value, 4)

    def name(self, text: str) -> str:
        return latex_name(text)

    def div(self, a: Expr, b: Expr) -> _Written:
        return _Written(rf"\frac{{{self.write(a).text}}}{{{self.write(b).text}}}", _PRODUCT)

    def exponent(self, e: Expr) -> str:
        return f"^{{{self.write(e).text}}}"

    def function(self, called: str) -> str:
        return self.functions.get(called, rf"\operatorname{{{called}}}".replace("_", r"\_"))

    def call(self, called: str, args: list[Expr]) -> _Written:
        inside = ", ".join(self.write(x).text for x in args)
        if called == "indicator":
            return _Written(rf"\mathbf{{1}}[{inside}]", _ATOM)
        if called == "abs":
            return _Written(rf"\left|{inside}\right|", _ATOM)
        if called == "norm":
            return _Written(rf"\left\|{inside}\right\|", _ATOM)
        if called == "outer":
            return self.matmult(args[0], ast.Call(ast.Name("transpose"), [args[1]], []))
        if called == "transpose":
            return _Written(self.part(args[0], _ATOM) + r"^\top", _ATOM)
        if called == "sum":
            return _Written(r"\sum " + self.part(args[0], _PRODUCT), _PRODUCT)
        if called == "sqrt":
            return _Written(rf"\sqrt{{{inside}}}", _ATOM)
        return _Written(rf"{self.function(called)}\left({inside}\right)", _ATOM)


def _leads(e: Expr) -> bool:
    """Tell whether an expression is a product or quotient that begins with a negative number: no parentheses, then."""
    while isinstance(e, ast.BinOp) and isinstance(e.op, (ast.Mult, ast.Div)):
        e = e.left
    n = value(e)
    return n is not None and n < 0


def latex_number(value: Any, digits: int) -> str:
    """Return a number in LaTeX."""
    mantissa, e, exponent = number(value, digits).replace("−", "-").partition("e")
    return mantissa + (rf" \cdot 10^{{{exponent}}}" if e else "")


def latex_name(text: str) -> str:
    r"""Return a tensor's name in LaTeX: one letter in italics, a word upright.

    Examples
    --------
    >>> from autodiff.visualize.expressions import latex_name
    >>> [latex_name(n) for n in ("z", "0.weight", "w_1", "θ₂")]
    ['z', '\\mathrm{0.weight}', '\\mathrm{w\\_1}', '\\theta _{2}']
    """
    base = text.rstrip("₀₁₂₃₄₅₆₇₈₉")
    below = text[len(base) :].translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    written = _latex_letter(base) if len(base) == 1 else rf"\mathrm{{{''.join(map(_latex_letter, base))}}}"
    return written + (f"_{{{below}}}" if below else "")


def _latex_letter(c: str) -> str:
    called = unicodedata.name(c, "").removeprefix("GREEK SMALL LETTER ").lower()
    if _GREEK.fullmatch(called):
        return rf"\{called} "
    return "\\" + c if c in "_%&#$^{}" else r"\backslash " if c == "\\" else c
