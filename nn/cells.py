"""One time step of recurrent networks: the formulas, and the cells that apply them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of

from . import init
from .module import Module, Parameter

States = tuple[Tensor, ...]  # h, or h and c

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {"tanh": ad.tanh, "relu": ad.relu}


# -- formulas ----------------------------------------------------------------------------------------------------------

# What the input contributes to the gates, `x`, is computed for a whole sequence at once, as (gates, N, hidden), so that
# each gate is a contiguous part. `u` holds the recurrent weights as (gates, hidden, hidden): one product a step.


def rnn_step(x: Tensor, h: Tensor, u: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """``h' = activation(x + u h)``, where x is (N, hidden) and u the recurrent weight."""
    return activation(x + ad.linear(h, u))


def lstm_step(x: Tensor, state: States, u: Tensor) -> States:
    """``c' = σ(f) * c + σ(i) * tanh(g)`` and ``h' = σ(o) * tanh(c')``, where i, f, g, o are side by side in x + u h."""
    h, c = state
    y, n = x + ad.linear(h, u), c.shape[-1]
    i, f, g, o = (y[:, k : k + n] for k in range(0, 4 * n, n))
    c = ad.sigmoid(f) * c + ad.sigmoid(i) * ad.tanh(g)
    return ad.sigmoid(o) * ad.tanh(c), c


def gru_step(x: Tensor, h: Tensor, u: Tensor, bias: Tensor | None) -> Tensor:
    """``h' = n + σ(z) * (h - n)`` with ``n = tanh(xn + σ(r) * hn)``, where r, z, hn are of x and u h + bias."""
    y, size = ad.linear(h, u, bias), h.shape[-1]
    gates = ad.sigmoid(x[:, : 2 * size] + y[:, : 2 * size])
    r, z = gates[:, :size], gates[:, size:]
    n = ad.tanh(x[:, 2 * size :] + r * y[:, 2 * size :])
    return n + z * (h - n)


# -- cells -------------------------------------------------------------------------------------------------------------


def checked_size(name: str, what: str, size: Any) -> int:
    """Return a positive size, or say what it must be."""
    if not isinstance(size, int):
        raise TypeError(f"{name}: {what} must be an integer, got {type(size).__name__}")
    if size <= 0:
        raise ValueError(f"{name}: {what} must be positive, got {size}")
    return size


def checked_nonlinearity(name: str, nonlinearity: str) -> str:
    """Return the name of a nonlinearity, or say which there are."""
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(f"{name}: nonlinearity must be one of {[*NONLINEARITIES]}, got {nonlinearity!r}")
    return nonlinearity


