"""Every public function and method, compiled: equal to the plain call for other values as well, or refused."""

from __future__ import annotations

import inspect
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import functional
from tests.autodiff import (
    test_further_operations,
    test_like_torch,
    test_numpy,
    test_numpy_functions,
    test_operations,
    test_shapes,
)
from tests.autodiff.compile.test_rows import NEEDS_LLVM
from tests.autodiff.distributions import test_distributions
from tests.fuzzing import examples, some
from tests.nn import test_like_torch as test_nn_like_torch

Call = Callable[..., Any]
A = np.array([[0.5, 1.5, 2.5], [3.0, 0.25, 1.0]])
B = np.array([[1.0, 2.0, 0.25], [0.5, 3.0, 1.25]])
S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]])
I = np.array([[0, 1, 1], [1, 0, 0]])  # noqa: E741  # integers beside A and B
M = np.array([[True, False, True], [False, False, True]])
IMAGES = np.random.default_rng(0).uniform(0.1, 1.0, (2, 3, 6, 6))

#: Arguments that public functions are tried with: arrays become tensors, the rest is passed as it is.
ARGUMENTS: list[tuple[Any, ...]] = [
    (A,), (A, B), (S,), (I,), (M,), (A, 1), (A, 0), (I, I), (M, M), (A, B, A), (A, 1.5), (A, (3, 2)), (A, M), (A, M, B),
    (A, I), (A, 1, I), (A, 1, I, B), (A, 1, I[0]), (A, 0, I[1, :2], B), (A, 1, I[0], 2.0), (S, S), (S, A[0]), (A[0],),
    (I[0],), (I[0], A[0]), (A[0], B[0]), (A[0], A[0].sum()), (IMAGES,), (IMAGES, 2), (IMAGES, (3, 3)), (A, I[1, :2]),
    (A, 0, 1), (A, (0, 1)), (A, A > 1, 7.0), (A, (I[1, :2],), B), (IMAGES, IMAGES), (IMAGES, IMAGES[:, :, :3, :3]),
    (A, np.array([2.0, 3.0, 4.0]), B), (np.sort(A), B), (A, 0.5), (A, [0, 1]), (A, 2, 0), (A, 1, 0, 2), (A, -1, 1),
    (A, 1.0, 2.0), (A, 2.0, 2.0, 0), (I[0], A), (A, S), (A[0], S, A[1]), (B[:, 0], A, A[0]), (IMAGES[0], IMAGES[1]),
    ([A, B],), ([A, B], 0), ("ij,kj->ik", A, B), (M, A, B), (A, 1, I, B, "amax"), (I, 5), (I, A), (A, "max_value", 2.0),
    (IMAGES, A.shape), (A, A, A, 0), (A, A, A, 1), (A, I[:, 0]), (IMAGES, IMAGES[:, 0, :, :2]),
]  # fmt: skip

#: What is no function of tensors: it makes, reads, prints, keeps or checks something else.
APART = {
    "compile", "draw", "explain", "save", "load", "gradcheck", "gradgradcheck", "check_primitive", "manual_seed",
    "seed",
    "set_default_dtype", "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state", "use_generator",
    "set_detect_anomaly", "set_default_device", "set_default_tensor_type", "backward", "register_hook", "play", "hook",
    "set_num_interop_threads", "set_float32_matmul_precision", "initial_seed", "register_post_accumulate_grad_hook",
    "primitive", "empty", "empty_like", "new_empty", "new", "vmap", "summary", "chain", "detect_anomaly", "data_ptr",
    "inference_mode", "wrap", "numpy_names", "use_deterministic_algorithms", "fork_rng",
}  # fmt: skip


def outcome(compute: Call) -> Any:
    """Return what a computation gives, as arrays, or the kind of its error."""
    ad.manual_seed(0)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return arrays(compute())
    except Exception as error:
        return "refused" if str(error).startswith("compile: ") else type(error)


def arrays(result: Any) -> Any:
    """Return a result with arrays in the place of tensors."""
    if isinstance(result, ad.Tensor):
        return result.detach().numpy().copy()
    if isinstance(result, (list, tuple, Iterator)):
        return [arrays(r) for r in result]
    return result


def made(value: Any, dtype: Any) -> Any:
    """Return an array as a tensor, floats of a dtype."""
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return type(value)(made(v, dtype) for v in value)
    if not isinstance(value, np.ndarray):
        return value
    return ad.tensor(value.astype(dtype) if value.dtype.kind == "f" else value)


def others(values: list[Any]) -> list[list[Any]]:
    """Return other arguments of the same shapes: in another order, moved, both."""

    def change(v: Any, turned: bool, moved: bool) -> Any:
        if isinstance(v, (list, tuple)):
            return type(v)(change(w, turned, moved) for w in v)
        if not isinstance(v, np.ndarray):
            return v
        v = np.flip(v).copy() if turned else v
        return v * 1.03 if moved and v.dtype.kind == "f" else v

    return [[change(v, *how) for v in values] for how in ((True, False), (False, True), (True, True))]


