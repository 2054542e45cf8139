"""backward: several tensors differentiated at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..engine import backward as engine
from ..engine.graph import Node

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["backward"]


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Differentiate the sum of several tensors and add the gradients to the ``.grad`` of the leaves.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
    grad_tensors : Tensor, or sequence of Tensor or None, optional
        What the elements of each are weighted with; needed for those that have not one element.
    retain_graph, create_graph, inputs : optional
        As for `Tensor.backward`.

    Examples
    --------
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> ad.autograd.backward([(x * x).sum(), x.prod()])
    >>> x.grad
    tensor([4., 5.])
    """
    listed = [tensors] if isinstance(tensors, Node) else list(tensors)
    if grad_tensors is None:
        weights: list[Any] = [None] * len(listed)
    else:
        weights = [grad_tensors] if isinstance(grad_tensors, Node) else list(grad_tensors)
    if len(weights) != len(listed):
        raise RuntimeError(f"backward: got {len(listed)} tensors and {len(weights)} gradients")
    if not listed:
        raise RuntimeError("backward: got an empty sequence of tensors")
    more = zip(listed[1:], weights[1:], strict=True)
    engine.backward(listed[0], weights[0], retain_graph, create_graph, inputs, more)
