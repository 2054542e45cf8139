"""Changes in place: done in the tensor's own memory, and recorded where a gradient depends on them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import numpy as np

from ..engine.anomaly import check_change
from ..engine.graph import (
    Node,
    Version,
    Way,
    age,
    copied,
    extra,
    increment_version,
    made_at,
    put,
    refresh,
    settle_inputs,
    tick,
)  # fmt: skip
from ..engine.modes import Watch, is_recording, set_detect_anomaly
from ..kernels.errors import reworded
from ..kernels.silence import silent
from ..table import TABLE
from ..table.elementwise import clone
from ..table.indexing import follow, overwrite
from ..tracing import Tracing, tracing

Write = Callable[[Any, Any], object]


def is_recorded(tensor: Node, *operands: Any) -> bool:
    """Tell whether gradients flow through a change of the tensor by these operands."""
    if not is_recording() or tensor._data.dtype.kind != "f":
        return False
    base = tensor._extra.base if tensor._extra is not None else None
    if tensor._requires_grad or (base is not None and base._requires_grad):
        return True
    return any(isinstance(x, Node) and x._requires_grad for x in operands)


def change(tensor: Any, name: str, function: Callable[..., Any], *operands: Any, **options: Any) -> Any:
    """Let a tensor become `function` of itself and the operands, in its own memory; return it."""
    if is_recorded(tensor, *operands, *options.values()):
        return record(tensor, name, function, *operands, **options)
    if is_recording().__class__ is Tracing:
        return tracing().changes(tensor, function(tensor, *operands, **options))
    came = [x._data if isinstance(x, Node) else x for x in (*operands, *options.values())]
    return _note(tensor, name, _into(tensor, function, operands, options), *(x for x in came if x is not None))


def _into(
    tensor: Node, function: Callable[..., Any], operands: tuple[Any, ...], options: dict[str, Any]
) -> Callable[..., None]:
    """Return a function that writes the result of `function` into an array; only that final write is checked."""

    def into(array: Any, *_: Any) -> None:
        with set_detect_anomaly(False):
            value = function(tensor, *operands, **options)
        if value is not tensor:
            silent().run(np.copyto, array, value._data, casting=casting(array, value._data))

    return into


def casting(array: Any, value: Any) -> Any:
    """Return NumPy's casting rule for a write into an array: values of its kind, and integers of any sign."""
    return "unsafe" if array.dtype.kind == "u" and getattr(value, "dtype", array.dtype).kind in "iu" else "same_kind"


def write(tensor: Any, name: str, into: Callable[..., object], *values: Any) -> Any:
    """Let NumPy change the tensor's array, by ``into(array, *values)``, without a record of it."""
    return _note(tensor, name, functools.partial(silent().run, into), *values)


def _note(tensor: Any, name: str, into: Callable[..., object], *values: Any) -> Any:
    """Let ``into(array, *values)`` change the tensor's array, and note that it has changed."""
    state = is_recording().__class__
    if state is Tracing:
        return tracing().writes(tensor, name, into, values)
    watched = state is Watch
    before = np.array(tensor._data) if watched else None
    try:
        _write(tensor, into, *values)
    except Exception as error:
        said, plain = str(error), name[:-1]  # the message of `add` under the name of `add_`
        named = said.startswith((f"{plain}:", f"{plain}("))
        raise reworded(error, said.replace(plain, name, 1) if named else f"{name}: {said}") from None
    increment_version(tensor)
    if before is not None:
        check_change(name, tensor, before, values)
    return tensor


def _write(tensor: Node, into: Callable[..., object], *values: Any) -> None:
    if isinstance(tensor._data, np.ndarray):
        into(tensor._data, *values)
    else:  # a NumPy scalar stays one
        array = np.array(tensor._data)
        into(array, *values)
        put(tensor, array[()])


def record(
    tensor: Any,
    name: str,
    function: Callable[..., Any],
    *operands: Any,
    step: Way = (),
    into: Write = np.copyto,
    **options: Any,
) -> Any:
    """Change a tensor in place as `change` does, and record it.

    The base, whose memory it is, becomes the result: of `function` where it is changed as a whole, else of overwriting
    what the tensor shows of it, or what `step` picks of that.
    """
    base, way = _place(tensor, name)
    version, since, start = _version(base), made_at(base), tick()
    former = copied(base)
    if (trace := tracing()) is not None:
        trace.remembers(former, base)
    spot = follow(former, (*way, *step))
    operands = tuple(_apart(x, base) for x in operands)
    options = {key: _apart(x, base) for key, x in options.items()}
    kept = clone(spot) if _reads(function, spot, operands) else spot
    value = function(kept, *operands, **options)
    if value is kept:
        return tensor
    if base._op is not None and base._op.name in _SPARED:
        _spare(former)
    if trace is not None:
        trace.rewrites(base, former, value, (*way, *step), into, tensor)
    else:
        write(tensor, name, into, value._data)
    age(base, former)
    if not (way or step) and _is_new(value, start, base):
        base._op, base._params = value._op, value._params
        base._inputs = tuple(former if x is base else x for x in value._inputs)
        if value._extra is not None:
            extra(base).origin = value._extra.origin
    else:
        base._op, base._inputs, base._params = overwrite.primitive, (former, value), {"way": (*way, *step)}  # type: ignore[attr-defined]  # set by its decorator
    base._stamp = tick()
    first, version.alert = version.alert != inf or not former._requires_grad, inf
    base._requires_grad = True
    if first:  # from now on a view learns of a change when it is used: it is known to have a gradient
        for view in version.living():
            if view._extra is not None and view._extra.base is base:
                refresh(view)
    _settle_readers(base, version, since)
    return tensor


