"""Writing a network as an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

import nn

from .. import __version__, files
from ..compile.program import Apply, Call, filled
from ..engine.graph import Node
from .graph import Graph, Wire
from .recording import Array, Recording, Repeated, Size, UnsayableError, record
from .rows import NEVER, NONE, ROWS, SIZED

PARAMETERS = "parameters"  # the entry of a file's metadata that names what is trained
OLDEST = 18  # in which reductions take their axes as inputs


def export(
    model: Any,
    example: Any,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_batch: bool | int | Sequence[int | None] = True,
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
    dims = _batch_dims(dynamic_batch, arrays)
    inputs = _names(input_names, "input", len(arrays))
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


def _written(recording: Recording, inputs: list[str], outputs: list[str], dims: list[int | None], opset: int) -> Any:
    """Return the graph of what was recorded."""
    batch = next(((name, d) for name, d in zip(inputs, dims, strict=True) if d is not None), None)
    g = Graph(batch, opset)
    wires: dict[int, Wire] = {}
    for n, name in zip(recording.inputs, inputs, strict=True):
        wires[n] = Wire(g, name, *recording.values[n])
    for n, source in recording.sources.items():
        wires[n] = _sourced(g, source, recording.values[n])
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
            raise UnsayableError("a parameter depends on the size of the batch")
        if name in ROWS and not isinstance(row.op, Call):
            out = ROWS[name](g, *inputs, **params)
        else:
            out = row.op.forward(*_floats(inputs, row, g), **params)
            if not isinstance(out, Wire):
                raise UnsayableError("it leaves NumPy's functions")
        out = out.astype(g.out.dtype)
    except (UnsayableError, AttributeError, IndexError, TypeError, ValueError) as error:
        why = error if isinstance(error, UnsayableError) else f"it does what no node does ({error})"
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
    shape = [str(n) if isinstance(n, Size) else n for n in value.shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), shape)
