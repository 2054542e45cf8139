"""Every module's case, compiled: output, gradients and buffers equal those of the plain module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.autodiff.compile.test_rows import NEEDS_LLVM
from tests.fuzzing import IS_LONG, some
from tests.nn.cases import CASES, OWN, Case, our_tensor

PASSING = [
    pytest.param(case, native, id=f"{case.path}_{i}-{way}", marks=[NEEDS_LLVM] if native else ())
    for i, case in enumerate([*CASES, *OWN])
    for way, native in (("numpy", False), ("native", True))
]
# To optimize a whole transformer takes LLVM ten seconds; test_networks compiles a layer of one.
SLOW = [p for p in PASSING if p.values[0].path.startswith("Transformer")]
QUICK = [p for p in PASSING if p not in SLOW]


def tensors(result: Any) -> list[ad.Tensor]:
    """Return all tensors of a result."""
    if isinstance(result, ad.Tensor):
        return [result]
    return [t for part in result for t in tensors(part)] if isinstance(result, (list, tuple)) else []


def results(case: Case, dtype: str, compiled: bool, native: bool) -> list[Any]:
    """Return what three passes leave: outputs, gradients, and buffers."""
    ad.manual_seed(0)
    made = case.build(nn, our_tensor(dtype))
    if isinstance(made, nn.Module):
        made.to(dtype)
    params = list(made.parameters()) if isinstance(made, nn.Module) else []

    def run(*inputs: ad.Tensor) -> Any:
        xs = [x.detach().requires_grad_() if x.dtype.kind == "f" else x for x in inputs]
        for p in params:
            p.grad = None
        y = made(*xs)
        outputs = tensors(y)
        leading = [t for t in outputs if t.requires_grad]
        if leading:
            sum((t * t).sum() for t in leading).backward()
        return [t.detach() for t in outputs], [x.grad for x in xs if x.requires_grad]

    call = ad.compile(run, native=native) if compiled else run
    found: list[Any] = []
    ad.manual_seed(1)
    for k in range(3):
        inputs = [
            our_tensor(dtype)(x * (1 + 0.01 * k) if x.dtype.kind == "f" and not case.constants else x)
            for x in case.inputs
        ]
        outputs, grads = call(*inputs)
        found += [t.numpy().copy() for t in outputs]
        found += [g.numpy().copy() for g in [*grads, *(p.grad for p in params)] if g is not None]
    if isinstance(made, nn.Module):
        found += [b.numpy().copy() for b in made.buffers()]
    return found


@pytest.mark.parametrize(("case", "native"), [*some(QUICK, 19), *(SLOW if IS_LONG else [])])
def test_module_compiled_equals_module(case: Case, native: bool) -> None:
    expected = results(case, "float64", compiled=False, native=native)
    found = results(case, "float64", compiled=True, native=native)
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
        size = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=1.0) if theirs.dtype.kind == "f" else 0
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12 * size)
