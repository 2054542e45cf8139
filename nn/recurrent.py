"""Recurrent layers: the formulas of the cells walked over sequences, in both directions, layer upon layer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .cells import (
    NONLINEARITIES,
    States,
    checked_nonlinearity,
    checked_size,
    checked_states,
    gru_step,
    lstm_step,
    rnn_step,
)
from .module import Module, Parameter
from .utils.rnn import PackedSequence

Step = Callable[[Tensor, States], States]


class RNNBase(Module):
    """What recurrent layers share: parameters by layer and direction, and the walk over sequences.

    A subclass says how many gates and states it has, and what a step is.
    """

    _gates: int
    _states = 1
    proj_size = 0

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.input_size, self.hidden_size = input_size, checked_size(name, "hidden_size", hidden_size)
        self.num_layers, self.proj_size = checked_size(name, "num_layers", num_layers), proj_size
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        self.dropout = _checked_dropout(name, dropout, num_layers)
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"{name}: proj_size must be from 0 to below hidden_size = {hidden_size}, got {proj_size}")
        self._suffixes = [f"_l{i}{way}" for i in range(num_layers) for way in ("", "_reverse")[: 1 + bidirectional]]
        rows, out = self._gates * hidden_size, proj_size or hidden_size
        for i, suffix in enumerate(self._suffixes):
            width = input_size if i <= bidirectional else out * (1 + bidirectional)
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, out)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
            shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
            for which, shape in shapes.items():
                self.register_parameter(which + suffix, Parameter(ad.zeros(*shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from U(-1/√hidden_size, 1/√hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: on other devices PyTorch lays the parameters out anew."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _all_weights(self) -> list[list[str]]:
        """Their names, by which programs find the biases of the forget gates."""
        names = [name for name, _ in self.named_parameters()]
        return [[name for name in names if name.partition("_l")[2] == s[2:]] for s in self._suffixes]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The same in one list."""
        return [name for names in self._all_weights for name in names]

    # -- the walk ------------------------------------------------------------------------------------------------------

    def _step(self, suffix: str) -> tuple[Tensor | None, Step]:
        """Return the bias that is added to the gates of all steps at once, and the step from a state to the next."""
        raise NotImplementedError

    def _weight(self, which: str, suffix: str) -> Tensor:
        weight: Tensor = getattr(self, which + suffix)
        return weight

    def _walk(self, x: Tensor, sizes: Sequence[int], state: States, suffix: str) -> tuple[Tensor, States]:
        """Walk one layer in one direction over rows (all steps, in): the outputs as such rows, and the last state."""
        bias, step = self._step(suffix)
        gates = ad.linear(x, self._weight("weight_ih", suffix), bias).split(list(sizes))
        walk = _backwards if suffix.endswith("_reverse") else _forwards
        outputs, state = walk(step, gates, state)
        return ad.cat(outputs), state

    def _run(self, x: Tensor, sizes: Sequence[int], states: States) -> tuple[Tensor, States]:
        """Run all layers over rows; states are (layers · directions, N, size)."""
        last: list[States] = []
        ways = 1 + self.bidirectional
        initial = list(zip(*(ad.unbind(s) for s in states), strict=True))
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            here = range(layer * ways, layer * ways + ways)
            walked = [self._walk(x, sizes, initial[i], self._suffixes[i]) for i in here]
            x = walked[0][0] if ways == 1 else ad.cat([y for y, _ in walked], 1)
            last += [state for _, state in walked]
        return x, tuple(ad.stack(s) for s in zip(*last, strict=True))

    # -- what comes and goes -------------------------------------------------------------------------------------------

    def _read(self, x: Tensor, states: Sequence[Any], batch: int, batched: bool = True) -> States:
        """Return the initial states as (layers · directions, N, size); those not given are 0."""
        name, rows = type(self).__name__, len(self._suffixes)
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)[: len(states)]
        read = []
        for s, size in zip(states, sizes, strict=True):
            shape = (rows, batch, size) if batched else (rows, size)
            given = ad.zeros(*shape, dtype=x.dtype) if s is None else floats_of(s, name)
            if given.shape != shape:
                raise RuntimeError(f"{name}: expected an initial state of shape {shape}, got {given.shape}")
            if given.dtype != x.dtype:
                raise RuntimeError(f"{name}: the input is {x.dtype}, but the initial state {given.dtype}")
            read.append(given if batched else given.unsqueeze(1))
        return tuple(read)

    def _apply(self, input: Any, states: Sequence[Any]) -> tuple[Any, States]:
        """Apply the layers to an input of any of the kinds that `forward` takes."""
        if isinstance(input, PackedSequence):
            return self._apply_packed(input, states)
        name = type(self).__name__
        x = floats_of(input, name)
        if x.ndim not in (2, 3):
            raise ValueError(f"{name}: expected a sequence of 2 dimensions or a batch of 3, got shape {x.shape}")
        self._check_width(x)
        batched = x.ndim == 3
        steps = x.unsqueeze(1) if not batched else x.transpose(0, 1) if self.batch_first else x
        length, batch = steps.shape[:2]
        if not length:
            raise RuntimeError(f"{name}: expected at least one time step, got shape {x.shape}")
        initial = self._read(x, states, batch, batched)
        rows, last = self._run(steps.reshape(length * batch, steps.shape[-1]), [batch] * length, initial)
        y = rows.reshape(length, batch, rows.shape[-1])
        if not batched:
            return y.squeeze(1), tuple(s.squeeze(1) for s in last)
        return (y.transpose(0, 1) if self.batch_first else y), last

    def _apply_packed(self, packed: PackedSequence, states: Sequence[Any]) -> tuple[PackedSequence, States]:
        self._check_width(packed.data)
        sizes = packed.batch_sizes.tolist()
        there, back = packed.sorted_indices, packed.unsorted_indices
        initial = self._read(packed.data, states, sizes[0])
        if there is not None:
            initial = tuple(s.index_select(1, there) for s in initial)
        rows, last = self._run(packed.data, sizes, initial)
        if back is not None:
            last = tuple(s.index_select(1, back) for s in last)
        return packed._replace(data=rows), last

    def _check_width(self, x: Tensor) -> None:
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{type(self).__name__}: expected {self.input_size} features in the last dimension, got shape {x.shape}"
            )

    def extra_repr(self) -> str:
        """Name the sizes, and the options that are not the default."""
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        other = (f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value)
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *other])


