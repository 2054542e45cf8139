"""Native code itself: functions at the ends of their ranges, and loops and products in parts on several threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.compile import element, fuse, loops, machine, native, pool, products
from autodiff.kernels import blas
from tests.autodiff.compile.test_modules import results
from tests.fuzzing import IS_LONG, some
from tests.nn.cases import CASES, Case

pytestmark = pytest.mark.skipif(not machine.is_available(), reason="llvmlite is not installed")

ENDS = [
    -np.inf,
    -1e30,
    -746,
    -745,
    -709,
    -104,
    -103.5,
    -90,
    -87.5,
    -1,
    -0.0,
    0,
    1,
    88.5,
    89,
    709.5,
    710,
    np.inf,
    np.nan,
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponentials_at_the_ends_of_their_range(dtype: str) -> None:
    x = np.array(ENDS, dtype)
    compiled = ad.compile(lambda x: (ad.exp(x), ad.tanh(x)))
    with np.errstate(all="ignore"):
        expected = np.exp(x), np.tanh(x)
    smallest = 2 * np.finfo(dtype).smallest_subnormal  # the last digit there is, where results lose theirs
    for _ in range(2):
        for found, value in zip(compiled(ad.tensor(x)), expected, strict=True):
            np.testing.assert_allclose(found.numpy(), value, rtol=4 * np.finfo(dtype).eps, atol=smallest)


def test_gelu_has_a_native_form() -> None:
    compiled: Any = ad.compile(lambda x: ad.nn.functional.gelu(x))
    x = ad.tensor(np.array([-np.inf, -30, -5, -1, -0.0, 0, 0.5, 3, 50, np.nan], np.float32))
    first, second = compiled(x), compiled(x)
    assert "NumPy" not in compiled.program()
    np.testing.assert_allclose(second.numpy()[1:], first.numpy()[1:], rtol=1e-6, atol=1e-6)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Compile for two threads; tests run with one otherwise."""
    before = pool.threads()
    blas.set_threads(2)
    yield
    blas.set_threads(before)


def parts(x: ad.Tensor, w: ad.Tensor) -> list[ad.Tensor]:
    """Return what is computed in parts: products, loops, and sums, extremes and truths over one side or both."""
    y = ad.tanh(x @ w)
    z = (x.T @ y) @ y.T
    sums = [y.sum(), y.sum(0), y.sum(1), (y * y).reshape(20, 25, 128).sum(1), z.sum(0), y.mean()]
    return [y, z, *sums, y.max(), y.max(0).values, y.min(1).values, (y > -1).all(), (y > 0.9).any(0)]


