"""Probability distributions: what is drawn from them, how likely it is, and how far they lie apart."""

from __future__ import annotations

from . import transforms as transforms
from .bernoulli import Bernoulli
from .categorical import Categorical
from .cauchy import Cauchy
from .composed import Independent, LogNormal, TransformedDistribution
from .distribution import Distribution
from .kl import kl_divergence, register_kl
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .poisson import Poisson
from .positive import Beta, Exponential, Gamma, Laplace
from .transforms import AffineTransform, ExpTransform, SigmoidTransform, TanhTransform, Transform
from .uniform import Uniform

__all__ = [
    "AffineTransform", "Bernoulli", "Beta", "Categorical", "Cauchy", "Distribution", "ExpTransform", "Exponential",
    "Gamma", "Independent", "Laplace", "LogNormal", "MultivariateNormal", "Normal", "Poisson", "SigmoidTransform",
    "TanhTransform", "Transform", "TransformedDistribution", "Uniform", "kl_divergence", "register_kl",
]  # fmt: skip
