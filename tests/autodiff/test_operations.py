"""Every operation of the library by name: value and gradient are PyTorch's, over shapes, dtypes, dims and layouts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.tensor import from_array
from tests.oracle import Array, assert_same, check_like_torch, gradients, needs_torch, torch
from tests.together import together

ELEMENTWISE = [
    "abs", "neg", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt",
    "rsqrt", "square", "reciprocal", "sin", "cos", "tan", "sinc", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "erf", "floor", "ceil", "round",
    "trunc", "sign", "frac", "isnan", "isinf", "isfinite", "clone",
]  # fmt: skip
BINARY = [
    "add", "sub", "mul", "div", "true_divide", "pow", "float_power", "maximum", "minimum", "atan2",
    "hypot", "logaddexp", "xlogy", "clamp_min", "clamp_max", "eq", "ne", "lt", "le", "gt",
    "ge",
]  # fmt: skip
REDUCTIONS = [
    "sum", "mean", "var", "std", "amax", "amin", "logsumexp", "norm", "nansum", "all",
    "any",
]  # fmt: skip
ALONG_ONE = [
    "prod", "argmax", "argmin", "cumsum", "cumprod",
]  # fmt: skip
OTHERS = [
    "clamp", "where", "lerp", "addcmul", "addcdiv", "isclose", "allclose", "max",
    "min", "reshape", "view", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze",
    "transpose", "permute", "movedim", "expand", "expand_as", "broadcast_to", "repeat", "tile",
    "flip", "roll", "stack", "cat", "split", "chunk", "unbind", "narrow",
    "select", "diagonal", "diag", "trace", "tril", "triu", "gather", "scatter",
    "scatter_add", "index_select", "masked_fill", "masked_select", "take_along_dim", "sort", "topk", "matmul",
    "mm", "bmm", "mv", "dot", "outer", "inner", "addmm", "einsum",
    "tensordot", "softmax", "log_softmax",
]  # fmt: skip
IN_PLACE = [
    "zero_", "fill_", "copy_", "add_", "mul_", "sub_", "div_", "clamp_", "uniform_", "normal_",
]  # fmt: skip
EVERY = [*ELEMENTWISE, *BINARY, *REDUCTIONS, *ALONG_ONE, *OTHERS]


# -- names -------------------------------------------------------------------------------------------------------------


@together("name", EVERY)
def test_operation_is_a_function_and_where_pytorch_has_it_a_method(name: str) -> None:
    assert callable(getattr(ad, name))
    assert name in ad.__dict__
    if torch is None or hasattr(torch.Tensor, name):
        assert callable(getattr(ad.Tensor, name, None)) or name in ("stack", "cat", "einsum", "tensordot")


@together("name", [*IN_PLACE, "T", "mT", "__getitem__", "__setitem__"])
def test_attribute_of_tensors_exists(name: str) -> None:
    assert hasattr(ad.Tensor, name)


# -- element by element ------------------------------------------------------------------------------------------------

SHAPES: list[tuple[int, ...]] = [(), (1,), (4,), (2, 3), (0,), (2, 0, 3), (2, 1, 4)]
#: Where a function of one real number is safely inside its domain; elsewhere numbers from -2 to 2 are.
DOMAIN = dict.fromkeys(["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"], (0.2, 3.0)) | {
    "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9),
    "atanh": (-0.9, 0.9),
    "acosh": (1.2, 3.0),
    "tan": (-1.2, 1.2),
}
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "in order": lambda x: x,
    "columns first": lambda x: np.array(x, order="F"),
    "every second": lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
}


def drawn(
    shape: tuple[int, ...], low: float = -2.0, high: float = 2.0, dtype: Any = np.float64, seed: int = 0
) -> Array:
    """Return numbers that are the same in every call."""
    return np.asarray(np.random.default_rng([seed, *shape]).uniform(low, high, shape)).astype(dtype)


def tolerance(dtype: Any) -> dict[str, float]:
    """Return what a few roundings in another order, or of another library's elementary functions, may differ by."""
    eps = 16 * float(np.finfo(dtype).eps)
    return {"rtol": eps, "atol": eps}


