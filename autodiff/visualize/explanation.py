"""An explanation: a derivative as a sum of products, or gradient by gradient, in formulas and in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..symbolic import latex_name, latex_number
from . import contents
from .local import DIRECT
from .names import plain

_LONGEST_LINE, _LONGEST_FORMULA = 100, 40  # of a formula that has its number beside it
_MOST_FACTORS_WRITTEN, _FIRST_WRITTEN, _LAST_WRITTEN = 10, 5, 3  # of one product; beyond, those at its ends


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of a product: the derivative of a named tensor with respect to the next.

    Attributes
    ----------
    output, input : str
        The names of the two.
    formula : str
        The derivative in terms of named tensors, as ``σ(z)(1 − σ(z))``; "" where no short formula tells of it. Where
        its Jacobian is no matrix, what the step makes of the gradient of `output`, as ``Xᵀ @ ∂L/∂Z``.
    latex : str
        The same in LaTeX; ∂output/∂input where there is no formula.
    shape : tuple of int
        Of the Jacobian: the output's shape, then the input's.
    value : ndarray or None
        The Jacobian; None if it has more than a million elements.
    is_direct : bool
        Whether the output depends on the input along other paths as well; then this is its derivative with the other
        named tensors held fixed.
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
        """The factor as a fraction: ∂o/∂z; ∂L/∂w|direct if it is one path of several."""
        return f"∂{self.output}/∂{self.input}" + DIRECT * self.is_direct

    @property
    def latex_name(self) -> str:
        """The factor as a fraction in LaTeX."""
        return fraction(self.output, self.input, self.is_direct)

    @property
    def number(self) -> str:
        """The value as it is written in the product: a scalar as its number, a Jacobian as its shape."""
        if self.shape or self.value is None:
            return "J" + plain(str(self.shape).replace(",)", ")").replace(", ", "×"))
        return contents.number(self.value, self.digits)


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of one tensor on the way: what it is made of, from the gradients of what was computed from it.

    Attributes
    ----------
    name, latex_name : str
        As ∂L/∂Z, and in LaTeX.
    formula, latex : str
        As ``Xᵀ @ ∂L/∂Z``; "" where no short formula tells of it.
    value : ndarray or NumPy scalar
    """

    name: str
    latex_name: str
    formula: str
    latex: str
    value: Any


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
    gradients : tuple of Gradient
        Where Jacobians are no matrices: the gradients of the tensors on the way, from the output back to the input.
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
        gradients: Sequence[Gradient] = (),
    ) -> None:
        self._output, self._input = name
        self.gradients = tuple(gradients)
        self.note = note
        self.paths = tuple(tuple(path) for path in paths)
        self.factors = tuple({(f.output, f.input): f for path in paths for f in path}.values())
        self.value = value
        self._more, self._digits = more, digits

    def __str__(self) -> str:
        left = f"∂{self._output}/∂{self._input}"
        lines = [_join(" · ", (f.name for f in path)) for path in self.paths]
        rows = [lines] if lines != [left] else []
        if self.gradients:
            return "\n".join([*self._in_names(left, rows), *self._by_gradients(), *([self.note] if self.note else [])])
        if any(f.formula for path in self.paths for f in path):
            rows.append([_join(" · ", (_hold(f.formula, len(path)) or f.name for f in path)) for path in self.paths])
        number_row = [
            _join(" × ", (_with_sign(f.number, i + k) for i, f in enumerate(path))) for k, path in enumerate(self.paths)
        ]
        if number_row != [self._number] and (lines != [left] or not self.factors[0].shape):
            rows.append(number_row)
        rows = [*rows, [self._number]]
        said = [_sum(row, len(left), self._more if len(row) > 1 or self._more else 0) for row in rows[:-1]]
        said.append(f" = {self._number}")
        return left + ("\n" + " " * len(left)).join(said) + (f"\n{self.note}" if self.note else "")

    def _in_names(self, left: str, rows: list[list[str]]) -> list[str]:
        """Write the derivative as a product of fractions, where it is one of several."""
        return [left + _sum(row, len(left), self._more) for row in rows]

    def _by_gradients(self) -> list[str]:
        """Write the gradients one beneath the other, each with its formula and its number."""
        shown = _ends(list(self.gradients))
        name = max(len(g.name) for g in shown if g)
        formula = max((len(g.formula) for g in shown if g and len(g.formula) <= _LONGEST_FORMULA), default=0)
        lines = []
        for g in shown:
            if g is None:
                lines.append("…")
            elif not g.formula:
                lines.append(f"{g.name:{name}} = {_write(g.value, self._digits)}")
            else:
                before_number = "\n" + " " * name if len(g.formula) > formula else ""
                lines.append(
                    f"{g.name:{name}} = {g.formula:{formula}}{before_number} = {_write(g.value, self._digits)}"
                )
        return lines

    @property
    def _number(self) -> str:
        return _write(np.asarray(self.value._data), self._digits)

    @property
    def latex(self) -> str:
        """The same in LaTeX: an aligned environment."""
        more = r" + \dots" if self._more else ""
        dots = r"\cdots"
        lines = [" + ".join(_join(r" \, ", (f.latex_name for f in path), dots) for path in self.paths) + more]
        if self.gradients:
            return self._latex_by_gradients(lines[0])
        if any(f.formula for path in self.paths for f in path):
            lines.append(
                " + ".join(_join(r" \cdot ", (_latex_hold(f, len(path)) for f in path), dots) for path in self.paths)
                + more
            )
        if all(not f.shape and f.value is not None for path in self.paths for f in path):
            numbers = [
                _join(r" \cdot ", (_latex_with_sign(f.value, i + k, self._digits) for i, f in enumerate(path)), dots)
                for k, path in enumerate(self.paths)
            ]
            lines.append(" + ".join(numbers) + more)
        lines.append(_latex_matrix(np.asarray(self.value._data), self._digits))
        left = fraction(self._output, self._input)
        lines = [line for i, line in enumerate(lines) if line not in ([left] if i == 0 else lines[i - 1 : i])]
        return rf"\begin{{aligned}} {left} &= " + r" \\ &= ".join(lines) + r" \end{aligned}"

    def _latex_by_gradients(self, product: str) -> str:
        left = fraction(self._output, self._input)
        lines = [] if product == left else [f"{left} &= {product}"]
        for g in _ends(list(self.gradients)):
            if g is None:
                lines.append(r"&\dots")
                continue
            formula = f" = {g.latex}" if g.latex else ""
            lines.append(f"{g.latex_name} &{formula} = {_latex_matrix(g.value, self._digits)}")
        return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __repr__(self) -> str:
        return f"<explanation of ∂{self._output}/∂{self._input} = {self._number}>"