def same(found: Any, expected: Any) -> bool:
    """Tell whether results are alike up to rounding."""
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(same, found, expected))
    if not isinstance(expected, np.ndarray):
        return bool(found == expected) or found != found  # NaN
    if not isinstance(found, np.ndarray) or (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return False
    with np.errstate(all="ignore"):
        size = np.max(np.abs(expected[np.isfinite(expected)]), initial=1.0) if expected.dtype.kind == "f" else 0
        rounding = 1e-9 if expected.dtype == np.float64 else 1e-6
        return np.allclose(found, expected, rtol=rounding, atol=rounding * size, equal_nan=True)


def check(call: Call, values: list[Any], native: bool) -> None:
    """Compare a call with its compiled form, for values and for others of the same kind."""

    def compute(*inputs: Any) -> Any:
        xs = [x.detach().requires_grad_() if isinstance(x, ad.Tensor) and x.dtype.kind == "f" else x for x in inputs]
        y = call(*xs)
        first = next((t for t in (y if isinstance(y, (list, tuple)) else [y]) if isinstance(t, ad.Tensor)), None)
        if first is None or not first.requires_grad:
            return y
        weights = ad.linspace(0.5, 1.5, max(first.numel(), 1), dtype=first.dtype)[: first.numel()].reshape(first.shape)
        grads = ad.grad((first * weights).sum(), [x for x in xs if isinstance(x, ad.Tensor) and x.requires_grad],
                        materialize_grads=True)  # fmt: skip
        if isinstance(y, (list, tuple)):
            return [t.detach() if isinstance(t, ad.Tensor) else t for t in y], list(grads)
        return y.detach(), list(grads)

    compiled = ad.compile(compute, native=native)
    for given in (values, values, *others(values), values):
        tensors = [made(v, np.float64) for v in given]
        expected = outcome(lambda ts=tensors: compute(*ts))
        found = outcome(lambda ts=tensors: compiled(*ts))
        if isinstance(found, str):
            return  # refused at the line
        assert same(found, expected), (found, expected)


def listed() -> dict[str, tuple[Call, list[Any]]]:
    """Return the calls that other tests compare with PyTorch and NumPy."""
    cases: dict[str, tuple[Call, list[Any]]] = {}
    for name, (call, *_) in test_operations.CALLS.items():
        cases[f"operations: {name}"] = with_library(call, ad), test_operations.inputs(name, np.float64)
    for name, (call, *_) in test_further_operations.CALLS.items():
        cases[f"further: {name}"] = with_library(call, ad), test_further_operations.inputs(name, np.float64)
    for name, (call, *values) in test_further_operations.PLAIN.items():
        cases[f"plain: {name}"] = with_library(call, ad), values
    for name, (call, *values) in test_numpy_functions.CALLS.items():
        cases[f"numpy: {name}"] = call, values
    for name, call in test_numpy.CALLS.items():
        cases[f"numpy: {name}"] = call, [test_numpy.A]
    for name, (call, values) in test_like_torch.CALLS.items():
        cases[f"like torch: {name}"] = with_library(call, ad), [*values]
    for name, (call, values) in test_nn_like_torch.CALLS.items():
        cases[f"functional: {name}"] = with_library(call, functional), [np.asarray(v) for v in values]
    for name, (call, value) in test_shapes.CALLS.items():
        cases[f"shapes: {name}"] = with_library(call, ad), [value]
    for name, (kind, options, value, asked) in test_distributions.KINDS.items():
        for what in ("log_prob", "entropy", "sample", "rsample", *asked):
            call = of_distribution(kind, [*options], what)
            cases[f"distributions: {name}, {what}"] = call, [*options.values(), value]
    return cases


def with_library(call: Call, library: Any) -> Call:
    """Return a call of a library, which other tests exchange."""
    return lambda *xs: call(library, *xs)


def of_distribution(kind: str, names: list[str], what: str) -> Call:
    """Return what makes a distribution and asks it something."""

    def ask(*values: Any) -> Any:
        asked = getattr(getattr(ad.distributions, kind)(**dict(zip(names, values, strict=False))), what)
        return asked(values[-1]) if what == "log_prob" else asked() if callable(asked) else asked

    return ask


def public() -> dict[str, Call]:
    """Return every public function that may take a tensor, and every method."""
    found: dict[str, Call] = {}
    for prefix, home in (("ad", ad), ("functional", functional), ("linalg", ad.linalg), ("special", ad.special)):
        for name in dir(home):
            value = getattr(home, name)
            if not name.startswith("_") and inspect.isroutine(value) and name not in APART:
                found[f"{prefix}.{name}"] = on_copy(value) if name.endswith("_") else value
    for name, _ in inspect.getmembers(ad.Tensor, lambda value: isinstance(value, property)):
        if name != "grad_fn":
            found[f"Tensor.{name}"] = operator.attrgetter(name)
    for name in dir(ad.Tensor):
        if callable(getattr(ad.Tensor, name)) and name not in APART:
            is_operator = name.startswith("__") and hasattr(np.ndarray, name) and name not in dir(object)
            if not name.startswith("_") or (is_operator and name not in ("__array__", "__deepcopy__", "__copy__")):
                found[f"Tensor.{name}"] = copying(name) if name.endswith("_") else calling(name)
    return found


def calling(name: str) -> Call:
    """Return what calls a method."""
    return lambda x, *args: getattr(x, name)(*args)


def copying(name: str) -> Call:
    """Return what calls a method that changes the tensor: a copy of it."""
    return on_copy(calling(name))


def on_copy(call: Call) -> Call:
    """Return a call of a function that changes its first argument with a copy of that."""
    return lambda x, *args: call(x.clone(), *args)


CASES = listed()
PUBLIC = public()
both_ways = pytest.mark.parametrize(
    "native", [pytest.param(False, id="numpy"), pytest.param(True, id="native", marks=NEEDS_LLVM)]
)


@both_ways
@pytest.mark.parametrize("name", some([*CASES], 23))
def test_call_compiled_equals_call_for_other_values(name: str, native: bool) -> None:
    check(*CASES[name], native)


@pytest.mark.parametrize("name", some([*PUBLIC], 17))
def test_whatever_a_public_function_takes_it_takes_compiled(name: str) -> None:
    call, left = PUBLIC[name], examples(3)
    for values in ARGUMENTS:
        if not isinstance(outcome(lambda values=values: call(*(made(v, np.float64) for v in values))), type):
            check(call, [*values], native=False)
            if not (left := left - 1):
                break
