"""The one device there is, and PyTorch's names for those that there are not."""

from __future__ import annotations

from typing import Any

__all__ = ["device", "get_default_device", "set_default_device"]

_TYPES = ("cpu", "cuda", "mps", "xpu", "xla", "hip", "meta", "gpu", "tpu", "mtia", "hpu", "vulkan")


class device:  # noqa: N801  # PyTorch's name
    """Where a tensor lies: on the CPU. Others can be named, as PyTorch programs do, but nothing can be put there.

    Parameters
    ----------
    type : str or device
        Such as "cpu" or "cuda:1".
    index : int, optional
        Which of several.

    Attributes
    ----------
    type : str
    index : int or None

    Raises
    ------
    RuntimeError
        If the name is none that PyTorch knows.

    Examples
    --------
    >>> device = ad.device("cuda" if ad.cuda.is_available() else "cpu")
    >>> device
    device(type='cpu')
    >>> ad.zeros(2, device=device).device == device
    True
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if isinstance(type, int):
            type, index = "cuda", type
        if isinstance(type, device):
            type, index = type.type, type.index if index is None else index
        if not isinstance(type, str):
            raise TypeError(f"device: expected a name such as 'cpu', got {type!r}")
        kind, colon, number = type.partition(":")
        if kind not in _TYPES or (colon and (index is not None or not number.isdecimal())):
            raise RuntimeError(f"device: {type!r} is no device; there is 'cpu'")
        self.type, self.index = kind, int(number) if colon else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + ("" if self.index is None else f", index={self.index}") + ")"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        check_device(self, "device")
        return self

    def __exit__(self, *_: object) -> None:
        pass


CPU = device("cpu")


def is_device(value: Any) -> bool:
    """Tell whether an argument names a device, and not a dtype."""
    return isinstance(value, device) or (isinstance(value, str) and value.partition(":")[0] in _TYPES)


def check_device(value: Any, operation: str) -> None:
    """Refuse a device that there is not; None is the one there is."""
    if value is None or value is CPU:
        return
    asked = value if isinstance(value, device) else device(value)
    if asked.type != "cpu":
        raise RuntimeError(
            f"{operation}: there is no device {str(asked)!r}; everything runs on the CPU, so ask for 'cpu' or for none"
        )


def get_default_device() -> device:
    """Return where tensors are made: on the CPU.

    Examples
    --------
    >>> ad.get_default_device()
    device(type='cpu')
    """
    return CPU


def set_default_device(device: Any) -> None:
    """Set where tensors are made, which can be the CPU alone.

    Raises
    ------
    RuntimeError
        If it is another device.

    Examples
    --------
    >>> ad.set_default_device("cpu")
    """
    check_device(device, "set_default_device")
