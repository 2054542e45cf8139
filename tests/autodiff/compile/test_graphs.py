"""Random graphs, compiled: value, gradients and second derivatives equal those of the plain function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.compile.test_rows import WAYS, arrays
from tests.autodiff.test_random_graphs import BINARY, SHAPES, UNARY, run
from tests.autodiff.test_random_programs import statement
from tests.fuzzing import examples


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("seed", range(examples(6)))  # 500 of both ways with an AUTODIFF_FUZZ of 42
def test_random_graph_compiled_equals_graph(seed: int, native: bool) -> None:
    rng = np.random.default_rng(seed)
    shapes = [SHAPES[k] for k in rng.integers(0, len(SHAPES), rng.integers(1, 4))]
    program = [
        (int(rng.integers(len(UNARY) + len(BINARY))), *map(int, rng.integers(0, 256, 2)))
        for _ in range(rng.integers(1, 20))
    ]

    def compute(*leaves: ad.Tensor) -> Any:
        xs = [x.detach().requires_grad_() for x in leaves]
        y = run(ad, xs, program)
        first = ad.grad(y, xs, create_graph=True, materialize_grads=True)
        total = sum((g * g).sum() for g in first)
        second = ad.grad(total, xs, materialize_grads=True) if total.requires_grad else ()
        return y.detach(), [g.detach() for g in first], list(second)

    compiled = ad.compile(compute, native=native)
    for _ in range(3):
        leaves = [ad.tensor(rng.uniform(-2, 2, shape)) for shape in shapes]
        found, expected = arrays(compiled(*leaves)), arrays(compute(*leaves))
        for mine, theirs in zip(found, expected, strict=True):
            # as the plain graph beside PyTorch's: thirty operations that round, and for second derivatives the double
            np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-8)


def changing_program(rng: np.random.Generator, values: list[Any]) -> list[Any]:
    """Return random statements with views and changes in place that run, of those that can be recorded."""
    statements: list[Any] = []
    for _ in range(int(rng.integers(4, 14))):
        tensors = started(values)
        for known in statements:
            carry_out(known, tensors)
        text, made = statement(rng, [t.shape for t in tensors])
        if "retain_grad" in text or "register_hook" in text or "> 0] =" in text:
            continue
        try:
            carry_out(made, tensors)
        except RuntimeError:  # a change of a leaf
            continue
        statements.append(made)
    return statements


def started(values: list[Any]) -> list[ad.Tensor]:
    leaves = [ad.tensor(v).requires_grad_(k < 2) for k, v in enumerate(values)]
    return [*leaves, leaves[0] * 1, leaves[1] * 1]


def carry_out(known: Any, tensors: list[ad.Tensor]) -> None:
    made = known(ad, tensors)
    if isinstance(made, ad.Tensor) and all(made is not t for t in tensors):
        tensors.append(made)


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("seed", range(examples(8)))
def test_random_changes_in_place_compiled_equal_plain_ones(seed: int, native: bool) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(2, 3), (3,), (2, 3), (3, 2)]
    program = changing_program(rng, [rng.uniform(-1.5, 1.5, s) for s in shapes])

    def compute(*given: ad.Tensor) -> Any:
        leaves = [x.detach().clone().requires_grad_(k < 2) for k, x in enumerate(given)]
        tensors = [*leaves, leaves[0] * 1, leaves[1] * 1]
        for known in program:
            carry_out(known, tensors)
        loss = sum(((k + 1) * t.cos()).sum() for k, t in enumerate(tensors))
        try:
            return ad.grad(loss, leaves[:2], materialize_grads=True), [t.detach() for t in tensors]
        except RuntimeError as error:
            if "changed in place" not in str(error):
                raise
            return [t.detach() for t in tensors]

    compiled = ad.compile(compute, native=native)
    for _ in range(3):
        given = [rng.uniform(-1.5, 1.5, s) for s in shapes]
        found = arrays(compiled(*map(ad.tensor, given)))
        expected = arrays(compute(*map(ad.tensor, given)))
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