#: The operations whose rules read their output where PyTorch's read the inputs alone, so that their result may be
#: changed in place there: a max pooling or an instance normalization before ReLU(inplace=True).
_SPARED = frozenset({"div", "window_max", "standardize", "scale"})


def _spare(former: Node) -> None:
    """Let the operation behind a value that is about to be overwritten keep a copy of it for its own rule alone."""
    kept = copied(former)
    kept._data, kept._version = np.array(former._data), None
    former._op, former._inputs, former._params = TABLE["clone"], (kept,), {}
    former._stamp = np.nextafter(former._stamp, inf).item()


def _place(tensor: Node, name: str) -> tuple[Node, Way]:
    """Return the base that a tensor is a view of, and how; refuse views whose change cannot be recorded."""
    noted = tensor._extra
    base = tensor if noted is None or noted.base is None else noted.base
    if base._requires_grad and base._op is None:
        what = "a leaf" if base is tensor else "a view of a leaf"
        raise RuntimeError(
            f"{name}: {what} Variable that requires grad is being used in an in-place operation; do it under "
            "no_grad(), or make a new tensor"
        )
    if base is tensor:
        return base, ()
    if noted is None or noted.way is None:
        raise RuntimeError(
            f"{name}: a view was created in no_grad mode, or by an operation that does not say so, and is being "
            "modified inplace where that is recorded; make the view anew, or change a clone()"
        )
    return base, noted.way


def _version(base: Node) -> Version:
    if base._version is None:
        base._version = Version()
    return base._version


def _apart(x: Any, base: Node) -> Any:
    """Copy an operand if it shares the memory that is about to change."""
    return clone(x) if isinstance(x, Node) and x._version is base._version else x


def _reads(function: Callable[..., Any], spot: Node, operands: tuple[Any, ...]) -> bool:
    """Tell whether a derivative may need the value that is about to be overwritten."""
    op = getattr(function, "primitive", TABLE.get(function.__name__))  # a function has the name of the row it applies
    if op is None or op.variadic:
        return True
    needing = (name for name, x in zip(op.inputs, (spot, *operands), strict=False) if getattr(x, "_requires_grad", 0))
    return any(op.inputs[0] in op.needs.get(name, ()) for name in needing)


def _is_new(value: Node, start: float, base: Node) -> bool:
    """Tell whether a result was recorded just now, shares no memory, and can take the place of the base.

    If a rule reads the result, an operation of one input may still use the base's memory, as in PyTorch. One of several
    inputs keeps its own, so that a quotient can be divided again in place and differentiated.
    """
    return (
        value._op is not None
        and value._stamp > start
        and (len(value._inputs) == 1 or not any("y" in needs for needs in value._op.needs.values()))
        and value._version is None
        and value._data.shape == base._data.shape
        and value._data.dtype == base._data.dtype
    )


def _settle_readers(base: Node, version: Version, since: float) -> None:
    """Let the operations behind a change refer to the older selves that they read, so that no cycle arises."""
    found = [base]
    seen = {base}
    for y in found:  # grows as it is walked
        if any(x._version is version for x in y._inputs):
            for x in y._inputs:
                refresh(x)
            settle_inputs(y)
        for x in y._inputs:
            if x._op is not None and x._inputs is not None and x._stamp > since and x not in seen:
                seen.add(x)
                found.append(x)


def clear_gradients(tensors: Iterable[Node], set_to_none: bool) -> None:
    """Drop the gradients of tensors, or fill them with zeros in place, as `zero_grad` does."""
    trace = tracing()
    for tensor in tensors:
        if trace is not None:
            trace.clears(tensor, set_to_none)
            continue
        grad = tensor._grad
        if set_to_none or grad is None:
            tensor._grad = None
        elif grad._requires_grad:
            tensor._grad = grad.detach() * 0
        else:
            grad.zero_()
