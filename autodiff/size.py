"""Size: the shape of a tensor."""

from __future__ import annotations

import math
from typing import Any, SupportsIndex, overload

__all__ = ["Size"]


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that also knows the number of elements.

    Examples
    --------
    >>> shape = ad.zeros(2, 3, 4).shape
    >>> shape, shape.numel(), shape[1:].numel()
    ((2, 3, 4), 24, 12)
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        return math.prod(self)

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Size: ...
    def __getitem__(self, key: SupportsIndex | slice) -> int | Size:
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(found, tuple) else found

    def __add__(self, other: Any) -> Any:
        joined = tuple.__add__(self, other)
        return Size(joined)

    def __mul__(self, count: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__