def _checked_dropout(name: str, p: Any, num_layers: int) -> float:
    if not isinstance(p, (int, float, np.number)) or isinstance(p, bool) or not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout must be a probability from 0 to 1, got {p!r}")
    if p and num_layers == 1:
        warnings.warn(
            f"{name}: dropout option adds dropout after all but last recurrent layer, and there is only one: "
            f"dropout={p} has no effect",
            stacklevel=4,
        )
    return float(p)


def _forwards(step: Step, gates: Sequence[Tensor], state: States) -> tuple[list[Tensor], States]:
    """Walk from the first step to the last; sequences that have ended keep their last state."""
    outputs, ended = [], []
    for x in gates:
        n = len(x)
        if n < len(state[0]):
            ended.append(tuple(s[n:] for s in state))
            state = tuple(s[:n] for s in state)
        state = step(x, state)
        outputs.append(state[0])
    if ended:
        state = tuple(ad.cat(parts) for parts in zip(state, *reversed(ended), strict=True))
    return outputs, state


def _backwards(step: Step, gates: Sequence[Tensor], initial: States) -> tuple[list[Tensor], States]:
    """Walk from the last step to the first; a shorter sequence joins where it ends."""
    outputs = []
    state = tuple(s[: len(gates[-1])] for s in initial)
    for x in reversed(gates):
        n, before = len(x), len(state[0])
        if n > before:
            state = tuple(ad.cat([s, first[before:n]]) for s, first in zip(state, initial, strict=True))
        state = step(x, state)
        outputs.append(state[0])
    return outputs[::-1], state


