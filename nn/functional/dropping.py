"""Functions that draw at random: channels that become 0, and one of several classes."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor, default_generator
from autodiff.functions.arguments import floats_of
from autodiff.tensor import from_array
from autodiff.tracing import noted

from ._checks import checked_probability

__all__ = ["alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout", "gumbel_softmax"]


_SELU_FLOOR = -1.7580993408473766  # -scale · alpha of `selu`


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Put 0 in the place of whole channels of sequences, (N, C, L) or (C, L); see `dropout2d`.

    Examples
    --------
    >>> F.dropout1d(ad.ones(2, 3), p=1.0)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return _drop("dropout1d", 1, input, p, training)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Put 0 in the place of whole channels chosen at random, and scale the others so that the mean is kept.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (N, C, L).
    p : float, optional
        The probability with which a channel becomes 0.
    training : bool, optional
        Without it the input is returned as it is.
    inplace : bool, optional
        Does not change the result, which is a new tensor.

    Returns
    -------
    Tensor
        Of the shape of `input`; what remains is divided by 1 - p.

    Raises
    ------
    ValueError
        If `p` is not between 0 and 1.
    RuntimeError
        If the shape does not fit.

    Examples
    --------
    >>> F.dropout2d(ad.ones(1, 1, 2), p=1.0)
    tensor([[[0., 0.]]])

    References
    ----------
    Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.
    """
    return _drop("dropout2d", 2, input, p, training)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Put 0 in the place of whole channels of volumes, (N, C, D, H, W) or (C, D, H, W); see `dropout2d`.

    Examples
    --------
    >>> F.dropout3d(ad.ones(1, 1, 1, 2), p=1.0)
    tensor([[[[0., 0.]]]])
    """
    return _drop("dropout3d", 3, input, p, training)


def _drop(name: str, n: int, input: Tensor, p: float, training: bool) -> Tensor:
    checked_probability(p, name)
    x = floats_of(input, name)
    batched = {n + 1: n == 2, n + 2: True}  # PyTorch takes 3 dimensions for (N, C, L), not for an image
    if x.ndim not in batched:
        raise RuntimeError(f"{name}: expected a {n + 1}-d or {n + 2}-d input, got shape {x.shape}")
    if not training or p == 0:
        return x
    channels = x.shape[: 1 + batched[x.ndim]]
    dtype, shape = x.dtype, (*channels, *(1,) * (x.ndim - len(channels)))

    def draw() -> Any:
        kept = default_generator().random(channels, np.float32) >= p
        return (kept * dtype.type(1 / (1 - p) if p < 1 else 0)).astype(dtype).reshape(shape)

    return x * from_array(noted(draw))


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Put elements chosen at random to the least value of `selu`, so that mean 0 and variance 1 are kept.

    Examples
    --------
    >>> F.alpha_dropout(ad.ones(2), p=0.5)
    tensor([1., 1.])

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.
    """
    x = floats_of(input, "alpha_dropout")
    return _alpha_drop("alpha_dropout", x, x.shape, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Do to whole channels what `alpha_dropout` does to elements.

    Examples
    --------
    >>> F.feature_alpha_dropout(ad.ones(1, 1, 2), p=0.5)
    tensor([[[1., 1.]]])
    """
    x = floats_of(input, "feature_alpha_dropout")
    if x.ndim < 2:
        raise RuntimeError(f"feature_alpha_dropout: expected at least 2 dimensions, got shape {x.shape}")
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2))
    return _alpha_drop("feature_alpha_dropout", x, shape, p, training, inplace)


def _alpha_drop(name: str, x: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Tensor:
    checked_probability(p, name)
    if not training or p == 0:
        return x
    kept = from_array(noted(lambda: (default_generator().random(shape, np.float32) >= p).astype(x.dtype)))
    if p == 1:
        y = x * 0
    else:
        scale = ((1 - p) * (1 + p * _SELU_FLOOR**2)) ** -0.5
        y = (x * kept + _SELU_FLOOR * (1 - kept)) * scale - scale * _SELU_FLOOR * p
    return x.copy_(y) if inplace else y


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Draw a class by a softmax of logits with Gumbel noise, through which gradients flow.

    Parameters
    ----------
    logits : Tensor
        Logarithms of probabilities, not normalized.
    tau : float, optional
        The temperature; the lower, the closer to a single 1.
    hard : bool, optional
        Whether to return a single 1 among zeros, with the gradient of the soft result.
    eps : float, optional
        Without effect.
    dim : int, optional
        The dimension of the classes.

    Returns
    -------
    Tensor
        Of the shape of `logits`.

    Examples
    --------
    >>> F.gumbel_softmax(ad.tensor([0.0, 100.0]), hard=True)
    tensor([0., 1.])

    References
    ----------
    Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017.
    """
    x = floats_of(logits, "gumbel_softmax")
    shape, dtype = x.shape, x.dtype
    noise = from_array(noted(lambda: np.asarray(default_generator().gumbel(size=shape)).astype(dtype)))
    soft = ad.softmax((x + noise) / tau, dim)
    if not hard:
        return soft
    best = soft.detach().argmax(dim, keepdim=True)
    single = ad.scatter(ad.zeros(*x.shape, dtype=x.dtype), dim, best, value=1.0)
    return single - soft.detach() + soft
