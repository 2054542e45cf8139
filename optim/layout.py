"""Which parameters step together: small ones are gathered into one run of memory, large ones cut into blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.array_utils import byte_bounds

from autodiff import Tensor
from autodiff.engine.graph import array_of, increment_version

from .divergence import note

#: Elements that a rule works on at a time: few enough that all its arrays and temporaries stay in a core's own cache,
#: many enough that the time goes into arithmetic and not into calls. Temporaries of this size are the memory that the
#: previous one has just given back, so they cost neither page faults nor traffic.
BLOCK = 1 << 16

#: Parameters of up to so many elements are gathered: beyond, copying them there and back costs more than a call for
#: each.
SMALL = 1 << 14

Array = npt.NDArray[Any]
State = dict[str, Any]
Group = dict[str, Any]


class Rule(Protocol):
    """An optimizer, as far as a chunk knows it."""

    counts_steps: ClassVar[bool]
    _writes: list[Array]
    _skip: int

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Change `param` and the arrays of `state` in place."""


class Block:
    """What one call of `update` works on: a chunk, or a part of it.

    Parameters
    ----------
    part : slice or None
        Which part of the chunk it is; None for all of it.
    value : ndarray
        Of the whole chunk.
    arrays : dict of str to ndarray
        The state of the whole chunk.
    """

    __slots__ = ("arrays", "part", "value")

    def __init__(self, part: slice | None, value: Array, arrays: dict[str, Array]) -> None:
        self.part = part
        self.value = value if part is None else value[part]
        self.arrays = arrays if part is None else {name: array[part] for name, array in arrays.items()}

    def copy(self) -> list[Array]:
        """Return copies of all that the rule may change."""
        return [self.value.copy(), *(array.copy() for array in self.arrays.values())]

    def restore(self, kept: list[Array]) -> None:
        """Undo an update, given what `copy` returned before it."""
        for array, before in zip((self.value, *self.arrays.values()), kept, strict=True):
            array[...] = before


