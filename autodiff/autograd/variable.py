"""Variable: PyTorch's old name for a tensor that can be differentiated."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = ["Variable"]


class _Any(type):
    """Lets every tensor be an instance."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor)


class Variable(metaclass=_Any):
    """A tensor on the same memory, without a graph: what programs wrote before tensors could be differentiated.

    Parameters
    ----------
    data : Tensor
    requires_grad : bool, optional

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the data are no tensor.

    Examples
    --------
    >>> x = ad.autograd.Variable(ad.ones(2), requires_grad=True)
    >>> x
    tensor([1., 1.], requires_grad=True)
    >>> isinstance(x, ad.autograd.Variable)
    True
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False) -> Any:
        """Make the tensor."""
        if data is None:
            data = Tensor()
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: data has to be a tensor, got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
