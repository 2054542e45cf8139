"""Batches of sequences of different lengths: padded to one length, or packed without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import tensor_of
from autodiff.tensor import from_array

from ..functional.convolution import pad

__all__ = [
    "PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence", "unpack_sequence",
    "unpad_sequence",
]  # fmt: skip


class PackedSequence(NamedTuple):
    """The time steps of several sequences without padding: all first ones, all second ones, and so on.

    Made by `pack_padded_sequence` and `pack_sequence`, and taken by recurrent layers.

    Attributes
    ----------
    data : Tensor
        Of shape (all time steps, ...), the longest sequence first within each step.
    batch_sizes : Tensor of int64
        How many sequences have a first step, a second one, and so on.
    sorted_indices, unsorted_indices : Tensor of int64 or None
        The order of the sequences by length, and the way back; None if they came in that order.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Convert the data as `Tensor.to` does: to a dtype, or to a device, which is the CPU."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def cpu(self) -> PackedSequence:
        """Return itself: the data is on the CPU."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False: the data is on the CPU."""
        return False

    def half(self) -> PackedSequence:
        """Convert the data to float16."""
        return self.to(np.float16)

    def float(self) -> PackedSequence:
        """Convert the data to float32."""
        return self.to(np.float32)

    def double(self) -> PackedSequence:
        """Convert the data to float64."""
        return self.to(np.float64)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences that were padded to one length, leaving the padding out.

    Parameters
    ----------
    input : Tensor
        Of shape (L, N, ...), or (N, L, ...) if `batch_first`.
    lengths : sequence of N int, or Tensor
        Each from 1 to L.
    batch_first : bool, optional
    enforce_sorted : bool, optional
        Whether to refuse sequences that do not come longest first, instead of sorting them.

    Returns
    -------
    PackedSequence

    Raises
    ------
    RuntimeError
        If a length is out of range, there is not one per sequence, or they are not in order.

    Examples
    --------
    >>> x = ad.tensor([[1, 2, 3], [4, 0, 0]])
    >>> packed = nn.utils.rnn.pack_padded_sequence(x, [3, 1], batch_first=True)
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """
    name = "pack_padded_sequence"
    x, n = tensor_of(input, name), np.asarray(_plain(lengths))
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected an input of at least 2 dimensions, got shape {x.shape}")
    x = x.transpose(0, 1) if batch_first else x
    if n.shape != x.shape[1:2] or n.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: expected {x.shape[1]} integers as lengths, got {n.dtype} of shape {n.shape}")
    if not n.size or n.min() < 1 or n.max() > len(x):
        raise RuntimeError(f"{name}: lengths must be from 1 to {len(x)}, got {n.tolist()}")
    order = None
    if not enforce_sorted:
        order = np.argsort(-n, kind="stable")
        x, n = x.index_select(1, from_array(order)), n[order]
    elif (np.diff(n) > 0).any():
        raise RuntimeError(
            f"{name}: lengths must be sorted in decreasing order when enforce_sorted is True, got {n.tolist()}; "
            "pass enforce_sorted=False to have them sorted"
        )
    there = np.arange(n[0])[:, None] < n
    return _packed(x[: int(n[0])][from_array(there)], there.sum(axis=1), order)


def _plain(lengths: Any) -> Any:
    return lengths.detach().numpy() if isinstance(lengths, Tensor) else lengths


def _packed(data: Tensor, counts: Any, order: Any) -> PackedSequence:
    if order is None:
        return PackedSequence(data, from_array(counts))
    return PackedSequence(data, from_array(counts), from_array(order), from_array(np.argsort(order)))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Pad packed sequences to one length: the inverse of `pack_padded_sequence`.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool, optional
    padding_value : float, optional
    total_length : int, optional
        The length to pad to; that of the longest sequence unless given.

    Returns
    -------
    padded : Tensor
        Of shape (L, N, ...), or (N, L, ...) if `batch_first`.
    lengths : Tensor of int64

    Raises
    ------
    ValueError
        If a sequence is longer than `total_length`.

    Examples
    --------
    >>> packed = nn.utils.rnn.pack_sequence([ad.tensor([1.0, 2.0]), ad.tensor([3.0])])
    >>> nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1., 2.],
            [3., 0.]]), tensor([2, 1]))
    """
    if not isinstance(sequence, PackedSequence):
        raise TypeError(f"pad_packed_sequence: expected a PackedSequence, got {type(sequence).__name__}")
    data, counts = sequence.data, np.asarray(sequence.batch_sizes.tolist())
    if total_length is not None and total_length < len(counts):
        raise ValueError(
            f"pad_packed_sequence: total_length must be at least that of the longest sequence, {len(counts)}, "
            f"got {total_length}"
        )
    steps, batch, rest = total_length or len(counts), int(counts[0]), data.shape[1:]
    there = np.zeros((steps, batch), np.bool_)
    there[: len(counts)] = np.arange(batch) < counts[:, None]
    at = np.flatnonzero(there).reshape(-1, *(1 for _ in rest))
    empty = ad.full((steps * batch, *rest), padding_value, dtype=data.dtype)
    padded = ad.scatter(empty, 0, from_array(np.broadcast_to(at, data.shape).copy()), data)
    padded, lengths = padded.reshape(steps, batch, *rest), from_array(there.sum(axis=0))
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths.index_select(0, sequence.unsorted_indices)
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Pad sequences to the length of the longest and stack them.

    Parameters
    ----------
    sequences : sequence of Tensor
        Of shapes (Lᵢ, ...), alike but for the first dimension.
    batch_first : bool, optional
    padding_value : float, optional
    padding_side : {"right", "left"}, optional
        Whether the padding comes after or before a sequence.

    Returns
    -------
    Tensor
        Of shape (L, N, ...), or (N, L, ...) if `batch_first`.

    Raises
    ------
    RuntimeError
        If there is no sequence, they are not alike, or the side is unknown.

    Examples
    --------
    >>> nn.utils.rnn.pad_sequence([ad.tensor([1, 2]), ad.tensor([3])], batch_first=True, padding_value=-1)
    tensor([[ 1,  2],
            [ 3, -1]])
    """
    listed = _as_tensors(sequences, "pad_sequence")
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"pad_sequence: padding_side must be 'right' or 'left', got {padding_side!r}")
    longest, padded = max(map(len, listed)), []
    for x in listed:
        missing = longest - len(x)
        widths = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(pad(x, (*(0,) * 2 * (x.ndim - 1), *widths), value=padding_value) if missing else x)
    return ad.stack(padded, 0 if batch_first else 1)


def _as_tensors(sequences: Any, name: str) -> list[Tensor]:
    if not isinstance(sequences, (list, tuple, Tensor)):
        raise RuntimeError(f"{name}: expected a list or a tuple of tensors, got {type(sequences).__name__}")
    listed = [tensor_of(x, name) for x in sequences]
    if not listed:
        raise RuntimeError(f"{name}: received an empty list of sequences")
    if any(x.ndim < 1 or x.shape[1:] != listed[0].shape[1:] for x in listed):
        shapes = ", ".join(str(x.shape) for x in listed)
        raise RuntimeError(f"{name}: sequences may differ in their first dimension only, got shapes {shapes}")
    return listed


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences; parameters as for `pad_sequence` and `pack_padded_sequence`.

    Examples
    --------
    >>> nn.utils.rnn.pack_sequence([ad.tensor([1, 2]), ad.tensor([3])]).data
    tensor([1, 3, 2])
    """
    listed = _as_tensors(sequences, "pack_sequence")
    return pack_padded_sequence(pad_sequence(listed), list(map(len, listed)), enforce_sorted=enforce_sorted)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """Part padded sequences into a list of sequences without padding.

    Examples
    --------
    >>> nn.utils.rnn.unpad_sequence(ad.tensor([[1, 2], [3, 0]]), [2, 1], batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    x = tensor_of(padded_sequences, "unpad_sequence")
    rows = x if batch_first else x.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(ad.unbind(rows), np.asarray(_plain(lengths)), strict=True)]


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Part packed sequences into a list.

    Examples
    --------
    >>> nn.utils.rnn.unpack_sequence(nn.utils.rnn.pack_sequence([ad.tensor([1, 2]), ad.tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