class _Cell(Module):
    """What cells share: weights for as many gates as they have, and inputs with or without a batch."""

    _gates: int
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.input_size, self.hidden_size = input_size, checked_size(name, "hidden_size", hidden_size)
        self.bias = bias
        rows = self._gates * hidden_size
        self.weight_ih = Parameter(ad.zeros(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(ad.zeros(rows, hidden_size, device=device, dtype=dtype))
        for which in ("bias_ih", "bias_hh"):
            self.register_parameter(which, Parameter(ad.zeros(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def _read(self, input: Any, *states: Any) -> tuple[Tensor, States]:
        """Return input and states as batches; a state that is not given is 0."""
        name = type(self).__name__
        x = floats_of(input, name)
        if x.ndim not in (1, 2):
            raise ValueError(f"{name}: expected an input of shape (input,) or (N, input), got {x.shape}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(f"{name}: expected {self.input_size} features in the input, got shape {x.shape}")
        shape = (*x.shape[:-1], self.hidden_size)
        given = [ad.zeros(*shape, dtype=x.dtype) if s is None else floats_of(s, name) for s in states]
        for s in given:
            if s.ndim not in (1, 2):
                raise ValueError(f"{name}: expected a state of shape (hidden,) or (N, hidden), got {s.shape}")
            if s.shape != shape:
                raise RuntimeError(f"{name}: an input of shape {x.shape} needs a state of shape {shape}, got {s.shape}")
        return x.reshape(-1, self.input_size), tuple(s.reshape(-1, self.hidden_size) for s in given)

    def _product(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the input contributes to the gates, both biases included, and the recurrent weights."""
        bias = None if self.bias_ih is None or self.bias_hh is None else self.bias_ih + self.bias_hh
        return ad.linear(x, self.weight_ih, bias), self.weight_hh

    def extra_repr(self) -> str:
        """Name the sizes, and the options that are not the default."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias is True else f", bias={self.bias}")


class RNNCell(_Cell):
    """One step of a simple recurrent network: ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool, optional
        Whether to add learned biases.
    nonlinearity : {"tanh", "relu"}, optional
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight_ih : Parameter
        Of shape (hidden_size, input_size), drawn from U(-1/√hidden_size, 1/√hidden_size), as are the others.
    weight_hh : Parameter
        Of shape (hidden_size, hidden_size).
    bias_ih, bias_hh : Parameter or None
        Of shape (hidden_size,).

    Raises
    ------
    ValueError
        If `hidden_size` is not positive, or the nonlinearity unknown.

    Examples
    --------
    >>> cell = nn.RNNCell(3, 4)
    >>> h = cell(ad.zeros(2, 3))
    >>> cell(ad.zeros(2, 3), h).shape
    (2, 4)
    """

    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = checked_nonlinearity("RNNCell", nonlinearity)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Map an input (N, input_size) and a state (N, hidden_size) to the next state; N may be absent."""
        x, (h,) = self._read(input, hx)
        g, u = self._product(x)
        return rnn_step(g, h, u, NONLINEARITIES[self.nonlinearity]).reshape(*input.shape[:-1], self.hidden_size)

    def extra_repr(self) -> str:
        """Name the sizes, and the options that are not the default."""
        kind = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + kind


class LSTMCell(_Cell):
    """One step of a long short-term memory; see `nn.LSTM`.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool, optional
        Whether to add learned biases.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight_ih : Parameter
        Of shape (4 · hidden_size, input_size): the gates i, f, g, o below each other. Drawn from
        U(-1/√hidden_size, 1/√hidden_size), as are the others.
    weight_hh : Parameter
        Of shape (4 · hidden_size, hidden_size).
    bias_ih, bias_hh : Parameter or None
        Of shape (4 · hidden_size,).

    Raises
    ------
    ValueError
        If `hidden_size` is not positive.

    Examples
    --------
    >>> cell = nn.LSTMCell(3, 4)
    >>> h, c = cell(ad.zeros(2, 3))
    >>> h, c = cell(ad.zeros(2, 3), (h, c))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    _gates = 4

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Map an input (N, input_size) and states h, c (N, hidden_size) to the next states; N may be absent."""
        x, states = self._read(input, *checked_states("LSTMCell", hx))
        g, u = self._product(x)
        h, c = (s.reshape(*input.shape[:-1], self.hidden_size) for s in lstm_step(g, states, u))
        return h, c


class GRUCell(_Cell):
    """One step of a network of gated recurrent units; see `nn.GRU`.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool, optional
        Whether to add learned biases.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight_ih : Parameter
        Of shape (3 · hidden_size, input_size): the gates r, z, n below each other. Drawn from
        U(-1/√hidden_size, 1/√hidden_size), as are the others.
    weight_hh : Parameter
        Of shape (3 · hidden_size, hidden_size).
    bias_ih, bias_hh : Parameter or None
        Of shape (3 · hidden_size,).

    Raises
    ------
    ValueError
        If `hidden_size` is not positive.

    Examples
    --------
    >>> nn.GRUCell(3, 4)(ad.zeros(2, 3), ad.ones(2, 4)).shape
    (2, 4)
    """

    _gates = 3

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Map an input (N, input_size) and a state (N, hidden_size) to the next state; N may be absent."""
        x, (h,) = self._read(input, hx)
        g = ad.linear(x, self.weight_ih, self.bias_ih)
        return gru_step(g, h, self.weight_hh, self.bias_hh).reshape(*input.shape[:-1], self.hidden_size)


def checked_states(name: str, hx: Any) -> tuple[Any, Any]:
    """Return the two states of a long short-term memory, or two None."""
    if hx is None:
        return None, None
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise TypeError(f"{name}: the states must be a pair (h, c), got {type(hx).__name__}")
    return hx[0], hx[1]
