"""explain(): the chain rule from an output back to an input, in formulas and in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.graph import Node
from ..engine.primitive import wrap
from . import expressions, text
from .chain import DIRECT, DIRECT_NOTE, Chain, completed
from .expressions import Expr
from .local import Local
from .reading import Names
from .walk import pulled, recorded, units

_MOST_PATHS = 16  # that are written out; the value counts all
_MOST_PATHS_UNNAMED = 4  # of tensors that the user did not name; beyond, only those that all paths share are told of
_MOST_FACTORS_UNNAMED = 24  # of them; beyond, the whole derivative is one factor
_MOST_ELEMENTS = 1 << 20  # of a Jacobian that is computed in full: 4 MB in float32
_LONGEST_LINE = 100
_MOST_FACTORS_WRITTEN, _FIRST_WRITTEN, _LAST_WRITTEN = 10, 5, 3  # of one product; beyond, those at its ends


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a product: the derivative of a named tensor by the next.

    Attributes
    ----------
    output, input : str
        The names of the two.
    formula : str
        The derivative in terms of named tensors, as ``σ(z)(1 − σ(z))``; "" where no short formula tells of it.
    latex : str
        The same in LaTeX; ∂output/∂input where there is no formula.
    shape : tuple of int
        Of the Jacobian: the output's shape, then the input's.
    value : ndarray or None
        The Jacobian; None if it has more than a million elements.
    is_direct : bool
        Whether the output depends on the input on other ways as well; then this is its derivative with the other named
        tensors held fixed.
    """

    output: str
    input: str
    formula: str
    latex: str
    shape: tuple[int, ...]
    value: npt.NDArray[Any] | None
    digits: int = 4
    is_direct: bool = False

    @property
    def name(self) -> str:
        """The factor as a fraction: ∂o/∂z; ∂L/∂w|direct if it is one way of several."""
        return f"∂{self.output}/∂{self.input}" + DIRECT * self.is_direct

    @property
    def latex_name(self) -> str:
        """The factor as a fraction in LaTeX."""
        return _fraction(self.output, self.input, self.is_direct)

    @property
    def number(self) -> str:
        """The value as it is written in the product: a scalar as its number, a Jacobian as its shape."""
        if self.shape or self.value is None:
            return "J" + text.plain(str(self.shape).replace(",)", ")").replace(", ", "×"))
        return text.number(self.value, self.digits)


class Explanation:
    """A derivative as the sum, over all paths, of the products of the derivatives along each.

    Attributes
    ----------
    value : Tensor
        The derivative itself: for a scalar output of the input's shape, in general of shape output.shape + input.shape.
    paths : tuple of tuple of Factor
        The products, each from the output back to the input.
    factors : tuple of Factor
        The factors of all products, each once.
    note : str
        What names and marks stand for that the user did not give, and what is not written out; "" if there is none.
    """

    def __init__(
        self,
        name: tuple[str, str],
        paths: Sequence[Sequence[Factor]],
        value: Any,
        more: int,
        digits: int,
        note: str = "",
    ) -> None:
        self._output, self._input = name
        self.note = note
        self.paths = tuple(tuple(path) for path in paths)
        self.factors = tuple({(f.output, f.input): f for path in paths for f in path}.values())
        self.value = value
        self._more, self._digits = more, digits

    def __str__(self) -> str:
        left = f"∂{self._output}/∂{self._input}"
        lines = [_joined(" · ", (f.name for f in path)) for path in self.paths]
        rows = [lines] if lines != [left] else []
        if any(f.formula for path in self.paths for f in path):
            rows.append([_joined(" · ", (_held(f.formula, len(path)) or f.name for f in path)) for path in self.paths])
        number_row = [_joined(" × ", (_signed(f.number, i) for i, f in enumerate(path))) for path in self.paths]
        if number_row != [self._number] and (lines != [left] or not self.factors[0].shape):
            rows.append(number_row)
        rows = [*rows, [self._number]]
        said = [_sum(row, len(left), self._more if len(row) > 1 or self._more else 0) for row in rows[:-1]]
        said.append(f" = {self._number}")
        return left + ("\n" + " " * len(left)).join(said) + (f"\n{self.note}" if self.note else "")

    @property
    def _number(self) -> str:
        array = np.asarray(self.value._data)
        shown = text.value(array, self._digits)
        if text.is_small(array):
            rows = [", ".join(row) for row in shown]
            inner = "; ".join(rows)
            return f"[{inner}]" if array.ndim else inner
        return f"{', '.join(row[0] for row in shown)}, of shape {array.shape}"

    @property
    def latex(self) -> str:
        """The same in LaTeX: an aligned environment."""
        more = r" + \dots" if self._more else ""
        dots = r"\cdots"
        lines = [" + ".join(_joined(r" \, ", (f.latex_name for f in path), dots) for path in self.paths) + more]
        if any(f.formula for path in self.paths for f in path):
            lines.append(
                " + ".join(_joined(r" \cdot ", (_latex_held(f, len(path)) for f in path), dots) for path in self.paths)
                + more
            )
        if all(not f.shape and f.value is not None for path in self.paths for f in path):
            numbers = [
                _joined(r" \cdot ", (_latex_signed(f.value, i, self._digits) for i, f in enumerate(path)), dots)
                for path in self.paths
            ]
            lines.append(" + ".join(numbers) + more)
        lines.append(_latex_matrix(np.asarray(self.value._data), self._digits))
        left = _fraction(self._output, self._input)
        lines = [line for i, line in enumerate(lines) if line not in ([left] if i == 0 else lines[i - 1 : i])]
        return rf"\begin{{aligned}} {left} &= " + r" \\ &= ".join(lines) + r" \end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __repr__(self) -> str:
        return f"<explanation of ∂{self._output}/∂{self._input} = {self._number}>"


