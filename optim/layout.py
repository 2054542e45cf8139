"""Which parameters step together: small ones are gathered into one run of memory, large ones cut into blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import byte_bounds

from autodiff import Tensor
from autodiff.graph import array_of, increment_version

#: Elements that a rule works on at a time: few enough that all its arrays and temporaries stay in a core's own cache,
#: many enough that the time goes into arithmetic and not into calls. Temporaries of this size are the memory that the
#: previous one has just given back, so they cost neither page faults nor traffic.
BLOCK = 1 << 16

#: Parameters of up to so many elements are gathered: beyond, copying them there and back costs more than calls of their
#: own.
SMALL = 1 << 14

Array = npt.NDArray[Any]
State = dict[str, Any]
Group = dict[str, Any]
Update = Callable[[Array, Array, dict[str, Array], Group, int], None]


class Chunk:
    """Parameters of one dtype that have taken equally many steps and are updated as one flat array.

    The state of all lies in one flat array for each of its names; what ``optimizer.state`` shows are views of these in
    the parameters' shapes. The parameters themselves stay in the memory they are in, so that whoever shares it keeps
    sharing it: several are gathered before an update and written back after it; one is updated where it is. Nothing of
    all this changes before the first `advance`.

    Parameters
    ----------
    params : sequence of Tensor
    states : sequence of dict
        What is remembered of each parameter; entries that are missing are made at the first step.
    fills : mapping of str to float
        The names of the state's arrays, and what they start with.
    step : int
        How many steps the parameters have taken.
    """

    def __init__(
        self, params: Sequence[Tensor], states: Sequence[State], fills: Mapping[str, float], step: int
    ) -> None:
        self.params, self.states, self.step, self.adopted = list(params), list(states), step, False
        self.memories = [array_of(p) for p in params]
        self.size = sum(p.numel() for p in params)
        self.arrays = {name: self._flat(name, fill) for name, fill in fills.items()}
        self.views = [dict(zip(self.arrays, views, strict=True)) for views in self._views(*self.arrays.values())]
        if len(params) > 1:
            self.value, self.slope = (np.empty(self.size, params[0].dtype) for _ in range(2))
            self.pieces = [piece for (piece,) in self._views(self.value)]
            self.flat = [m.reshape(-1) if _is_flat(m) else m for m in self.memories]  # which are gathered sooner

    def _flat(self, name: str, fill: float) -> Array:
        """Return one array for what the states remember under a name."""
        for p, state in zip(self.params, self.states, strict=True):
            if state.get(name) is not None and np.shape(state[name]) != p.shape:
                raise RuntimeError(f"step: {name} has shape {np.shape(state[name])}, its parameter {p.shape}")
        dtype = self.params[0].dtype
        given = self.states[0].get(name)
        if len(self.params) == 1 and isinstance(given, np.ndarray) and _is_flat(given) and given.dtype == dtype:
            return given.reshape(-1)
        flat = np.full(self.size, fill, dtype)
        for (view,), state in zip(self._views(flat), self.states, strict=True):
            if state.get(name) is not None:
                view[...] = state[name]
        return flat

    def _views(self, *arrays: Array) -> Iterator[list[Array]]:
        """Yield for each parameter its part of every flat array, in its shape."""
        start = 0
        for p in self.params:
            yield [array[start : start + p.numel()].reshape(p.shape) for array in arrays]
            start += p.numel()

    def is_current(self, state: Mapping[Tensor, State], counted: bool) -> bool:
        """Tell whether nobody has put another array, another state or another step number in place of ours."""
        for p, memory, mine, views in zip(self.params, self.memories, self.states, self.views, strict=True):
            if p._data is not memory or state.get(p) is not mine or (counted and mine.get("step") != self.step):
                return False
            if not memory.flags.writeable:
                return False
            for name, view in views.items():
                if mine.get(name) is not view:
                    return False
        return True

    def advance(self, update: Update, group: Group, counted: bool) -> None:
        """Take one step: `update` gets flat arrays of value, gradient and state, the options and the step's number."""
        if not self.adopted:
            for state, views in zip(self.states, self.views, strict=True):
                state.update(views)
            self.adopted = True
        self.step += 1
        grads = [p._grad._data for p in self.params]
        if len(grads) > 1:
            np.concatenate(self.flat, axis=None, out=self.value)
            np.concatenate(grads, axis=None, out=self.slope)
            update(self.value, self.slope, self.arrays, group, self.step)
            for memory, piece in zip(self.memories, self.pieces, strict=True):
                memory[...] = piece
        else:
            self._advance_in_blocks(self.memories[0], np.asarray(grads[0]), update, group)
        increment_version(self.params)
        if counted:
            for state in self.states:
                state["step"] = self.step

    def _advance_in_blocks(self, memory: Array, grad: Array, update: Update, group: Group) -> None:
        """Update one parameter, where it is if that is one run of memory."""
        value, slope = memory.reshape(-1), grad.reshape(-1)
        for start in range(0, self.size, BLOCK):
            block = slice(start, start + BLOCK)
            state = {name: array[block] for name, array in self.arrays.items()}
            update(value[block], slope[block], state, group, self.step)
        if not _is_flat(memory):  # reshape() has copied it
            memory[...] = value.reshape(memory.shape)


def chunks(
    params: Sequence[Tensor], state: Mapping[Tensor, State], fills: Mapping[str, float], steps: Sequence[int]
) -> list[Chunk]:
    """Put parameters into as few chunks as their dtypes, sizes and numbers of steps allow.

    Parameters that share memory go into different chunks, for each must see the other's step.

    Raises
    ------
    RuntimeError
        If a parameter's memory cannot be written to, or a state has another shape than its parameter.
    """
    for i, p in enumerate(params):
        if not array_of(p).flags.writeable:
            raise RuntimeError(f"step: the memory of parameter {i}, of shape {p.shape}, is read-only")
    runs: list[_Run] = []
    opened: dict[tuple[Any, int], _Run] = {}
    for p, step, stretch in zip(params, steps, _stretches([array_of(p) for p in params]), strict=True):
        run = opened.get((p.dtype, step))
        if run is None or stretch in run.stretches or run.size + p.numel() > BLOCK or p.numel() > SMALL:
            run = _Run(step)
            runs.append(run)
            if p.numel() <= SMALL:
                opened[p.dtype, step] = run
        run.params.append(p)
        run.stretches.add(stretch)
        run.size += p.numel()
    return [Chunk(run.params, [state[p] for p in run.params], fills, run.step) for run in runs]


class _Run:
    """The parameters of a chunk to be, and which stretches of memory they lie in."""

    def __init__(self, step: int) -> None:
        self.params: list[Tensor] = []
        self.stretches: set[int] = set()
        self.size, self.step = 0, step


def _stretches(memories: Sequence[Array]) -> list[int]:
    """Return for each array the number of its stretch of memory: arrays that overlap lie in the same one.

    Addresses tell it. Who owns the memory does not: views of a foreign buffer know of no common base.
    """
    bounds = [byte_bounds(memory) for memory in memories]
    stretches, number, end = [0] * len(bounds), 0, 0
    for i in sorted(range(len(bounds)), key=bounds.__getitem__):
        low, high = bounds[i]
        number += low >= end
        stretches[i], end = number, max(end, high)
    return stretches


def _is_flat(array: Array) -> bool:
    return bool(array.flags.c_contiguous)