# -- layers ------------------------------------------------------------------------------------------------------------


class RNN(RNNBase):
    """Simple recurrent network: ``h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh)``.

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int, optional
        How many layers stand upon each other; each is fed the outputs of the one below.
    nonlinearity : {"tanh", "relu"}, optional
    bias : bool, optional
        Whether to add learned biases.
    batch_first : bool, optional
        Whether batches are (N, L, ...) instead of (L, N, ...); states are not concerned.
    dropout : float, optional
        The probability with which, in training, an element of the outputs between two layers becomes 0.
    bidirectional : bool, optional
        Whether a second network walks from the end to the beginning; both outputs stand beside each other.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        Of layer 0, and so on for the others; of the second direction with ``_reverse`` at the end. Of shapes
        (hidden_size, in), (hidden_size, hidden_size) and (hidden_size,), drawn from
        U(-1/√hidden_size, 1/√hidden_size).

    Raises
    ------
    ValueError
        If a size is not positive, or an option unknown or out of range.

    Examples
    --------
    >>> y, h = nn.RNN(3, 4)(ad.zeros(5, 2, 3))  # 5 steps, a batch of 2
    >>> y.shape, h.shape
    ((5, 2, 4), (1, 2, 4))

    References
    ----------
    Elman, "Finding structure in time", Cognitive Science 1990.
    """

    _gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity = checked_nonlinearity("RNN", nonlinearity)

    def _step(self, suffix: str) -> tuple[Tensor | None, Step]:
        u, activation = self._weight("weight_hh", suffix), NONLINEARITIES[self.nonlinearity]
        return _both_biases(self, suffix), lambda x, state: (rnn_step(x, state[0], u, activation),)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Map a sequence to the outputs of the last layer and the last state of every layer.

        Parameters
        ----------
        input : Tensor or PackedSequence
            Of shape (L, N, input_size), (N, L, input_size) if `batch_first`, or (L, input_size).
        hx : Tensor, optional
            The initial state, (layers · directions, N, hidden_size), or without N; 0 unless given.

        Returns
        -------
        output : Tensor or PackedSequence
            As the input, with directions · hidden_size features.
        h_n : Tensor
            Of the shape of `hx`.
        """
        y, (h,) = self._apply(input, (hx,))
        return y, h


def _both_biases(layer: RNNBase, suffix: str) -> Tensor | None:
    return layer._weight("bias_ih", suffix) + layer._weight("bias_hh", suffix) if layer.bias else None


class LSTM(RNNBase):
    """Long short-term memory: a state that gates protect, so that gradients reach far back.

    At each step, with σ the logistic function and the gates i, f, g, o = W_ih x[t] + b_ih + W_hh h[t-1] + b_hh::

        c[t] = σ(f) * c[t-1] + σ(i) * tanh(g)
        h[t] = σ(o) * tanh(c[t])

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int, optional
        How many layers stand upon each other; each is fed the outputs of the one below.
    bias : bool, optional
        Whether to add learned biases.
    batch_first : bool, optional
        Whether batches are (N, L, ...) instead of (L, N, ...); states are not concerned.
    dropout : float, optional
        The probability with which, in training, an element of the outputs between two layers becomes 0.
    bidirectional : bool, optional
        Whether a second network walks from the end to the beginning; both outputs stand beside each other.
    proj_size : int, optional
        If positive, h[t] is multiplied with a matrix W_hr and has this size.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0 : Parameter
        Of layer 0, and so on for the others; of the second direction with ``_reverse`` at the end. Of shapes
        (4 · hidden_size, in), (4 · hidden_size, out), (4 · hidden_size,) with the gates in the order i, f, g, o, and
        (proj_size, hidden_size). Drawn from U(-1/√hidden_size, 1/√hidden_size).

    Raises
    ------
    ValueError
        If a size is not positive, or an option out of range.

    Examples
    --------
    >>> lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True)
    >>> y, (h, c) = lstm(ad.zeros(2, 5, 3))  # a batch of 2, 5 steps
    >>> y.shape, h.shape, c.shape
    ((2, 5, 4), (2, 2, 4), (2, 2, 4))

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 1997. Gers, Schmidhuber and Cummins,
    "Learning to forget", Neural Computation 2000. Sak, Senior and Beaufays, arXiv:1402.1128 (projection).
    """

    _gates = 4

    def _step(self, suffix: str) -> tuple[Tensor | None, Step]:
        u = self._weight("weight_hh", suffix)
        if not self.proj_size:
            return _both_biases(self, suffix), lambda x, state: lstm_step(x, state, u)
        projection = self._weight("weight_hr", suffix).T

        def step(x: Tensor, state: States) -> States:
            h, c = lstm_step(x, state, u)
            return h @ projection, c

        return _both_biases(self, suffix), step

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Map a sequence to the outputs of the last layer and the last states of every layer.

        Parameters
        ----------
        input : Tensor or PackedSequence
            Of shape (L, N, input_size), (N, L, input_size) if `batch_first`, or (L, input_size).
        hx : pair of Tensor, optional
            The initial h, (layers · directions, N, proj_size or hidden_size), and c,
            (layers · directions, N, hidden_size), or without N; 0 unless given.

        Returns
        -------
        output : Tensor or PackedSequence
            As the input, with directions · (proj_size or hidden_size) features.
        h_n, c_n : pair of Tensor
            Of the shapes of `hx`.
        """
        y, (h, c) = self._apply(input, checked_states("LSTM", hx))
        return y, (h, c)