def _write(array: Any, digits: int) -> str:
    """Write an array on one line, a larger one by its mean and range."""
    shown = contents.value(array, digits)
    if contents.is_small(array):
        inner = "; ".join(", ".join(row) for row in shown)
        return f"[{inner}]" if array.ndim else inner
    return f"{', '.join(row[0] for row in shown)}, of shape {array.shape}"


def _ends(gradients: list[Gradient]) -> list[Gradient | None]:
    """Return what is written of many: the first, None for those that are left out, and the last."""
    if len(gradients) <= _MOST_FACTORS_WRITTEN:
        return [*gradients]
    return [*gradients[:_FIRST_WRITTEN], None, *gradients[-_LAST_WRITTEN:]]


def _join(sign: str, factors: Iterable[str], dots: str = "…") -> str:
    """Write a product, of a long one its ends."""
    found = list(factors)
    if len(found) > _MOST_FACTORS_WRITTEN:
        found[_FIRST_WRITTEN:-_LAST_WRITTEN] = [dots]
    return sign.join(found)


def _hold(formula: str, of: int) -> str:
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


def _latex_hold(f: Factor, of: int) -> str:
    return rf"\left({f.latex}\right)" if _hold(f.formula, of) != f.formula else f.latex


def _with_sign(number: str, position: int) -> str:
    return f"({number})" if position and number.startswith("−") else number


def _latex_with_sign(value: Any, position: int, digits: int) -> str:
    said = latex_number(value, digits)
    return rf"({said})" if position and said.startswith("-") else said


def _latex_matrix(array: npt.NDArray[Any], digits: int) -> str:
    if not contents.is_small(array):
        return rf"\text{{a tensor of shape }} {array.shape}"
    if not array.ndim:
        return latex_number(array[()], digits)
    rows = array.reshape(-1, array.shape[-1])
    lines = (" & ".join(latex_number(v, digits) for v in row) for row in rows)
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def fraction(output: str, input: str, is_direct: bool = False) -> str:
    """Write a derivative as a fraction in LaTeX."""
    names = (latex_name(name) for name in (output, input))
    written = r"\frac{{\partial {}}}{{\partial {}}}".format(*names)
    return rf"\left. {written} \right|_{{\mathrm{{direct}}}}" if is_direct else written


def _sum(products: list[str], indent: int, more: int) -> str:
    line = " = " + " + ".join(products)
    if len(line) + indent > _LONGEST_LINE:
        line = " = " + ("\n" + " " * indent + " + ").join(products)
    return line + (f" + … ({more} more)" if more else "")