@needs_torch
@together("layout", LAYOUTS)
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_function_of_each_element_is_pytorchs(name: str, dtype: Any, layout: str) -> None:
    for shape in SHAPES:
        x = LAYOUTS[layout](drawn(shape, *DOMAIN.get(name, (-2.0, 2.0)), dtype=dtype))
        check_like_torch(lambda lib, x: getattr(lib, name)(x), x, **tolerance(dtype))
        check_like_torch(lambda _, x: getattr(x, name)(), x, **tolerance(dtype))


@needs_torch
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BINARY)
def test_function_of_two_elements_is_pytorchs(name: str, dtype: Any) -> None:
    positive = {"pow": (0.3, 2.0), "float_power": (0.3, 2.0)}.get(name, (-2.0, 2.0))
    for a, b in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1, 3), (4, 1)), ((), (3,)), ((), ()), ((0, 3), (1, 3))]:
        x, y = drawn(a, *positive, dtype=dtype), drawn(b, 0.3, 2.0, dtype=dtype, seed=1)
        check_like_torch(lambda lib, x, y: getattr(lib, name)(x, y), x, y, **tolerance(dtype))
        check_like_torch(lambda _, x, y: getattr(x, name)(y), x, y, **tolerance(dtype))
        check_like_torch(
            lambda _, x, y: getattr(x.mT if x.ndim == 2 else x, name)(0.5 + y.sum()), x, y, **tolerance(dtype)
        )


# -- along dimensions --------------------------------------------------------------------------------------------------


@needs_torch
@together("keepdim", [False, True])
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_is_pytorchs(name: str, dtype: Any, keepdim: bool) -> None:
    dims: list[Any] = [0, -1, 1, (0, 2), (-1, 0), (0, 1, 2)]
    for shape in ((2, 3, 4), (3, 2, 2), (2, 3, 0)):
        for dim in dims:
            if not math.prod(shape) and (name in ("amax", "amin", "var", "std") or isinstance(dim, tuple)):
                continue  # there is nothing to choose from, or too little to estimate from
            if name == "norm" and len(np.ravel(dim)) > 2:
                continue  # PyTorch takes at most a matrix
            x = drawn(shape, dtype=dtype)
            for call in (
                lambda lib, x, dim=dim: getattr(lib, name)(x, dim=dim, keepdim=keepdim),
                lambda _, x, dim=dim: getattr(x.transpose(0, 1), name)(dim=dim, keepdim=keepdim),
            ):
                check_like_torch(call, x, **tolerance(dtype))


@needs_torch
@together("shape", [(), (1,), (5,), (2, 3)])
@pytest.mark.parametrize("name", [*REDUCTIONS, "prod"])
def test_reduction_of_everything_is_pytorchs(name: str, shape: tuple[int, ...]) -> None:
    if name == "logsumexp" or (name in ("var", "std") and math.prod(shape) < 2):
        return
    check_like_torch(lambda lib, x: getattr(lib, name)(x), drawn(shape))
    check_like_torch(lambda _, x: getattr(x, name)(), drawn(shape))


@needs_torch
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALONG_ONE)
def test_function_along_one_dim_is_pytorchs(name: str, dtype: Any) -> None:
    for shape in ((2, 3, 4), (4,), (), (2, 3, 0), (0, 2, 3)):
        for dim in range(-max(len(shape), 1), max(len(shape), 1)):
            if name.startswith("arg") and shape and not shape[dim]:
                continue
            x = drawn(shape, dtype=dtype)
            check_like_torch(lambda lib, x, dim=dim: getattr(lib, name)(x, dim), x, **tolerance(dtype))
            if "cum" not in name:
                check_like_torch(lambda _, x, dim=dim: getattr(x, name)(dim, keepdim=True), x, **tolerance(dtype))