def _joined(sign: str, factors: Iterable[str], dots: str = "…") -> str:
    """Write a product, of a long one its ends."""
    found = list(factors)
    if len(found) > _MOST_FACTORS_WRITTEN:
        found[_FIRST_WRITTEN:-_LAST_WRITTEN] = [dots]
    return sign.join(found)


def _held(formula: str, of: int) -> str:
    """Put a sum that is one of several factors in parentheses."""
    outside = _outside(formula)
    return f"({formula})" if of > 1 and (" + " in outside or " − " in outside or outside.startswith("−")) else formula


def _outside(formula: str) -> str:
    """Return what stands in no parentheses."""
    depth, found = 0, []
    for c in formula:
        depth += (c in "([{") - (c in ")]}")
        if not depth:
            found.append(c)
    return "".join(found)


def _latex_held(f: Factor, of: int) -> str:
    return rf"\left({f.latex}\right)" if _held(f.formula, of) != f.formula else f.latex


def _signed(number: str, position: int) -> str:
    return f"({number})" if position and number.startswith("−") else number


def _latex_signed(value: Any, position: int, digits: int) -> str:
    said = expressions.latex_number(value, digits)
    return rf"({said})" if position and said.startswith("-") else said


def _latex_matrix(array: npt.NDArray[Any], digits: int) -> str:
    if not text.is_small(array):
        return rf"\text{{a tensor of shape }} {array.shape}"
    if not array.ndim:
        return expressions.latex_number(array[()], digits)
    rows = array.reshape(-1, array.shape[-1])
    lines = (" & ".join(expressions.latex_number(v, digits) for v in row) for row in rows)
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def _fraction(output: str, input: str, is_direct: bool = False) -> str:
    names = (expressions.latex_name(name) for name in (output, input))
    written = r"\frac{{\partial {}}}{{\partial {}}}".format(*names)
    return rf"\left. {written} \right|_{{\mathrm{{direct}}}}" if is_direct else written


def _row(e: Expr, formula: str, latex: str) -> tuple[str, str]:
    """Return the derivative of a single element by many, given that by each."""
    ones = "onesᵀ", r"\mathbf{1}^\top"
    if expressions.value(e) == 1:
        return ones
    if expressions.is_number(e):
        return f"({formula})·{ones[0]}", rf"\left({latex}\right) \cdot {ones[1]}"
    return f"({formula})ᵀ", rf"\left({latex}\right)^\top"


