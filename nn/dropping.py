"""Layers that put whole channels to 0 at random."""

from __future__ import annotations

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .shaping import Dropout as Dropout


class Dropout1d(Dropout):
    """In training, put channels of sequences to 0 at random; see `nn.Dropout2d`.

    Examples
    --------
    >>> nn.Dropout1d(1.0)(ad.ones(1, 2, 3))
    tensor([[[0., 0., 0.],
             [0., 0., 0.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, L) or (C, L) to itself."""
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(Dropout):
    """In training, put whole channels of images to 0 at random and divide the others by 1 - p.

    Parameters
    ----------
    p : float, optional
        The probability with which a channel becomes 0.
    inplace : bool, optional
        Does not change the result, which is a new tensor.

    Raises
    ------
    ValueError
        If `p` is not between 0 and 1.

    Examples
    --------
    >>> nn.Dropout2d(0.5).eval()(ad.ones(1, 1, 1, 2))
    tensor([[[[1., 1.]]]])

    References
    ----------
    Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, H, W), or (N, C, L), to itself."""
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(Dropout):
    """In training, put channels of volumes to 0 at random; see `nn.Dropout2d`.

    Examples
    --------
    >>> nn.Dropout3d(1.0)(ad.ones(1, 1, 1, 2))
    tensor([[[[0., 0.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, D, H, W) or (C, D, H, W) to itself."""
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(Dropout):
    """In training, put elements to the least value of `nn.SELU` at random; see `nn.functional.alpha_dropout`.

    Examples
    --------
    >>> nn.AlphaDropout(0.2).eval()(ad.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(Dropout):
    """In training, do to whole channels what `nn.AlphaDropout` does to elements.

    Examples
    --------
    >>> nn.FeatureAlphaDropout(0.2).eval()(ad.ones(1, 1, 2))
    tensor([[[1., 1.]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, ...) to itself."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
