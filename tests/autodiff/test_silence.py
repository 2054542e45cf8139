"""Inf and NaN are results like any other: operations let no warning of NumPy's through, and leave the user's alone."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
import nn
from autodiff.kernels import silence
from autodiff.tensor import from_array
from nn import functional
from tests.together import together

SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-45, 1e-30, 88.8, -88.8, 1e30, -3.4e38, 3.4e38, np.inf, -np.inf, np.nan]
every_dtype = together("dtype", [np.float16, np.float32, np.float64])
for_settings = together("setting", ["warn", "raise"])


def special(dtype: npt.DTypeLike) -> tuple[ad.Tensor, ad.Tensor]:
    """Return all pairs of special numbers."""
    with np.errstate(all="ignore"):
        x = np.array(SPECIAL).astype(dtype)
    return from_array(np.repeat(x, len(x)).reshape(-1, 14)), from_array(np.tile(x, len(x)).reshape(-1, 14))


CALLS: dict[str, Callable[[ad.Tensor, ad.Tensor], Any]] = {
    "an operator": lambda x, y: x / y,
    "a sum of rows": lambda x, y: x.sum(1),
    "a product": lambda x, y: x @ y.mT,
    "a comparison": lambda x, y: ad.isclose(x, y),
    "a power": lambda x, y: x**-1.5,
    "a large number": lambda x, y: x * 1e300,
    "a function of an array": lambda x, y: ad.exp(x.numpy()),
    "a function of NumPy": lambda x, y: np.exp(x),
    "a narrower dtype": lambda x, y: x.to(np.float16),
    "integers": lambda x, y: x.long(),
    "a list of large numbers": lambda x, y: ad.tensor([1e300, np.nan]),
    "a repeated number": lambda x, y: ad.full_like(x, 6e4),
    "a change in place": lambda x, y: x.clone().div_(y),
    "a filled tensor": lambda x, y: x.clone().fill_(1e300),
    "a copied tensor": lambda x, y: ad.zeros_like(x).copy_(y.double() * 1e30),
    "an assignment": lambda x, y: x.clone().__setitem__(0, 1e300),
    "a search": lambda x, y: 1e300 in x,
    "a softmax": lambda x, y: ad.softmax(x, 1),
    "integers beside half precision": lambda x, y: x.to(np.float16) + ad.tensor([2**40]),
    "a norm": lambda x, y: ad.norm(x, 3, 1),
    "a loss": lambda x, y: functional.cross_entropy(x, ad.zeros(14, dtype=np.int64)),
    "a loss with weights of 0": lambda x, y: functional.cross_entropy(
        x, ad.zeros(14, dtype=np.int64), weight=ad.zeros(14, dtype=x.dtype)
    ),
    "batch normalization": lambda x, y: functional.batch_norm(x, y[0].clone(), y[1].clone(), training=True),
    "its evaluation": lambda x, y: functional.batch_norm(x, y[0], y[1]),
    "layer normalization": lambda x, y: functional.layer_norm(x, (14,)),
    "group normalization": lambda x, y: functional.group_norm(x, 2),
    "an embedding of limited length": lambda x, y: functional.embedding(ad.tensor([0, 1]), x.clone(), max_norm=1.0),
    "clipping": lambda x, y: clipped(x),
    "a gradient": lambda x, y: ad.log(x.detach().requires_grad_()).sum().backward(),
}


def clipped(x: ad.Tensor) -> ad.Tensor:
    """Clip a gradient that is infinite."""
    w = nn.Parameter(ad.zeros_like(x))
    w.grad = x.clone()
    return nn.utils.clip_grad_norm_(w, 1.0)


@every_dtype
@for_settings
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("error")
def test_no_warning_of_numpys_comes_through(name: str, dtype: npt.DTypeLike, setting: Any) -> None:
    x, y = special(dtype)
    with np.errstate(all=setting, under="ignore"):
        CALLS[name](x, y)
        CALLS[name](x.detach().requires_grad_() if name in ("an operator", "a product", "a norm") else x, y)
        assert np.geterr()["divide"] == setting


def test_the_users_own_computations_warn_as_ever() -> None:
    zero = np.zeros(1)
    for call in (
        lambda: ad.log(ad.tensor([0.0])),
        lambda: ad.log(from_array(zero, requires_grad=True)).sum().backward(),
    ):
        call()
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            np.log(zero)
    with pytest.raises(ValueError, match="broadcast"):
        ad.ones(2) + ad.ones(3)  # a failure leaves them as they were, too
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.log(zero)


def test_a_users_own_primitive_warns_as_the_user_wishes() -> None:
    @ad.primitive(x=lambda g, x: g / x)
    def logarithm(x: Any) -> Any:
        return np.log(x)

    with pytest.warns(RuntimeWarning, match="divide by zero"):
        logarithm(ad.tensor([0.0]))
    with np.errstate(divide="raise"), pytest.raises(RuntimeError, match=r"logarithm.*divide by zero"):
        logarithm(ad.tensor([0.0], requires_grad=True))
    with np.errstate(divide="ignore"):
        assert logarithm(ad.tensor([0.0])).item() == -np.inf


def test_threads_are_silent_at_once() -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            with warnings.catch_warnings(), np.errstate(all="raise"):
                for _ in range(200):
                    ad.exp(ad.tensor([1000.0, -1000.0])) / ad.tensor([0.0, 1.0])
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised


def test_where_numpy_keeps_its_settings_elsewhere_they_are_set_and_reset() -> None:
    with np.errstate(all="raise"):
        assert silence._Silent().run(np.divide, 1.0, 0.0) == np.inf
        with pytest.raises(FloatingPointError):
            np.divide(1.0, 0.0)
