"""The named tuples that operations with several results return: a class for each, printed a result a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .tensor import Tensor


def _lines(self: Any) -> str:
    """Return the results, each on a line of its own as PyTorch prints them, so that arrays keep their columns."""
    results = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"autodiff.return_types.{type(self).__name__}(\n{results})"


# -- elements and their places -----------------------------------------------------------------------------------------


class ValuesIndices(NamedTuple):
    """Elements that were chosen or put in order along a dimension, and where they stood."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        return _lines(self)


def _choice(operation: str) -> type[ValuesIndices]:
    """Return the class of an operation's values and indices."""
    doc = f"What `{operation}` returns along a dimension: the values, and where they stand."
    return type(operation, (ValuesIndices,), {"__slots__": (), "__doc__": doc, "__module__": __name__})


max = _choice("max")
min = _choice("min")
median = _choice("median")
nanmedian = _choice("nanmedian")
mode = _choice("mode")
kthvalue = _choice("kthvalue")
sort = _choice("sort")
topk = _choice("topk")
cummax = _choice("cummax")
cummin = _choice("cummin")


class aminmax(NamedTuple):  # noqa: N801  # PyTorch's name, as those below
    """The smallest and the largest element."""

    min: Tensor
    max: Tensor

    def __repr__(self) -> str:
        return _lines(self)


# -- linear algebra ----------------------------------------------------------------------------------------------------


class linalg_slogdet(NamedTuple):  # noqa: N801
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class linalg_lstsq(NamedTuple):  # noqa: N801
    """The solution of a least squares problem, its residuals, and the matrix's rank and singular values."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class linalg_qr(NamedTuple):  # noqa: N801
    """A matrix of orthonormal columns, and an upper triangular one."""

    Q: Tensor
    R: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class qr(linalg_qr):  # noqa: N801
    """What `qr` returns: Q and R."""

    __slots__ = ()


class linalg_eigh(NamedTuple):  # noqa: N801
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class linalg_svd(NamedTuple):  # noqa: N801
    """Left singular vectors as columns, singular values in descending order, right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class svd(NamedTuple):  # noqa: N801
    """Left singular vectors, singular values, and right singular vectors, all as columns."""

    U: Tensor
    S: Tensor
    V: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class linalg_lu(NamedTuple):  # noqa: N801
    """A permutation, a lower triangular matrix of ones on the diagonal, and an upper triangular one."""

    P: Tensor
    L: Tensor
    U: Tensor

    def __repr__(self) -> str:
        return _lines(self)


class linalg_lu_factor(NamedTuple):  # noqa: N801
    """L and U in one matrix, and which row each row was exchanged with, counted from 1."""

    LU: Tensor
    pivots: Tensor

    def __repr__(self) -> str:
        return _lines(self)
