"""Affine and bilinear maps, look-up of embeddings, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor, default_generator, linear
from autodiff.engine.graph import increment_version
from autodiff.functions.arguments import check_dtypes, computed, floats_of, tensor_of
from autodiff.functions.in_place import change
from autodiff.kernels.errors import ValueAssertionError
from autodiff.tensor import from_array
from autodiff.tracing import decided, noted, refuse

from ._checks import checked_probability

__all__ = ["bilinear", "dropout", "embedding", "linear", "one_hot"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Bilinear map of two inputs: ``y[..., k] = x1 · weight[k] · x2 + bias[k]``.

    Parameters
    ----------
    input1, input2 : Tensor
        Of shapes (..., in1) and (..., in2).
    weight : Tensor
        Of shape (out, in1, in2).
    bias : Tensor, optional
        Of shape (out,).

    Returns
    -------
    Tensor
        Of shape (..., out).

    Raises
    ------
    RuntimeError
        If the shapes do not fit or the dtypes differ.

    Examples
    --------
    >>> F.bilinear(ad.tensor([1.0, 2.0]), ad.tensor([3.0]), ad.ones(1, 2, 1))
    tensor([9.])
    """
    a, b, w = (floats_of(t, "bilinear") for t in (input1, input2, weight))
    check_dtypes("bilinear", a, b, w, bias)
    if w.ndim != 3 or a.shape[-1:] != w.shape[1:2] or b.shape[-1:] != w.shape[2:] or a.shape[:-1] != b.shape[:-1]:
        raise RuntimeError(
            f"bilinear: inputs of shapes {a.shape} and {b.shape} do not fit a weight of shape {w.shape}: "
            "expected (..., in1), (..., in2) and (out, in1, in2)"
        )
    if bias is not None and bias.shape != w.shape[:1]:
        raise RuntimeError(f"bilinear: the bias must have shape {w.shape[:1]}, got {bias.shape}")
    out, in1, in2 = w.shape
    left = (a @ w.permute(1, 0, 2).reshape(in1, out * in2)).reshape(*a.shape[:-1], out, in2)
    y = (left * b.unsqueeze(-2)).sum(-1)
    return y if bias is None else y + bias


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Put 0 in the place of elements chosen at random, and scale the others so that the mean is kept.

    Parameters
    ----------
    input : Tensor
    p : float, optional
        The probability with which an element becomes 0.
    training : bool, optional
        Without it the input is returned as it is.
    inplace : bool, optional
        Put the result in the input's own memory, and return the input.

    Returns
    -------
    Tensor
        Of the shape of `input`; what remains is divided by 1 - p.

    Raises
    ------
    ValueError
        If `p` is not between 0 and 1.

    Examples
    --------
    >>> F.dropout(ad.ones(3), p=1.0)
    tensor([0., 0., 0.])

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks
    from overfitting", JMLR 2014.
    """
    checked_probability(p, "dropout")
    x = floats_of(input, "dropout")
    if not training or p == 0:
        return x
    if inplace:
        return change(x, "dropout_", dropout, p)  # type: ignore[no-any-return]  # the input
    shape, dtype, scale = x.shape, x.dtype, 1 / (1 - p) if p < 1 else 0.0

    def draw() -> Any:
        kept = default_generator().random(shape, np.float32) >= p
        return np.asarray(kept * dtype.type(scale), dtype)

    return x * from_array(noted(draw))


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Look up rows of a table.

    Parameters
    ----------
    input : Tensor of integers
        The numbers of the rows, of any shape.
    weight : Tensor
        The table, of shape (num_embeddings, embedding_dim).
    padding_idx : int, optional
        A row that gets no gradient.
    max_norm : float, optional
        Rows that are looked up and longer than this are shortened to it, in place.
    norm_type : float, optional
        The exponent of the norm that `max_norm` limits.
    scale_grad_by_freq : bool, optional
        Whether to divide the gradient of a row by how often it is looked up here.
    sparse : bool, optional
        Must be False: there are no sparse gradients.

    Returns
    -------
    Tensor
        Of shape (*input.shape, embedding_dim).

    Raises
    ------
    RuntimeError
        If `input` does not hold integers or `weight` is not a matrix.
    IndexError
        If a number is out of range.
    NotImplementedError
        If `sparse` is asked for.

    Examples
    --------
    >>> F.embedding(ad.tensor([1, 0, 1]), ad.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """
    check_dense(sparse, "embedding")
    at, w = tensor_of(input, "embedding"), tensor_of(weight, "embedding")
    if at.dtype.kind not in "iu":
        raise RuntimeError(f"embedding: expected integers as row numbers, got {at.dtype}")
    if w.ndim != 2:
        raise RuntimeError(f"embedding: expected a weight of shape (num_embeddings, embedding_dim), got {w.shape}")
    count = len(w)
    if at.numel() and not decided(lambda a: a.min() >= 0 and a.max() < count, at):
        raise IndexError(f"embedding: rows {at._data.min()} to {at._data.max()} asked for, the table has {len(w)} rows")
    if padding_idx is not None:
        padding_idx = checked_row(padding_idx, len(w), "embedding")
    if max_norm is not None:
        floats_of(w, "embedding")
        refuse("max_norm", "shorten the rows outside of the function")
        _shorten(w, np.unique(at._data), max_norm, norm_type)
    rows = w[at]
    if scale_grad_by_freq:
        fixed, dtype = rows.detach(), w.dtype
        often = computed("counts", lambda a: np.bincount(a.ravel(), minlength=1)[a][..., None].astype(dtype), at)
        rows = fixed + (rows - fixed) / often  # adds 0, whose gradient is the share
    if padding_idx is None or decided(lambda a: not (a == padding_idx).any(), at, always=False):
        return rows
    return ad.where((at != padding_idx)[..., None], rows, rows.detach())