class GRU(RNNBase):
    """Gated recurrent units.

    At each step, with σ the logistic function::

        r = σ(W_ir x[t] + b_ir + W_hr h[t-1] + b_hr)
        z = σ(W_iz x[t] + b_iz + W_hz h[t-1] + b_hz)
        n = tanh(W_in x[t] + b_in + r * (W_hn h[t-1] + b_hn))
        h[t] = (1 - z) * n + z * h[t-1]

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int, optional
        How many layers stand upon each other; each is fed the outputs of the one below.
    bias : bool, optional
        Whether to add learned biases.
    batch_first : bool, optional
        Whether batches are (N, L, ...) instead of (L, N, ...); states are not concerned.
    dropout : float, optional
        The probability with which, in training, an element of the outputs between two layers becomes 0.
    bidirectional : bool, optional
        Whether a second network walks from the end to the beginning; both outputs stand beside each other.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        Of layer 0, and so on for the others; of the second direction with ``_reverse`` at the end. Of shapes
        (3 · hidden_size, in), (3 · hidden_size, hidden_size) and (3 · hidden_size,), with the gates in the order r, z,
        n. Drawn from U(-1/√hidden_size, 1/√hidden_size).

    Raises
    ------
    ValueError
        If a size is not positive, or an option out of range.

    Examples
    --------
    >>> y, h = nn.GRU(3, 4, bidirectional=True)(ad.zeros(5, 2, 3))  # 5 steps, a batch of 2
    >>> y.shape, h.shape
    ((5, 2, 8), (2, 2, 4))

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.
    """

    _gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    def _step(self, suffix: str) -> tuple[Tensor | None, Step]:
        u = self._weight("weight_hh", suffix)
        here, inner = (self._weight(f"bias_{k}", suffix) if self.bias else None for k in ("ih", "hh"))
        return here, lambda x, state: (gru_step(x, state[0], u, inner),)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """Map a sequence to the outputs of the last layer and the last state of every layer; see `nn.RNN`."""
        y, (h,) = self._apply(input, (hx,))
        return y, h
