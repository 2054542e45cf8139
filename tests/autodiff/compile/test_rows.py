"""Every row of the table, compiled: value, gradients and second derivatives equal those of the plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.compile.machine import is_available
from tests.autodiff.samples import SAMPLES, Sample
from tests.fuzzing import some

MASKED = [s for s in SAMPLES["index"] if any(v.dtype == np.bool for v in s.arrays())]
NEEDS_LLVM = pytest.mark.skipif(not is_available(), reason="llvmlite is not installed")
WAYS = [pytest.param(False, id="numpy"), pytest.param(True, id="native", marks=NEEDS_LLVM)]
CASES = [
    pytest.param(sample, dtype, native, id=f"{name}_{i}-{dtype}-{way}", marks=[NEEDS_LLVM] if native else ())
    for name, samples in SAMPLES.items()
    for i, sample in enumerate(samples)
    for dtype in ("float64", "float32")
    for way, native in (("numpy", False), ("native", True))
]


def function_of(sample: Sample) -> Callable[..., Any]:
    """Return what computes the value, the gradients of its weighted sum, and theirs."""

    def compute(*inputs: ad.Tensor) -> Any:
        xs = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in inputs]
        y = sample.call(ad, *xs)
        floats = [x for x in xs if x.requires_grad]
        if not (isinstance(y, ad.Tensor) and y.requires_grad):
            return y
        weight = ad.linspace(0.5, 1.5, max(y.numel(), 1), dtype=y.dtype)[: y.numel()].reshape(y.shape)
        first = ad.grad((y * weight).sum(), floats, create_graph=True, materialize_grads=True)
        leading = [g for g in first if g.requires_grad]
        second = ad.grad(sum((g * g).sum() for g in leading), floats, materialize_grads=True) if leading else ()
        return y.detach(), [g.detach() for g in first], list(second)

    return compute


def arrays(result: Any) -> list[Any]:
    """Return all arrays of a result."""
    if isinstance(result, ad.Tensor):
        return [result.detach().numpy()]
    return [a for r in result for a in arrays(r)]


def moved(values: list[Any], dtype: str) -> list[Any]:
    """Return other floats that lie close by, so that they stay in the domain and on their side of a kink."""
    rng = np.random.default_rng(1)
    return [np.asarray(v * (1 + 0.01 * rng.random(v.shape)), dtype) if v.dtype.kind == "f" else v for v in values]


@pytest.mark.parametrize(("sample", "dtype", "native"), some(CASES, 31))
def test_row_compiled_equals_row(sample: Sample, dtype: str, native: bool) -> None:
    plain = function_of(sample)
    compiled = ad.compile(plain, native=native)
    given = sample.arrays(dtype)
    if sample in MASKED:
        with pytest.raises(RuntimeError, match="its shape depends on data"):
            compiled(*map(ad.tensor, given))
        return
    for values in (given, given, moved(given, dtype), moved(given, dtype)):
        inputs = [ad.tensor(v) for v in values]
        with np.errstate(all="ignore"):
            expected = arrays(plain(*inputs))
        found = arrays(compiled(*inputs))
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
            # the library's functions differ in the last digits, and second derivatives magnify that
            rtol = 1e-12 if dtype == "float64" else 2e-5
            size = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=1.0) if theirs.dtype.kind == "f" else 0
            np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol * size)
