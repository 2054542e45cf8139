"""Random numbers whose parameters are tensors: normal, Bernoulli, Poisson and multinomial draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ..device import check_device
from ..engine import dtypes
from ..engine.graph import Node
from ..engine.primitive import wrap
from ..random import default_generator
from ..tracing import decided, noted, refuse
from .arguments import computed, integer, sizes, tensor_of

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["bernoulli", "binomial", "multinomial", "normal", "poisson"]

_Source = np.random.Generator | None


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: _Source = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from normal distributions, one for each mean and standard deviation, or from a single one.

    Parameters
    ----------
    mean, std : Tensor or float
        One for each number that is drawn; or numbers, where a `size` is given.
    size : sequence of int, optional
    generator : numpy.random.Generator, optional
        Where the numbers come from; the generator of `manual_seed` by default.
    dtype, device, requires_grad : optional
        As for `randn`; where there is a `size`.

    Returns
    -------
    Tensor
        Not differentiable: for what shall be, compute ``mean + std * ad.randn_like(std)``.

    Raises
    ------
    RuntimeError
        If a standard deviation is negative.

    Examples
    --------
    >>> ad.normal(0.0, 1.0, size=(2, 3)).shape
    (2, 3)
    >>> ad.normal(ad.tensor([1.0, 2.0]), ad.zeros(2))
    tensor([1., 2.])
    """
    check_device(device, "normal")
    tensors: list[Any] = [x for x in (mean, std) if isinstance(x, Node)]
    m, s = (x if isinstance(x, Node) else wrap(np.asarray(x)) for x in (mean, std))
    if not decided(lambda a: np.all(a >= 0), s):
        raise RuntimeError(f"normal: std must not be negative, got {np.min(s._data)}")
    if (size is None) == (not tensors):
        raise TypeError("normal: expected a tensor as mean or std, or a size beside numbers")
    shape = np.broadcast_shapes(*(x.shape for x in tensors)) if size is None else sizes((size,), "normal")
    wanted = dtypes.get_default_dtype() if dtype is None else dtypes.checked(dtype, "normal")
    kind = np.result_type(*(x.dtype for x in tensors)) if tensors else wanted
    noise = wrap(noted(lambda: np.asarray((generator or default_generator()).standard_normal(shape)).astype(kind)))
    drawn: Tensor = computed("normal", lambda noise, m, s: np.asarray(noise * s + m).astype(kind), noise, m, s)
    return drawn.requires_grad_(requires_grad)


