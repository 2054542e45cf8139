"""Running an ONNX file as a module, with parameters that can be trained."""

from __future__ import annotations

import contextlib
import inspect
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, inliner, numpy_helper

import nn

from ..engine.modes import no_grad
from ..tensor import Tensor, from_array
from ..tracing import traced_by
from .exporting import PARAMETERS
from .nodes import FIXED, NODES, NUMBERS, RefusedError, dtype_of
from .older import OLDEST, modern

Array = np.ndarray[Any, Any]

SPECIAL = ("Constant", "If")  # operators that are no functions of tensors


@dataclass
class Step:
    """A node that is run.

    Attributes
    ----------
    name, op_type : str
    inputs, outputs : list of str
        Names of values, empty where one is left out.
    attributes : dict
    numbers : tuple of int
        The inputs that it takes as Python's numbers.
    """

    name: str
    op_type: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    numbers: tuple[int, ...]


class Network(nn.Module):
    """What an ONNX file computes. Its floating-point weights are parameters, under their names in the file.

    Attributes
    ----------
    input_names, output_names : list of str
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        graph = model.graph
        self._version = version_of(model)
        self._constants: set[str] = set()
        self._arrays = {t.name: _initializer(t) for t in graph.initializer}
        self._steps = [s for node in graph.node if (s := self._step(node)) is not None]
        given = [i.name for i in graph.input]
        self.input_names = [name for name in given if name not in self._arrays]
        self.output_names = [o.name for o in graph.output]
        self._homes: dict[str, tuple[nn.Module, str]] = {}
        trained = _trained(model, self._arrays, self._steps) - self._constants
        for name in [n for n, a in self._arrays.items() if (a.dtype.kind == "f" and a.ndim) or n in trained]:
            self._hold(name, self._arrays.pop(name), name in trained)

    def _step(self, node: Any) -> Step | None:
        """Return what runs a node; what a constant is stands among the arrays instead."""
        said = f"{node.op_type!r} (node {node.name!r})"
        attributes = {a.name: _attribute(a) for a in node.attribute}
        if node.op_type == "Constant" and len(attributes) == 1:
            self._constants.add(node.output[0])
            self._arrays[node.output[0]] = np.asarray(_constant(*attributes.items()))
            return None
        if node.op_type == "Identity" and node.input[0] in self._arrays:
            # PyTorch writes equal tensors once: a weight of ones, and a running variance of ones.
            self._arrays[node.output[0]] = self._arrays[node.input[0]]
            return None
        if node.op_type == "If":
            return Step(
                node.name, "If", [*node.input], [*node.output], {k: self._branch(b) for k, b in attributes.items()}, ()
            )
        if node.op_type == "Split" and len(node.input) < 2:
            attributes.setdefault("num_outputs", len(node.output))
        op_type, attributes = modern(node.op_type, attributes, self._version)
        if node.domain not in ("", "ai.onnx") or op_type not in NODES:
            raise RuntimeError(f"load: {said} is no operator that can be run here")
        function = NODES[op_type]
        try:
            inspect.signature(function).bind(*node.input, **attributes)
        except TypeError as error:
            raise RuntimeError(f"load: {said} has what cannot be run here: {error}") from None
        return Step(node.name, op_type, [*node.input], [*node.output], attributes, NUMBERS.get(op_type, ()))

    def _branch(self, graph: Any) -> tuple[list[Step], list[str]]:
        """Return the steps of a branch, and the names of what it gives."""
        self._arrays |= {t.name: _initializer(t) for t in graph.initializer}
        return [s for node in graph.node if (s := self._step(node)) is not None], [o.name for o in graph.output]

    def _hold(self, name: str, array: Array, trained: bool) -> None:
        """Keep a tensor under its name, the parts of which are modules."""
        home: nn.Module = self
        *path, last = name.split(".")
        if not all(path) or not last or any(hasattr(nn.Module, part) for part in (*path, last)):
            path, last = [], name.replace(".", "_")
        for part in path:
            if not isinstance(getattr(home, part, None), nn.Module):
                if hasattr(home, part):
                    home, last = self, name.replace(".", "_")
                    break
                home.add_module(part, nn.Module())
            home = getattr(home, part)
        while hasattr(home, last):
            last += "_"
        if trained:
            home.register_parameter(last, nn.Parameter(from_array(array.copy())))
        else:
            home.register_buffer(last, from_array(array.copy()))
        self._homes[name] = home, last

    def forward(self, *inputs: Any) -> Any:
        """Return the file's output, a tuple if there are several."""
        if len(inputs) != len(self.input_names):
            raise TypeError(f"expected the inputs {self.input_names}, got {len(inputs)}")
        values: dict[str, Any] = {**self._arrays, **dict(zip(self.input_names, inputs, strict=True))}
        for name, (home, last) in self._homes.items():
            values[name] = getattr(home, last)
        self._run(self._steps, values)
        found = [_tensor(values[name]) for name in self.output_names]
        return found[0] if len(found) == 1 else tuple(found)

    def _run(self, steps: list[Step], values: dict[str, Any]) -> None:
        """Run nodes; a condition that depends on shapes alone is a number here, another one is read."""
        for step in steps:
            if step.op_type == "If":
                condition = values[step.inputs[0]]
                is_true = bool(condition.item() if isinstance(condition, Tensor) else np.all(condition))
                inner, names = step.attributes["then_branch" if is_true else "else_branch"]
                within = dict(values)
                self._run(inner, within)
                values.update({name: within[given] for name, given in zip(step.outputs, names, strict=True)})
                continue
            try:
                self._advance(step, values)
            except (IndexError, TypeError, ValueError, RuntimeError) as error:
                kind = next(k for k in (IndexError, TypeError, ValueError, RuntimeError) if isinstance(error, k))
                raise kind(f"{step.op_type} (node {step.name!r}): {error}") from error

    def _advance(self, step: Step, values: dict[str, Any]) -> None:
        """Run a node; what is computed from arrays alone, as shapes are, remains an array."""
        given = [values[name] if name else None for name in step.inputs]
        args = [x if x is None else x.tolist() if k in step.numbers else _tensor(x) for k, x in enumerate(given)]
        if any(isinstance(x, Tensor) for x in given):
            found = NODES[step.op_type](*args, **step.attributes)
        else:
            with no_grad(), traced_by(None):
                found = NODES[step.op_type](*args, **step.attributes)
                found = (
                    _array(found)
                    if isinstance(found, Tensor)
                    else tuple(map(_array, found))
                    if isinstance(found, tuple)
                    else found
                )
        outputs = found if isinstance(found, tuple) else (found,)
        if any(step.outputs[len(outputs) :]):
            raise RuntimeError(f"there is no output {step.outputs[len(outputs)]!r} here")
        values.update(zip(step.outputs, outputs, strict=False))

    def extra_repr(self) -> str:
        """Return what comes in and goes out."""
        return f"{', '.join(self.input_names)} -> {', '.join(self.output_names)}; {len(self._steps)} nodes"