class Chunk:
    """Parameters of one dtype that have taken equally many steps and are updated together.

    A rule that works element by element gets them as one flat array. The state of all then lies in one flat array for
    each of its names; what ``optimizer.state`` shows are views of these in the parameters' shapes. The parameters
    themselves keep their memory, which others may share: several are gathered before an update and written back after
    it; a single one is updated in place. Any other rule gets one parameter, in its shape.

    A step is `begin` and `advance`. Nothing but `advance` changes anything, and it can be interrupted between any two
    instructions: called again, it goes on where it was.

    Parameters
    ----------
    params : sequence of Tensor
    states : sequence of dict
        What is remembered of each parameter; entries that are missing are made by the first step.
    fills : mapping of str to float
        The names of the state's arrays, and what they start with.
    step : int
        How many steps the parameters have taken.
    elementwise : bool
        Whether the rule works element by element; if not, there is one parameter.
    resumes : bool
        Whether an update that was interrupted may be done again on arrays that it has changed.
    """

    def __init__(
        self,
        params: Sequence[Tensor],
        states: Sequence[State],
        fills: Mapping[str, float],
        step: int,
        elementwise: bool,
        resumes: bool,
    ) -> None:
        self.params, self.states, self.step, self.resumes = list(params), list(states), step, resumes
        self.memories = [array_of(p) for p in params]
        self.size = sum(m.size for m in self.memories)
        self._require_shapes(fills)
        self.is_gathered = elementwise and (len(params) > 1 or not _is_flat(self.memories[0]))
        self.is_adopted = False  # whether the states show our arrays
        self.goal = step  # what `step` will be when the step that was begun is done
        self.progress: tuple[int, list[Array] | None] | None = None  # blocks done, and what undoes or resumes the next
        self.grads: Any = None
        self.slope: Any = None
        if self.is_gathered:
            self.value, self.slope = (np.empty(self.size, params[0].dtype) for _ in range(2))
            self.pieces = [(own, piece) for own, (piece,) in zip(self.memories, self._views(self.value), strict=True)]
            self.flat = [m.reshape(-1) if _is_flat(m) else m for m in self.memories]  # flat ones are gathered faster
            self.arrays = {name: self._gathered_array(name, fill) for name, fill in fills.items()}
        else:
            shape = (self.size,) if elementwise else self.memories[0].shape
            self.value = self.memories[0].reshape(shape)
            self.arrays = {
                name: self._own_array(name, fill, elementwise).reshape(shape) for name, fill in fills.items()
            }
        named = [list(zip(fills, views, strict=True)) for views in self._views(*self.arrays.values())]
        self.rows = list(zip(self.params, self.memories, self.states, named, strict=True))
        starts = range(0, self.size, BLOCK) if elementwise and self.size > BLOCK else ()
        parts = [slice(start, start + BLOCK) for start in starts] or (None,)
        self.blocks = [Block(part, self.value, self.arrays) for part in parts]

    def _gathered_array(self, name: str, fill: float) -> Array:
        """Return one array for what the states remember under a name."""
        array = np.empty(self.size, self.value.dtype)
        for state, (view,) in zip(self.states, self._views(array), strict=True):
            view[...] = fill if state.get(name) is None else state[name]
        return array

    def _own_array(self, name: str, fill: float, elementwise: bool) -> Array:
        """Return the single parameter's array of this name: the present one if it fits, else a new one."""
        given, p = self.states[0].get(name), self.params[0]
        fits = isinstance(given, np.ndarray) and given.dtype == p.dtype and given.flags.writeable
        if given is not None and fits and (_is_flat(given) or not elementwise):
            return np.asarray(given)
        array = np.empty(p.shape, p.dtype)
        array[...] = fill if given is None else given
        return array

    def _require_shapes(self, fills: Mapping[str, float]) -> None:
        for p, state in zip(self.params, self.states, strict=True):
            for name in fills:
                if state.get(name) is not None and np.shape(state[name]) != p.shape:
                    raise RuntimeError(f"step: {name} has shape {np.shape(state[name])}, its parameter {p.shape}")

    def _views(self, *arrays: Array) -> Iterator[list[Array]]:
        """Yield, for each parameter, its parts of the arrays in its shape."""
        start = 0
        for m in self.memories:
            if len(self.memories) == 1:
                yield [array.reshape(m.shape) for array in arrays]
            else:
                yield [array[start : start + m.size].reshape(m.shape) for array in arrays]
            start += m.size

    def begin(self, state: Mapping[Tensor, State], counted: bool) -> bool:
        """Note the gradients of the next step; return False if a parameter's memory or state has been replaced.

        Raises
        ------
        RuntimeError
            If a gradient does not fit its parameter.
        """
        grads = []
        for p, own, mine, views in self.rows:
            if p._data is not own or state.get(p) is not mine or (counted and mine.get("step", 0) != self.step):
                return False
            if not own.flags.writeable:
                return False
            for name, view in views:
                if mine.get(name) is not view and self.is_adopted:
                    return False
            grad = p._grad._data
            if grad.shape != own.shape or (grad.dtype is not own.dtype and grad.dtype != own.dtype):
                raise RuntimeError(
                    f"step: a gradient of shape {grad.shape} and dtype {grad.dtype} does not fit its parameter of "
                    f"shape {own.shape} and dtype {own.dtype}"
                )
            grads.append(grad)
        self.grads = grads
        self.goal, self.progress = self.step + 1, None
        return True

    def advance(self, rule: Rule, group: Group) -> None:
        """Take the step that `begin` prepared, or what is left of it.

        A block whose update was interrupted is done again: a rule that resumes skips the writes that it has made, any
        other starts from copies of all that it may have changed. What follows the blocks may be done twice.
        """
        if self.step == self.goal:
            return
        climbs = group.get("maximize", False)
        if self.progress is None:
            self._gather(climbs)
            self.progress = 0, None
        done, undo = self.progress
        for block in self.blocks[done:]:
            if undo is None:
                undo = [] if self.resumes else block.copy()
                self.progress = done, undo
            elif not self.resumes:
                block.restore(undo)
            rule._writes = undo if self.resumes else []
            rule._skip = len(rule._writes)
            slope = self.slope if block.part is None else self.slope[block.part]
            if climbs and not self.is_gathered:
                slope = -slope
            rule.update(block.value, slope, block.arrays, group, self.goal)
            done, undo = self.progress = done + 1, None
        self._commit(rule.counts_steps)

    def _gather(self, climbs: bool) -> None:
        """Copy gradients, and parameters that are gathered, into the arrays that the rule gets."""
        if self.is_gathered:
            np.concatenate(self.flat, axis=None, out=self.value)
            np.concatenate(self.grads, axis=None, out=self.slope)
            if climbs:
                np.negative(self.slope, out=self.slope)
        else:
            self.slope = np.asarray(self.grads[0]).reshape(self.value.shape)
        if self.size and not math.isfinite(self.slope.item(-1)):  # one element: to look at all costs a tenth
            note("a gradient")

    def _commit(self, counted: bool) -> None:
        """Write the step into parameters and states."""
        if self.is_gathered:
            for own, piece in self.pieces:
                own[...] = piece
        increment_version(self.params)
        if not self.is_adopted:
            for _, _, state, views in self.rows:
                state.update(views)
            self.is_adopted = True
        if counted:
            for state in self.states:
                state["step"] = self.goal
        self.step = self.goal
        self.grads = None  # so that the owner can free it
        if not self.is_gathered:
            self.slope = None

    def leave(self, counted: bool) -> None:
        """Give up a step that cannot be finished: restore the block it stopped in, and keep those before it."""
        if self.progress is None or self.step == self.goal:
            return
        done, undo = self.progress
        if done == len(self.blocks):
            self._commit(counted)
        elif undo is not None and not self.resumes:
            self.blocks[done].restore(undo)


def chunks(
    params: Sequence[Tensor],
    state: Mapping[Tensor, State],
    fills: Mapping[str, float],
    steps: Sequence[int],
    elementwise: bool,
    resumes: bool,
) -> list[Chunk]:
    """Put parameters into as few chunks as their dtypes, sizes and numbers of steps allow.

    Parameters that share memory go into different chunks, for each must see the other's step; so does every parameter
    of a rule that does not work element by element.

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
        size = array_of(p).size
        if run is None or stretch in run.stretches or run.size + size > BLOCK or size > SMALL:
            run = _Run(step)
            runs.append(run)
            if size <= SMALL and elementwise:
                opened[p.dtype, step] = run
        run.params.append(p)
        run.stretches.add(stretch)
        run.size += size
    return [Chunk(run.params, [state[p] for p in run.params], fills, run.step, elementwise, resumes) for run in runs]


class _Run:
    """The parameters of a future chunk, and the stretches of memory they lie in."""

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
