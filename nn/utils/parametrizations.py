"""PyTorch's ready parametrizations."""

from __future__ import annotations

from .norms import parametrized_spectral_norm as spectral_norm
from .norms import parametrized_weight_norm as weight_norm
from .orthogonal import orthogonal

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
