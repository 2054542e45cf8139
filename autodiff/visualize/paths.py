"""explain(): the chain rule from an output back to an input, in formulas and in numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import symbolic
from ..engine.backward import through
from ..engine.graph import Node
from ..engine.primitive import wrap
from ..symbolic import Expression
from . import contents
from .chain import Chain
from .explanation import Explanation, Factor, Gradient, fraction
from .gradients import recorded, units, why_no_graph
from .local import DIRECT_NOTE, Local
from .names import Names, complete

_MOST_PATHS = 16  # that are written out; the value counts all
_MOST_PATHS_UNNAMED = 4  # of tensors that the user did not name; beyond, only those that all paths share are told of
_MOST_FACTORS_UNNAMED = 24  # of them; beyond, the whole derivative is one factor
_MOST_ELEMENTS = 1 << 20  # of a Jacobian that is computed in full: 4 MB in float32
_LONGEST_LINE = 100


def explain(output: Any, input: Any, *, params: Any = None, digits: int = 4, quiet: bool | None = None) -> Explanation:
    """Differentiate an output by the chain rule, print the derivation and return it.

    The derivation goes from each tensor with a name to the next; the steps without a name between them make one factor.
    Where there is no name between output and input, they are called v₁, v₂, ... as in the picture of the chain rule.
    What the names mean that were not given stands below. All paths are summed; ∂L/∂w|direct is that by one
    path alone, the named tensors on the others held fixed. For vectors, each factor is a Jacobian. For matrices, whose
    Jacobians are none, the gradients follow, from the output back to the input, each with its formula and its number.
    Nothing is changed: no hook is called, no ``.grad`` touched, and the graph can be differentiated afterwards.

    Parameters
    ----------
    output : Tensor
        What is differentiated.
    input : Tensor
        With respect to what.
    params : Module, dict of str to Tensor, iterable of (str, Tensor) or of Tensor, optional
        More names, for example those of a model's parameters.
    digits : int, optional
        Significant digits of the numbers.
    quiet : bool, optional
        Print nothing. By default so in a notebook, where the last line of a cell is shown as a formula anyway.

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

    >>> X = ad.tensor([[1.0, 2.0], [3.0, 4.0]], name="X")
    >>> W = ad.tensor([[1.0, -1.0], [0.5, 0.5]], requires_grad=True, name="W")
    >>> Z = (X @ W).named("Z")
    >>> explanation = ad.explain(ad.relu(Z).sum().named("S"), W)
    ∂S/∂W = ∂S/∂Z · ∂Z/∂W
    ∂S/∂Z = 1[Z > 0]   = [1, 0; 1, 0]
    ∂S/∂W = Xᵀ @ ∂S/∂Z = [4, 0; 6, 0]
    """
    explanation = derive(output, input, params, digits)
    if not (_is_in_notebook() if quiet is None else quiet):
        print(explanation)
    return explanation


def _is_in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def derive(
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
    steps = _steps_between(output, input, digits)
    names = Names(params, "explain")
    called = complete(names, recorded([output], "explain"), [output])
    called.setdefault(input, "input" if "input" not in called.values() else "input′")
    if shown is not None:
        called = {t: shown.get(t, name) for t, name in called.items()}
    paths, note = _choose(output, input, steps, called, shown)
    return _Derivation(paths, names, digits, most).explanation(note, glossary=shown is None and not note)


def product(
    outputs: Sequence[Node], input: Node, params: Any, digits: int, shown: Mapping[Node, str] | None = None
) -> Explanation:
    """Return what `derive` does, for the picture of a single output."""
    if len(outputs) > 1:
        raise ValueError(f"draw: the derivative with respect to one tensor needs one output, got {len(outputs)}")
    try:
        return derive(outputs[0], input, params, digits, shown=shown)
    except (ValueError, RuntimeError) as error:
        raise type(error)(str(error).replace("explain:", "draw:", 1)) from None


def _steps_between(output: Any, input: Any, digits: int) -> list[Node]:
    """Return the steps from input to output, or say why there are none."""
    for what, t in (("output", output), ("input", input)):
        if not isinstance(t, Node):
            raise TypeError(f"explain: the {what} must be a Tensor, got {type(t).__name__}")
    contents.check_digits(digits, "explain")
    if output._op is None:
        raise RuntimeError(f"explain: the output, a tensor of shape {output._data.shape}, {why_no_graph(output)}")
    if output is input:
        raise ValueError("explain: output and input are the same tensor; its derivative with respect to itself is 1")
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


def _in_short(steps: int, paths: int) -> str:
    """Say that a derivation is not told step by step."""
    counted = (
        "one path"
        if paths == 1
        else f"{paths:,} paths"
        if paths < 10**6
        else f"{contents.number(float(paths), 2)} paths"
    )
    return f"({steps:,} operations, {counted}, told in short: named tensors are told one by one.)"


class _Paths:
    """The paths from an output back to an input, between the tensors that a chain keeps.

    Attributes
    ----------
    counts : dict of Node to int
        Of the paths from a tensor to the input.
    """

    def __init__(self, chain: Chain, output: Node, input: Node, steps: Sequence[Node]) -> None:
        self.chain, self.output, self.input, self.steps = chain, output, input, steps
        self.on_path = {input, *steps}
        self.folded = {y: self._steps_into(y) for y in steps if y in chain.names and y is not input}
        self.counts = {input: 1}
        for y in self.folded:
            self.counts[y] = sum(self.counts.get(x, 0) for x in self.sources(y))

    @property
    def count(self) -> int:
        """The number of all paths."""
        return self.counts[self.output]

    def _steps_into(self, y: Node) -> list[Node]:
        return [r for r in self.chain.between(y) if r in self.on_path]

    def sources(self, y: Node) -> list[Node]:
        """Return the kept tensors on a path that a result was computed from."""
        return [x for x in self.chain.sources(self.folded[y]) if x in self.on_path]

    def passed_by_all(self) -> set[Node]:
        """Return the tensors that lie on every path, and those that lie on none."""
        ways = {self.output: 1}
        for y in reversed(self.folded):
            for x in self.sources(y):
                ways[x] = ways.get(x, 0) + ways.get(y, 0)
        beside = set(self.chain.names) - set(self.counts)
        return beside | {t for t, count in self.counts.items() if count * ways.get(t, 0) == self.count}

    def first(self, most: int) -> list[list[tuple[Node, Node]]]:
        """Return the first paths, each a list of (result, source)."""
        found: list[list[tuple[Node, Node]]] = []
        pending: list[tuple[Node, list[tuple[Node, Node]]]] = [(self.output, [])]
        while pending and len(found) < most:
            y, path = pending.pop()
            if y is self.input:
                found.append(path)
            else:
                pending += [(x, [*path, (y, x)]) for x in reversed(self.sources(y)) if self.counts.get(x)]
        return found


def _choose(
    output: Node, input: Node, steps: Sequence[Node], called: Mapping[Node, str], shown: Mapping[Node, str] | None
) -> tuple[_Paths, str]:
    """Choose between which tensors the derivation goes; return its paths, and what to say if much is left out."""
    whole = recorded([output], "explain")

    def between(names: Mapping[Node, str], complete: bool = False) -> _Paths:
        return _Paths(Chain(whole, names, complete), output, input, steps)

    has_names = any(y in called for y in steps if y is not output and y is not input)
    if has_names:
        return between(called), ""
    paths = between(called, complete=True) if shown is None else between({**called, **shown})
    total = paths.count
    if paths.count > _MOST_PATHS_UNNAMED:
        passed = paths.passed_by_all()
        paths = between({t: name for t, name in paths.chain.names.items() if t in passed})
    if len(paths.folded) > _MOST_FACTORS_UNNAMED:
        paths = between(called)
    is_short = paths.count < total or (len(paths.folded) == 1 and len(steps) > _MOST_FACTORS_UNNAMED)
    return paths, _in_short(len(steps), total) if is_short else ""


class _Derivation:
    """The derivation along paths: its factors, its gradients, its value and what its names mean."""

    def __init__(self, paths: _Paths, names: Names, digits: int, most: int) -> None:
        self.paths, self.names, self.digits, self.most = paths, names, digits, most
        self.chain, self.output, self.input = paths.chain, paths.output, paths.input
        self.called = self.chain.names
        self.local = Local(self.chain, self.called[self.output], digits)
        self.jacobians: dict[Node, dict[Node, Any]] = {}
        self.first = paths.first(_MOST_PATHS)
        are_large = (len(y._data.shape + x._data.shape) > 2 for path in self.first for y, x in path)
        self.by_gradients = self.output._data.size == 1 and any(are_large)

    def explanation(self, note: str, glossary: bool) -> Explanation:
        """Return the explanation, whose note says what the user did not."""
        factors = [[self._factor(y, x) for y, x in path] for path in self.first]
        direct = f"({DIRECT_NOTE})" if any(f.is_direct for path in factors for f in path) else ""
        meant = self._glossary() if glossary else ""
        more = self.paths.count - len(self.first)
        value = None if more else self._product(factors)
        value = self._walk_value() if value is None else value
        return Explanation(
            (self.called[self.output], self.called[self.input]),
            factors,
            wrap(value),
            more,
            self.digits,
            "\n".join(filter(None, (direct, meant, note))),
            list(self._gradients()) if self.by_gradients else (),
        )

    # -- factors

    def _factor(self, y: Node, x: Node) -> Factor:
        """Return the derivative of a named tensor with respect to another that it was computed from."""
        names = self.called[y], self.called[x]
        is_direct = self.chain.is_direct(y, x)
        formula, latex = self._formula(y, x) or ("", fraction(*names, is_direct))
        shape = y._data.shape + x._data.shape
        return Factor(*names, formula, latex, shape, self._jacobian(y, x), self.digits, is_direct)

    def _formula(self, y: Node, x: Node) -> tuple[str, str] | None:
        """Return the formula of a factor and the same in LaTeX; None where no short formula tells of it."""
        steps = self.paths.folded[y]
        if self.by_gradients:
            made = self._made(y, x)
            return None if made is None else (symbolic.text(made), symbolic.latex(made))
        if (slope := self.chain.slopes(y, steps).get(x)) is not None:
            return _write_slope(slope, y, x)
        matrix = self.chain.matrix(y, steps, x)
        return None if matrix is None else (symbolic.text(matrix), symbolic.latex(matrix))

    def _jacobian(self, y: Node, x: Node) -> Any:
        """Return the numbers of a factor; None if they are too many."""
        if y not in self.jacobians:
            largest = max(y._data.size * x._data.size for x in self.paths.sources(y))
            steps = self.paths.folded[y]
            self.jacobians[y] = self.chain.jacobians(y, steps) if largest <= self.most else {}
        return self.jacobians[y].get(x)

    # -- gradients

    def _made(self, y: Node, x: Node) -> Expression | None:
        """Return what becomes of the gradient of `y` on its way to `x`."""
        gradient = "" if y is self.output else self.local.gradient(y)
        return self.chain.made(y, self.paths.folded[y], gradient).get(x)

    def _gradients(self) -> Iterator[Gradient]:
        """Return the gradients from the output back to the input."""
        found = through(self.paths.steps, {self.output: np.ones_like(self.output._data)})
        readers: dict[Node, list[Node]] = {}
        for y in reversed(self.paths.folded):
            for x in self.paths.sources(y):
                readers.setdefault(x, []).append(y)
        for x in (*(y for y in reversed(self.paths.folded) if y is not self.output), self.input):
            parts = [self._part(y, x) for y in readers[x]]
            told = any(text != "…" for text, _ in parts)
            names = self.called[self.output], self.called[x]
            yield Gradient(
                self.local.gradient(x),
                fraction(*names),
                " + ".join(text for text, _ in parts) if told else "",
                " + ".join(latex for _, latex in parts) if told else "",
                found[x],
            )

    def _part(self, y: Node, x: Node) -> tuple[str, str]:
        """Write what the gradient of `y` contributes to that of `x`, of the output itself in words if need be."""
        made, words = self._made(y, x), self.local.words(self.paths.folded[y])
        if made is not None:
            return symbolic.text(made), symbolic.latex(made)
        return (words, rf"\text{{{words}}}") if words and y is self.output else ("…", r"\dots")

    # -- values

    def _product(self, factors: Sequence[Sequence[Factor]]) -> Any:
        """Return the sum of the products; None if a factor is too large to be there in full."""
        total: Any = 0
        for path, product in zip(self.first, factors, strict=True):
            value: Any = None
            for (y, _), f in zip(path, product, strict=True):
                if f.value is None:
                    return None
                value = f.value if value is None else np.tensordot(value, f.value, axes=y._data.ndim)
            total = total + value
        dtype = self.input._data.dtype
        return total.astype(dtype) if total.ndim else dtype.type(total)

    def _walk_value(self) -> Any:
        """Return the derivative, which is found without its factors."""
        rows = [through(self.paths.steps, {self.output: unit})[self.input] for unit in units(self.output)]
        dtype = self.input._data.dtype
        value = np.array(rows, dtype).reshape(self.output._data.shape + self.input._data.shape)
        return value if value.ndim else dtype.type(value)

    # -- names

    def _glossary(self) -> str:
        """Say what names stand for that the user did not give."""
        written = dict.fromkeys(t for path in self.first for y, x in path for t in (y, *self.chain.ways(y), x))
        said = []
        order = {t: i for i, t in enumerate(self.called)}  # inputs and parameters, then what was computed, as it was
        for t in sorted(written, key=order.__getitem__):
            if t is self.output or self.names.of(t) == self.called[t]:
                continue
            if t._op is not None:
                said.append(f"{self.called[t]} = {self.local.formula(t)}")
            else:
                kind = "a parameter" if self.names.kind(t) == "parameter" else "an input"
                said.append(f"{self.called[t]}: {kind}, {contents.shape(t._data)}")
        lines = [""]
        for entry in said:
            if len(lines[-1]) + len(entry) > _LONGEST_LINE:
                lines.append("")
            lines[-1] += f"{entry}; "
        return f"({chr(10).join(lines).removesuffix('; ')})".replace("; \n", ";\n ") if said else ""


def _write_slope(slope: Expression, y: Node, x: Node) -> tuple[str, str]:
    """Write the derivative of each element as the Jacobian that it makes: a number, a diagonal, a row."""
    formula, latex = symbolic.text(slope), symbolic.latex(slope)
    if not y._data.shape and not x._data.shape:
        return formula, latex
    if y._data.shape == x._data.shape:
        return f"diag({formula})", rf"\operatorname{{diag}}\left({latex}\right)"
    ones = "onesᵀ", r"\mathbf{1}^\top"
    if not symbolic.is_number(slope):
        return f"({formula})ᵀ", rf"\left({latex}\right)^\top"
    if formula == "1":
        return ones
    return f"({formula})·{ones[0]}", rf"\left({latex}\right) \cdot {ones[1]}"