def _sum(products: list[str], indent: int, more: int) -> str:
    line = " = " + " + ".join(products)
    if len(line) + indent > _LONGEST_LINE:
        line = " = " + ("\n" + " " * indent + " + ").join(products)
    return line + (f" + … ({more} more)" if more else "")


def explain(output: Any, input: Any, *, params: Any = None, digits: int = 4, quiet: bool = False) -> Explanation:
    """Derive the derivative of an output by an input with the chain rule, print the derivation and return it.

    The derivation goes from each tensor with a name to the next; the steps without a name between them make one factor.
    Where there is no name between output and input, they are called v₁, v₂, ... as in the picture of the chain rule.
    What the names mean that were not given stands below. All paths are summed; ∂L/∂w|direct is the derivative by one
    path alone, the named tensors on the others held fixed. For tensors, each factor is a Jacobian. Nothing is changed:
    no hook is called, no ``.grad`` touched, and the graph can be differentiated afterwards.

    Parameters
    ----------
    output : Tensor
        What is differentiated.
    input : Tensor
        By what.
    params : Module, dict of str to Tensor, iterable of (str, Tensor) or of Tensor, optional
        More names, for example those of a model's parameters.
    digits : int, optional
        Significant digits of the numbers.
    quiet : bool, optional
        Print nothing.

    Returns
    -------
    Explanation
        ``str()`` gives the text, ``.latex`` the formula in LaTeX, which notebooks display, ``.value`` the derivative
        and ``.factors`` what it is the product of.

    Raises
    ------
    TypeError
        If output or input is not a Tensor, or `digits` is no integer.
    ValueError
        If output and input are the same, or `digits` is less than 1.
    RuntimeError
        If the output has no graph, does not depend on the input, the input does not require a gradient, the graph has
        been freed by ``backward()``, or an array that a derivative needs was changed in place.

    Examples
    --------
    >>> x, y = ad.tensor(1.5, name="x"), ad.tensor(1.0, name="y")
    >>> w = ad.tensor(0.8, requires_grad=True, name="w")
    >>> z = (w * x - 0.2).named("z")
    >>> o = z.sigmoid().named("o")
    >>> L = ((o - y) ** 2 / 2).named("L")
    >>> explanation = ad.explain(L, w)
    ∂L/∂w = ∂L/∂o · ∂o/∂z · ∂z/∂w
          = (o − y) · σ(z)(1 − σ(z)) · x
          = −0.2689 × 0.1966 × 1.5
          = −0.07932
    >>> explanation.value
    tensor(-0.0793)
    """
    explanation = explained(output, input, params, digits)
    if not quiet:
        print(explanation)
    return explanation


def explained(
    output: Any,
    input: Any,
    params: Any = None,
    digits: int = 4,
    most: int = _MOST_ELEMENTS,
    shown: Mapping[Node, str] | None = None,
) -> Explanation:
    """Return what `explain` does; Jacobians of more than `most` elements are not computed.

    What a picture has `shown` is called as it is there, without further words.
    """
    steps = _checked(output, input, digits)
    return _Explainer(output, input, steps, Names(params, "explain"), digits, most, shown).explanation


def _checked(output: Any, input: Any, digits: int) -> list[Node]:
    """Return the steps from input to output, or say why there are none."""
    for what, t in (("output", output), ("input", input)):
        if not isinstance(t, Node):
            raise TypeError(f"explain: the {what} must be a Tensor, got {type(t).__name__}")
    text.check_digits(digits, "explain")
    if output._op is None:
        raise RuntimeError(
            f"explain: the output, a tensor of shape {output._data.shape}, has no graph. Was it computed under "
            "no_grad(), from detached tensors, or from none with requires_grad=True?"
        )
    if output is input:
        raise ValueError("explain: output and input are the same tensor; its derivative by itself is 1")
    steps = recorded([output], "explain")
    known = {t for y in steps for t in (y, *y._inputs)}
    if input not in known:
        called = f"{input._extra.name!r}, " if input._extra is not None and input._extra.name else ""
        raise RuntimeError(
            f"explain: the output does not depend on the input, {called}a tensor of shape {input._data.shape}"
        )
    if not input._requires_grad:
        raise RuntimeError(f"explain: the input, a tensor of shape {input._data.shape}, does not require a gradient")
    reached = {input}
    for y in steps:
        if y is not input and not reached.isdisjoint(y._inputs):
            reached.add(y)
    return [y for y in steps if y in reached]