def check_dense(sparse: bool, name: str) -> None:
    """Refuse sparse gradients."""
    if sparse:
        raise NotImplementedError(f"{name}: there are no sparse gradients; leave sparse=False")


def checked_row(padding_idx: int, rows: int, name: str) -> int:
    """Return the number of a row counted from the first, or say that there is none such."""
    if not -rows <= padding_idx < rows:
        raise ValueAssertionError(f"{name}: padding_idx {padding_idx} must be within num_embeddings, {rows}")
    return padding_idx % rows


def _shorten(weight: Tensor, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]], limit: float, p: float) -> None:
    """Shorten rows of a table to a length, in place."""
    lengths = ad.norm(from_array(weight._data[rows]), p, 1)._data
    long = lengths > limit
    if long.any():
        with np.errstate(all="ignore"):
            weight._data[rows[long]] *= (limit / (lengths[long] + 1e-7))[:, None].astype(weight.dtype)
        increment_version(weight)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Write each label as a row of zeros with a one at its place.

    Parameters
    ----------
    tensor : Tensor of integers
        Labels from 0, of any shape.
    num_classes : int, optional
        The length of a row; one more than the largest label unless given.

    Returns
    -------
    Tensor of int64
        Of shape (*tensor.shape, num_classes).

    Raises
    ------
    RuntimeError
        If a label is negative or not below `num_classes`, the labels are not integers, or there are none to count by.

    Examples
    --------
    >>> F.one_hot(ad.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    t = tensor_of(tensor, "one_hot")
    if t.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: labels must be integers, got {t.dtype}")
    if not t.numel() and num_classes <= 0:
        raise RuntimeError("one_hot: without labels num_classes must be positive")
    if num_classes == -1:
        refuse("one_hot without num_classes", "its shape depends on data; pass num_classes")
    if t.numel() and decided(lambda a: a.min() < 0 or (num_classes != -1 and a.max() >= num_classes), t):
        raise RuntimeError(
            f"one_hot: labels from {t._data.min()} to {t._data.max()} do not lie in 0 to num_classes = {num_classes}"
        )
    n = int(t._data.max()) + 1 if num_classes == -1 else num_classes
    return computed("one_hot", lambda a: (a[..., None] == np.arange(n)).astype(np.int64), t)  # type: ignore[no-any-return]  # a Tensor