def bernoulli(input: Tensor, p: float | None = None, *, generator: _Source = None) -> Tensor:
    """Draw ones and zeros: each a one with the probability in its place, or all with probability `p`.

    Raises
    ------
    RuntimeError
        If a probability is not from 0 to 1, or the tensor that says them holds no floats.

    Examples
    --------
    >>> ad.bernoulli(ad.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    chances = input if p is None else wrap(np.broadcast_to(np.float64(p), input.shape))
    if chances.dtype.kind != "f":
        raise RuntimeError(f"bernoulli: expected probabilities, got a tensor of {chances.dtype}; give p, or floats")
    if not decided(lambda a: np.all((a >= 0) & (a <= 1)), chances):
        raise RuntimeError("bernoulli: a probability must be from 0 to 1")
    shape, kind = input.shape, input.dtype
    drawn = wrap(noted(lambda: np.asarray((generator or default_generator()).random(shape))))
    return computed("bernoulli", lambda u, p: np.asarray(u < p).astype(kind), drawn, chances)  # type: ignore[no-any-return]  # a Tensor


def poisson(input: Tensor, generator: _Source = None) -> Tensor:
    """Draw counts from Poisson distributions whose rates are given by a tensor.

    Examples
    --------
    >>> ad.poisson(ad.zeros(2))
    tensor([0., 0.])
    """
    refuse("poisson, whose draws depend on values,", "draw outside of the function, and pass what was drawn")
    if not np.all(input._data >= 0):
        raise RuntimeError("poisson: a rate must not be negative")
    drawn = (generator or default_generator()).poisson(input._data.astype(np.float64))
    made: Tensor = wrap(np.asarray(drawn).astype(input.dtype))
    return made


def binomial(count: Tensor, prob: Tensor, generator: _Source = None) -> Tensor:
    """Draw how many of `count` trials succeed, each with the probability `prob`.

    Examples
    --------
    >>> ad.binomial(ad.tensor([3.0, 3.0]), ad.tensor([0.0, 1.0]))
    tensor([0., 3.])
    """
    refuse("binomial, whose draws depend on values,", "draw outside of the function, and pass what was drawn")
    n, p = tensor_of(count, "binomial")._data, tensor_of(prob, "binomial")._data
    if p.dtype.kind != "f" or n.dtype != p.dtype:
        raise ValueError(
            f"binomial: expected counts and probabilities of one dtype of floats, got {n.dtype}, {p.dtype}"
        )
    if not (np.all(n >= 0) and np.all((p >= 0) & (p <= 1))):
        raise RuntimeError("binomial: a count must not be negative, and a probability must be from 0 to 1")
    drawn = (generator or default_generator()).binomial(n.astype(np.int64), p.astype(np.float64))
    made: Tensor = wrap(np.asarray(drawn).astype(p.dtype))
    return made


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: _Source = None) -> Tensor:
    """Draw numbers of categories, each as often as its weight says.

    Parameters
    ----------
    input : Tensor
        Weights that are not negative, of shape (categories,) or (rows, categories); they need not add up to 1.
    num_samples : int
        How many to draw from each row.
    replacement : bool, optional
        Whether a category can be drawn twice.
    generator : numpy.random.Generator, optional
        Where the numbers come from; the generator of `manual_seed` by default.

    Returns
    -------
    Tensor
        Of int64 and of shape (num_samples,) or (rows, num_samples).

    Raises
    ------
    RuntimeError
        If a weight is negative or not finite, all of a row are 0, or too few are left to draw from.

    Examples
    --------
    >>> ad.multinomial(ad.tensor([0.0, 3.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    >>> sorted(ad.multinomial(ad.ones(3), 3).tolist())
    [0, 1, 2]
    """
    weights, count = tensor_of(input, "multinomial"), integer(num_samples, "multinomial", "num_samples")
    if input.dtype.kind != "f":
        raise RuntimeError(f"multinomial: expected weights that are floats, got {input.dtype}")
    if weights.ndim not in (1, 2) or not weights.shape[-1]:
        raise RuntimeError(f"multinomial: expected weights of 1 or 2 dimensions, got shape {tuple(weights.shape)}")
    if not decided(lambda w: np.all(np.isfinite(w) & (w >= 0)), weights):
        raise RuntimeError("multinomial: a weight must be finite and not negative")
    if count < 1 or (not replacement and count > weights.shape[-1]):
        raise RuntimeError(f"multinomial: cannot draw {count} of {weights.shape[-1]} categories without replacement")
    if not decided(lambda w: np.all(w.astype(np.float64).sum(-1) > 0), weights):
        raise RuntimeError("multinomial: the weights of a row must not all be 0")
    shape = tuple(weights.shape)

    def draw() -> Any:
        source = generator or default_generator()
        return source.random((*shape[:-1], count)) if replacement else source.standard_exponential(shape)

    drawn = wrap(noted(draw))
    return computed("multinomial", _with if replacement else _without(count), weights, drawn)  # type: ignore[no-any-return]  # a Tensor


def _with(weights: Any, u: Any) -> Any:
    """Return the categories that uniform numbers fall into."""
    ends = np.cumsum(weights.astype(np.float64), -1)
    drawn = ((u * ends[..., -1:])[..., None] >= ends[..., None, :]).sum(-1)
    return np.asarray(np.minimum(drawn, weights.shape[-1] - 1), np.int64)


def _without(count: int) -> Callable[..., Any]:
    """Return a function that finds the categories with the shortest waiting times (Efraimidis and Spirakis, 2006)."""

    def first(weights: Any, times: Any) -> Any:
        with np.errstate(divide="ignore"):
            waiting = times / weights.astype(np.float64)
        return np.asarray(np.argsort(waiting, -1)[..., :count], np.int64)

    return first
