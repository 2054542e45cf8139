"""Wrong arguments to every operation: refused at the call, by name, with nothing changed."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from tests.autodiff.test_operations import EVERY
from tests.autodiff.test_random_graphs import nonsense
from tests.fuzzing import examples
from tests.together import together

X = np.arange(1.0, 7.0).reshape(2, 3) / 7
EQUATIONS = ["ij", "ij->ji", "ii", "ij,jk->ik", "i...", "a.b", "ij->k", "ij->ii", "i->", "->", "ij,", "...ij", "i?", ""]
VALID = st.sampled_from([0, 1, -1, (0, 1), [1, 0], True, 0.5, ad.tensor([0, 1]), ad.zeros(2, 3), ad.tensor([[0], [1]])])


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=examples(25))
@given(arguments=st.lists(st.one_of(nonsense, VALID), min_size=0, max_size=3), equation=st.sampled_from(EQUATIONS))
def test_nonsense_is_refused_by_name_and_changes_nothing(name: str, arguments: list[Any], equation: str) -> None:
    x = ad.tensor(X, requires_grad=True)
    arrays = [a for a in arguments if isinstance(a, (ad.Tensor, np.ndarray)) and a.dtype.kind in "fiub"]
    before = [np.array(np.asarray(a)) for a in arrays]
    call: list[Any] = [x, *arguments]
    if name == "einsum":
        call = [equation, *call]
    if name in ("cat", "stack"):
        call = [[x, *arguments[:1]], *arguments[1:]]
    refusal = name
    try:
        with np.errstate(all="ignore"):
            getattr(ad, name)(*call)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        refusal = str(error)
    assert name in refusal
    np.testing.assert_array_equal(x.detach().numpy(), X)
    for a, values in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(np.asarray(a), values)
    assert x.grad is None


@pytest.mark.parametrize("name", EVERY)
@together("value", [None, "x", 1j, {}, [1.0], object()])
def test_what_is_no_tensor_is_refused_by_name(name: str, value: Any) -> None:
    others: dict[str, tuple[Any, ...]] = {"einsum": ("i",), "cat": (), "stack": ()}
    more: tuple[Any, ...] = (value, value) if name in ("where", "lerp", "addcmul", "addcdiv", "addmm") else ()
    for count in range(3):
        with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)) as error:
            getattr(ad, name)(*others.get(name, ()), value, *more, *[value] * count)
        assert name in str(error.value)


def t(*shape: int, dtype: str = "float64") -> ad.Tensor:
    """Return a tensor of ones."""
    return ad.ones(*shape, dtype=dtype)


def i(*values: Any) -> ad.Tensor:
    """Return a tensor of integers."""
    return ad.tensor(list(values))


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "add, alpha of integers": (lambda: ad.add(i(1), i(2), alpha=0.5), RuntimeError, "alpha of integers.*0.5"),
    "sub, alpha": (lambda: ad.sub(t(1), t(1), alpha="x"), TypeError, "alpha must be a number, got str"),
    "div, rounding_mode": (lambda: ad.div(t(1), 2, rounding_mode="up"), ValueError, "'trunc' or 'floor'.*'up'"),
    "round, decimals": (lambda: ad.round(t(1), decimals=0.5), TypeError, "decimals must be an integer, got float"),
    "clamp, no limit": (lambda: ad.clamp(t(1)), RuntimeError, "needs min or max"),
    "clamp, range": (lambda: ad.clamp(ad.tensor([1], dtype="uint8"), 0, 300), ValueError, "300 is out of the range"),
    "clamp_min, shapes": (lambda: ad.clamp_min(t(2, 3), t(2)), ValueError, r"2,3"),
    "lerp, shapes": (lambda: ad.lerp(t(2, 3), t(2), 0.5), ValueError, r"\[2, 3\]"),
    "addcmul, shapes": (lambda: ad.addcmul(t(2), t(3), t(2)), ValueError, r"\[3\]"),
    "isclose, dtypes": (lambda: ad.isclose(t(1), t(1, dtype="float32")), RuntimeError, "float64 and float32"),
    "isclose, rtol": (lambda: ad.isclose(t(1), t(1), rtol=-1), RuntimeError, "rtol must not be negative, got -1"),
    "allclose, shapes": (lambda: ad.allclose(t(2), t(3)), RuntimeError, "broadcast"),
    "std, integers": (lambda: ad.std(i(1, 2)), RuntimeError, "expected floats, got int64"),
    "var, correction": (lambda: ad.var(t(3), 0, "x"), TypeError, "correction must be a number, got str"),
    "norm, p": (lambda: ad.norm(t(2, 2), "nuke"), ValueError, "p must be a number, 'fro' or 'nuc', got 'nuke'"),
    "norm, integers": (lambda: ad.norm(i(1, 2)), RuntimeError, "expected floats, got int64"),
    "prod, dim": (lambda: ad.prod(t(2, 3), 2), IndexError, "dim 2 is out of range.*-2 to 1"),
    "cumsum, dim": (lambda: ad.cumsum(t(2, 3), None), TypeError, "dim must be an integer, got NoneType"),
    "cumprod, dim": (lambda: ad.cumprod(t(2, 3), -3), IndexError, "dim -3"),
    "nansum, dim": (lambda: ad.nansum(t(2), (0, 0)), RuntimeError, "twice"),
    "new_zeros, a slip": (lambda: t(2).new_zeros(3, dytpe=np.int64), TypeError, "dytpe"),
    "jacrev, a slip": (lambda: ad.func.jacrev(ad.exp, has_aus=True), TypeError, "has_aus"),
    "view, a copy": (lambda: ad.view(t(2, 3).T, 6), RuntimeError, "without copying"),
    "view, size": (lambda: ad.view(t(2, 3), 5), RuntimeError, r"\(5,\)"),
    "unflatten, sizes": (lambda: ad.unflatten(t(6), 0, (4, -1)), RuntimeError, r"\(4, -1\) do not multiply to 6"),
    "unflatten, type": (lambda: ad.unflatten(t(6), 0, 6), TypeError, "sequence"),
    "movedim, numbers": (lambda: ad.movedim(t(2, 3), (0, 1), 0), RuntimeError, "as many"),
    "movedim, twice": (lambda: ad.movedim(t(2, 3), (0, 0), (0, 1)), RuntimeError, "twice"),
    "expand_as, shapes": (lambda: ad.expand_as(t(2), t(3)), ValueError, r"\(2,\).*\(3,\)"),
    "repeat, too few": (lambda: ad.repeat(t(2, 3), 2), RuntimeError, "2 dimensions"),
    "repeat, negative": (lambda: ad.repeat(t(2), -1), RuntimeError, "not negative"),
    "tile, negative": (lambda: ad.tile(t(2), (-1,)), RuntimeError, "not be negative"),
    "flip, twice": (lambda: ad.flip(t(2, 3), (0, -2)), RuntimeError, "twice"),
    "flip, dim": (lambda: ad.flip(t(2, 3), 2), IndexError, "dim 2"),
    "roll, numbers": (lambda: ad.roll(t(2, 3), (1, 2), 0), RuntimeError, "as many"),
    "chunk, chunks": (lambda: ad.chunk(t(3), 0), RuntimeError, "chunks > 0.*0"),
    "unbind, scalar": (lambda: ad.unbind(ad.tensor(1.0)), RuntimeError, "no dimensions"),
    "narrow, length": (lambda: ad.narrow(t(3), 0, 1, 3), RuntimeError, "3 slices from 1.*size 3"),
    "narrow, start": (lambda: ad.narrow(t(3), 0, 4, 0), IndexError, "start 4"),
    "select, index": (lambda: ad.select(t(2, 3), 1, 3), IndexError, "index 3 is out of range for dim 1"),
    "diagonal, dims": (lambda: ad.diagonal(t(2, 3), 0, 1, -1), RuntimeError, "two different"),
    "diagonal, vector": (lambda: ad.diagonal(t(2), 0, 0, 0), RuntimeError, r"\(2,\)"),
    "diag, dimensions": (lambda: ad.diag(t(2, 3, 4)), RuntimeError, r"vector or a matrix, got shape \(2, 3, 4\)"),
    "trace, dimensions": (lambda: ad.trace(t(2)), RuntimeError, r"matrix, got shape \(2,\)"),
    "tril, dimensions": (lambda: ad.tril(t(2)), RuntimeError, "at least 2"),
    "triu, diagonal": (lambda: ad.triu(t(2, 2), 0.5), TypeError, "diagonal must be an integer"),
    "scatter, dtype": (lambda: ad.scatter(t(3), 0, i(0), t(1, dtype="float32")), RuntimeError, "float64, got float32"),
    "scatter, index": (lambda: ad.scatter(t(3), 0, i(3), 1.0), IndexError, "3.*size 3"),
    "scatter, negative index": (lambda: ad.scatter(t(3), 0, i(-1), 1.0), IndexError, "-1"),
    "scatter, value": (lambda: ad.scatter(i(1, 2), 0, i(0), 1e30), RuntimeError, r"1e\+30 is out of.*int64"),
    "scatter, no source": (lambda: ad.scatter(t(3), 0, i(0)), TypeError, "NoneType"),
    "scatter, shape": (lambda: ad.scatter(t(3), 0, i(0, 1), t(1)), RuntimeError, r"\(1,\) does not fit.*\(2,\)"),
    "scatter_add, dtype": (lambda: ad.scatter_add(t(3), 0, i(0), i(1)), RuntimeError, "float64, got int64"),
    "scatter_add, index": (lambda: ad.scatter_add(t(3), 0, t(1), t(1)), TypeError, "integers, got float64"),
    "index_select, index": (lambda: ad.index_select(t(3), 0, i(3)), IndexError, "size 3"),
    "index_select, shape": (lambda: ad.index_select(t(3), 0, i([0])), TypeError, "vector of integers"),
    "masked_fill, mask": (lambda: ad.masked_fill(t(3), i(1, 0, 1), 0), TypeError, "boolean, not int64"),
    "masked_fill, value": (lambda: ad.masked_fill(t(3), t(3) > 0, t(3)), RuntimeError, r"shape \(3,\)"),
    "masked_fill, number": (lambda: ad.masked_fill(i(1), i(1) > 0, math.nan), RuntimeError, "nan is out of.*int64"),
    "masked_select, mask": (lambda: ad.masked_select(t(3), t(2) > 0), RuntimeError, "broadcast"),
    "take_along_dim, shape": (lambda: ad.take_along_dim(t(2, 3), i(0), 1), RuntimeError, r"\(1,\).*\(2, 3\)"),
    "take_along_dim, index": (lambda: ad.take_along_dim(t(2, 3), i([3], [0]), 1), IndexError, "size 3"),
    "topk, k": (lambda: ad.topk(t(3), 4), RuntimeError, "between 0 and 3.*4"),
    "sort, dim": (lambda: ad.sort(t(3), 1), IndexError, "dim 1"),
    "mm, dimensions": (lambda: ad.mm(t(2, 3), t(3)), RuntimeError, "2 and 2 dimensions"),
    "mm, sizes": (lambda: ad.mm(t(2, 3), t(2, 3)), RuntimeError, r"\(2, 3\) and \(2, 3\) cannot"),
    "bmm, batches": (lambda: ad.bmm(t(1, 2, 3), t(4, 3, 2)), RuntimeError, "cannot"),
    "mv, sizes": (lambda: ad.mv(t(2, 3), t(2)), RuntimeError, "cannot"),
    "dot, sizes": (lambda: ad.dot(t(2), t(3)), RuntimeError, r"\(2,\) and \(3,\)"),
    "dot, dtypes": (lambda: ad.dot(t(2), t(2, dtype="float32")), RuntimeError, "float64 and float32"),
    "outer, dimensions": (lambda: ad.outer(t(2, 2), t(3)), RuntimeError, r"\(2, 2\)"),
    "inner, sizes": (lambda: ad.inner(t(2, 3), t(2)), RuntimeError, "differ"),
    "addmm, shape": (lambda: ad.addmm(t(3), t(2, 3), t(3, 4)), RuntimeError, r"\(3,\) does not broadcast to \(2, 4\)"),
    "einsum, equation": (lambda: ad.einsum(3, t(2)), TypeError, "must be a str.*got int, Tensor"),
    "einsum, signs": (lambda: ad.einsum("i1", t(2, 2)), ValueError, "letters"),
    "einsum, operands": (lambda: ad.einsum("i,j", t(2)), ValueError, "names 2 operands, got 1"),
    "einsum, dimensions": (lambda: ad.einsum("ij", t(2)), RuntimeError, "1 dimensions"),
    "einsum, sizes": (lambda: ad.einsum("i,i", t(2), t(3)), RuntimeError, r"\(3,\) has size 3"),
    "einsum, diagonal": (lambda: ad.einsum("ii", t(2, 3)), RuntimeError, "3"),
    "einsum, output": (lambda: ad.einsum("ij->k", t(2, 3)), ValueError, "'k'"),
    "einsum, output twice": (lambda: ad.einsum("ij->ii", t(2, 3)), ValueError, "each once"),
    "einsum, dtypes": (lambda: ad.einsum("i,i", t(2), i(1, 2)), RuntimeError, "float64 and int64"),
    "einsum, list": (lambda: ad.einsum(t(2), 3), TypeError, "list of integers.*got Tensor, int"),
    "einsum, index": (lambda: ad.einsum(t(2), [52]), ValueError, "between 0 and 51, got 52"),
    "split, size 0": (lambda: ad.split(t(3), 0), RuntimeError, "piece of 3 must be positive, got 0"),
    "split, scalar": (lambda: ad.split(ad.tensor(1.0), 1), RuntimeError, "no dimensions"),
    "expand, shape": (lambda: t(3).expand(2, 4), RuntimeError, r"\(3,\) cannot be expanded to \(2, 4\)"),
    "expand, new -1": (lambda: t(3).expand(-1, 3), RuntimeError, r"\(-1, 3\)"),
    "gather, scalar": (lambda: ad.gather(ad.tensor(1.0), 0, i([0])), RuntimeError, r"\(1, 1\) does not fit"),
    "tensordot, sizes": (lambda: ad.tensordot(t(2, 3), t(2, 3), 1), RuntimeError, "differ in size"),
    "tensordot, dims": (lambda: ad.tensordot(t(2), t(2), 2), RuntimeError, "no 2 dimensions"),
    "tensordot, lists": (lambda: ad.tensordot(t(2), t(2), ([0],)), RuntimeError, "two lists"),
    "clamp_, no limit": (lambda: t(2).clamp_(), RuntimeError, "needs min or max"),
    "clamp_, dtype": (lambda: i(1, 2).clamp_(0.5), TypeError, "int64"),
    "clamp_, shape": (lambda: t(2).clamp_(t(3, 2)), ValueError, "broadcast"),
    "uniform_, integers": (lambda: i(1, 2).uniform_(), RuntimeError, "floats, this holds int64"),
    "uniform_, order": (lambda: t(2).uniform_(1, 0), RuntimeError, "1 and 0"),
    "normal_, std": (lambda: t(2).normal_(0, -1), RuntimeError, "not be negative, got -1"),
    "normal_, type": (lambda: t(2).normal_("x"), TypeError, "numbers, got str"),
    "add_, alpha": (lambda: i(1, 2).add_(1, alpha=0.5), TypeError, "int64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_argument_is_refused_at_the_call(name: str) -> None:
    call, kind, text = REFUSED[name]
    with pytest.raises(kind, match=f"(?s){name.split(',')[0]}.*{text}"):
        call()


@pytest.mark.parametrize(
    ("input", "weight", "options"),
    [
        ((4, 3), (4, 3), {}),  # no dimension to slide over
        ((2, 3), (2, 3, 1), {}),
        ((1, 2, 5), (1, 3, 2), {}),
        ((1, 2, 5), (3, 1, 2), {"groups": 2}),
        ((1, 2, 5), (1, 2, 6), {}),
        ((1, 2, 5), (1, 2, 2), {"groups": 0}),
        ((1, 2, 5), (1, 2, 2), {"groups": "a"}),
        ((1, 2, 5), (1, 2, 2), {"stride": (0,)}),
        ((1, 2, 5), (1, 2, 2), {"before": (-1,)}),
    ],
)
def test_kernels_that_do_not_fit_are_refused_by_name(input: Any, weight: Any, options: dict[str, Any]) -> None:
    with pytest.raises((RuntimeError, TypeError), match=r"^convolve: "):
        ad.convolve(ad.zeros(*input), ad.zeros(*weight), **options)


# -- kinds of error ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: ad.ones(2) + ad.ones(3), ValueError),
        (lambda: ad.ones(2)[5], IndexError),
        (lambda: -ad.tensor([True]), TypeError),
        (lambda: ad.tensor([2]) ** -1, ValueError),
        (lambda: ad.ones(3).copy_(ad.ones(2)), ValueError),
        (lambda: ad.ones(0).max(), IndexError),
        (lambda: ad.where(ad.ones(2), 1.0, 2.0), TypeError),
        (lambda: ad.ones(2).masked_fill(ad.ones(2), 1.0), TypeError),
        (lambda: ad.gather(ad.ones(2, 2), 1, ad.tensor([[5]])), IndexError),
        (lambda: ad.zeros(3).scatter(0, ad.tensor([5]), 1.0), IndexError),
        (lambda: ad.stack([]), ValueError),
        (lambda: ad.einsum("ij,jk->ik", ad.ones(2, 3)), ValueError),
    ],
)
def test_what_numpy_and_pytorch_name_by_different_kinds_is_of_both(call: Callable[[], Any], kind: type) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, RuntimeError)
    copied = pickle.loads(pickle.dumps(caught.value))  # a worker process sends it
    assert type(copied) is type(caught.value)
    assert str(copied) == str(caught.value)


def plotted() -> None:
    np.asarray(copy.copy(ad.tensor([1.0], requires_grad=True) * 2))  # as matplotlib does


@pytest.mark.parametrize(
    ("mistake", "cure"),
    [
        (lambda: nn.Linear(2, 2)(ad.tensor(np.ones((4, 2)))), r"NumPy's floats are float64, \.float\(\) makes float32"),
        (lambda: nn.Linear(2, 2)(ad.tensor([[1, 2]])), r"\.float\(\) makes floats of integers"),
        (lambda: nn.Linear(50, 10)(ad.zeros(2, 2, 5, 5)), r"input\.flatten\(1\), or nn\.Flatten\(\)"),
        (lambda: ad.tensor(["cat", "dog"]), r"np\.unique\(labels, return_inverse=True\) numbers strings"),
        (lambda: nn.BatchNorm1d(3)(ad.zeros(1, 3)), r"for a single sample call eval\(\) first"),
        (plotted, r"Use tensor\.detach\(\)"),
    ],
)
def test_a_beginners_mistake_is_told_its_cure(mistake: Callable[[], Any], cure: str) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError), match=cure):
        mistake()
