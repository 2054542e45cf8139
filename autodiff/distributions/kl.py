"""How far one distribution lies from another: the Kullback-Leibler divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..functions.elementwise import softplus, where
from ..functions.solving import solve_triangular
from ..functions.transcendental import digamma, exp, lgamma, log
from ..tensor import Tensor
from .bernoulli import Bernoulli
from .categorical import Categorical
from .composed import Independent, LogNormal
from .counts import Poisson
from .dirichlet import Dirichlet
from .distribution import Distribution
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .one_hot import OneHotCategorical
from .positive import Beta, Exponential, Gamma, Laplace
from .tails import HalfNormal
from .uniform import Uniform

_FORMULAS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[Any], Any]:
    """Return a decorator for the formula of the divergence of one kind of distribution from another.

    Examples
    --------
    >>> class Half(ad.distributions.Bernoulli):
    ...     def __init__(self):
    ...         super().__init__(0.5)
    >>> @ad.distributions.register_kl(Half, Half)
    ... def kl_half_half(p, q):
    ...     return ad.zeros(())
    >>> ad.distributions.kl_divergence(Half(), Half())
    tensor(0.)
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl: expected a subclass of Distribution, got {kind!r}")

    def register(formula: Any) -> Any:
        _FORMULAS[type_p, type_q] = formula
        return formula

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Return the expected log(p / q) of draws from p: 0 where both are the same, positive elsewhere.

    Parameters
    ----------
    p, q : Distribution
        Of one kind, or of two for which `register_kl` has registered a formula.

    Returns
    -------
    Tensor
        Of the broadcast batch_shape.

    Raises
    ------
    NotImplementedError
        If there is no formula for the two.

    Examples
    --------
    >>> Normal = ad.distributions.Normal
    >>> ad.distributions.kl_divergence(Normal(1.0, 1.0), Normal(0.0, 1.0))
    tensor(0.5000)

    References
    ----------
    Kullback and Leibler, "On information and sufficiency", 1951.
    """
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            if (kind_p, kind_q) in _FORMULAS:
                return _FORMULAS[kind_p, kind_q](p, q)
    raise NotImplementedError(f"kl_divergence: there is no formula for {type(p).__name__} and {type(q).__name__}")


@register_kl(Normal, Normal)
def _normals(p: Normal, q: Normal) -> Tensor:
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    ratio = ratio * ratio
    return 0.5 * (ratio + shift * shift - 1 - log(ratio))


@register_kl(Uniform, Uniform)
def _uniforms(p: Uniform, q: Uniform) -> Tensor:
    outside = (q.low > p.low) | (q.high < p.high)
    return where(outside, np.inf, log((q.high - q.low) / (p.high - p.low)))


@register_kl(Bernoulli, Bernoulli)
def _bernoullis(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return _limited(one, p.probs == 0, q.probs == 0) + _limited(zero, p.probs == 1, q.probs == 1)


@register_kl(Categorical, Categorical)
def _categoricals(p: Categorical, q: Categorical) -> Tensor:
    return _limited(p.probs * (p.logits - q.logits), p.probs == 0, q.probs == 0).sum(-1)


def _limited(term: Tensor, never: Tensor, impossible: Tensor) -> Tensor:
    """Return a term of an expectation: 0 where p never draws it, infinite where q cannot."""
    return where(never, 0.0, where(impossible, np.inf, term))


@register_kl(MultivariateNormal, MultivariateNormal)
def _normal_vectors(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    mixed = solve_triangular(q.scale_tril, p.scale_tril, upper=False)
    shift = solve_triangular(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False)
    squares = (mixed * mixed).sum((-2, -1)) + (shift * shift).sum((-2, -1))
    return q._half_log_det() - p._half_log_det() + 0.5 * (squares - p.event_shape[0])


@register_kl(Independent, Independent)
def _independents(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: both need the same reinterpreted_batch_ndims")
    return p._summed(kl_divergence(p.base_dist, q.base_dist))


@register_kl(LogNormal, LogNormal)
def _of_logarithms(p: LogNormal, q: LogNormal) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(HalfNormal, HalfNormal)
def _halves(p: HalfNormal, q: HalfNormal) -> Tensor:
    return kl_divergence(p._whole, q._whole)


@register_kl(OneHotCategorical, OneHotCategorical)
def _vectors(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return kl_divergence(p._classes, q._classes)


@register_kl(Laplace, Laplace)
def _laplaces(p: Laplace, q: Laplace) -> Tensor:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -log(ratio) + apart / q.scale + ratio * exp(-apart / p.scale) - 1


@register_kl(Exponential, Exponential)
def _exponentials(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - log(ratio) - 1


@register_kl(Poisson, Poisson)
def _poissons(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (log(p.rate) - log(q.rate)) - (p.rate - q.rate)


@register_kl(Gamma, Gamma)
def _gammas(p: Gamma, q: Gamma) -> Tensor:
    shape, rate = p.concentration - q.concentration, q.rate - p.rate
    known = q.concentration * log(p.rate / q.rate) + lgamma(q.concentration) - lgamma(p.concentration)
    return known + shape * digamma(p.concentration) + rate * p.concentration / p.rate


@register_kl(Beta, Beta)
def _betas(p: Beta, q: Beta) -> Tensor:
    a, b, c, d = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    total = a + b
    return (
        q._log_beta() - p._log_beta() + (a - c) * digamma(a) + (b - d) * digamma(b) + (c + d - total) * digamma(total)
    )


@register_kl(Dirichlet, Dirichlet)
def _dirichlets(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    sizes = lgamma(total) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1)
    return sizes + ((a - b) * (digamma(a) - digamma(total).unsqueeze(-1))).sum(-1)
