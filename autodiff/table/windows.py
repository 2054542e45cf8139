"""Derivatives of sliding a window over dimensions: what convolutions and poolings are made of."""

from __future__ import annotations

from typing import Any

from ..engine.primitive import row
from ..kernels import windows as kernel

Array = Any  # whatever a row runs on: arrays, tensors, symbols

# Each of these functions is linear in its first argument, and stands beside its adjoint: one is the other's derivative.

# -- the windows themselves --------------------------------------------------------------------------------------------

windows = row(
    kernel.windows,
    x=lambda g, x_shape, size, stride, dilation: unwindows(
        g, shape=x_shape, size=size, stride=stride, dilation=dilation
    ),
    view=True,
    words="1 in each window",
)
unwindows = row(
    kernel.unwindows,
    values=lambda g, size, stride, dilation: windows(g, size=size, stride=stride, dilation=dilation),
    symbol="windowsᵀ",
    words="1 where it is added",
)

# -- convolution: a sum of products over input, kernels and output, each of which is computed from the other two -------

convolve = row(
    kernel.convolve,
    input=lambda g, weight, input_shape, steps: convolve_input(g, weight, shape=input_shape, steps=steps),
    weight=lambda g, input, weight_shape, steps: convolve_weight(input, g, shape=weight_shape, steps=steps),
    symbol="conv",
    called="conv",
)
convolve_input = row(
    kernel.convolve_input,
    output=lambda g, weight, steps: convolve(g, weight, steps=steps),
    weight=lambda g, output, weight_shape, steps: convolve_weight(g, output, shape=weight_shape, steps=steps),
    symbol="∗ᵀ",
)
convolve_weight = row(
    kernel.convolve_weight,
    input=lambda g, output, input_shape, steps: convolve_input(output, g, shape=input_shape, steps=steps),
    output=lambda g, input, steps: convolve(input, g, steps=steps),
    symbol="∗ᵀ",
)

# -- what is left of each window: its sum, its largest element ---------------------------------------------------------

window_sum = row(
    kernel.window_sum, x=lambda g, x_shape, slide: spread_windows(g, shape=x_shape, slide=slide), symbol="Σ"
)
spread_windows = row(kernel.spread_windows, values=lambda g, slide: window_sum(g, slide=slide), symbol="Σᵀ")
window_max = row(
    kernel.window_max,
    x=lambda g, y, x, slide: put_in_windows(g, window_argmax(x, y, slide=slide), shape=x.shape, slide=slide),
    symbol="maxpool",
    called="maxpool",
)
window_argmax = row(lambda x, largest, *, slide: kernel.window_argmax(x, largest, slide=slide))
pick_in_windows = row(
    kernel.pick_in_windows,
    x=lambda g, number, x_shape, slide: put_in_windows(g, number, shape=x_shape, slide=slide),
    symbol="[ ]",
)
put_in_windows = row(
    kernel.put_in_windows, values=lambda g, number, slide: pick_in_windows(g, number, slide=slide), symbol="[ ]ᵀ"
)