@pytest.mark.parametrize("name", [*REDUCTIONS, *ALONG_ONE, "softmax", "max", "min", "sort"])
def test_numpys_names_of_dims_are_accepted(name: str) -> None:
    x = ad.tensor(drawn((2, 3)))
    mine, numpys = (getattr(ad, name)(x, **{k: 1}) for k in ("dim", "axis"))
    for a, b in zip(*((v if isinstance(v, tuple) else (v,)) for v in (mine, numpys)), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    if name in REDUCTIONS:
        assert getattr(x, name)(axis=1, keepdims=True).shape == (2, 1)
    with pytest.raises(TypeError, match=name):
        getattr(ad, name)(x, dim=1, axis=1)


# -- everything else: calls that are the same in both libraries --------------------------------------------------------

A, B, C, V, W = (2, 3), (3, 4), (2, 3, 4), (3,), (4,)
ROWS, PAIRS = np.array([2, 0, 2]), np.array([[0, 2], [1, 0]])
MASK = np.array([[True, False, True], [False, False, True]])

#: Calls, and the shapes of float inputs (or arrays) that they get.
CALLS: dict[str, tuple[Any, ...]] = {
    "add alpha": (lambda lib, x, y: lib.add(x, y, alpha=0.5), A, V),
    "sub alpha": (lambda lib, x, y: x.sub(y, alpha=-2), A, V),
    "div trunc": (lambda lib, x, y: lib.div(x, y, rounding_mode="trunc"), A, A),
    "div floor": (lambda lib, x, y: x.div(y, rounding_mode="floor"), A, A),
    "round decimals": (lambda lib, x: lib.round(x, decimals=1), A),
    "round tens": (lambda lib, x: lib.round(100 * x, decimals=-1), A),
    "clamp": (lambda lib, x: lib.clamp(x, -0.5, 0.5), A),
    "clamp min": (lambda lib, x: x.clamp(min=0.1), A),
    "clamp tensors": (lambda lib, x, a, b: x.clamp(a, b), A, V, A),
    "where": (lambda lib, x, m, y: lib.where(m, x, y), A, MASK, V),
    "where method": (lambda lib, x, m, y: x.where(m, y), A, MASK, A),
    "lerp": (lambda lib, x, y: lib.lerp(x, y, 0.3), A, V),
    "lerp tensor": (lambda lib, x, y, w: x.lerp(y, w), A, A, A),
    "addcmul": (lambda lib, x, y, z: lib.addcmul(x, y, z, value=-0.5), A, V, A),
    "addcdiv": (lambda lib, x, y, z: x.addcdiv(y, z * z + 1, value=2), A, A, V),
    "isclose": (lambda lib, x: lib.isclose(x, x + 1e-6, atol=1e-5), A),
    "isclose nan": (lambda lib, x: lib.isclose(x.log(), x.log(), equal_nan=True), np.ones(2)),
    "var unbiased": (lambda lib, x: x.var(1, unbiased=False), A),
    "std correction": (lambda lib, x: lib.std(x, (0, 1), correction=2, keepdim=True), A),
    "std unbiased": (lambda lib, x: lib.std(x, 0, False), A),
    "std of all": (lambda lib, x: x.std(False), A),
    "max": (lambda lib, x: lib.max(x), C),
    "max dim": (lambda lib, x: lib.max(x, -2, True)[0], C),
    "min dim": (lambda lib, x: x.min(dim=1).values, C),
    "min indices": (lambda lib, x: x.min(dim=1).indices, C),
    "max of two": (lambda lib, x, y: lib.max(x, y), A, A),
    "sum dtype": (lambda lib, x: x.sum(0, dtype=lib.float32), A),
    "prod dtype": (lambda lib, x: x.prod(0, dtype=lib.float32), A),
    "cumsum dtype": (lambda lib, x: x.cumsum(0, dtype=lib.float32), A),
    "norm fro": (lambda lib, x: lib.norm(x, "fro", dim=(0, 1)), A),
    "norm inf": (lambda lib, x: lib.norm(x, math.inf, dim=0), A),
    "norm -inf": (lambda lib, x: x.norm(-math.inf, dim=-1, keepdim=True), A),
    "norm 3": (lambda lib, x: x.norm(p=3, dim=(0, -1)), C),
    "reshape": (lambda lib, x: lib.reshape(x, (4, -1)), C),
    "view": (lambda lib, x: x.view(6, -1), C),
    "view of a view": (lambda lib, x: x[:, 0].view(2, 2, 2), C),
    "flatten": (lambda lib, x: lib.flatten(x, 1, -1), C),
    "ravel": (lambda lib, x: lib.ravel(x.mT), C),
    "unflatten": (lambda lib, x: lib.unflatten(x, -1, (2, -1)), C),
    "squeeze": (lambda lib, x: lib.squeeze(x[:1], 0), C),
    "squeeze dims": (lambda lib, x: x[:1, :, :1].squeeze((0, 1, -1)), C),
    "unsqueeze": (lambda lib, x: lib.unsqueeze(x, -2), C),
    "transpose": (lambda lib, x: lib.transpose(x, 0, -1), C),
    "permute": (lambda lib, x: lib.permute(x, (2, 0, 1)), C),
    "permute method": (lambda lib, x: x.permute(-1, 0, 1), C),
    "T": (lambda lib, x: x.T, A),
    "mT": (lambda lib, x: x.mT, C),
    "movedim": (lambda lib, x: lib.movedim(x, 0, -1), C),
    "movedim lists": (lambda lib, x: x.movedim((0, 1), (2, 0)), C),
    "expand": (lambda lib, x: x.expand(2, -1, 3), A),
    "expand_as": (lambda lib, x, y: x.expand_as(y), V, A),
    "broadcast_to": (lambda lib, x: lib.broadcast_to(x, (2, 2, 3)), A),
    "repeat": (lambda lib, x: x.repeat(2, 1, 3), A),
    "repeat 1": (lambda lib, x: x.repeat(1, 1), A),
    "repeat 0": (lambda lib, x: x.repeat(0, 2), A),
    "tile": (lambda lib, x: lib.tile(x, (2,)), A),
    "tile more": (lambda lib, x: x.tile(2, 1, 3), A),
    "flip": (lambda lib, x: lib.flip(x, (0, -1)), C),
    "flip none": (lambda lib, x: lib.flip(x, ()), C),
    "roll": (lambda lib, x: lib.roll(x, 5), C),
    "roll dims": (lambda lib, x: x.roll((1, -5), (0, -1)), C),
    "stack": (lambda lib, x, y: lib.stack([x, y, x], dim=-1), A, A),
    "cat": (lambda lib, x, y: lib.cat((x, y, x), dim=1), A, (2, 1)),
    "split": (lambda lib, x: lib.split(x, 3, dim=-1)[1], C),
    "split sizes": (lambda lib, x: x.split([1, 0, 3], 2)[2], C),
    "chunk": (lambda lib, x: lib.chunk(x, 3, dim=2)[1], C),
    "unbind": (lambda lib, x: lib.unbind(x, -1)[3], C),
    "narrow": (lambda lib, x: lib.narrow(x, -1, 1, 2), C),
    "narrow from the end": (lambda lib, x: x.narrow(2, -3, 2), C),
    "select": (lambda lib, x: lib.select(x, 1, -1), C),
    "diagonal": (lambda lib, x: lib.diagonal(x, 1, 0, 2), C),
    "diagonal far": (lambda lib, x: x.diagonal(offset=-9), A),
    "diag": (lambda lib, x: lib.diag(x), A),
    "diag of a vector": (lambda lib, x: x.diag(-2), V),
    "diag far": (lambda lib, x: lib.diag(x, 7), A),
    "trace": (lambda lib, x: lib.trace(x), A),
    "tril": (lambda lib, x: lib.tril(x, 1), C),
    "triu": (lambda lib, x: x.triu(-1), C),
    "clone": (lambda lib, x: x.clone(), A),
    "gather": (lambda lib, x, i: lib.gather(x, 1, i), A, PAIRS),
    "scatter": (lambda lib, x, i, y: lib.scatter(x, 1, i, y), A, PAIRS, (2, 2)),
    "scatter value": (lambda lib, x, i: x.scatter(-1, i, 2.5), A, PAIRS),
    "scatter value=": (lambda lib, x, i: lib.scatter(x, -1, i, value=2.5), A, PAIRS),
    "scatter_add": (lambda lib, x, i, y: lib.scatter_add(x, 0, i, y), B, np.array([[1, 0, 1, 0]]), (1, 4)),
    "scatter_add twice": (lambda lib, x, i, y: x.scatter_add(0, i, y), V, ROWS, V),
    "index_select": (lambda lib, x, i: lib.index_select(x, -1, i), A, ROWS),
    "index_select scalar": (lambda lib, x, i: x.index_select(0, i[0]), V, ROWS),
    "masked_fill": (lambda lib, x, m: lib.masked_fill(x, m, -1.5), A, MASK),
    "masked_fill broadcast": (lambda lib, x, m: x.masked_fill(m, 0), V, MASK),
    "masked_fill tensor": (lambda lib, x, m, v: x.masked_fill(m, v), A, MASK, ()),
    "masked_select": (lambda lib, x, m: lib.masked_select(x, m), A, MASK),
    "masked_select broadcast": (lambda lib, x, m: x.masked_select(m), V, MASK),
    "take_along_dim": (lambda lib, x, i: lib.take_along_dim(x, i, 1), A, PAIRS),
    "take_along_dim flat": (lambda lib, x, i: lib.take_along_dim(x, i), A, PAIRS),
    "take_along_dim broadcast": (lambda lib, x, i: x.take_along_dim(i, dim=0), A, np.array([[1], [0], [1]])),
    "sort": (lambda lib, x: lib.sort(x, 1)[0], C),
    "sort indices": (lambda lib, x: x.sort(descending=True).indices, C),
    "sort ties": (lambda lib, x: lib.sort(x.round(), dim=0, descending=True, stable=True)[1], C),
    "topk": (lambda lib, x: lib.topk(x, 2)[0], C),
    "topk smallest": (lambda lib, x: x.topk(2, dim=1, largest=False).values, C),
    "topk indices": (lambda lib, x: x.topk(0, dim=1).indices, C),
    "matmul": (lambda lib, x, y: lib.matmul(x, y), C, W),
    "mm": (lambda lib, x, y: lib.mm(x, y), A, B),
    "bmm": (lambda lib, x, y: lib.bmm(x, y), C, (2, 4, 1)),
    "mv": (lambda lib, x, y: x.mv(y), A, V),
    "dot": (lambda lib, x, y: lib.dot(x, y), V, V),
    "outer": (lambda lib, x, y: lib.outer(x, y), V, W),
    "inner": (lambda lib, x, y: lib.inner(x, y), C, (5, 4)),
    "inner of vectors": (lambda lib, x, y: x.inner(y), W, W),
    "inner with a scalar": (lambda lib, x, y: lib.inner(x, y), A, ()),
    "addmm": (lambda lib, c, x, y: lib.addmm(c, x, y, beta=0.5, alpha=2), W, A, B),
    "addmm plain": (lambda lib, c, x, y: c.addmm(x, y), (2, 1), A, B),
    "einsum attention": (lambda lib, q, k: lib.einsum("bqd,bkd->bqk", q, k), C, (2, 5, 4)),
    "einsum bilinear": (lambda lib, x, w, y: lib.einsum("bi,oij,bj->bo", x, w, y), (5, 2), (6, 2, 3), (5, 3)),
    "einsum dots in the middle": (lambda lib, x: lib.einsum("a...b->b...", x), C),
    "einsum implicit": (lambda lib, x, y: lib.einsum("cb,ba", x, y), A, (*V, 2)),
    "einsum list": (lambda lib, x, y: lib.einsum("i,i->i", [x, y]), V, V),
    "einsum trace of batches": (lambda lib, x: lib.einsum("...ii", x), (2, 3, 3)),
    "einsum size 1": (lambda lib, x, y: lib.einsum("ij,jk->ik", x, y), (2, 1), (3, 4)),
    "tensordot": (lambda lib, x, y: lib.tensordot(x, y), C, (3, 4, 2)),
    "tensordot 1": (lambda lib, x, y: lib.tensordot(x, y, dims=1), C, W),
    "tensordot 0": (lambda lib, x, y: lib.tensordot(x, y, dims=0), V, A),
    "tensordot lists": (lambda lib, x, y: lib.tensordot(x, y, dims=([0, 2], [1, 0])), C, (4, 2, 5)),
    "softmax": (lambda lib, x: lib.softmax(x, dim=1), C),
    "cat with nothing": (lambda lib, x, y: lib.cat([x, y, x], dim=-1), (0,), A),
    "cat with nothing along 0": (lambda lib, x, y: lib.cat([y, x]), (0,), A),
    "cat nothing": (lambda lib, x, y: lib.cat([x, y]), (0,), (0,)),
    "split of nothing": (lambda lib, x: lib.split(x, 2)[0], (0, 2)),
    "split size 0 of nothing": (lambda lib, x: lib.split(x, 0)[0], (0, 2)),
    "gather from a scalar": (lambda lib, x, i: lib.gather(x, 0, i), (), np.array([0, 0, 0])),
    "gather by a scalar": (lambda lib, x, i: lib.gather(x, -1, i), V, np.array(2)),
    "gather nothing": (lambda lib, x, i: lib.gather(x, 1, i), A, np.zeros(0, np.int64)),
    "scatter into a scalar": (lambda lib, x, i, y: lib.scatter(x, 0, i, y), (), np.array([0]), (1,)),
    "scatter by a scalar": (lambda lib, x, i, y: lib.scatter(x, 0, i, y), V, np.array(1), ()),
    "scatter nothing": (lambda lib, x, i, y: lib.scatter(x, 0, i, y), V, np.zeros((0, 4), np.int64), (0, 4)),
    "scatter_add into a scalar": (lambda lib, x, i, y: lib.scatter_add(x, 0, i, y), (), np.array([0, 0]), (2,)),
    "scatter_add by a scalar": (lambda lib, x, i, y: lib.scatter_add(x, 0, i, y), V, np.array(1), ()),
    "scatter_add nothing": (lambda lib, x, i, y: lib.scatter_add(x, 0, i, y), V, np.zeros(0, np.int64), (0,)),
    "broadcast_to keeping a size": (lambda lib, x: lib.broadcast_to(x, (2, 2, -1)), A),
    "einsum of lists": (lambda lib, x, y: lib.einsum(x, [0, 1], y, [1, 2], [0, 2]), A, B),
    "einsum of lists without a result": (lambda lib, x, y: lib.einsum(x, [30, 1], y, [1, 2]), A, B),
    "einsum of lists with dots": (lambda lib, x, y: lib.einsum(x, [..., 0, 1], y, [..., 1, 2], [..., 0, 2]), C, (4, 2)),
    "sigmoid of booleans": (lambda lib, x, m: x * lib.sigmoid(m), A, MASK),
    "sign of booleans": (lambda lib, x, m: x * lib.sign(m), A, MASK),
    "log_softmax": (lambda lib, x: x.log_softmax(-2), C),
}


def inputs(name: str, dtype: Any) -> list[Array]:
    """Return the inputs of a call; shapes filled with numbers between 0.3 and 2, of any sign."""
    values = []
    for k, x in enumerate(CALLS[name][1:]):
        if isinstance(x, tuple):
            x = drawn(x, 0.3, 2.0, seed=k) * np.sign(drawn(x, seed=k + 9))
        values.append(np.asarray(x).astype(dtype) if np.asarray(x).dtype.kind == "f" else x)
    return values


@needs_torch
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CALLS)
def test_call_is_pytorchs(name: str, dtype: Any) -> None:
    check_like_torch(CALLS[name][0], *inputs(name, dtype), **tolerance(dtype))


