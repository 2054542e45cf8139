"""Derivatives of functions that reduce dimensions, accumulate along them, or weigh what lies along them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import row
from ..kernels import reductions
from ..kernels.reductions import accumulate, average, count, divide, largest, product, spread, total, with_dims
from .arrangement import along
from .elementwise import sign

Array = Any  # whatever a row runs on: arrays, tensors, symbols
Dims = tuple[int, ...]

# -- sums --------------------------------------------------------------------------------------------------------------


sum = row(
    lambda x, *, dim, keepdim: total(x, dim, keepdim),
    x=lambda g, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim),
    symbol="Σ",
)
mean = row(
    lambda x, *, dim, keepdim: average(x, dim, keepdim),
    x=lambda g, x_shape, dim, keepdim: spread(divide(g, count(x_shape, dim) or 1), x_shape, dim, keepdim),
    called="mean",
)

# -- norms -------------------------------------------------------------------------------------------------------------


def norm_rule(g: Array, y: Array, x: Array, p: float, dim: Dims, keepdim: bool) -> Array:
    """Return g sign(x) (|x| / y)^(p-1), the gradient of a p-norm y; 0 where x or y is 0."""
    y, g = spread(y, x.shape, dim, keepdim), spread(g, x.shape, dim, keepdim)
    y, g = np.where(y == 0, 1, y), np.where(y == 0, 0, g)
    if p == 2:
        return g * (x / y)
    return g * sign(x) * (np.where(x == 0, 1, np.abs(x)) / y) ** (p - 1)


norm = row(reductions.p_norm, x=norm_rule, called="‖·‖")

# -- extremes ----------------------------------------------------------------------------------------------------------


def extreme_rule(g: Array, y: Array, x: Array, dim: Dims, keepdim: bool, nan: bool) -> Array:
    """Share the gradient equally among the extreme elements; among the NaN, if there are any and `nan` is set."""
    extreme = x == spread(y, x.shape, dim, keepdim)
    chosen = (extreme | np.isnan(x) if nan else extreme) * np.ones_like(x)
    return chosen * spread(g, x.shape, dim, keepdim) / sum(chosen, dim=dim, keepdim=True)


amax = row(lambda x, *, dim, keepdim, nan: largest(x, dim, keepdim), x=extreme_rule, symbol="max")
amin = row(
    lambda x, *, dim, keepdim, nan: np.minimum.reduce(x, axis=dim, keepdims=keepdim), x=extreme_rule, symbol="min"
)

# -- exponentials, kept from overflowing -------------------------------------------------------------------------------


logsumexp = row(
    reductions.logsumexp,
    x=lambda g, y, x, dim, keepdim: spread(g, x.shape, dim, keepdim) * np.exp(x - with_dims(y, x.shape, dim, keepdim)),
    called="logsumexp",
)
softmax = row(reductions.softmax, x=lambda g, y, dim: y * (g - sum(g * y, dim=(dim,), keepdim=True)), called="softmax")
log_softmax = row(
    reductions.log_softmax, x=lambda g, y, dim: g - np.exp(y) * sum(g, dim=(dim,), keepdim=True), called="log_softmax"
)

# -- running sums and products -----------------------------------------------------------------------------------------


def sum_from_end(g: Array, dim: int) -> Array:
    """Return running sums that begin at the end."""
    backwards = along(dim, slice(None, None, -1))
    return cumsum(g[backwards], dim=dim)[backwards]


def recurrence(g: Array, factors: Array, dim: int) -> Array:
    """Return S along a dimension, where S = g + (next factor) (next S)."""
    at = [along(dim, slice(i, i + 1)) for i in range(g.shape[dim])]
    found = [g[at[-1]]]
    for here, behind in zip(at[-2::-1], at[:0:-1], strict=True):
        found.append(g[here] + factors[behind] * found[-1])
    return np.concatenate(found[::-1], axis=dim)


def cumprod_rule(g: Array, y: Array, x: Array, dim: int) -> Array:
    """Return the gradient of running products, also where a factor is 0.

    With L the product of what comes before a factor x, and S = g + (next x) (next S) what follows it has to do with
    it, the gradient is L S. Without zeros among the factors a running sum gives the same without a loop.
    """
    if x.shape[dim] == 1:
        return g
    if not (x == 0).any():
        return sum_from_end(g * y, dim) / x
    before = np.concatenate([np.ones_like(g[along(dim, slice(1))]), y[along(dim, slice(-1))]], axis=dim)
    return before * recurrence(g, x, dim)


def logcumsumexp_rule(g: Array, y: Array, x: Array, dim: int) -> Array:
    """Return exp(x - y) S, where S = g + exp(y - next y) (next S): no exponential has a positive argument."""
    if x.shape[dim] <= 1:
        return g
    y = np.where(y == -np.inf, 0, y)
    steps = np.concatenate([y[along(dim, slice(1))], y[along(dim, slice(-1))]], axis=dim) - y
    return np.exp(x - y) * recurrence(g, np.exp(steps), dim)


def product_of_others(x: Array, y: Array, dim: Dims, keepdim: bool) -> Array:
    """Return for each element the product of all others along dimensions, also where some are 0."""
    if not x.ndim:
        return np.ones_like(x)
    if not (x == 0).any():
        return spread(y, x.shape, dim, keepdim) / x
    order = (*(d for d in range(x.ndim) if d not in dim), *dim)
    rows = np.transpose(x, order)
    shape = rows.shape
    rows = rows.reshape((*shape[: x.ndim - len(dim)], -1))
    last, one = rows.ndim - 1, np.ones_like(rows[..., :1])
    before = cumprod(np.concatenate([one, rows[..., :-1]], axis=last), dim=last)
    behind = cumprod(np.concatenate([one, rows[..., :0:-1]], axis=last), dim=last)[..., ::-1]
    return np.transpose((before * behind).reshape(shape), tuple(np.argsort(order).tolist()))


cumsum = row(lambda x, *, dim: accumulate(np.add, x, dim), x=lambda g, dim: sum_from_end(g, dim), symbol="Σ…")
logcumsumexp = row(reductions.logcumsumexp, x=logcumsumexp_rule)
cumprod = row(lambda x, *, dim: accumulate(np.multiply, x, dim), x=cumprod_rule, symbol="Π…")
prod = row(
    lambda x, *, dim, keepdim: product(x, dim, keepdim),
    x=lambda g, y, x, dim, keepdim: spread(g, x.shape, dim, keepdim) * product_of_others(x, y, dim, keepdim),
    symbol="Π",
    words="the product of the others",
)
