"""A dictionary of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autodiff import Tensor

from .module import Module, Parameter


class ParameterDict(Module):
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

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def update(self, parameters: Any) -> None:
        """Add parameters, or put them in the place of those of the same name; none, unless all of them fit."""
        if not isinstance(parameters, Iterable) or isinstance(parameters, Tensor):
            raise TypeError(f"ParameterDict: expected a mapping or pairs, got {type(parameters).__name__}")
        pairs = list(parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters)
        for i, pair in enumerate(pairs):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"ParameterDict: element {i} must be a name and a Tensor, got {pair!r}")
            self._check(*pair)
        for name, value in pairs:
            self[name] = value

    def _check(self, key: Any, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"ParameterDict: element {key!r} must be a Tensor, got {type(value).__name__}")
        self._check_new(key, None, Parameter, "parameter")

    def __setitem__(self, key: str, value: Tensor) -> None:
        self._check(key, value)
        self.register_parameter(key, value if isinstance(value, Parameter) else Parameter(value))

    def __getitem__(self, key: str) -> Parameter:
        if key not in self:
            raise KeyError(key)
        return getattr(self, key)  # type: ignore[no-any-return]  # a registered Parameter

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()  # the names, not this method again

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

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

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self._own("parameter")]

    def values(self) -> list[Parameter]:
        """Return the parameters."""
        return [p for _, p in self._own("parameter")]

    def items(self) -> list[tuple[str, Parameter]]:
        """Return (name, parameter) pairs."""
        return list(self._own("parameter"))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a parameter, or `default` where there is none of that name."""
        return dict(self.items()).get(key, default)

    def pop(self, key: str) -> Parameter:
        """Take out a parameter and return it."""
        p = self[key]
        del self[key]
        return p

    def popitem(self) -> tuple[str, Parameter]:
        """Take out the parameter that came last and return its name and itself."""
        if not len(self):
            raise KeyError("ParameterDict: there is no parameter to take out")
        name = self.keys()[-1]
        return name, self.pop(name)

    def setdefault(self, key: str, default: Any = None) -> Parameter:
        """Return a parameter, which is made of `default` where there is none of that name."""
        if key not in self:
            self[key] = default
        return self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Return another dictionary, with a parameter, made of `default`, for each name."""
        return ParameterDict((key, default) for key in keys)

    def copy(self) -> ParameterDict:
        """Return another dictionary of the same parameters."""
        return ParameterDict(self)

    def clear(self) -> None:
        """Take out all parameters."""
        for name in self.keys():  # a list of its own, which stays as it is
            del self[name]

    def __repr__(self) -> str:
        lines = [
            f"    ({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
            for name, p in self.items()
        ]
        return "\n".join(["ParameterDict(", *lines, ")"]) if lines else "ParameterDict()"
