"""Mixed precision, as far as programs name it where there is no GPU: switched off, it changes nothing."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["GradScaler", "autocast"]


class autocast:  # noqa: N801  # PyTorch's name
    """Compute a block in half precision on a GPU; without one it warns and changes nothing, as PyTorch does.

    Parameters
    ----------
    device_type : str
        "cuda"; "cpu" only with `enabled` False, for there is no bfloat16 here.
    dtype : optional
        Is not looked at.
    enabled : bool, optional
    cache_enabled : optional
        Means nothing.

    Raises
    ------
    RuntimeError
        If it shall compute in half precision on the CPU.

    Examples
    --------
    >>> with ad.autocast("cuda", enabled=False):
    ...     ad.ones(2).dtype
    dtype('float32')
    """

    def __init__(
        self, device_type: str = "cuda", dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if enabled and device_type == "cpu":
            raise RuntimeError("autocast: there is no bfloat16 on the CPU here; pass enabled=False, or leave it out")
        if enabled:
            warnings.warn(
                f"autocast: there is no device {device_type!r}, so that nothing is cast", UserWarning, stacklevel=2
            )

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function: it stays as it is."""

        @functools.wraps(function)
        def cast(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return cast


class GradScaler:
    """Scale a loss so that gradients of half precision do not vanish on a GPU; without one it does nothing.

    Parameters
    ----------
    device : str, optional
    init_scale, growth_factor, backoff_factor, growth_interval : optional
        Mean nothing.
    enabled : bool, optional
        It warns if asked to scale, as PyTorch does without a GPU.

    Examples
    --------
    >>> scaler = ad.amp.GradScaler(enabled=False)
    >>> scaler.scale(ad.ones(1))
    tensor([1.])
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled:
            warnings.warn(f"GradScaler: there is no device {device!r}, so that it does nothing", stacklevel=2)

    def is_enabled(self) -> bool:
        """Tell whether it scales: False."""
        return False

    def scale(self, outputs: Any) -> Any:
        """Return a loss as it is."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Leave the gradients as they are."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the optimizer take its step."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing."""

    def get_scale(self) -> float:
        """Return the factor: 1."""
        return 1.0

    def state_dict(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take up a state: there is none."""


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