def _in_short(steps: int, ways: int) -> str:
    """Say that a derivation is not told step by step."""
    counted = "one way" if ways == 1 else f"{ways:,} ways" if ways < 10**6 else f"{text.number(float(ways), 2)} ways"
    return f"({steps:,} operations, {counted}, told in short: named tensors are told one by one.)"


class _Explainer:
    def __init__(
        self,
        output: Node,
        input: Node,
        steps: list[Node],
        names: Names,
        digits: int,
        most: int,
        shown: Mapping[Node, str] | None,
    ) -> None:
        self.most = most
        self.output, self.input, self.digits = output, input, digits
        whole = recorded([output], "explain")
        called = completed(names, whole, [output])
        called.setdefault(input, "input" if "input" not in called.values() else "input′")
        has_names = any(y in called for y in steps if y is not output and y is not input)
        if shown is not None:
            called = {t: shown.get(t, name) for t, name in called.items()}
        self.on_path = {input, *steps}
        self.locals: dict[Node, tuple[dict[Node, Expr], dict[Node, Any], dict[Node, Any]]] = {}
        self.counts: dict[Node, int] = {}  # of the paths from a tensor to the input
        self.note = ""
        if has_names or shown is None:
            self._keep(Chain(whole, called, completed=not has_names), steps)
        else:
            self._keep(Chain(whole, called | dict(shown)), steps)
        total = self.counts[output]
        if not has_names and self.counts[output] > _MOST_PATHS_UNNAMED:
            passed = self._passed_by_all()
            self._keep(Chain(whole, {t: n for t, n in self.chain.names.items() if t in passed}), steps)
        if not has_names and len(self.folded) > _MOST_FACTORS_UNNAMED:
            self._keep(Chain(whole, called), steps)
        if not has_names and (
            self.counts[output] < total or (len(self.folded) == 1 and len(steps) > _MOST_FACTORS_UNNAMED)
        ):
            self.note = _in_short(len(steps), total)
        called = self.chain.names
        paths = self._paths()
        factors = [[self.factor(y, x) for y, x in path] for path in paths]
        direct = f"({DIRECT_NOTE})" if any(f.is_direct for path in factors for f in path) else ""
        glossary = self._glossary(paths, names) if shown is None and not self.note else ""
        self.note = "\n".join(filter(None, (direct, glossary, self.note)))
        value = self._product(paths, factors) if len(paths) == self.counts[output] else None
        value = self._walked(steps) if value is None else value
        more = self.counts[output] - len(paths)
        name = called[output], called[input]
        self.explanation = Explanation(name, factors, wrap(value), more, digits, self.note)

    def _keep(self, chain: Chain, steps: list[Node]) -> None:
        """Choose between which tensors the derivation goes, and count its paths."""
        self.chain = chain
        self.folded = {y: self._folded(y) for y in steps if y in chain.names and y is not self.input}
        self.counts = {self.input: 1}
        for y in self.folded:
            self.counts[y] = sum(self.counts.get(x, 0) for x in self._sources(y))

    def _passed_by_all(self) -> set[Node]:
        """Return the tensors that lie on every path, and those that lie on none."""
        ways = {self.output: 1}
        for y in reversed(self.folded):
            for x in self._sources(y):
                ways[x] = ways.get(x, 0) + ways.get(y, 0)
        beside = set(self.chain.names) - set(self.counts)
        total = self.counts[self.output]
        return beside | {t for t, count in self.counts.items() if count * ways.get(t, 0) == total}

    def _folded(self, y: Node) -> list[Node]:
        return [r for r in self.chain.between(y) if r in self.on_path]

    def _sources(self, y: Node) -> list[Node]:
        return [x for x in self.chain.sources(self.folded[y]) if x in self.on_path]

    def _paths(self) -> list[list[tuple[Node, Node]]]:
        """Return the first paths from the output to the input, each a list of (result, source)."""
        found: list[list[tuple[Node, Node]]] = []
        pending: list[tuple[Node, list[tuple[Node, Node]]]] = [(self.output, [])]
        while pending and len(found) < _MOST_PATHS:
            y, path = pending.pop()
            if y is self.input:
                found.append(path)
            else:
                pending += [(x, [*path, (y, x)]) for x in reversed(self._sources(y)) if self.counts.get(x)]
        return found

    def _local(self, y: Node) -> tuple[dict[Node, Expr], dict[Node, Any], dict[Node, Any]]:
        """Return a result's local derivatives, by what it was computed from: formulas, diagonals and Jacobians."""
        if y not in self.locals:
            steps = self.folded[y]
            largest = max(y._data.size * x._data.size for x in self._sources(y))
            jacobians = self.chain.jacobians(y, steps) if largest <= self.most else {}
            self.locals[y] = self.chain.slopes(y, steps), self.chain.diagonals(y, steps), jacobians
        return self.locals[y]

    def factor(self, y: Node, x: Node) -> Factor:
        """Return the derivative of a named tensor by another that it was computed from."""
        slopes, diagonals, jacobians = self._local(y)
        output, input = self.chain.names[y], self.chain.names[x]
        is_direct = self.chain.is_direct(y, x)
        formula, latex = "", _fraction(output, input, is_direct)
        e = slopes.get(x)
        if e is not None and not y._data.shape and not x._data.shape:
            formula, latex = expressions.text(e), expressions.latex(e)
        elif e is not None and x in diagonals:
            inner, inner_latex = expressions.text(e), expressions.latex(e)
            if x._data.shape == y._data.shape:
                formula, latex = f"diag({inner})", rf"\operatorname{{diag}}\left({inner_latex}\right)"
            else:  # a row
                formula, latex = _row(e, inner, inner_latex)
        elif (matrix := self.chain.matrix(y, self.folded[y], x)) is not None:
            formula, latex = expressions.text(matrix), expressions.latex(matrix)
        shape = y._data.shape + x._data.shape
        return Factor(output, input, formula, latex, shape, jacobians.get(x), self.digits, is_direct)

    def _glossary(self, paths: list[list[tuple[Node, Node]]], names: Names) -> str:
        """Say what names stand for that the user did not give."""
        told = Local(self.chain, "L", self.digits)
        written = dict.fromkeys(t for path in paths for y, x in path for t in (y, *self.chain.ways(y), x))
        said = []
        for t in sorted(written, key=lambda t: self.chain.names[t]):
            if t is self.output or names.of(t) == self.chain.names[t]:
                continue
            if t._op is not None:
                said.append(f"{self.chain.names[t]} = {told.formula(t)}")
            else:
                called = "a parameter" if names.kind(t) == "parameter" else "an input"
                said.append(f"{self.chain.names[t]}: {called}, {text.shape(t._data)}")
        lines = [""]
        for entry in said:
            if len(lines[-1]) + len(entry) > _LONGEST_LINE:
                lines.append("")
            lines[-1] += f"{entry}; "
        return f"({chr(10).join(lines).removesuffix('; ')})".replace("; \n", ";\n ") if said else ""

    def _product(self, paths: list[list[tuple[Node, Node]]], factors: list[list[Factor]]) -> Any:
        """Return the sum of the products; None if a factor is too large to be there in full."""
        total: Any = 0
        for path, product in zip(paths, factors, strict=True):
            value: Any = None
            for (y, _), f in zip(path, product, strict=True):
                if f.value is None:
                    return None
                value = f.value if value is None else np.tensordot(value, f.value, axes=y._data.ndim)
            total = total + value
        dtype = self.input._data.dtype
        return total.astype(dtype) if total.ndim else dtype.type(total)

    def _walked(self, steps: list[Node]) -> Any:
        rows = [pulled(steps, {self.output: unit})[self.input] for unit in units(self.output)]
        dtype = self.input._data.dtype
        value = np.array(rows, dtype).reshape(self.output._data.shape + self.input._data.shape)
        return value if value.ndim else dtype.type(value)
