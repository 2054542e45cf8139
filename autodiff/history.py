"""What a tensor's `grad_fn` is: the operation it came from, as PyTorch's programs walk through it."""

from __future__ import annotations

import functools
from typing import Any

from .engine.graph import Node

__all__ = ["AccumulateGrad", "GradFn", "grad_fn_of"]


# What PyTorch calls the derivatives of rows that have another name here.
_TITLES = {
    "amax": "MaxBackward1",
    "amin": "MinBackward1",
    "cast": "ToCopyBackward0",
    "convolve": "ConvolutionBackward0",
    "det": "LinalgDetBackward0",
    "linear": "AddmmBackward0",
    "log1p": "Log1PBackward0",
    "matmul": "MmBackward0",
    "mean_nll": "NllLossBackward0",
    "norm": "LinalgVectorNormBackward0",
    "overwrite": "torch::autograd::CopySlices",
    "power": "PowBackward0",
    "pow": "PowBackward1",
    "reshape": "ViewBackward0",
    "unindex": "ConstantPadNdBackward0",
}


class GradFn:
    """A recorded operation, seen from its result.

    Attributes
    ----------
    next_functions : tuple
        For each input what it came from: (`GradFn`, 0), (`AccumulateGrad`, 0) for a leaf that gets a gradient, and
        (None, 0) for what needs none. Empty after the graph was freed.

    Examples
    --------
    >>> x = ad.ones(2, requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.grad_fn.name()
    'SumBackward0'
    >>> y.grad_fn.next_functions
    ((<mul>, 0),)
    """

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def name(self) -> str:
        """Return PyTorch's kind of name for it: ``MulBackward0``."""
        return _title(self._node._op)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """What the inputs came from."""
        return tuple((grad_fn_of(x) or (AccumulateGrad(x) if x._requires_grad else None), 0)
                     for x in self._node._inputs or ())  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and self._node is other._node

    def __hash__(self) -> int:
        return hash(self._node)

    def __repr__(self) -> str:
        return repr(self._node._op)


class AccumulateGrad:
    """Where a gradient ends: it is added to the ``.grad`` of a leaf.

    Attributes
    ----------
    variable : Tensor
        The leaf.
    """

    __slots__ = ("variable",)

    next_functions: tuple[tuple[Any, int], ...] = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        """Return what PyTorch calls it."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and self.variable is other.variable

    def __hash__(self) -> int:
        return hash(self.variable)

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def _title(op: Any) -> str:
    """Return the class name that PyTorch would give the derivative of an operation."""
    given = getattr(op, "title", None) or _TITLES.get(op.name)
    return given or "".join(part[:1].upper() + part[1:] for part in op.name.split("_")) + "Backward0"


@functools.cache
def _kind(title: str) -> type[GradFn]:
    """Return the class of that name, which programs print."""
    return type(title, (GradFn,), {"__slots__": (), "__doc__": GradFn.__doc__})


def grad_fn_of(node: Node) -> GradFn | None:
    """Return the operation that a tensor came from; None for a leaf."""
    if node._op is None:
        return None
    made = node._inputs[0] if hasattr(node._op, "k") and node._inputs else node  # one of several outputs
    return _kind(_title(node._op))(made)
