"""Affine layers."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .functional._checks import check_sizes
from .module import Module, Parameter


class Linear(Module):
    """Affine map ``x @ weight.T + bias`` of the last dimension.

    Parameters
    ----------
    in_features, out_features : int
        The size of each input and each output row.
    bias : bool, optional
        Whether to add a learned bias.
    device : optional
        "cpu", or None.
    dtype : dtype, optional
        Of the parameters; the default dtype (float32) unless given.

    Attributes
    ----------
    weight : Parameter
        Of shape (out_features, in_features), drawn from U(-1/√in_features, 1/√in_features).
    bias : Parameter or None
        Of shape (out_features,), drawn likewise.

    Raises
    ------
    RuntimeError
        If a size is negative.

    Examples
    --------
    Shapes (..., in_features) to (..., out_features):

    >>> nn.Linear(3, 2)(ad.zeros(5, 3)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__()
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(ad.zeros(out_features, in_features, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(ad.zeros(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., in_features) to (..., out_features)."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """Bilinear map of two inputs: ``y[..., k] = x1 · weight[k] · x2 + bias[k]``.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        The size of each input and of the output.
    bias : bool, optional
        Whether to add a learned bias.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter
        Of shape (out_features, in1_features, in2_features), drawn from U(-1/√in1_features, 1/√in1_features).
    bias : Parameter or None
        Of shape (out_features,), drawn likewise.

    Raises
    ------
    RuntimeError
        If a size is negative.
    ValueError
        If there is no first input.

    Examples
    --------
    >>> nn.Bilinear(3, 4, 2)(ad.zeros(5, 3), ad.zeros(5, 4)).shape
    (5, 2)
    """

    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        check_sizes("Bilinear", in1_features=in1_features, in2_features=in2_features, out_features=out_features)
        if not in1_features:
            raise ValueError("Bilinear: in1_features must be positive, got 0")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(ad.zeros(out_features, in1_features, in2_features, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(ad.zeros(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Map (..., in1_features) and (..., in2_features) to (..., out_features)."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Name the sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
