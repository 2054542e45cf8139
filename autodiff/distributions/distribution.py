"""Distribution: what all distributions share, their parameters and shapes, and the checks of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..creation import as_tensor
from ..engine import dtypes
from ..engine.modes import no_grad
from ..functions.shape import broadcast_to
from ..functions.transcendental import exp
from ..tensor import Tensor
from ..tracing import decided

Sizes = Sequence[int]
Array = npt.NDArray[Any]
Check = tuple[str, Callable[[Tensor], Any]]  # what must hold, in words, and of which elements it does


class Distribution:
    """The base of all distributions.

    Parameters
    ----------
    batch_shape : sequence of int, optional
        The shape of parameters that belong to independent draws.
    validate_args : bool, optional
        Whether parameters and values are checked; on unless `set_default_validate_args` says otherwise.

    Attributes
    ----------
    batch_shape, event_shape : tuple of int
        The shape of the draws, and of one draw, which is () unless its elements are drawn together.
    has_rsample : bool
        Whether gradients flow through `rsample`.
    """

    has_rsample: ClassVar[bool] = False
    _validate_args = __debug__
    _parameters: tuple[str, ...] = ()  # those that `repr` shows and that are checked

    def __init__(self, batch_shape: Sizes = (), event_shape: Sizes = (), validate_args: bool | None = None) -> None:
        self.batch_shape, self.event_shape = tuple(batch_shape), tuple(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name in self._parameters:
                self._check_parameter(name, getattr(self, name))

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether parameters and values are checked where a distribution is not told."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected a bool, got {value!r}")
        Distribution._validate_args = value

    # -- what a subclass says ------------------------------------------------------------------------------------------

    @property
    def mean(self) -> Tensor:
        """The expected value of a draw, of shape batch_shape."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def mode(self) -> Tensor:
        """The likeliest draw, of shape batch_shape."""
        raise NotImplementedError(f"{type(self).__name__} has no mode")

    @property
    def variance(self) -> Tensor:
        """The expected squared distance of a draw from the mean, of shape batch_shape."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw so that gradients flow to the parameters; of shape sample_shape + batch_shape."""
        raise NotImplementedError(
            f"{type(self).__name__}: no gradient flows through a draw of this distribution; use sample() and log_prob()"
        )

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient; of shape sample_shape + batch_shape."""
        with no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability, or of its density, at `value`, which broadcasts to batch_shape."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob()")

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw, in nats, of shape batch_shape."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy()")

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a draw up to `value`."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf()")

    def expand(self, batch_shape: Sizes) -> Distribution:
        """Return the same distribution of parameters that are broadcast to another batch_shape.

        Examples
        --------
        >>> ad.distributions.Normal(0.0, 1.0).expand([3]).batch_shape
        (3,)
        """
        if not self._parameters:
            raise NotImplementedError(f"{type(self).__name__} has no expand()")
        shape, values = tuple(batch_shape), self._others()
        for name in self._parameters:
            value = getattr(self, name)
            values[name] = broadcast_to(value, (*shape, *value.shape[len(self.batch_shape) :]))
        return type(self)(**values, validate_args=self._validate_args)

    def _others(self) -> dict[str, Any]:
        """Return the arguments that no batch broadcasts, by their names."""
        return {}

    def perplexity(self) -> Tensor:
        """Return e to the power of the entropy."""
        return exp(self.entropy())

    def _allowed(self, name: str) -> Check:
        """Return what must hold of a parameter."""
        raise NotImplementedError

    def _support(self) -> Check:
        """Return what must hold of a value."""
        raise NotImplementedError

    # -- checks --------------------------------------------------------------------------------------------------------

    def _check_parameter(self, name: str, value: Tensor) -> None:
        words, holds = self._allowed(name)
        if not _all(holds(value.detach())):
            array = value.detach().numpy()
            raise ValueError(
                f"Expected parameter {name} (Tensor of shape {array.shape}) of distribution {self!r} to satisfy: "
                f"{words}; but found invalid values:\n{array}"
            )

    def _checked(self, value: Any) -> Tensor:
        """Return a value as a tensor, checked if that is asked for."""
        if not self._validate_args:
            return as_tensor(value)
        if not isinstance(value, Tensor):
            raise ValueError(f"{type(self).__name__}: the value must be a Tensor, got {type(value).__name__}")
        try:
            np.broadcast_shapes(value.shape, (*self.batch_shape, *self.event_shape))
        except ValueError:
            raise ValueError(
                f"{type(self).__name__}: a value of shape {value.shape} does not broadcast to batch_shape "
                f"{self.batch_shape}" + (f" and event_shape {self.event_shape}" if self.event_shape else "")
            ) from None
        words, holds = self._support()
        if not _all(holds(value.detach())):
            array = value.detach().numpy()
            raise ValueError(
                f"Expected value argument (Tensor of shape {array.shape}) to be within the support ({words}) of the "
                f"distribution {self!r}, but found invalid values:\n{array}"
            )
        return value

    def _shape(self, sample_shape: Sizes) -> tuple[int, ...]:
        """Return the shape of what is drawn."""
        return (*sample_shape, *self.batch_shape, *self.event_shape)

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self._parameters]
        return f"{type(self).__name__}({', '.join(f'{n}: {v.shape if v.ndim else v.item()}' for n, v in values)})"


def broadcast_all(name: str, *values: Any) -> tuple[Tensor, ...]:
    """Return parameters as tensors of one shape and dtype; numbers take the dtype of the tensors beside them."""
    tensors = [v for v in values if isinstance(v, (Tensor, np.ndarray))]
    dtype = np.result_type(*(t.dtype for t in tensors)) if tensors else np.dtype(dtypes.get_default_dtype())
    dtype = dtype if dtype.kind == "f" else np.dtype(dtypes.get_default_dtype())
    for v in values:
        if not isinstance(v, (Tensor, np.ndarray, int, float, np.generic)) or isinstance(v, bool):
            raise ValueError(f"{name}: parameters must be tensors or numbers, got {type(v).__name__}")
    given = [(v if isinstance(v, Tensor) else as_tensor(np.asarray(v))).to(dtype) for v in values]
    try:
        shape = np.broadcast_shapes(*(t.shape for t in given))
    except ValueError:
        raise RuntimeError(f"{name}: shapes {' and '.join(str(t.shape) for t in given)} do not broadcast") from None
    return tuple(t if t.shape == shape else broadcast_to(t, shape) for t in given)


def one_of(name: str, probs: Any, logits: Any) -> str:
    """Return which of both is given, or refuse both and none."""
    if (probs is None) == (logits is None):
        raise ValueError(f"{name}: either probs or logits must be given, not both")
    return "logits" if probs is None else "probs"


def _all(truths: Tensor) -> bool:
    return decided(np.all, truths)


REAL: Check = ("a real number", lambda a: a == a)
POSITIVE: Check = ("greater than 0", lambda a: a > 0)
UNIT: Check = ("between 0 and 1", lambda a: (a >= 0) & (a <= 1))
BOOLEAN: Check = ("0 or 1", lambda a: (a == 0) | (a == 1))