def arguments(dtype: str = "float32") -> list[ad.Tensor]:
    rng = np.random.default_rng(0)
    return [ad.tensor(rng.normal(size=shape).astype(dtype) / 8) for shape in ((500, 200), (200, 128))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parts_give_what_the_whole_gives_on_any_number_of_threads(two_threads: None, dtype: str) -> None:
    if pool.threads() < 2:
        pytest.skip("BLAS has one thread here")
    compiled, args = ad.compile(parts), arguments(dtype)
    expected, found = compiled(*args), []
    for count in (2, 1, 2):
        blas.set_threads(count)
        found.append(compiled(*args))
    for plain, *runs in zip(expected, *found, strict=True):
        assert all((run == runs[0]).all() for run in runs)  # the same parts, whoever computes them
        size = max(float(abs(plain).max()), 1) if plain.dtype.kind == "f" else 1
        tolerance = 200 * np.finfo(dtype).eps * size  # sums of hundreds of summands, in another order
        np.testing.assert_allclose(runs[0].numpy(), plain.numpy(), rtol=0, atol=tolerance)


def test_threads_of_python_call_compiled_functions_at_once(two_threads: None) -> None:
    functions = [ad.compile(lambda x, w, k=k: (parts(x, w)[0] * k).sum(0)) for k in range(3)]
    args, results = arguments(), []
    expected = [f(*args).numpy() for f in functions]

    def work() -> None:
        for _ in range(20):
            results.append([f(*args).numpy() for f in functions])

    workers = [threading.Thread(target=work) for _ in range(4)]
    for t in workers:
        t.start()
    for t in workers:
        t.join()
    assert len(results) == 80
    for found in results:
        for y, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(y, e, rtol=1e-4, atol=1e-4)
    assert pool.threads() == 2 or blas.thread_counts() is None  # BLAS has its number again


@pytest.fixture
def smallest_parts(two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut all that can be cut, however small it is."""
    for module, name in ((fuse, "TASK"), (loops, "TASK"), (loops, "GRAIN"), (loops, "EVEN"), (products, "WHOLE")):
        monkeypatch.setattr(module, name, 1)
    monkeypatch.setattr(element, "TINY", 0)
    monkeypatch.setattr(products, "BLOCK", 0)
    monkeypatch.setattr(loops, "MOST_BLOCKS", 3)
    monkeypatch.setattr(native, "multiplies_blocks_fast", lambda: True)

    def cut(p: products.Product) -> None:
        p.rows, p.columns, p.depth = min(2, p.n), min(3, p.m), min(2, p.k)

    monkeypatch.setattr(products.Product, "_cut", cut)


@pytest.mark.parametrize("case", some([pytest.param(c, id=f"{c.path}_{i}") for i, c in enumerate(CASES)], 45))
def test_modules_in_the_smallest_parts(smallest_parts: None, case: Case) -> None:
    expected = results(case, "float64", compiled=False, native=True)
    found = results(case, "float64", compiled=True, native=True)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("n", "k", "m"), [(8_000_000, 4, 1), (4, 8_000_000, 1), (1, 2, 8_000_000), (3000, 3, 3000)])
def test_products_of_long_matrices_have_few_parts(n: int, k: int, m: int) -> None:
    graph = element.Graph()
    a, b = (graph.memory(("argument", i), shape, np.dtype(np.float32)) for i, shape in enumerate([(n, k), (k, m)]))
    product = products.Product(graph.make("dot", (a, b), None, (n, m), a.dtype), 2, True)
    assert product.down * product.across * -(-k // product.depth) < 1000


@pytest.mark.parametrize(
    ("a", "b"),
    [((0, 3), (3, 4)), ((3, 0), (0, 4)), ((2, 0, 0), (2, 0, 0)), ((2, 3, 0), (2, 0, 5)), ((0, 2, 3), (3, 4))],
)
def test_products_of_nothing(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    def products(x: ad.Tensor, y: ad.Tensor) -> tuple[ad.Tensor, ...]:
        z = x @ y
        return z.detach(), *ad.grad((z * z + z).sum(), [x, y])

    compiled, given = ad.compile(products, native=True), [ad.ones(*s, requires_grad=True) for s in (a, b)]
    for _ in range(2):
        for found, expected in zip(compiled(*given), products(*given), strict=True):
            np.testing.assert_array_equal(found.numpy(), expected.numpy(), strict=True)


FORK = """
import os, signal, sys, threading, time
import numpy as np
import autodiff as ad

f = ad.compile(lambda x: (ad.tanh(x @ x).sum(0), x.max()))
x = ad.tensor(np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32))
f(x)
expected = f(x)[0].numpy()
ended = threading.Event()
def work():
    while not ended.is_set():
        f(x)
worker = threading.Thread(target=work)
worker.start()  # a fork in the middle of its run would keep its locks
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        os._exit(not all((f(x)[0].numpy() == expected).all() for _ in range(3)))
    if os.wait()[1]:
        sys.exit("the child came to another result")
ended.set()
worker.join()
ended.clear()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process ignores it
def interrupt():
    time.sleep(0.2)
    while not ended.is_set():  # one may strike where Python cannot raise it, in the end of an object
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(5)
threading.Thread(target=interrupt, daemon=True).start()
try:
    while True:
        f(x)
except KeyboardInterrupt:
    ended.set()
    print((f(x)[0].numpy() == expected).all())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_has_threads_of_its_own_and_an_interrupt_ends_a_loop_of_calls() -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    forks = 100 if IS_LONG else 5
    command = [sys.executable, "-c", FORK, str(forks)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


def test_the_number_of_threads_is_set_while_another_thread_runs_a_program(two_threads: None) -> None:
    f, args, ended = ad.compile(parts), arguments(), threading.Event()
    f(*args)

    def work() -> None:
        while not ended.is_set():
            f(*args)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(20):
            for count in (1, 2):
                blas.set_threads(count)
                time.sleep(0.001)  # in which a program may end
                assert pool.threads() == count or blas.thread_counts() is None
    finally:
        ended.set()
        worker.join()
    assert pool.threads() == 2 or blas.thread_counts() is None
