"""What programs ask of GPUs before they do without: there are none."""

from __future__ import annotations

from typing import Any

from .. import amp as amp
from ..device import check_device

__all__ = [
    "amp", "current_device", "device_count", "empty_cache", "get_device_name", "ipc_collect", "is_available",
    "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_reserved", "memory_allocated", "memory_reserved", "reset_peak_memory_stats", "seed", "seed_all",
    "set_device", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """Tell whether there is a GPU: False.

    Examples
    --------
    >>> ad.device("cuda" if ad.cuda.is_available() else "cpu")
    device(type='cpu')
    """
    return False


def is_initialized() -> bool:
    """Tell whether a GPU is in use: False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Tell whether a GPU computes in bfloat16: False."""
    return False


def device_count() -> int:
    """Return the number of GPUs: 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the random numbers of a GPU: there is none, so those of the CPU stay as they are."""


manual_seed_all = manual_seed


def seed() -> None:
    """Seed the random numbers of a GPU by the system: there is none."""


seed_all = seed


def synchronize(device: Any = None) -> None:
    """Wait for a GPU: everything is done when an operation returns."""


def empty_cache() -> None:
    """Give memory of a GPU back: there is none."""


ipc_collect = empty_cache


def memory_allocated(device: Any = None) -> int:
    """Return the bytes that tensors take on a GPU: 0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def reset_peak_memory_stats(device: Any = None) -> None:
    """Forget the most bytes that were taken on a GPU: none ever were."""


def current_device() -> int:
    """Refuse: there is no GPU whose number could be returned."""
    check_device("cuda", "current_device")
    return -1


def set_device(device: Any) -> None:
    """Refuse: there is no GPU to choose."""
    check_device("cuda" if isinstance(device, int) else device, "set_device")


def get_device_name(device: Any = None) -> str:
    """Refuse: there is no GPU that has a name."""
    check_device("cuda" if device is None else device, "get_device_name")
    return ""


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Refuse: there is no GPU whose generation could be returned."""
    check_device("cuda", "get_device_capability")
    return 0, 0


def get_device_properties(device: Any = None) -> Any:
    """Refuse: there is no GPU to describe."""
    check_device("cuda", "get_device_properties")


def init() -> None:
    """Refuse: there is no GPU to begin with."""
    check_device("cuda", "init")


def get_rng_state_all() -> list[Any]:
    """Return the states of the generators of all GPUs: there are none."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Set the states of the generators of all GPUs: there are none."""


def reset_max_memory_allocated(device: Any = None) -> None:
    """Forget the most bytes that were taken on a GPU: none ever were."""


memory_cached = max_memory_cached = memory_allocated
reset_max_memory_cached = reset_max_memory_allocated


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """Describe the memory of a GPU: there is none."""
    return "There is no GPU."


class _Kind(type):
    """Answers that no tensor lies on a GPU."""

    def __instancecheck__(cls, value: object) -> bool:
        return False


class _Typed(metaclass=_Kind):
    """A class of tensors on GPUs, which programs name in a condition; making one is refused."""

    def __new__(cls, *args: Any) -> Any:
        check_device("cuda", f"cuda.{cls.__name__}")


FloatTensor, DoubleTensor, HalfTensor, LongTensor, IntTensor, ByteTensor, BoolTensor = (
    type(f"{name}Tensor", (_Typed,), {"__doc__": f"{name} tensors on GPUs, of which there are none."})
    for name in ("Float", "Double", "Half", "Long", "Int", "Byte", "Bool")
)