def load(path: str | os.PathLike[str]) -> Network:
    """Return a module that runs an ONNX file here, and can be trained further.

    Weights, which are the initializers of floats, are its parameters, under their names in the file; running averages
    of batch normalization are buffers, and stay as they are. A file written by `export` has the parameters that the
    model had.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Network
        A module that takes the file's inputs in order.

    Raises
    ------
    RuntimeError
        If a node's operator is not known here; the message names both. If the file is damaged, or older than opset 6.

    Examples
    --------
    >>> import tempfile, autodiff as ad, nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ad.onnx.export(nn.Linear(2, 1), ad.zeros(1, 2), f"{folder}/line.onnx")
    ...     model = ad.onnx.load(f"{folder}/line.onnx")
    >>> [name for name, p in model.named_parameters()]
    ['weight', 'bias']
    """
    try:
        model = onnx.load(os.fspath(path))
        onnx.checker.check_model(os.fspath(path))  # by its path, for a message must be smaller than 2 GiB
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise RuntimeError(f"load: {os.fspath(path)} is no ONNX file that can be read: {error}") from None
    model = _inlined(model)
    if version_of(model) < OLDEST:
        raise RuntimeError(
            f"load: {os.fspath(path)} is of opset {version_of(model)}, and {OLDEST} or newer is read; write it anew by "
            f"onnx.version_converter.convert_version(model, {OLDEST})"
        )
    return Network(model)


def _inlined(model: Any) -> Any:
    """Return a model in which functions, the file's own and ONNX's that are not known here, are nodes."""
    if all(not n.domain and (n.op_type in NODES or n.op_type in SPECIAL) for n in model.graph.node):
        return model
    known = [("", name) for name in (*NODES, *SPECIAL)]
    model = inliner.inline_local_functions(model) if model.functions else model
    if hasattr(inliner, "inline_selected_functions"):
        _name_defaults(model)
        with contextlib.suppress(RuntimeError):  # of its own; then operators are refused by their names
            return inliner.inline_selected_functions(model, known, exclude=True, inline_schema_functions=True)
    return model


def _name_defaults(model: Any) -> None:
    """Give nodes that are functions the attributes that they leave out, for the inliner would lose their values."""
    for node in model.graph.node:
        if node.domain or node.op_type in NODES or node.op_type in SPECIAL:
            continue
        with contextlib.suppress(onnx.defs.SchemaError):  # no operator of this version
            known = onnx.defs.get_schema(node.op_type, version_of(model), node.domain).attributes
            has = {a.name for a in node.attribute}
            left_out = [a.default_value for name, a in known.items() if name not in has]
            node.attribute.extend(value for value in left_out if value.name)


def version_of(model: Any) -> int:
    """Return the version of ONNX's operators that a file has."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=OLDEST)


def _trained(model: Any, arrays: dict[str, Array], steps: list[Step]) -> set[str]:
    """Return the names of what can be trained: what the file says, or floats but for those that no weight can be."""
    said = {p.key: p.value for p in model.metadata_props}.get(PARAMETERS)
    if said is not None:
        return {name for name in said.split("\n") if name}
    fixed = {s.inputs[k] for s in steps for k in (*s.numbers, *FIXED.get(s.op_type, ())) if k < len(s.inputs)}
    return {n for n, a in arrays.items() if a.dtype.kind == "f" and a.ndim} - fixed


def _attribute(a: Any) -> Any:
    """Return an attribute's value as Python's."""
    value = helper.get_attribute_value(a)
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    if a.type == onnx.AttributeProto.STRINGS:
        return [v.decode() for v in value]
    return [*value] if a.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value


def _initializer(tensor: Any) -> Array:
    """Return a tensor of the file."""
    try:
        dtype_of(tensor.data_type)
    except RefusedError as error:
        raise RuntimeError(f"load: {tensor.name!r}: {error}") from None
    return numpy_helper.to_array(tensor)


def _constant(said: tuple[str, Any]) -> Any:
    """Return the array of a constant."""
    name, value = said
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if name != "value" and name not in kinds:
        raise RuntimeError(f"load: a constant by {name!r} cannot be read here")
    return value if name == "value" else np.array(value, kinds[name])


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else from_array(x)


def _array(x: Any) -> Any:
    return x._data if isinstance(x, Tensor) else x
