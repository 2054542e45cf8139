"""Derivatives of bringing values to mean 0 and variance 1: what batch, layer and group normalization share."""

from __future__ import annotations

import numpy as np

from ..engine.primitive import row
from ..kernels.reductions import count, residual
from ..kernels.reductions import moments as mean_and_variance
from .reduction import mean

# The moments are an input, for running averages want them as well. They carry no gradient: what they contribute as
# functions of x is part of the one derivative of the whole, and of that of the scale.

moments = row(lambda x, *, dim: mean_and_variance(x, dim))
standardize = row(
    lambda x, moments, *, dim, eps: (x - moments[0]) * (1 / np.sqrt(moments[1] + eps)),
    x=lambda g, y, x, moments, dim, eps: residual(
        g, y, mean(g, dim=dim, keepdim=True), mean(g * y, dim=dim, keepdim=True), scale(x, moments, dim=dim, eps=eps)
    ),
)
scale = row(
    lambda x, moments, *, dim, eps: 1 / np.sqrt(moments[1] + eps),
    x=lambda g, y, x, moments, dim, eps: -g * y * y * standardize(x, moments, dim=dim, eps=eps) / count(x.shape, dim),
)
