"""Writing a network as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

import nn

from .. import __version__, files
from ..compile.program import Apply, Call, filled
from ..engine.graph import Node
from .graph import Graph, Wire
from .recording import VARIES, Array, Band, Recording, Repeated, record
from .rows import NEVER, NONE, ROWS, SIZED
from .sizes import Size, UnsayableError

PARAMETERS = "parameters"  # the entry of a file's metadata that names what is trained
_MOST_OPEN = 4  # sizes: each doubles the runs that are recorded
OLDEST = 18  # in which reductions take their axes as inputs


def export(
    model: Any,
    example: Any,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_batch: bool | int | Sequence[int | None] = True,
    dynamic_axes: Mapping[str, Mapping[int, str] | Sequence[int]] | None = None,
    dynamic_shapes: Any = None,
    opset: int = OLDEST,
) -> None:
    """Write what a model computes in evaluation mode as an ONNX file.

    The model is run on the example, and what it does is recorded; it stays as it is, training mode included. Tensors of
    the model become initializers under their names in its state dict.

    Parameters
    ----------
    model : Module or callable
        What is written.
    example : Tensor, ndarray, or a tuple of them
        Inputs of the shapes and dtypes that the model is to get.
    path : path-like
        The file, by convention ``.onnx``.
    input_names, output_names : sequence of str, optional
        By default ``input0``, ``input1``, ... and ``output0``, ...
    dynamic_batch : bool, int, or sequence of int or None, optional
        Which dimension of the inputs is the batch, whose size the file leaves open: True stands for dimension 0 of all
        inputs, False for none; a sequence has an entry for each input, None where it has no batch.
    dynamic_axes : dict of str to dict of int to str or sequence of int, optional
        The open sizes in the place of `dynamic_batch`: for an input, by its name, dimensions and the names of their
        sizes, as ``{"tokens": {0: "batch", 1: "length"}}``. What has one name is equal. At most four.
    dynamic_shapes : dict or sequence, optional
        The same by PyTorch's other name: an entry for each input, in a sequence in their order.
    opset : int, optional
        The version of ONNX's operators, 18 or newer.

    Raises
    ------
    RuntimeError
        If ONNX cannot say a row that is applied; the message names the row and the module that applied it.
    ValueError
        If arguments do not fit the example.

    Examples
    --------
    >>> import tempfile, numpy as np, autodiff as ad, nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ad.onnx.export(model, np.zeros((1, 4), np.float32), f"{folder}/model.onnx")
    ...     again = ad.onnx.load(f"{folder}/model.onnx")
    >>> x = ad.randn(5, 4)
    >>> bool((again(x) == model(x)).all())
    True
    """
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset <= newest:
        raise ValueError(f"export: opset must be from {OLDEST} to {newest}, the newest of this onnx, got {opset}")
    arrays = _arrays(example)
    inputs = _names(input_names, "input", len(arrays))
    dims = _open_dims(dynamic_batch, dynamic_axes, dynamic_shapes, arrays, inputs, output_names)
    recording = record(model, arrays, dims)
    outputs = _names(output_names, "output", len(recording.outputs))
    if len({*inputs, *outputs}) < len(inputs) + len(outputs):
        raise ValueError(f"export: names of inputs and outputs must differ, got {[*inputs, *outputs]}")
    if taken := {*inputs, *outputs} & {source[0] for source in recording.sources.values() if isinstance(source, tuple)}:
        raise ValueError(f"export: {sorted(taken)} are names of the model's own tensors; choose others")
    written = _written(recording, inputs, outputs, dims, opset)
    message = helper.make_model(
        written,
        opset_imports=[helper.make_opsetid("", opset)],
        producer_name="autodiff",
        producer_version=__version__,
    )
    helper.set_model_props(message, {PARAMETERS: "\n".join(_parameters(model, written))})
    message.ir_version = min(message.ir_version, 10)  # newer ones say nothing that is written here
    onnx.checker.check_model(message, full_check=True)
    files.replace(path, [message.SerializeToString()])


def _parameters(model: Any, graph: Any) -> list[str]:
    """Return the names of the parameters that a graph has."""
    names = {name for name, _ in model.named_parameters()} if isinstance(model, nn.Module) else set()
    return [t.name for t in graph.initializer if t.name in names]


def _arrays(example: Any) -> list[Array]:
    """Return the example's arrays."""
    given = example if isinstance(example, (tuple, list)) else (example,)
    for x in given:
        if not isinstance(x, (Node, np.ndarray)):
            raise TypeError(f"export: the example must be tensors or arrays, got {type(x).__name__}")
    return [np.asarray(x._data) if isinstance(x, Node) else x for x in given]


