"""Order, positions, placing, grids, statistics, distances and linear algebra: value, dtype, gradient are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.tensor import from_array
from tests.oracle import Array, assert_same, check_like_torch, gradients, needs_torch, ours, theirs, torch
from tests.together import together

A, B, C, V, W, S = (2, 3), (3, 4), (2, 3, 4), (3,), (4,), (3, 3)
NAN, INF = np.nan, np.inf
ROWS, MASK = np.array([2, 0]), np.array([[True, False, True], [False, False, True]])
GAPS = np.array([[3.0, 1.0, NAN, 1.0], [1.0, 1.0, 2.0, 0.0]])
TIES = np.array([[2.0, 1.0, 2.0], [1.0, 2.0, 2.0]])
ODD = np.array([1.0, -0.0, 0.0, -2.5, 3.5])
GOES = np.array([0, 2, 2, 0])

#: Calls that are the same in both libraries, and the shapes of float inputs (or arrays) that they get.
CALLS: dict[str, tuple[Any, ...]] = {
    # elements
    "fmod": (lambda lib, x, y: lib.fmod(x, y), A, V),
    "fmod by a number": (lambda lib, x: x.fmod(-0.7), A),
    "fmax": (lambda lib, x, y: lib.fmax(x, y), GAPS, GAPS[::-1].copy()),
    "fmin": (lambda lib, x, y: x.fmin(y), GAPS, (4,)),
    "copysign": (lambda lib, x, y: lib.copysign(x, y), ODD, ODD[::-1].copy()),
    "copysign of a number": (lambda lib, x: x.copysign(-1.0), ODD),
    "nan_to_num": (lambda lib, x: lib.nan_to_num(x), np.array([1.0, NAN, INF, -INF])),
    "nan_to_num of numbers": (lambda lib, x: x.nan_to_num(2.0, 3.0, 4.0), np.array([1.0, NAN, INF, -INF])),
    "deg2rad": (lambda lib, x: lib.deg2rad(x), A),
    "rad2deg": (lambda lib, x: x.rad2deg(), ()),
    "ldexp": (lambda lib, x: lib.ldexp(x, lib.tensor([1, 2, 3])), A),
    "erfc": (lambda lib, x: lib.erfc(x), A),
    "erfinv": (lambda lib, x: lib.erfinv(x / 3), A),
    "lgamma": (lambda lib, x: x.lgamma(), np.array([0.3, 1.5, 4.0])),
    "digamma": (lambda lib, x: lib.digamma(x).detach(), np.array([0.3, 1.5, -0.5])),
    "sinc": (lambda lib, x: x.sinc(), ODD),
    "logit": (lambda lib, x: lib.logit(x / 9 + 0.5), A),
    "logit with eps": (lambda lib, x: lib.logit(x, eps=0.4), A),
    "logaddexp2": (lambda lib, x, y: lib.logaddexp2(x, y), A, V),
    "fill_diagonal_": (lambda lib, x: (x * x).fill_diagonal_(2.0), A),
    "pinv of a symmetric matrix": (lambda lib, x: lib.linalg.pinv(x + x.mT, hermitian=True), S),
    "positive": (lambda lib, x: lib.positive(x) * 2, A),
    "clip": (lambda lib, x: x.clip(-0.5, 0.5), A),
    "absolute": (lambda lib, x: lib.absolute(x) - x.negative(), A),
    # running
    "logcumsumexp": (lambda lib, x: lib.logcumsumexp(x, 1), A),
    "logcumsumexp of large numbers": (lambda lib, x: x.logcumsumexp(0), np.array([-1e4, 900.0, -5.0, 1e4])),
    "cummax": (lambda lib, x: lib.cummax(x, 1)[0], TIES),
    "cummax indices": (lambda lib, x: x.cummax(-1).indices, TIES),
    "cummin with NaN": (lambda lib, x: lib.cummin(x, dim=1).values, GAPS),
    "cummin indices with NaN": (lambda lib, x: lib.cummin(x, dim=1).indices, GAPS),
    "cummax of a scalar": (lambda lib, x: lib.cummax(x, 0).values, ()),
    # order
    "argsort": (lambda lib, x: lib.argsort(x, dim=0, descending=True, stable=True), TIES),
    "msort": (lambda lib, x: lib.msort(x), C),
    "kthvalue": (lambda lib, x: lib.kthvalue(x, 2, 1)[0], C),
    "kthvalue kept": (lambda lib, x: x.kthvalue(1, keepdim=True).values, C),
    "median": (lambda lib, x: lib.median(x), C),
    "median of ties": (lambda lib, x: x.median(), TIES),
    "median along a dim": (lambda lib, x: x.median(-1).values, C),
    "median indices": (lambda lib, x: x.median(1, keepdim=True).indices, C),
    "median with NaN": (lambda lib, x: lib.median(x), GAPS),
    "median along a dim with NaN": (lambda lib, x: lib.median(x, 1).values, GAPS),
    "median of a scalar": (lambda lib, x: lib.median(x, 0).values, ()),
    "nanmedian": (lambda lib, x: lib.nanmedian(x), GAPS),
    "nanmedian along a dim": (lambda lib, x: x.nanmedian(1)[0], GAPS),
    "mode": (lambda lib, x: lib.mode(x, 1)[0], TIES),
    "mode indices": (lambda lib, x: x.mode(0, keepdim=True).indices, np.array([[1.0, 2.0], [1.0, 3.0]])),
    "quantile": (lambda lib, x: lib.quantile(x, 0.3), A),
    "quantile of several": (lambda lib, x: x.quantile(lib.tensor([0.1, 0.9], dtype=x.dtype), dim=1, keepdim=True), A),
    "quantile of its parts": (lambda lib, x, q: lib.quantile(x, q.abs() / 3, dim=0), A, (2,)),
    "quantile midpoint": (lambda lib, x: lib.quantile(x, 0.3, dim=0, interpolation="midpoint"), A),
    "quantile nearest": (lambda lib, x: lib.quantile(x, 0.6, dim=-1, interpolation="nearest"), C),
    "quantile with NaN": (lambda lib, x: lib.quantile(x, 0.5, dim=1), GAPS),
    "nanquantile": (lambda lib, x: lib.nanquantile(x, 0.4, dim=1), GAPS),
    # positions
    "nonzero": (lambda lib, x: lib.nonzero(x), ODD),
    "nonzero as a tuple": (lambda lib, x: x.nonzero(as_tuple=True)[1], TIES - 1),
    "nonzero of a scalar": (lambda lib, x: lib.nonzero(x), ()),
    "argwhere": (lambda lib, x: lib.argwhere(x - 1), TIES),
    "count_nonzero": (lambda lib, x: lib.count_nonzero(x, dim=1), TIES - 1),
    "isin": (lambda lib, x: lib.isin(x, lib.tensor([1.0, 5.0], dtype=x.dtype), invert=True), TIES),
    "searchsorted": (lambda lib, x: lib.searchsorted(lib.tensor([0.1, 1.0, 2.0]), x.float(), right=True), TIES),
    "searchsorted in rows": (lambda lib, x: lib.searchsorted(x.sort(1)[0], x), A),
    "bucketize": (lambda lib, x: lib.bucketize(x, lib.tensor([1.0, 2.0], dtype=x.dtype), out_int32=True), TIES),
    "bincount": (lambda lib, i: lib.bincount(i, minlength=5), GOES),
    "bincount with weights": (lambda lib, i, w: i.bincount(w.detach()), GOES, W),
    "histc": (lambda lib, x: lib.histc(x, bins=4, min=0, max=3), TIES),
    "histc of its own limits": (lambda lib, x: x.histc(3), A),
    "unique": (lambda lib, x: lib.unique(x.detach()), TIES),
    "unique inverse": (lambda lib, x: x.unique(return_inverse=True)[1], TIES),
    "unique counts": (lambda lib, x: lib.unique(x, return_counts=True)[1], GAPS),
    "unique rows": (lambda lib, x: lib.unique(x.detach(), dim=0), TIES[[1, 0, 1]]),
    "unique_consecutive": (lambda lib, x: lib.unique_consecutive(x, return_inverse=True)[1], TIES),
    "unique_consecutive rows": (lambda lib, x: lib.unique_consecutive(x.detach(), dim=0), TIES[[1, 1, 0, 1]]),
    # placing
    "index_add": (lambda lib, x, i, y: lib.index_add(x, 0, i, y, alpha=2), (4, 3), GOES, (4, 3)),
    "index_add along 1": (lambda lib, x, i, y: x.index_add(1, i, y), A, ROWS, (2, 2)),
    "index_copy": (lambda lib, x, i, y: lib.index_copy(x, 1, i, y), A, ROWS, (2, 2)),
    "index_fill": (lambda lib, x, i: lib.index_fill(x, -1, i, 2.5), A, ROWS),
    "index_fill with a tensor": (lambda lib, x, i, v: x.index_fill(0, i[1:], v), A, ROWS, ()),
    "index_put": (lambda lib, x, i, v: lib.index_put(x, (i,), v), (3, 2), ROWS, (2, 2)),
    "index_put added": (lambda lib, x, i, v: x.index_put((i,), v, accumulate=True), (3, 2), GOES, (2,)),
    "masked_scatter": (lambda lib, x, m, y: lib.masked_scatter(x, m, y), A, MASK, W),
    "select_scatter": (lambda lib, x, y: lib.select_scatter(x, y, 1, -1), A, (2,)),
    "slice_scatter": (lambda lib, x, y: lib.slice_scatter(x, y, 1, 0, None, 2), A, (2, 2)),
    "diagonal_scatter": (lambda lib, x, y: lib.diagonal_scatter(x, y, 1), A, (2,)),
    "take": (lambda lib, x, i: lib.take(x, i), A, np.array([[0, 5], [-1, 0]])),
    "put": (lambda lib, x, i, y: x.put(i, y), A, np.array([0, 5]), (2,)),
    "put added": (lambda lib, x, i, y: x.put(i, y, accumulate=True), A, np.array([0, 5, 5]), V),
    "scatter_reduce sum": (lambda lib, x, i, y: lib.scatter_reduce(x, 0, i, y, "sum"), V, GOES, W),
    "scatter_reduce prod": (lambda lib, x, i, y: x.scatter_reduce(0, i, y, "prod"), V, GOES, W),
    "scatter_reduce mean": (lambda lib, x, i, y: x.scatter_reduce(0, i, y, "mean", include_self=False), V, GOES, W),
    "scatter_reduce mean with all": (lambda lib, x, i, y: x.scatter_reduce(0, i, y, reduce="mean"), V, GOES, W),
    "scatter_reduce amax": (lambda lib, x, i, y: x.scatter_reduce(0, i, y, "amax"), V, GOES, W),
    "scatter_reduce amax of ties": (
        lambda lib, x, i, y: x.scatter_reduce(0, i, y, "amax"),
        np.array([2.0, 1.0, 5.0]), GOES, np.array([2.0, 5.0, 5.0, 1.0]),
    ),
    "scatter_reduce amin": (
        lambda lib, x, i, y: x.scatter_reduce(1, i, y, "amin", include_self=False),
        A, np.array([[0, 0, 1], [2, 2, 2]]), A,
    ),
    "in place": (lambda lib, x, i, y: (x * 1).index_add_(1, i, y).clip_(-1, 1).fmod_(0.7), A, ROWS, (2, 2)),
    "index_copy in place": (lambda lib, x, i, y: (x * 1).index_copy_(1, i, y), A, ROWS, (2, 2)),
    "index_fill in place": (lambda lib, x, i: (x * 1).index_fill_(0, i[1:], 3.0), A, ROWS),
    # grids
    "meshgrid": (lambda lib, x, y: lib.meshgrid(x, y, indexing="ij")[1], V, W),
    "meshgrid xy": (lambda lib, x, y: lib.meshgrid([x, y], indexing="xy")[0], V, W),
    "broadcast_tensors": (lambda lib, x, y: lib.broadcast_tensors(x, y)[0], V, (2, 1)),
    "cartesian_prod": (lambda lib, x, y: lib.cartesian_prod(x, y), V, W),
    "combinations": (lambda lib, x: lib.combinations(x, 3, with_replacement=True), V),
    "atleast_2d": (lambda lib, x: lib.atleast_2d(x), V),
    "atleast_3d": (lambda lib, x: lib.atleast_3d(x), V),
    "hstack": (lambda lib, x, y: lib.hstack([x, y]), V, W),
    "vstack": (lambda lib, x, y: lib.vstack((x, y)), V, A),
    "dstack": (lambda lib, x: lib.dstack([x, x]), A),
    "column_stack": (lambda lib, x, y: lib.column_stack([x, y]), (2,), A),
    "block_diag": (lambda lib, x, y, z: lib.block_diag(x, y, z), A, V, ()),
    "diag_embed": (lambda lib, x: lib.diag_embed(x, 1, 0, -1), A),
    "diagflat": (lambda lib, x: lib.diagflat(x, -1), A),
    "tensor_split": (lambda lib, x: lib.tensor_split(x, 3, dim=1)[1], B),
    "tensor_split at places": (lambda lib, x: x.tensor_split([1, 3, 9], 1)[1], B),
    "hsplit": (lambda lib, x: x.hsplit(2)[1], B),
    "vsplit": (lambda lib, x: lib.vsplit(x, [1])[1], B),
    "unfold": (lambda lib, x: x.unfold(1, 2, 2), B),
    "unfold overlapping": (lambda lib, x: x.unfold(0, 2, 1), C),
    "unfold twice": (lambda lib, x: x.unfold(1, 2, 1).unfold(2, 3, 1), C),
    "unfold a scalar": (lambda lib, x: x.unfold(0, 1, 1), ()),
    "rot90": (lambda lib, x: lib.rot90(x), A),
    "rot90 thrice": (lambda lib, x: x.rot90(3, (1, 2)), C),
    "rot90 backwards": (lambda lib, x: x.rot90(-2, [2, 0]), C),
    "fliplr": (lambda lib, x: x.fliplr(), A),
    "flipud": (lambda lib, x: lib.flipud(x), A),
    "repeat_interleave": (lambda lib, x: lib.repeat_interleave(x, 2), A),
    "repeat_interleave by numbers": (lambda lib, x: x.repeat_interleave(lib.tensor([2, 0, 1]), dim=1), A),
    "swapaxes": (lambda lib, x: lib.swapaxes(x, 0, 2), C),
    "concatenate": (lambda lib, x: lib.concatenate([x, x], dim=-1), A),
    # statistics
    "var_mean": (lambda lib, x: sum(lib.var_mean(x, 1)), A),
    "std_mean": (lambda lib, x: lib.std_mean(x, dim=0, keepdim=True, correction=0)[0], A),
    "var_mean of all": (lambda lib, x: lib.var_mean(x, False)[0], A),
    "aminmax": (lambda lib, x: sum(lib.aminmax(x, dim=1)), TIES),
    "aminmax of all": (lambda lib, x: x.aminmax().max, TIES),
    "nanmean": (lambda lib, x: lib.nanmean(x, 1, keepdim=True), GAPS),
    "cov": (lambda lib, x: lib.cov(x), B),
    "cov weighted": (
        lambda lib, x, w: x.cov(correction=0, fweights=lib.tensor([1, 2, 0, 3]), aweights=w.abs().detach()), B, W
    ),
    "corrcoef": (lambda lib, x: lib.corrcoef(x), B),
    "diff": (lambda lib, x: lib.diff(x), B),
    "diff more": (lambda lib, x, y: x.diff(2, 0, append=y), B, (1, 4)),
    "trapezoid": (lambda lib, y: lib.trapezoid(y, dx=0.5, dim=0), B),
    "trapezoid over places": (lambda lib, y, x: lib.trapezoid(y, x), B, W),
    "gradient": (lambda lib, y: sum(lib.gradient(y, spacing=(0.5, 2.0))), B),
    "gradient of second order": (lambda lib, y: lib.gradient(y, dim=1, edge_order=2)[0], B),
    "gradient between places": (
        lambda lib, y: lib.gradient(
            y, spacing=[lib.tensor([0.0, 1.0, 1.5, 4.0], dtype=y.dtype)], dim=-1, edge_order=2
        )[0],
        B,
    ),
    "cumulative_trapezoid": (lambda lib, y: lib.cumulative_trapezoid(y), B),
    # distances and products
    "cdist": (lambda lib, x, y: lib.cdist(x, y), (2, 3, 4), (5, 4)),
    "cdist of many rows": (lambda lib, x, y: lib.cdist(x, y), (2, 30, 4), (5, 4)),
    "cdist by differences": (
        lambda lib, x, y: lib.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist"), (30, 4), (5, 4)
    ),
    "cdist 1": (lambda lib, x, y: lib.cdist(x, y, p=1.0), A, (4, 3)),
    "cdist inf": (lambda lib, x, y: lib.cdist(x, y, p=INF), A, (4, 3)),
    "cdist of itself": (lambda lib, x: lib.cdist(x, x), A),
    "pdist": (lambda lib, x: lib.pdist(x), (4, 3)),
    "dist": (lambda lib, x, y: lib.dist(x, y, 3), A, V),
    "cross": (lambda lib, x, y: lib.cross(x, y, dim=-1), A, A),
    "kron": (lambda lib, x, y: lib.kron(x, y), A, (2,)),
    "vdot": (lambda lib, x, y: x.vdot(y), V, V),
    "addmv": (lambda lib, c, x, y: lib.addmv(c, x, y, beta=0.5, alpha=2), (2,), A, V),
    "addr": (lambda lib, c, x, y: c.addr(x, y), A, (2,), V),
    "baddbmm": (lambda lib, c, x, y: lib.baddbmm(c, x, y, alpha=2), (2, 1, 1), C, (2, 4, 2)),
    "baddbmm alone": (lambda lib, x, y: lib.baddbmm(x.detach()[..., :2] * NAN, x, y, beta=0), C, (2, 4, 2)),
    "addbmm": (lambda lib, c, x, y: lib.addbmm(c, x, y), (3, 2), C, (2, 4, 2)),
    # linear algebra
    "det": (lambda lib, x: lib.det(x), S),
    "det of zeros": (lambda lib, x: x.det(), np.zeros((2, 3, 3))),
    "logdet": (lambda lib, x: lib.logdet(x @ x.mT), S),
    "slogdet sign": (lambda lib, x: lib.linalg.slogdet(x)[0], S),
    "inverse": (lambda lib, x: lib.inverse(x), S),
    "solve from the right": (lambda lib, x, y: lib.linalg.solve(x, y, left=False), S, A),
    "solve for vectors": (lambda lib, x, y: lib.linalg.solve(x, y), (2, 3, 3), A),
    "solve_triangular": (lambda lib, x, y: lib.linalg.solve_triangular(x, y, upper=True), S, (3, 2)),
    "solve_triangular of ones": (
        lambda lib, x, y: lib.linalg.solve_triangular(x, y, upper=False, left=False, unitriangular=True), S, A
    ),
    "cholesky upper": (lambda lib, x: lib.linalg.cholesky(x @ x.mT + lib.eye(3, dtype=x.dtype), upper=True), S),
    "qr of a wide matrix": (lambda lib, x: lib.linalg.qr(x).R ** 2, A),
    "qr of a tall matrix": (lambda lib, x: lib.linalg.qr(x).Q ** 2, (3, 2)),
    "qr complete": (lambda lib, x: lib.linalg.qr(x, mode="complete").Q ** 2, A),
    "eigh of the upper triangle": (lambda lib, x: lib.linalg.eigh(x, "U")[0], S),
    "svd of a wide matrix": (lambda lib, x: lib.linalg.svd(x, full_matrices=False)[0] ** 2, A),
    "svd with all vectors": (lambda lib, x: lib.linalg.svd(x).S, A),
    "svd as it was": (lambda lib, x: lib.svd(x).V ** 2, (3, 2)),
    "pinv of any rank": (lambda lib, x: lib.linalg.pinv(x[:, :1] @ x[:1]), S),
    "pinverse": (lambda lib, x: lib.pinverse(x), A),
    "matrix_power": (lambda lib, x: lib.matrix_power(x, 5), S),
    "matrix_power of the inverse": (lambda lib, x: lib.linalg.matrix_power(x, -2), S),
    "matrix_power 0": (lambda lib, x: lib.linalg.matrix_power(x, 0), S),
    "matrix_rank": (lambda lib, x: lib.linalg.matrix_rank(x[:, :1] @ x[:1]), S),
    "lstsq": (lambda lib, x, y: lib.linalg.lstsq(x, y).solution, B[::-1], (4, 2)),
    "cholesky_solve": (lambda lib, x, y: lib.cholesky_solve(y, lib.linalg.cholesky(x @ x.mT)), S, (3, 1)),
    "cond": (lambda lib, x: lib.linalg.cond(x), S),
    "cond in another norm": (lambda lib, x: lib.linalg.cond(x.detach(), "fro"), S),
    "norm": (lambda lib, x: lib.linalg.norm(x), C),
    "norm of a matrix": (lambda lib, x: lib.linalg.norm(x, 2), A),
    "norm of columns": (lambda lib, x: lib.linalg.norm(x, 1, dim=(1, 0), keepdim=True), A),
    "norm of a vector": (lambda lib, x: lib.linalg.norm(x, 3), V),
    "vector_norm": (lambda lib, x: lib.linalg.vector_norm(x, INF, dim=(0, 2)), C),
    "matrix_norm nuc": (lambda lib, x: lib.linalg.matrix_norm(x, "nuc"), C),
    "matrix_norm -2": (lambda lib, x: lib.linalg.matrix_norm(x, -2, dim=(0, 2), keepdim=True), C),
    "multi_dot": (lambda lib, x, y, z: lib.linalg.multi_dot([x, y, z]), V, B, W),
    "vecdot": (lambda lib, x, y: lib.linalg.vecdot(x, y, dim=0), A, V),
    "linalg.cross": (lambda lib, x, y: lib.linalg.cross(x, y), A, (1, 3)),
    "vander": (lambda lib, x: lib.linalg.vander(x, N=4), A),
    "matrix_exp": (lambda lib, x: lib.linalg.matrix_exp(x * 3), S),
    "special": (lambda lib, x: lib.special.ndtr(x) + lib.special.log_ndtr(x) + lib.special.expit(x), A),
    "log_ndtr far below": (lambda lib, x: lib.special.log_ndtr(x), np.array([-9.9, -10.1, -40.0, 3.0])),
    "ndtri": (lambda lib, x: lib.special.ndtri(x.abs() / 3), A),
    "xlog1py": (lambda lib, x, y: lib.special.xlog1py(x, y.abs()), A, V),
    "entr": (lambda lib, x: lib.special.entr(x.abs()), A),
}  # fmt: skip


def inputs(name: str, dtype: Any = np.float64) -> list[Array]:
    """Return the inputs of a call; shapes filled with numbers between 0.3 and 2, of any sign."""
    rng, values = np.random.default_rng(sum(map(ord, name))), []
    for x in CALLS[name][1:]:
        array = np.asarray(rng.uniform(0.3, 2.0, x) * rng.choice([-1, 1], x)) if isinstance(x, tuple) else x
        values.append(array.astype(dtype) if array.dtype.kind == "f" else array)
    return values


@needs_torch
@pytest.mark.parametrize("name", CALLS)
def test_call_is_pytorchs(name: str) -> None:
    loose = name.startswith(
        ("matrix_exp", "cond", "pinv", "matrix_power", "lgamma", "log_ndtr", "inverse", "solve", "det")
    )
    tolerance = {"rtol": 1e-8, "atol": 1e-8} if loose else {"rtol": 1e-10, "atol": 1e-10}  # of some thirty roundings
    check_like_torch(CALLS[name][0], *inputs(name), **tolerance)


@needs_torch
@together("name", CALLS)
def test_float32_stays_float32(name: str) -> None:
    value = gradients(ad, CALLS[name][0], *inputs(name, np.float32))[0]
    expected = gradients(torch, CALLS[name][0], *inputs(name, np.float32))[0]
    assert_same(value, expected, rtol=2e-3, atol=2e-3)


LAYOUTS: list[Callable[[Array], Array]] = [
    lambda x: np.array(x, order="F"),
    lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
    lambda x: x[..., ::-1].copy()[..., ::-1] if x.ndim else x,
]


@together("name", CALLS)
def test_call_does_not_depend_on_the_layout_in_memory(name: str) -> None:
    reference, slopes = gradients(ad, CALLS[name][0], *inputs(name))
    for lay in LAYOUTS:
        xs = [from_array(lay(x), requires_grad=x.dtype.kind == "f") for x in inputs(name)]
        y = CALLS[name][0](ad, *xs)
        assert_same(y.detach().numpy(), reference, rtol=1e-10, atol=1e-10)  # sums run in another order
        if y.requires_grad:
            weights = np.cos(np.arange(y.numel(), dtype=y.dtype)).reshape(y.shape)
            y.backward(ad.tensor(weights))
            found = [None if x.grad is None else x.grad.numpy() for x in xs]
            assert_same(found, slopes, rtol=1e-8, atol=1e-8)


# -- other dtypes, nothing, and scalars --------------------------------------------------------------------------------

INTEGERS = np.array([[3, -1, 2], [0, 5, -4]])
EMPTY = np.zeros((0, 3))

#: Calls, and arrays of other dtypes or without elements.
PLAIN: dict[str, tuple[Any, ...]] = {
    "fmod of integers": (lambda lib, x: lib.fmod(x, 3), INTEGERS),
    "copysign of integers": (lambda lib, x: lib.copysign(x, -1), INTEGERS),
    "heaviside": (lambda lib, x: lib.heaviside(x, lib.tensor([2, 3, 4])), INTEGERS),
    "signbit": (lambda lib, x: lib.signbit(x), np.array([-0.0, 0.0, -NAN, -1.0])),
    "signbit of booleans": (lambda lib, x: x.signbit(), MASK),
    "shift left": (lambda lib, x: x << 2, INTEGERS),
    "shift right": (lambda lib, x: lib.bitwise_right_shift(x, lib.tensor([1, 0, 2])), INTEGERS),
    "shift far": (lambda lib, x: (x << 70) + (x >> 70), INTEGERS),
    "shift a number": (lambda lib, x: 2 << x.abs(), INTEGERS),
    "shift of bytes": (lambda lib, x: x << 9, np.array([1, 2], np.int8)),
    "gcd": (lambda lib, x: lib.gcd(x, lib.tensor(6)) + x.lcm(lib.tensor(4)), INTEGERS),
    "logical_and": (lambda lib, x, y: lib.logical_and(x, y), INTEGERS, MASK),
    "logical_or": (lambda lib, x, y: x.logical_or(y), INTEGERS, np.array([0.0, NAN, 0.0])),
    "logical_xor": (lambda lib, x, y: lib.logical_xor(x, y), INTEGERS, MASK),
    "logical_not": (lambda lib, x: x.logical_not(), np.array([0.0, -0.0, NAN, 2.0])),
    "logical_and in place": (lambda lib, x: x.clone().logical_and_(lib.tensor([0, 1, 1])), INTEGERS),
    "isposinf": (lambda lib, x: lib.isposinf(x) ^ x.isneginf(), np.array([INF, -INF, NAN, 0.0])),
    "cummax of integers": (lambda lib, x: lib.cummax(x, 1).values, INTEGERS),
    "cummin of booleans": (lambda lib, x: lib.cummin(x, 1).indices, MASK),
    "median of integers": (lambda lib, x: x.median(), INTEGERS),
    "median of integers along a dim": (lambda lib, x: x.median(0).values, INTEGERS),
    "median of nothing": (lambda lib, x: x.median(), np.zeros(0)),
    "kthvalue of integers": (lambda lib, x: x.kthvalue(2).values, INTEGERS),
    "mode of integers": (lambda lib, x: x.mode().values, np.array([[1, 1, 2], [3, 0, 0]])),
    "argsort of nothing": (lambda lib, x: lib.argsort(x, 0), EMPTY),
    "argsort of a scalar": (lambda lib, x: x.argsort(), np.array(1.0)),
    "nonzero of booleans": (lambda lib, x: x.nonzero(), MASK),
    "nonzero of nothing": (lambda lib, x: lib.nonzero(x), EMPTY),
    "count_nonzero of nothing": (lambda lib, x: lib.count_nonzero(x, 0), EMPTY),
    "unique of nothing": (lambda lib, x: lib.unique(x), np.zeros(0)),
    "unique of booleans": (lambda lib, x: lib.unique(x, return_inverse=True)[1], MASK),
    "unique_consecutive of a scalar": (lambda lib, x: lib.unique_consecutive(x), np.array(2.0)),
    "isin of integers": (lambda lib, x: lib.isin(x, 5), INTEGERS),
    "bincount of nothing": (lambda lib, x: lib.bincount(x, minlength=2), np.zeros(0, np.int64)),
    "index_add of integers": (lambda lib, x: x.index_add(1, lib.tensor([0, 0]), x[:, :2]), INTEGERS),
    "index_fill of booleans": (lambda lib, x: x.index_fill(1, lib.tensor([1]), True), MASK),
    "index_add into a scalar": (lambda lib, x: x.index_add(0, lib.tensor([0]), x), np.array(1.0)),
    "scatter_reduce of integers": (
        lambda lib, x: x.scatter_reduce(1, lib.tensor([[0, 0], [2, 2]]), x[:, :2], "amax"), INTEGERS
    ),
    "scatter_reduce mean of integers": (
        lambda lib, x: x.scatter_reduce(1, lib.tensor([[0, 0], [2, 2]]), x[:, :2], "mean"), INTEGERS
    ),
    "take of booleans": (lambda lib, x: x.take(lib.tensor([0, -1])), MASK),
    "repeat_interleave alone": (lambda lib, x: lib.repeat_interleave(x), np.array([2, 0, 1])),
    "meshgrid of scalars": (lambda lib, x: lib.meshgrid(x, lib.tensor([1, 2]), indexing="ij")[0], np.array(3)),
    "meshgrid of nothing": (lambda lib, x: lib.meshgrid(x, x, indexing="ij")[0], np.zeros(0)),
    "tril_indices": (lambda lib, x: lib.tril_indices(3, 2, -1) + lib.triu_indices(3, 2, 1)[:, :1], MASK),
    "diff of booleans": (lambda lib, x: lib.diff(x), MASK),
    "diff of one": (lambda lib, x: lib.diff(x), np.array([1.0])),
    "diff far": (lambda lib, x: lib.diff(x, 5), INTEGERS),
    "unravel_index": (lambda lib, x: lib.unravel_index(x.abs(), (2, 3))[1], INTEGERS),
    "addmv of integers": (lambda lib, x: lib.addmv(x[:, 0], x, x[0], alpha=1.7, beta=2), INTEGERS),
    "entr below 0": (lambda lib, x: lib.special.entr(x), np.array([-1.0, 0.0, 2.0])),
    "cov of integers": (lambda lib, x: lib.cov(x), INTEGERS),
    "kron of integers": (lambda lib, x: lib.kron(x, x), INTEGERS),
    "kron of scalars": (lambda lib, x: lib.kron(x, lib.tensor([1, 2])), np.array(3)),
    "cross of integers": (lambda lib, x: lib.linalg.cross(x, x.flip(0)), INTEGERS),
    "atleast_1d of a scalar": (lambda lib, x: lib.atleast_1d(x), np.array(3)),
    "hstack of nothing": (lambda lib, x: lib.hstack([x, x]), EMPTY),
    "rot90 of integers": (lambda lib, x: lib.rot90(x, 5), INTEGERS),
    "unfold of size 0": (lambda lib, x: x.unfold(0, 0, 2), INTEGERS),
    "unfold of size 0 of a scalar": (lambda lib, x: x.unfold(0, 0, 1), np.array(2.0)),
    "unfold of nothing": (lambda lib, x: x.unfold(1, 2, 1), EMPTY),
    "cdist of nothing": (lambda lib, x: lib.cdist(x, lib.ones(2, 3, dtype=x.dtype)), EMPTY),
    "nan_to_num of integers": (lambda lib, x: lib.nan_to_num(x), INTEGERS),
    "nan_to_num of half": (lambda lib, x: lib.nan_to_num(x), np.array([INF, NAN, 1.0], np.float16)),
    "sinc of integers": (lambda lib, x: lib.sinc(x), INTEGERS),
    "erfc of booleans": (lambda lib, x: lib.erfc(x), MASK),
    "logcumsumexp of half": (lambda lib, x: lib.logcumsumexp(x, 0), np.array([1.0, 2.0, 3.0], np.float16)),
    "deg2rad of integers": (lambda lib, x: lib.deg2rad(x), INTEGERS),
    "matrix_power of integers": (lambda lib, x: lib.linalg.matrix_power(x, 3), INTEGERS[:, :2]),
    "scatter added": (lambda lib, x: x.scatter(1, lib.tensor([[0, 0], [2, 1]]), 2, reduce="add"), INTEGERS),
    "scatter multiplied": (
        lambda lib, x: x.clone().scatter_(1, lib.tensor([[0, 0], [2, 1]]), 3.0, reduce="multiply"), TIES
    ),
    "det of nothing": (lambda lib, x: lib.det(x), np.zeros((0, 0))),
    "inverse of nothing": (lambda lib, x: lib.inverse(x), np.zeros((2, 0, 0))),
    "det of no matrices": (lambda lib, x: lib.det(x), np.zeros((0, 2, 2))),
    "solve of nothing": (lambda lib, x: lib.linalg.solve(x, lib.ones(0, 3, dtype=x.dtype)), np.zeros((0, 0))),
    "norm of nothing": (lambda lib, x: lib.linalg.norm(x), EMPTY),
    "matrix_rank of nothing": (lambda lib, x: lib.linalg.matrix_rank(x), np.zeros((2, 0, 3))),
    "eigvalsh of nothing": (lambda lib, x: lib.linalg.eigvalsh(x), np.zeros((0, 0))),
    "aminmax of integers": (lambda lib, x: sum(x.aminmax(dim=0)), INTEGERS),
    "histc of one number": (lambda lib, x: lib.histc(x, 3), np.array([2.0, 2.0])),
    "quantile of a scalar": (lambda lib, x: lib.quantile(x, 0.3), np.array(2.0)),
    "vander of a scalar": (lambda lib, x: lib.linalg.vander(x, N=3), np.array(2.0)),
}  # fmt: skip


@needs_torch
@pytest.mark.parametrize("name", PLAIN)
def test_call_of_other_dtypes_and_of_nothing_is_pytorchs(name: str) -> None:
    call, *arrays = PLAIN[name]
    found, expected = call(ad, *map(ours, arrays)), call(torch, *map(theirs, arrays))
    tolerance = 4 * float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else 0
    assert_same(found.numpy(), expected.numpy(), rtol=tolerance, atol=tolerance)


# -- refusals ----------------------------------------------------------------------------------------------------------

#: Calls that both libraries refuse, and a part of what is said here.
WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "fmod by 0": (lambda lib, x: lib.fmod(lib.tensor([1]), 0), "division of integers by zero"),
    "shift of floats": (lambda lib, x: x << 1, "bitwise_left_shift: expected integers"),
    "heaviside of two dtypes": (lambda lib, x: lib.heaviside(x, lib.tensor(1)), "heaviside: both operands"),
    "positive of booleans": (lambda lib, x: lib.positive(x > 0), "positive: expected numbers"),
    "logcumsumexp of integers": (lambda lib, x: lib.logcumsumexp(lib.tensor([1]), 0), "logcumsumexp: expected floats"),
    "cummax, dim": (lambda lib, x: lib.cummax(x, 3), "cummax: dim 3 is out of range"),
    "kthvalue 0": (lambda lib, x: lib.kthvalue(x, 0), "kthvalue: k must lie between 1 and 3"),
    "median of nothing along a dim": (lambda lib, x: lib.median(x[:0], 0), "median: nothing to choose from"),
    "mode of nothing": (lambda lib, x: lib.mode(x[:0], 0), "mode: nothing to choose from"),
    "quantile beyond 1": (lambda lib, x: lib.quantile(x, 1.5), "quantile: q must be"),
    "quantile of integers": (lambda lib, x: lib.quantile(lib.tensor([1]), 0.5), "quantile: expected float32"),
    "quantile, interpolation": (lambda lib, x: lib.quantile(x, 0.5, interpolation="cubic"), "no interpolation 'cubic'"),
    "bincount of negatives": (lambda lib, x: lib.bincount(lib.tensor([-1])), "bincount: expected a vector of integers"),
    "histc of integers": (lambda lib, x: lib.histc(lib.tensor([1])), "histc: expected floats"),
    "searchsorted, side": (lambda lib, x: lib.searchsorted(x, x, side="middle"), "searchsorted: side must be"),
    "index_add, shape": (lambda lib, x: x.index_add(0, lib.tensor([0]), x), "index_add: source of shape"),
    "index_add, range": (lambda lib, x: x.index_add(0, lib.tensor([5]), x[:1]), "index_add: index holds 5 to 5"),
    "index_add, dtype": (lambda lib, x: x.index_add(0, lib.tensor([0]), x[:1].double()), "index_add: source must have"),
    "index_copy, index": (lambda lib, x: x.index_copy(0, lib.tensor([0.0]), x[:1]), "index_copy: index must be"),
    "index_fill, value": (lambda lib, x: x.index_fill(0, lib.tensor([0]), x), "index_fill: value must be"),
    "take, range": (lambda lib, x: lib.take(x, lib.tensor([6])), "take: index holds 6 to 6"),
    "masked_scatter, source": (lambda lib, x: x.masked_scatter(x == x, x[0]), "masked_scatter: the mask holds at 6"),
    "scatter, reduce": (
        lambda lib, x: x.scatter(0, lib.tensor([[0]]), 1.0, reduce="sum"),
        "scatter: reduce must be 'add' or 'multiply'",
    ),
    "scatter_reduce, name": (
        lambda lib, x: x.scatter_reduce(0, lib.tensor([[0, 0, 0]]), x[:1], "most"),
        "scatter_reduce: reduce must be",
    ),
    "select_scatter, shape": (lambda lib, x: lib.select_scatter(x, x, 0, 0), "select_scatter: src of shape"),
    "quantile of nothing": (
        lambda lib, x: lib.quantile(x[:0], 0.5, dim=1),
        "quantile: there is nothing",
    ),
    "repeat_interleave of a scalar": (lambda lib, x: lib.repeat_interleave(x[0, 0], 2, 1), "dim 1 is out of range"),
    "meshgrid of matrices": (lambda lib, x: lib.meshgrid(x, x, indexing="ij"), "meshgrid: expected vectors"),
    "meshgrid, indexing": (lambda lib, x: lib.meshgrid(x[0], indexing="yx"), "meshgrid: indexing must be"),
    "broadcast_tensors": (lambda lib, x: lib.broadcast_tensors(x, x[0, :2]), "broadcast_tensors: shapes"),
    "tensor_split by 0": (lambda lib, x: lib.tensor_split(x, 0), "tensor_split: the number of sections"),
    "hsplit unequally": (lambda lib, x: lib.hsplit(x, 2), "hsplit: 3 slices"),
    "vsplit of a vector": (lambda lib, x: lib.vsplit(x[0], 1), "vsplit: expected at least 2"),
    "unfold, size": (lambda lib, x: x.unfold(0, 3, 1), "unfold: size 3 and step 1"),
    "rot90, dims": (lambda lib, x: lib.rot90(x, 1, [0, 0]), "rot90: dims"),
    "fliplr of a vector": (lambda lib, x: lib.fliplr(x[0]), "fliplr: expected at least 2"),
    "repeat_interleave, number": (lambda lib, x: lib.repeat_interleave(x, lib.tensor([1, 2])), "repeat_interleave: 2"),
    "repeat_interleave, negative": (lambda lib, x: lib.repeat_interleave(x, -1), "not negative"),
    "diag_embed, dims": (lambda lib, x: lib.diag_embed(x, 0, 1, 1), "diag_embed: dims"),
    "block_diag": (lambda lib, x: lib.block_diag(x[None]), "block_diag: expected matrices"),
    "aminmax of nothing": (lambda lib, x: lib.aminmax(x[:0]), "aminmax: nothing to choose from"),
    "diff of a scalar": (lambda lib, x: lib.diff(x[0, 0]), "diff: expected at least one dimension"),
    "cdist, sizes": (lambda lib, x: lib.cdist(x, x[:, :2]), "cdist: expected rows of one size"),
    "cdist, p": (lambda lib, x: lib.cdist(x, x, p=-1.0), "cdist: p must not be negative"),
    "cross, size": (lambda lib, x: lib.cross(x, x, dim=0), "cross: dim 0"),
    "addmv, shape": (lambda lib, x: lib.addmv(x[0], x, x[0]), "addmv: an input of shape"),
    "det of a wide matrix": (lambda lib, x: lib.det(x), "det: expected square matrices"),
    "det of integers": (lambda lib, x: lib.det(lib.tensor([[1]])), "det: expected float32 or float64"),
    "det of half": (lambda lib, x: lib.det(x[:, :2].to(lib.float16)), "det: expected float32 or float64"),
    "det of a vector": (lambda lib, x: lib.linalg.det(x[0]), "det: expected a matrix"),
    "inverse of a singular matrix": (lambda lib, x: lib.inverse(lib.ones(2, 2)), "Singular matrix"),
    "solve, shapes": (lambda lib, x: lib.linalg.solve(lib.eye(2), x.mT), "solve: matrices of shape"),
    "solve, dtypes": (lambda lib, x: lib.linalg.solve(lib.eye(2), x.double()), "solve: both operands"),
    "solve_triangular, shapes": (
        lambda lib, x: lib.linalg.solve_triangular(lib.eye(2), x.mT, upper=True),
        "solve_triangular: matrices",
    ),
    "cholesky, negative": (lambda lib, x: lib.linalg.cholesky(-lib.eye(2)), "cholesky"),
    "qr, mode": (lambda lib, x: lib.linalg.qr(x, "half"), "qr: mode must be"),
    "eigh, UPLO": (lambda lib, x: lib.linalg.eigh(lib.eye(2), "X"), "eigh: UPLO must be"),
    "svd of NaN": (lambda lib, x: lib.linalg.svd(x * NAN), "svd|singular"),
    "matrix_norm of a vector": (lambda lib, x: lib.linalg.matrix_norm(x[0]), "matrix_norm: dim"),
    "matrix_norm, ord": (lambda lib, x: lib.linalg.matrix_norm(x, 3), "matrix_norm: ord must be"),
    "vector_norm, ord": (lambda lib, x: lib.linalg.vector_norm(x, "fro"), "vector_norm: ord must be"),
    "multi_dot of one": (lambda lib, x: lib.linalg.multi_dot([x]), "multi_dot: expected at least 2"),
    "polygamma, n": (lambda lib, x: lib.polygamma(-1, x), "polygamma: n must not be negative"),
}


@needs_torch
@together("name", WRONG)
def test_what_pytorch_refuses_is_refused(name: str) -> None:
    call, said = WRONG[name]
    values = np.array([[0.5, 1.0, 1.5], [2.0, -1.0, 0.0]], np.float32)
    with pytest.raises((RuntimeError, IndexError, TypeError, ValueError)):
        call(torch, theirs(values))
    with pytest.raises((RuntimeError, IndexError, TypeError), match=said):
        call(ad, ours(values))


def test_singular_matrices_raise_one_kind_of_error() -> None:
    for kind in (ad.linalg.LinAlgError, np.linalg.LinAlgError, RuntimeError):
        with pytest.raises(kind, match=r"solve\(float32\[2, 2\], float32\[2, 2\]\): Singular matrix"):
            ad.linalg.inv(ad.ones(2, 2))


def test_scatter_with_a_reduction_has_the_derivative_of_the_sum_and_of_what_is_multiplied() -> None:
    x, src = ad.ones(3, requires_grad=True), ad.tensor([2.0, 3.0], requires_grad=True)
    places = ad.tensor([0, 0])
    (x.scatter(0, places, src, reduce="add") + x.scatter(0, places, src.detach(), reduce="multiply")).sum().backward()
    assert x.grad is not None
    assert src.grad is not None
    assert (x.grad.tolist(), src.grad.tolist()) == ([7.0, 2.0, 2.0], [1.0, 1.0])
    with pytest.raises(RuntimeError, match="use scatter_reduce"):
        x.scatter(0, places, src, reduce="multiply")


def test_many_rows_have_no_distance_from_themselves() -> None:
    values = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    x = ad.tensor(values, requires_grad=True)
    y = ad.cdist(x, x)
    y.sum().backward()
    exact = np.sqrt(((values[:, None].astype(float) - values) ** 2).sum(-1))
    np.testing.assert_allclose(y.detach().numpy(), exact, rtol=1e-6)
    assert not y.detach().numpy().diagonal().any()
    slopes = np.divide(
        values[:, None] - values, exact[..., None], where=exact[..., None] > 0, out=np.zeros((40, 40, 8))
    )
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 2 * slopes.sum(1), rtol=1e-4, atol=1e-5)


def test_a_quantile_at_an_infinity_is_infinite() -> None:
    for values in ([1.0, INF, INF], [INF], [-INF, 2.0, INF, INF, INF]):
        assert ad.quantile(ad.tensor(values), 0.5).item() == INF  # PyTorch's is NaN where it lies between two


def test_what_comes_after_nothing_has_a_derivative() -> None:
    x = ad.tensor([-INF, -INF, 1.0, -INF, 2.0], dtype=np.float64, requires_grad=True)
    ad.logcumsumexp(x, 0).exp().sum().backward()  # the sum of 3 exp(1) and exp(2)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [0, 0, 3 * np.e, 0, np.e**2], rtol=1e-14)


def test_the_derivative_of_a_singular_determinant_is_the_adjugate() -> None:
    x = ad.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    ad.linalg.det(x).backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [[4, -2], [-2, 1]], rtol=1e-6)  # PyTorch's is 0, which is wrong
    assert ad.chain_matmul(ad.ones(2, 3), ad.ones(3, 4)).tolist() == [[3.0] * 4] * 2


def test_a_complete_q_of_a_tall_matrix_has_no_derivative() -> None:
    x = ad.ones(3, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="qr: mode='complete' has no derivative"):
        ad.linalg.qr(x, mode="complete")
    with ad.no_grad():
        assert ad.linalg.qr(x, mode="complete").Q.shape == (3, 3)


@needs_torch
def test_what_layers_compute_is_found_beside_the_tensors() -> None:
    x, w = np.arange(12.0).reshape(1, 2, 6), np.arange(12.0).reshape(3, 2, 2)
    check_like_torch(lambda lib, x, w: lib.conv1d(x, w), x, w)
    check_like_torch(lambda lib, x: lib.layer_norm(x, (6,)), x)
    check_like_torch(lambda lib, x: lib.cosine_similarity(x, x.flip(-1), dim=-1), x)
    with pytest.raises(AttributeError, match="no attribute 'conv9d'"):
        _ = ad.conv9d


def test_a_histogram_of_a_nan_says_so() -> None:
    with pytest.raises(RuntimeError, match="range from nan to nan is not finite"):
        ad.histc(ad.tensor([1.0, float("nan")]), 4)