@needs_torch
@pytest.mark.parametrize("name", [n for n in CALLS if not n.startswith("view")])
def test_call_does_not_depend_on_the_layout_in_memory(name: str) -> None:
    reference = gradients(ad, CALLS[name][0], *inputs(name, np.float64))
    for lay in list(LAYOUTS.values())[1:]:
        values = [from_array(lay(x), requires_grad=x.dtype.kind == "f") for x in inputs(name, np.float64)]
        y = CALLS[name][0](ad, *values)
        assert_same(y.detach().numpy(), reference[0], rtol=1e-14, atol=1e-14)  # sums run in another order


ONES, FIRST = np.ones(A), np.zeros((1, 3), np.int64)
#: PyTorch's names of arguments, and values for a tensor of shape A. What is an array is passed as a tensor.
KEYWORDS: dict[str, dict[str, Any]] = {
    "clamp": {"min": 0.1, "max": 0.5}, "round": {"decimals": 1}, "div": {"other": 2.0, "rounding_mode": "floor"},
    "add": {"other": 2.0, "alpha": 2}, "pow": {"exponent": 2}, "float_power": {"exponent": 2}, "xlogy": {"other": ONES},
    "sum": {"dim": 0, "keepdim": True, "dtype": None}, "var": {"dim": 0, "correction": 0, "keepdim": True},
    "std": {"dim": 0, "unbiased": False}, "norm": {"p": 2, "dim": 0, "keepdim": True}, "cumsum": {"dim": 0},
    "argmax": {"dim": 1, "keepdim": True}, "flatten": {"start_dim": 0, "end_dim": 1}, "prod": {"dim": 0},
    "unflatten": {"dim": 1, "sizes": (3, 1)}, "squeeze": {"dim": 0}, "unsqueeze": {"dim": 0},
    "transpose": {"dim0": 0, "dim1": 1}, "permute": {"dims": (1, 0)}, "movedim": {"source": 0, "destination": 1},
    "expand": {"size": (4, 2, 3)}, "repeat": {"repeats": (2, 2)}, "tile": {"dims": (2,)}, "flip": {"dims": (0,)},
    "roll": {"shifts": 1, "dims": 0}, "narrow": {"dim": 0, "start": 0, "length": 1}, "select": {"dim": 0, "index": 0},
    "diagonal": {"offset": 0, "dim1": 0, "dim2": 1}, "diag": {"diagonal": 0}, "tril": {"diagonal": 0},
    "reshape": {"shape": (3, 2)}, "view": {"size": (3, 2)}, "broadcast_to": {"size": (2, 2, 3)}, "softmax": {"dim": 0},
    "logsumexp": {"dim": 0, "keepdim": True}, "lerp": {"end": ONES, "weight": 0.5}, "mm": {"mat2": ONES.T.copy()},
    "addcmul": {"tensor1": ONES, "tensor2": ONES, "value": 2}, "masked_fill": {"mask": MASK, "value": 0.0},
    "gather": {"dim": 0, "index": FIRST}, "scatter": {"dim": 0, "index": FIRST, "src": ONES[:1]},
    "index_select": {"dim": 0, "index": ROWS[1:2]}, "take_along_dim": {"indices": FIRST, "dim": 0},
    "addmm": {"mat1": np.ones((2, 2)), "mat2": ONES, "beta": 1, "alpha": 1}, "masked_select": {"mask": MASK},
    "isclose": {"other": ONES, "rtol": 1e-5, "atol": 1e-8, "equal_nan": False}, "expand_as": {"other": ONES},
}  # fmt: skip