def _open_dims(
    dynamic_batch: Any, dynamic_axes: Any, dynamic_shapes: Any, arrays: list[Array], names: list[str], outputs: Any
) -> list[dict[int, str]]:
    """Return for each input its dimensions whose sizes are left open, and the names of these sizes."""
    if dynamic_axes is not None and dynamic_shapes is not None:
        raise ValueError("export: give either dynamic_axes or dynamic_shapes")
    if dynamic_axes is None and dynamic_shapes is None:
        given: list[Any] = [{} if d is None else {d: "batch"} for d in _batch_dims(dynamic_batch, arrays)]
    elif dynamic_axes is not None:
        if unknown := {*dynamic_axes} - {*names, *(outputs or ())}:
            raise ValueError(f"export: dynamic_axes names {sorted(unknown)}, but the inputs are {names}")
        given = [_named(dynamic_axes.get(name), name) for name in names]
    elif isinstance(dynamic_shapes, Mapping):
        if unknown := {*dynamic_shapes} - {*names}:
            raise ValueError(f"export: dynamic_shapes names {sorted(unknown)}, but the inputs are {names}")
        given = [_named(dynamic_shapes.get(name), name) for name in names]
    else:
        given = [_named(shape, name) for shape, name in zip(dynamic_shapes, names, strict=False)]
        if len(dynamic_shapes) != len(names):
            raise ValueError(f"export: dynamic_shapes has {len(dynamic_shapes)} entries for {len(names)} inputs")
    return _checked(given, arrays, names)


def _named(axes: Any, name: str) -> dict[int, str]:
    """Return dimensions and the names of their sizes, as PyTorch takes them: a mapping, or dimensions alone."""
    if axes is None:
        return {}
    if isinstance(axes, Mapping):
        said = {d: getattr(size, "__name__", size) for d, size in axes.items()}  # PyTorch's Dim has its name there
    elif all(isinstance(d, int) for d in axes):
        said = {d: f"{name}_dynamic_axes_{k + 1}" for k, d in enumerate(axes)}
    else:
        said = {d: getattr(size, "__name__", size) for d, size in enumerate(axes)}
    for d, size in said.items():
        if size is not None and not isinstance(size, str):
            raise TypeError(f"export: the open size of dimension {d} of {name!r} must have a name, got {size!r}")
    return {d: size for d, size in said.items() if size is not None}


def _checked(given: list[dict[int, str]], arrays: list[Array], names: list[str]) -> list[dict[int, str]]:
    """Return dimensions counted from the front; raise if there is none, or one name stands for two sizes."""
    sizes: dict[str, int] = {}
    for dims, a, name in zip(given, arrays, names, strict=True):
        for d, said in dims.items():
            if not isinstance(d, int) or not -a.ndim <= d < a.ndim:
                raise ValueError(f"export: input {name!r} of shape {a.shape} has no dimension {d}")
            if sizes.setdefault(said, a.shape[d]) != a.shape[d]:
                raise ValueError(
                    f"export: {said!r} is {sizes[said]} and {a.shape[d]} in the example; name one size only"
                )
    if len(sizes) > _MOST_OPEN:
        raise ValueError(f"export: at most {_MOST_OPEN} sizes can be open, got {[*sizes]}")
    return [{d % a.ndim: said for d, said in dims.items()} for dims, a in zip(given, arrays, strict=True)]


def _batch_dims(dynamic_batch: Any, arrays: list[Array]) -> list[int | None]:
    """Return for each input which of its dimensions is the batch."""
    if isinstance(dynamic_batch, (bool, int)):
        dim = None if dynamic_batch is False else 0 if dynamic_batch is True else dynamic_batch
        dims = [dim] * len(arrays)
    else:
        dims = [*dynamic_batch]
    if len(dims) != len(arrays):
        raise ValueError(f"export: dynamic_batch has {len(dims)} entries for {len(arrays)} inputs")
    for place, (d, a) in enumerate(zip(dims, arrays, strict=True)):
        if d is not None and not -a.ndim <= d < a.ndim:
            raise ValueError(
                f"export: input {place} of shape {a.shape} has no dimension {d} for the batch; say "
                "dynamic_batch=False, or for each input its dimension or None"
            )
    dims = [None if d is None else d % a.ndim for d, a in zip(dims, arrays, strict=True)]
    sizes = {a.shape[d] for d, a in zip(dims, arrays, strict=True) if d is not None}
    if len(sizes) > 1:
        raise ValueError(
            f"export: the inputs have batches of different sizes, {sorted(sizes)}; say for each input by dynamic_batch "
            "which dimension is the batch, or None"
        )
    return dims


def _names(names: Sequence[str] | None, kind: str, count: int) -> list[str]:
    if names is None:
        return [f"{kind}{i}" for i in range(count)]
    if len(names) != count or isinstance(names, str):
        raise ValueError(f"export: {kind}_names must be {count} names, got {names!r}")
    return [*names]


