"""NumPy's functions of several steps on tensors: the values are NumPy's, the derivatives those of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad

A = np.array([[0.5, 2.0, -1.5], [1.0, -0.25, 3.0]])
S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]])
V = np.array([0.3, -1.2, 2.5, 0.8])
B = np.array([[1.0, 0.5], [-2.0, 1.5], [0.25, 3.0]])

#: Calls of NumPy's functions, and the arrays that they get.
CALLS: dict[str, tuple[Any, ...]] = {
    "append": (lambda a, v: np.append(a, v), A, V),
    "append along an axis": (lambda a: np.append(a, 2 * a, axis=1), A),
    "atleast_1d": (lambda a: np.atleast_1d(a.sum()), A),
    "atleast_2d": (lambda v: np.atleast_2d(v), V),
    "atleast_3d of a vector": (lambda v: np.atleast_3d(v), V),
    "atleast_3d of a matrix": (lambda a: np.atleast_3d(a), A),
    "array_split": (lambda v: np.array_split(v, 3)[0], V),
    "hsplit": (lambda a: np.hsplit(a, [1])[1], A),
    "vsplit": (lambda a: np.vsplit(a, 2)[1], A),
    "dsplit": (lambda a: np.dsplit(a[None], 3)[1], A),
    "dstack": (lambda a: np.dstack([a, a * a]), A),
    "column_stack": (lambda v: np.column_stack([v, v * v]), V),
    "column_stack of both": (lambda a: np.column_stack([a, a[:, 0]]), A),
    "fliplr": (lambda a: np.fliplr(a), A),
    "flipud": (lambda a: np.flipud(a), A),
    "rot90": (lambda a: np.rot90(a), A),
    "rot90 backwards": (lambda a: np.rot90(a, -1), A),
    "rot90 in other axes": (lambda a: np.rot90(a, 3, (1, 0)), A),
    "rollaxis": (lambda a: np.rollaxis(a[None], 2), A),
    "meshgrid": (lambda v: np.meshgrid(v, v[:2])[0], V),
    "meshgrid ij": (lambda v: np.meshgrid(v, v[:2], indexing="ij")[1], V),
    "pad": (lambda a: np.pad(a, 1), A),
    "pad with numbers": (lambda a: np.pad(a, ((1, 0), (0, 2)), constant_values=7.0), A),
    "pad edge": (lambda a: np.pad(a, ((1, 2), (0, 1)), "edge"), A),
    "pad reflect": (lambda a: np.pad(a, ((0, 1), (2, 1)), mode="reflect"), A),
    "pad symmetric": (lambda a: np.pad(a, 2, mode="symmetric"), A),
    "pad wrap": (lambda a: np.pad(a, (1, 1), mode="wrap"), A),
    "diagflat": (lambda v: np.diagflat(v, 1), V),
    "broadcast_arrays": (lambda a, v: np.broadcast_arrays(a, v[:3])[1], A, V),
    "select": (lambda v: np.select([v < 0, v > 1], [v * v, 3 * v], 0.5 * v), V),
    "delete": (lambda v: np.delete(v, [0, 2]), V),
    "delete a column": (lambda a: np.delete(a, 1, axis=1), A),
    "partition": (lambda v: np.partition(v, 1)[:2].sum(), V),
    "extract": (lambda v: np.extract(np.asarray([True, False, True, True]), v), V),
    "nonzero": (lambda v: v[np.nonzero(v)], V),
    "sinc": (lambda v: np.sinc(v), V),
    "cbrt": (lambda v: np.cbrt(v), V),
    "fmod": (lambda v: np.fmod(v, 0.7), V),
    "copysign": (lambda v: np.copysign(v, -1.0), V),
    "deg2rad": (lambda v: np.deg2rad(v), V),
    "degrees": (lambda v: np.degrees(v), V),
    "nan_to_num": (
        lambda v: np.nan_to_num(np.where(v > 0, v, np.nan)) + np.nan_to_num(np.where(v < 0, v, np.inf), posinf=9.0),
        V,
    ),
    "fix": (lambda v: np.fix(v) * v, V),
    "median": (lambda v: np.median(v), V),
    "median along an axis": (lambda a: np.median(a, axis=1, keepdims=True), A),
    "quantile": (lambda a: np.quantile(a, [0.2, 0.7], axis=0), A),
    "percentile": (lambda v: np.percentile(v, 30), V),
    "average": (lambda v: np.average(v, weights=[1.0, 2.0, 3.0, 4.0]), V),
    "average along an axis": (lambda a: np.average(a, axis=1, weights=[1.0, 2.0, 3.0]), A),
    "ptp": (lambda a: np.ptp(a, axis=1), A),
    "nanmean": (lambda v: np.nanmean(np.where(v > 0, v, np.nan)), V),
    "cov": (lambda a: np.cov(a), A),
    "cov by columns": (lambda a: np.cov(a, rowvar=False, ddof=0), A),
    "corrcoef": (lambda a: np.corrcoef(a), A),
    "diff": (lambda a: np.diff(a, axis=0), A),
    "diff twice": (lambda v: np.diff(v, 2, append=1.0), V),
    "ediff1d": (lambda a: np.ediff1d(a), A),
    "trapezoid": (lambda v: np.trapezoid(v, dx=0.5), V),
    "trapezoid over places": (lambda v: np.trapezoid(v, [0.0, 1.0, 1.5, 4.0]), V),
    "gradient": (lambda v: np.gradient(v), V),
    "gradient of a matrix": (lambda a: np.gradient(a, 0.5, axis=1), A),
    "gradient between places": (lambda v: np.gradient(v, [0.0, 1.0, 3.0, 3.5][: len(v)], edge_order=2), V),
    "gradient along all axes": (lambda a: np.gradient(a)[0], A),
    "cross": (lambda a: np.cross(a, a[::-1] * a), A),
    "cross in columns": (lambda b: np.cross(b, 2 * b[:, ::-1], axis=0), B),
    "kron": (lambda a, v: np.kron(a, v), A, V),
    "vander": (lambda v: np.vander(v, 3), V),
    "vander increasing": (lambda v: np.vander(v, 4, increasing=True), V),
    "linalg.solve": (lambda s, b: np.linalg.solve(s, b), S, B),
    "linalg.solve for a vector": (lambda s, v: np.linalg.solve(s, v[:3]), S, V),
    "linalg.inv": (lambda s: np.linalg.inv(s), S),
    "linalg.det": (lambda s: np.linalg.det(s), S),
    "linalg.slogdet": (lambda s: np.linalg.slogdet(s)[1], S),
    "linalg.cholesky": (lambda s: np.linalg.cholesky(s @ s.T), S),
    "linalg.qr": (lambda s: np.linalg.qr(s)[1] ** 2, S),
    "linalg.eigh": (lambda s: np.linalg.eigh(s + s.T)[0], S),
    "linalg.eigvalsh": (lambda s: np.linalg.eigvalsh(s + s.T), S),
    "linalg.svd": (lambda b: np.linalg.svd(b)[1], B),
    "linalg.svd of values": (lambda b: np.linalg.svd(b, compute_uv=False), B),
    "linalg.pinv": (lambda b: np.linalg.pinv(b), B),
    "linalg.matrix_power": (lambda s: np.linalg.matrix_power(s, -3), S),
    "linalg.multi_dot": (lambda a, s, b: np.linalg.multi_dot([a, s, b]), A, S, B),
    "linalg.cond": (lambda s: np.linalg.cond(s), S),
    "linalg.matrix_norm": (lambda s: np.linalg.matrix_norm(s, ord=1), S),
    "linalg.vector_norm": (lambda a: np.linalg.vector_norm(a, axis=1, ord=3), A),
    "linalg.trace": (lambda s: np.linalg.trace(s, offset=1), S),
}


@pytest.mark.parametrize("name", CALLS)
def test_value_is_numpys_and_derivative_that_of_finite_differences(name: str) -> None:
    call: Callable[..., Any]
    call, *arrays = CALLS[name]
    tensors = [ad.tensor(a, requires_grad=True) for a in arrays]
    found = call(*tensors)
    np.testing.assert_allclose(found.detach().numpy(), call(*arrays), rtol=1e-12, atol=1e-12)
    assert ad.gradcheck(call, tensors)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.pad(x, 1, mode="mean"),
        lambda x: np.meshgrid(x, x, sparse=True),
        lambda x: np.fft.fft(x),
    ],
)
def test_what_is_not_there_is_refused_by_name(call: Any) -> None:
    with pytest.raises(TypeError, match=r"numpy\.(\w+\.)*\w+\(?\)? (of tensors|has no derivative)"):
        call(ad.tensor([1.0, 2.0, 4.0], requires_grad=True))


def test_a_singular_matrix_raises_numpys_kind_of_error() -> None:
    singular = ad.tensor(np.ones((2, 2)))
    with pytest.raises(np.linalg.LinAlgError, match="solve"):
        np.linalg.inv(singular)
    with pytest.raises(RuntimeError, match="cholesky"):
        np.linalg.cholesky(-singular)


def test_a_median_between_equal_infinities_is_infinite() -> None:
    a = np.array([[1.0, np.inf, -np.inf, np.inf], [2.0, np.inf, -np.inf, 0.0]])
    np.testing.assert_array_equal(np.median(ad.tensor(a), axis=0).numpy(), np.median(a, axis=0))
