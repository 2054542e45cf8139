"""Write expressions as Python: source that computes them, each shared part once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .expression import Expression
from .symbols import Constant

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}
_LOGIC = {"and": "&", "or": "|"}
_WORDS = {"and": "and", "or": "or"}


def source(
    results: Sequence[Expression], arguments: Mapping[str, str], called: str = "f", scalar: bool = False
) -> tuple[str, dict[str, Any]]:
    """Write a function that computes expressions.

    Parameters
    ----------
    results : sequence of Expression
        What the function returns: a tuple, or one array.
    arguments : mapping of str to str
        The names in the expressions, and what the function calls them, in the order in which it takes them.
    called : str, optional
        The function's name.
    scalar : bool, optional
        Write it for one element: a choice evaluates one branch alone, conditions are Python's.

    Returns
    -------
    source : str
    constants : dict
        What its global names stand for: ``np``, and functions and arrays that the expressions hold.

    Examples
    --------
    >>> from autodiff.symbolic import source, symbol
    >>> z = symbol("z")
    >>> y = 1 / (1 + np.exp(-z))
    >>> print(source([(y * (1 - y)).expression], {"z": "z"})[0])
    def f(z):
        t0 = 1 / (1 + np.exp(-z))
        return t0 * (1 - t0)
    """
    writer = _Writer(results, arguments, scalar)
    said = [writer.said(e) for e in results]
    lines = [f"def {called}({', '.join(arguments.values())}):", *writer.lines, f"return {', '.join(map(_bare, said))}"]
    return "\n    ".join(lines), writer.constants


def build(results: Sequence[Expression], arguments: Mapping[str, str], scalar: bool = False) -> Any:
    """Return the function that `source` writes."""
    text, names = source(results, arguments, scalar=scalar)
    exec(text, names)
    return names["f"]


def evaluate(e: Expression, values: Mapping[str, Any]) -> Any:
    """Return what an expression is for given values of its names.

    Examples
    --------
    >>> from autodiff.symbolic import evaluate, symbol
    >>> evaluate((symbol("x") ** 2).expression, {"x": 3.0})
    9.0
    """
    places = {name: f"x{k}" for k, name in enumerate(values)}
    with np.errstate(all="ignore"):
        return build([e], places)(*values.values())


def _bare(said: str) -> str:
    """Take away parentheses around all of it."""
    if not (said.startswith("(") and said.endswith(")")):
        return said
    depth = 0
    for k, c in enumerate(said):
        depth += (c == "(") - (c == ")")
        if not depth:
            return said[1:-1] if k == len(said) - 1 else said
    return said


class _Writer:
    """Writes expressions, and before them an assignment for every part that occurs twice."""

    def __init__(self, results: Sequence[Expression], arguments: Mapping[str, str], scalar: bool) -> None:
        self.arguments, self.scalar = arguments, scalar
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {"np": np}
        self.known: dict[Expression, str] = {}
        self.counts: Counter[Expression] = Counter()
        for e in results:
            self._count(e)

    def _count(self, e: Expression) -> None:
        self.counts[e] += 1
        if self.counts[e] == 1:
            for x in e.args[e.head == "named" :] if e.head != "named" else e.args[:1]:
                self._count(x)

    def said(self, e: Expression) -> str:
        """Write an expression, or the name of the variable that holds it."""
        if e in self.known:
            return self.known[e]
        text: str = getattr(self, f"write_{e.head}")(e)
        if self.counts[e] > 1 and e.args:
            name = f"t{len(self.lines)}"
            self.lines.append(f"{name} = {_bare(text)}")
            self.known[e] = text = name
        return text

    def held(self, x: Any, called: str) -> str:
        name = "".join(c if c.isalnum() else "_" for c in called)
        while (name in self.constants and self.constants[name] is not x) or name in self.arguments.values():
            name += "_"
        self.constants[name] = x
        return name

    def write_number(self, e: Expression) -> str:
        n = e.data
        if isinstance(n, float) and not np.isfinite(n):
            return "np.nan" if n != n else "np.inf" if n > 0 else "(-np.inf)"
        said = f"({n.numerator} / {n.denominator})" if isinstance(n, Fraction) else repr(n)
        said = f"({said})" if n < 0 and not said.startswith("(") else said
        return said if not e.shape or self.scalar else f"np.full({e.shape}, {said})"

    def write_name(self, e: Expression) -> str:
        return self.arguments[e.data]

    def write_constant(self, e: Expression) -> str:
        return "np.pi" if e.data == "π" else self.held(e.data.held, e.data.called)

    def _joined(self, e: Expression, sign: str) -> str:
        return f"({f' {sign} '.join(map(self.said, e.args))})"

    def write_add(self, e: Expression) -> str:
        return self._joined(e, _OPERATORS[e.head])

    write_sub = write_mul = write_div = write_matmul = write_add

    def write_pow(self, e: Expression) -> str:
        base, n = e.args
        if isinstance(n.data, (int, float, Fraction)) and n.data == -1:
            return f"(1 / {self.said(base)})"
        if isinstance(n.data, int) and n.data < 0:
            return f"(1 / {self.said(base)} ** {-n.data})"
        return f"({self.said(base)} ** {self.said(n)})"

    def write_neg(self, e: Expression) -> str:
        return f"(-{self.said(e.args[0])})"

    def write_compare(self, e: Expression) -> str:
        return self._joined(e, e.data)

    def write_and(self, e: Expression) -> str:
        return self._joined(e, (_WORDS if self.scalar else _LOGIC)[e.head])

    write_or = write_and

    def write_not(self, e: Expression) -> str:
        return f"({'not ' if self.scalar else '~'}{self.said(e.args[0])})"

    def write_where(self, e: Expression) -> str:
        c, a, b = map(self.said, e.args)
        return f"({a} if {_bare(c)} else {b})" if self.scalar else f"np.where({c}, {a}, {b})"

    def write_function(self, e: Expression) -> str:
        return f"np.{e.data}({', '.join(_bare(self.said(x)) for x in e.args)})"

    def write_sigmoid(self, e: Expression) -> str:
        return f"(1 / (1 + np.exp(-{self.said(e.args[0])})))"

    def write_named(self, e: Expression) -> str:
        return self.said(e.args[0])

    def write_call(self, e: Expression) -> str:
        constant, key = e.data
        assert isinstance(constant, Constant)
        params = dict(key.key)
        further = [self.held(v, "held") for v in params.pop("", ())]
        options = [f"{k}={self.held(v, k)}" for k, v in params.items()]
        inside = ", ".join([*map(self.said, e.args), *further, *options])
        return f"{self.held(constant.held, constant.called)}({inside})"

    # -- arrays

    def write_transpose(self, e: Expression) -> str:
        return f"np.transpose({self.said(e.args[0])}, {e.data})"

    def write_reshape(self, e: Expression) -> str:
        return f"np.reshape({self.said(e.args[0])}, {e.data})"

    def write_broadcast(self, e: Expression) -> str:
        return self.said(e.args[0]) if self.scalar else f"np.broadcast_to({self.said(e.args[0])}, {e.shape})"

    def write_index(self, e: Expression) -> str:
        return f"{self.said(e.args[0])}[{self.held(e.data.key, 'key')}]"

    def write_einsum(self, e: Expression) -> str:
        return f"np.einsum({e.data!r}, {', '.join(map(self.said, e.args))})"

    def write_sum(self, e: Expression) -> str:
        axes, kept = e.data
        function = {"sum": "sum", "max": "max", "min": "min", "prod": "prod"}[e.head]
        return f"np.{function}({self.said(e.args[0])}, axis={axes}, keepdims={kept})"

    write_max = write_min = write_prod = write_sum