@needs_torch
@pytest.mark.parametrize("name", KEYWORDS)
def test_arguments_have_pytorchs_names(name: str) -> None:
    def call(lib: Any, x: Any, method: bool) -> Any:
        make = torch.tensor if lib is torch else ad.tensor
        named = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in KEYWORDS[name].items()}
        return getattr(x, name)(**named) if method else getattr(lib, name)(x, **named)

    for method in (True, False):
        if hasattr(torch, name) or method:
            check_like_torch(lambda lib, x, method=method: call(lib, x, method), drawn(A), **tolerance(np.float64))


@needs_torch
def test_pieces_have_pytorchs_names_and_a_name_is_given_once() -> None:
    check_like_torch(lambda _, x: x.split(split_size=2, dim=1)[1], drawn(A))
    check_like_torch(lambda lib, x: lib.split(x, split_size_or_sections=[1, 2], dim=1)[1], drawn(A))
    for name, kw in (("reshape", "shape"), ("flip", "dims"), ("expand", "size")):
        with pytest.raises(TypeError, match=f"{name}: got {kw} twice"):
            getattr(ad.ones(2), name)(2, **{kw: (2,)})


def test_every_operation_of_several_forms_is_called() -> None:
    called = {name.split()[0] for name in CALLS}
    assert set(OTHERS) - called - {"min", "max", "allclose"} == set()


@needs_torch
@pytest.mark.parametrize("dtype", [np.bool, np.uint8])
def test_einsum_of_one_operand_counts_as_a_sum_does(dtype: Any) -> None:
    x = np.array([[1, 200], [1, 100]]).astype(dtype)
    for equation in ("ij->", "ij->i", "ii", "ii->i", "ij->ji"):
        check_like_torch(lambda lib, x, equation=equation: lib.einsum(equation, x), x)