def _written(
    recording: Recording, inputs: list[str], outputs: list[str], dims: list[dict[int, str]], opset: int
) -> Any:
    """Return the graph of what was recorded."""
    g = Graph({said: (name, d) for name, own in zip(inputs, dims, strict=True) for d, said in own.items()}, opset)
    wires: dict[int, Wire] = {}
    for n, name in zip(recording.inputs, inputs, strict=True):
        wires[n] = Wire(g, name, *recording.values[n])
    for n, source in recording.sources.items():
        try:
            wires[n] = _sourced(g, source, recording.values[n])
        except UnsayableError as error:
            shape = recording.values[n].shape
            raise RuntimeError(VARIES.format(f"an array of shape {shape} that it makes: {error}")) from error
    for row in recording.rows:
        wires[row.out] = _emitted(g, row, wires, recording)
    for name, n in zip(outputs, recording.outputs, strict=True):
        g.nodes.append(helper.make_node("Identity", [wires[n].name], [name], name))
    return helper.make_graph(
        g.nodes,
        "autodiff",
        [_described(name, recording.values[n]) for name, n in zip(inputs, recording.inputs, strict=True)],
        [_described(name, recording.values[n]) for name, n in zip(outputs, recording.outputs, strict=True)],
        g.initializers,
    )


def _sourced(g: Graph, source: Any, value: Any) -> Wire:
    """Return a tensor of the model, or what it makes from nothing."""
    if isinstance(source, Band):
        return _banded(g, source, value)
    if not isinstance(source, Repeated):
        name, array = source
        return g.array(array, name)
    if isinstance(source.array, Size):
        size = g.wire(source.array, np.int64)
        if source.counts:
            limits = g.array(np.int64(0)), size, g.array(np.int64(1))
            size = g.node("Range", *limits, shape=value.shape, dtype=np.int64)
        return size.astype(value.dtype)
    return g.expand(g.array(source.array), value.shape)


def _banded(g: Graph, band: Band, value: Any) -> Wire:
    """Return a matrix of two numbers, by how far each element is from the diagonal."""
    zero, one = g.array(np.int64(0)), g.array(np.int64(1))
    rows, columns = (g.node("Range", zero, g.wire(n, np.int64), one, shape=(n,), dtype=np.int64) for n in value.shape)
    down = g.node("Unsqueeze", rows, g.sizes([1]), shape=(value.shape[0], 1), dtype=np.int64)
    is_above = columns - down > band.diagonal
    kind = value.dtype if value.dtype.kind == "f" else np.dtype(np.int64)  # of which runtimes have Where
    both = g.array(band.upper.astype(kind)), g.array(band.lower.astype(kind))
    return g.node("Where", is_above, *both, shape=value.shape, dtype=kind).astype(value.dtype)


def _emitted(g: Graph, row: Apply, wires: dict[int, Wire], recording: Recording) -> Wire:
    """Return the result of a row, its nodes added to the graph."""
    name, place = row.op.name, recording.places.get(row.out, "")
    g.place = f"{place}/{name}" if place else name
    g.out = Wire(g, "", *recording.values[row.out])
    params = filled(row.params, wires)
    inputs = [wires[n] for n in row.inputs]
    try:
        if name in NEVER and not isinstance(row.op, Call):
            raise UnsayableError(NONE.format(NEVER[name]))
        if name not in SIZED and _has_size(params):
            raise UnsayableError("a parameter depends on an open size")
        if name in ROWS and not isinstance(row.op, Call):
            out = ROWS[name](g, *inputs, **params)
        else:
            out = row.op.forward(*_floats(inputs, row, g), **params)
            if not isinstance(out, Wire):
                raise UnsayableError("it leaves NumPy's functions")
        out = out.astype(g.out.dtype)
    except (UnsayableError, AttributeError, IndexError, TypeError, ValueError) as error:
        why = error if isinstance(error, UnsayableError) else "it does what no node does"
        raise RuntimeError(f"export: ONNX cannot say {name!r}, which {place or 'the model'} applies: {why}") from error
    return Wire(g, out.name, g.out.shape, g.out.dtype)


def _floats(inputs: list[Wire], row: Apply, g: Graph) -> list[Wire]:
    """Return the inputs as floats where a row makes floats of integers."""
    return [x.astype(g.out.dtype) for x in inputs] if row.widens else inputs


def _has_size(params: Any) -> bool:
    if isinstance(params, dict):
        return any(map(_has_size, params.values()))
    return any(map(_has_size, params)) if isinstance(params, tuple) else isinstance(params, Size)


def _described(name: str, value: Any) -> Any:
    """Return a name with shape and dtype."""
    shape = [(str(n) or None) if isinstance(n, Size) else n for n in value.shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), shape)
