"""The text of a tensor is PyTorch's, but for how dtypes and operations are called."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.autodiff.test_backward import leaf
from tests.oracle import needs_torch, ours, theirs, torch
from tests.together import together

NAN, INF = np.nan, np.inf
RANDOM = np.random.default_rng(5).standard_normal

VALUES: list[Any] = [
    1.0,
    -1.5,
    0.0,
    -0.0,
    1e-5,
    1e10,
    123456.789,
    NAN,
    INF,
    -INF,
    3,
    -7,
    True,
    [1.0, 2.0],
    [1.0, 2.5],
    [0.1, 0.25, -3.0],
    [1.0, 1e-5],
    [1.0, 10000.0],
    [1.0, 1001.5],
    [1.5, 1234.5],
    [1.0, 1e6],
    [0.5, 1e9],
    [1e9, 2e9],
    [1e8, 1.0],
    [1e-3, 2e-3],
    [1e-4, 9e-4],
    [0.0, 0.0],
    [0.0, 1e-9],
    [NAN, 1.0],
    [NAN, 1.5],
    [INF, -INF, 2.0],
    [INF, 0.25],
    [NAN, NAN],
    [99999.0, 0.5],
    [100000.5],
    [-1000.0, 0.0],
    [1, 2, 3],
    [10, -200, 3],
    [10**12, 1],
    [True, False],
    [[True], [False]],
    [[1.0, 2.0], [3.0, 4.5]],
    [[1, 20], [300, -4]],
    np.zeros((2, 2, 2)),
    np.zeros((2, 1, 1, 2)),
    RANDOM((3, 4)),
    RANDOM(30),
    RANDOM((4, 25)),
    RANDOM((2, 3, 4)),
    np.arange(40),
    np.arange(1001),
    np.arange(1001.0),
    np.arange(2000).reshape(40, 50),
    np.arange(1100.0).reshape(2, 550),
    np.zeros((1200,)),
    np.zeros((0,)),
    np.zeros((0, 3)),
    np.zeros((2, 0)),
]
CASES = [
    (np.asarray(value, dtype), dtype)
    for value in VALUES
    for dtype in ([np.float32, np.float64] if np.asarray(value).dtype.kind == "f" else [None])
] + [
    (np.array([1, 2], np.int32), None),
    (np.array([1, 200], np.uint8), None),
    (np.array([1.5, 2.25], np.float16), None),
    (np.zeros((0,), np.int64), None),
    (np.zeros((0, 2), bool), None),
    (np.array(5, np.int32), None),
]


def torch_text(tensor: Any) -> str:
    """Return PyTorch's text of a tensor with our names of dtypes and operations."""
    return unbroken(repr(tensor).replace("torch.", "").replace("MulBackward0", "mul"))


def unbroken(text: str) -> str:
    """Undo line breaks before what follows the elements: they depend on the length of the names there."""
    return re.sub(r",\n       (?=dtype|size|grad_fn|requires_grad)", ", ", text)


@needs_torch
@together("value", [case[0] for case in CASES])
def test_text_of_a_tensor_is_pytorchs(value: np.ndarray[Any, Any]) -> None:
    assert unbroken(repr(ours(value))) == torch_text(theirs(value))


@needs_torch
@pytest.mark.parametrize("value", [1.0, [1.0, 2.5], RANDOM((2, 3)), np.zeros((0,)), np.zeros((2, 0)), RANDOM((4, 9))])
def test_text_tells_of_gradients_as_pytorchs_does(value: Any) -> None:
    for dtype in (np.float32, np.float64):
        x, t = ours(np.asarray(value, dtype), True), theirs(np.asarray(value, dtype), True)
        for mine, other in ((x, t), (x.detach(), t.detach()), (x * 2, t * 2)):
            assert unbroken(repr(mine)) == torch_text(other)


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (ad.tensor(3.5), "tensor(3.5000)"),
        (ad.tensor([1, 2]), "tensor([1, 2])"),
        (ad.tensor(np.array([1.0])), "tensor([1.], dtype=float64)"),
        (ad.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
        (leaf(2.0) * 2, "tensor(4., dtype=float64, grad_fn=<mul>)"),
        (ad.tensor([True, False]), "tensor([ True, False])"),
        (ad.zeros(2, 0), "tensor([], size=(2, 0))"),
        (ad.tensor([], dtype="int64"), "tensor([], dtype=int64)"),
        (ad.tensor([[1.0, -2.0], [0.5, 3.0]]), "tensor([[ 1.0000, -2.0000],\n        [ 0.5000,  3.0000]])"),
    ],
)
def test_text_without_pytorch(tensor: ad.Tensor, text: str) -> None:
    assert repr(tensor) == str(tensor) == text


def test_no_line_is_longer_than_eighty_characters() -> None:
    x = ad.tensor(RANDOM((3, 60)), requires_grad=True)
    for t in (x, x * 2, ad.arange(300), ad.tensor(RANDOM(7))):
        assert max(map(len, repr(t).splitlines())) <= 80


def test_a_large_tensor_is_cut() -> None:
    text = repr(ad.zeros(1000, 1000))
    assert "..." in text
    assert len(text) < 1000


def test_printing_options_of_numpy_change_nothing() -> None:
    t = ad.tensor([0.123456, 2.0])
    with np.printoptions(precision=2, suppress=True, linewidth=20, threshold=1):
        assert repr(t) == "tensor([0.1235, 2.0000])"


@needs_torch
def test_formatted_texts_equal_pytorchs() -> None:
    for value in (1.5, 0.1, 3, True, float("nan"), [1.0], [[2]]):
        mine, other = ad.tensor(value), torch.tensor(value)
        assert f"{mine}" == f"{other}"
    assert f"{ad.tensor(1.5, requires_grad=True) * 2}" == "3.0"  # a loss, as programs print it
    assert f"{ad.tensor(1.25):.1f}|{ad.tensor(3):>3}" == f"{torch.tensor(1.25):.1f}|{torch.tensor(3):>3}"
    assert f"{nn.Parameter(ad.tensor(1.5))}".startswith("Parameter containing:")


@needs_torch
def test_several_results_are_printed_a_line_each() -> None:
    def printed(lib: Any) -> list[str]:
        x = lib.tensor([[3.0, 1.0, 2.0], [1.0, 5.0, 4.0], [2.0, 6.0, 7.0]])
        names = ("max", "min", "median", "nanmedian", "cummax", "cummin")
        results = [getattr(x, name)(0) for name in names]
        results += [x.sort(), x.topk(2), x.kthvalue(2), x.aminmax(), lib.linalg.slogdet(x), lib.linalg.lu(x)]
        results += [lib.linalg.lu_factor(x)[:1], lib.linalg.lstsq(x, x)[2:3], type(lib.linalg.qr(x)).__name__]
        results += [type(lib.linalg.svd(x)).__name__, type(lib.svd(x)).__name__, type(lib.linalg.eigh(x)).__name__]
        return [str(result).replace(f"{lib.__name__}.return_types", "return_types") for result in results]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of svd
        assert printed(ad) == printed(torch)


def test_results_are_pickled_and_copied_as_what_they_are() -> None:
    found = ad.tensor([1.0, 3.0]).max(0)
    for copied in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert type(copied) is ad.return_types.max
        assert repr(copied) == repr(found) == "autodiff.return_types.max(\nvalues=tensor(3.),\nindices=tensor(1))"
