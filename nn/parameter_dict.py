"""A dictionary of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from autodiff import Tensor

from .mapping import NamedElements
from .module import Parameter


class ParameterDict(NamedElements[Parameter]):
    """A dictionary of parameters that are registered.

    Parameters
    ----------
    parameters : mapping of str to Tensor, or iterable of pairs, optional
        Tensors that are no parameters are made into such.

    Raises
    ------
    TypeError
        If one of them is not a Tensor.

    Examples
    --------
    >>> scales = nn.ParameterDict({"left": ad.zeros(2), "right": ad.ones(3, 2)})
    >>> scales
    ParameterDict(
        (left): Parameter containing: [float32 of size 2]
        (right): Parameter containing: [float32 of size 3x2]
    )
    >>> scales["left"].requires_grad
    True
    """

    _kind = "parameter"

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def _check(self, key: Any, element: Any) -> None:
        if not isinstance(element, Tensor):
            raise TypeError(f"ParameterDict: element {key!r} must be a Tensor, got {type(element).__name__}")
        self._check_new(key, None, Parameter, "parameter")

    def _put(self, key: str, element: Any) -> None:
        self.register_parameter(key, element if isinstance(element, Parameter) else Parameter(element))

    def __reversed__(self) -> Iterator[str]:
        return reversed(self.keys())

    def __or__(self, other: ParameterDict) -> ParameterDict:
        both = self.copy()
        both.update(other)
        return both

    def __ror__(self, other: Any) -> Any:
        both = other.copy()
        both.update(self)
        return both

    def __ior__(self, other: ParameterDict) -> ParameterDict:
        self.update(other)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        """Return a parameter, or `default` if there is none of that name."""
        return dict(self.items()).get(key, default)

    def popitem(self) -> tuple[str, Parameter]:
        """Remove the parameter that came last and return its name and itself."""
        if not len(self):
            raise KeyError("ParameterDict: there is no parameter to take out")
        name = self.keys()[-1]
        return name, self.pop(name)

    def setdefault(self, key: str, default: Any = None) -> Parameter:
        """Return a parameter; make it of `default` first if there is none of that name."""
        if key not in self:
            self[key] = default
        return self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Return another dictionary, with a parameter, made of `default`, for each name."""
        return ParameterDict((key, default) for key in keys)

    def copy(self) -> ParameterDict:
        """Return another dictionary of the same parameters."""
        return ParameterDict(self)

    def __repr__(self) -> str:
        lines = [
            f"    ({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
            for name, p in self.items()
        ]
        return "\n".join(["ParameterDict(", *lines, ")"]) if lines else "ParameterDict()"
