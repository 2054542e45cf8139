"""Layers that put elements around sequences and images; see `nn.functional.pad`."""

from __future__ import annotations

from autodiff import Tensor
from autodiff.functions.arguments import tensor_of

from . import functional as F  # noqa: N812  # the name everyone knows
from .functional._checks import as_many
from .functional.convolution import Many
from .module import Module


class _Pad(Module):
    """Padding of the last dimensions; a subclass says of how many, and with what."""

    _dimensions: int
    _mode = "constant"

    def __init__(self, padding: Many) -> None:
        super().__init__()
        widths = 2 * self._dimensions
        self.padding = as_many(padding, widths, type(self).__name__, "padding", least=-(2**62))

    def forward(self, input: Tensor) -> Tensor:
        """Put elements around the last dimensions of (N, C, ...) or (C, ...)."""
        x = tensor_of(input, type(self).__name__)
        if x.ndim not in (self._dimensions + 1, self._dimensions + 2):
            raise ValueError(
                f"{type(self).__name__}: expected a {self._dimensions + 1}-d or {self._dimensions + 2}-d input, "
                f"got shape {x.shape}"
            )
        return F.pad(x, self.padding, self._mode)

    def extra_repr(self) -> str:
        """Name the widths."""
        return str(self.padding)


class _ConstantPad(_Pad):
    def __init__(self, padding: Many, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Put the value around the last dimensions."""
        return F.pad(tensor_of(input, type(self).__name__), self.padding, value=self.value)

    def extra_repr(self) -> str:
        """Name the widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Put a value before and after sequences; see `nn.ConstantPad2d`.

    Examples
    --------
    >>> nn.ConstantPad1d((1, 2), 5.0)(ad.ones(1, 2))
    tensor([[5., 1., 1., 5., 5.]])
    """

    _dimensions = 1


class ConstantPad2d(_ConstantPad):
    """Put a value around images.

    Parameters
    ----------
    padding : int or four int
        How many on the left, on the right, above and below.
    value : float

    Examples
    --------
    >>> nn.ConstantPad2d(1, 5.0)(ad.ones(1, 1, 1))
    tensor([[[5., 5., 5.],
             [5., 1., 5.],
             [5., 5., 5.]]])
    """

    _dimensions = 2


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Many) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Name the widths."""
        return str(self.padding)


class ZeroPad1d(_ZeroPad):
    """Put zeros before and after sequences; see `nn.ZeroPad2d`.

    Examples
    --------
    >>> nn.ZeroPad1d(1)(ad.ones(1, 2))
    tensor([[0., 1., 1., 0.]])
    """

    _dimensions = 1


class ZeroPad2d(_ZeroPad):
    """Put zeros around images.

    Parameters
    ----------
    padding : int or four int
        How many on the left, on the right, above and below.

    Examples
    --------
    >>> nn.ZeroPad2d((1, 0, 0, 1))(ad.ones(1, 1, 1))
    tensor([[[0., 1.],
             [0., 0.]]])
    """

    _dimensions = 2


class _ReflectionPad(_Pad):
    _mode = "reflect"


class ReflectionPad1d(_ReflectionPad):
    """Mirror sequences at their ends; see `nn.ReflectionPad2d`.

    Examples
    --------
    >>> nn.ReflectionPad1d(2)(ad.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 2., 1., 2., 3., 2., 1.]])
    """

    _dimensions = 1


class ReflectionPad2d(_ReflectionPad):
    """Mirror images at their edges, which are not repeated.

    Parameters
    ----------
    padding : int or four int
        How many on the left, on the right, above and below.

    Raises
    ------
    RuntimeError
        If more is asked for than is there to mirror.

    Examples
    --------
    >>> nn.ReflectionPad2d((1, 0, 0, 0))(ad.tensor([[[1.0, 2.0]]]))
    tensor([[[2., 1., 2.]]])
    """

    _dimensions = 2


class _ReplicationPad(_Pad):
    _mode = "replicate"


class ReplicationPad1d(_ReplicationPad):
    """Repeat the ends of sequences; see `nn.ReplicationPad2d`.

    Examples
    --------
    >>> nn.ReplicationPad1d((1, 2))(ad.tensor([[1.0, 2.0]]))
    tensor([[1., 1., 2., 2., 2.]])
    """

    _dimensions = 1


class ReplicationPad2d(_ReplicationPad):
    """Repeat the edges of images.

    Parameters
    ----------
    padding : int or four int
        How many on the left, on the right, above and below.

    Examples
    --------
    >>> nn.ReplicationPad2d((1, 0, 0, 0))(ad.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2.]]])
    """

    _dimensions = 2


class _CircularPad(_Pad):
    _mode = "circular"


class CircularPad1d(_CircularPad):
    """Go on with the other end of sequences.

    Examples
    --------
    >>> nn.CircularPad1d(1)(ad.tensor([[1.0, 2.0, 3.0]]))
    tensor([[3., 1., 2., 3., 1.]])
    """

    _dimensions = 1


class CircularPad2d(_CircularPad):
    """Go on with the other edge of images.

    Parameters
    ----------
    padding : int or four int
        How many on the left, on the right, above and below.

    Examples
    --------
    >>> nn.CircularPad2d((1, 0, 0, 0))(ad.tensor([[[1.0, 2.0]]]))
    tensor([[[2., 1., 2.]]])
    """

    _dimensions = 2


class ConstantPad3d(_ConstantPad):
    """Put a value around volumes; see `nn.ConstantPad2d`.

    Examples
    --------
    >>> nn.ConstantPad3d((1, 1, 0, 0, 1, 0), 5.0)(ad.ones(1, 2, 3, 4)).shape
    (1, 3, 3, 6)
    """

    _dimensions = 3


class ZeroPad3d(_ZeroPad):
    """Put zeros around volumes; see `nn.ZeroPad2d`.

    Examples
    --------
    >>> nn.ZeroPad3d((1, 1, 0, 0, 1, 0))(ad.ones(1, 2, 3, 4)).shape
    (1, 3, 3, 6)
    """

    _dimensions = 3


class ReflectionPad3d(_ReflectionPad):
    """Mirror volumes at their faces; see `nn.ReflectionPad2d`.

    Examples
    --------
    >>> nn.ReflectionPad3d((1, 1, 0, 0, 1, 0))(ad.ones(1, 2, 3, 4)).shape
    (1, 3, 3, 6)
    """

    _dimensions = 3


class ReplicationPad3d(_ReplicationPad):
    """Repeat the faces of volumes; see `nn.ReplicationPad2d`.

    Examples
    --------
    >>> nn.ReplicationPad3d((1, 1, 0, 0, 1, 0))(ad.ones(1, 2, 3, 4)).shape
    (1, 3, 3, 6)
    """

    _dimensions = 3


class CircularPad3d(_CircularPad):
    """Go on with the other face of volumes; see `nn.CircularPad2d`.

    Examples
    --------
    >>> nn.CircularPad3d((1, 1, 0, 0, 1, 0))(ad.ones(1, 2, 3, 4)).shape
    (1, 3, 3, 6)
    """

    _dimensions = 3
