"""NumPy's functions of several steps, with NumPy's arguments, composed of ours for tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import linalg
from .engine.graph import Node
from .engine.primitive import wrap
from .functions import comparison as c
from .functions import distance as di
from .functions import elementwise as e
from .functions import factors, grids, order, searching, solving
from .functions import indexing as i
from .functions import reduction as r
from .functions import rounding as ro
from .functions import shape as s
from .functions import statistics as st
from .functions.arguments import computed, dimension, tensor_of
from .table.indexing import index as index_row
from .table.indexing import overwrite
from .tracing import decided, values


def _tensor(value: Any, name: str) -> Any:
    return tensor_of(value if isinstance(value, Node) else np.asarray(value), name)


# -- shapes ------------------------------------------------------------------------------------------------------------


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    return list(grids.tensor_split(ary, indices_or_sections, axis))


def _part(split: Callable[..., Any]) -> Callable[..., list[Any]]:
    return lambda ary, indices_or_sections: list(split(ary, indices_or_sections))


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    parts = [_tensor(v, "append") for v in (arr, values)]
    return s.cat([s.ravel(p) for p in parts]) if axis is None else s.cat(parts, axis)


def _atleast(raise_: Callable[..., Any]) -> Callable[..., Any]:
    def raised(*arys: Any) -> Any:
        found = tuple(raise_(_tensor(a, "atleast")) for a in arys)
        return found[0] if len(found) == 1 else found

    return raised


def _atleast_3d(x: Any) -> Any:
    """Add dimensions as NumPy does: a vector becomes (1, n, 1)."""
    return x.reshape(1, -1, 1) if x.ndim == 1 else grids.atleast_3d(x)


def _join(join: Callable[..., Any]) -> Callable[..., Any]:
    def joined(tup: Sequence[Any], dtype: Any = None) -> Any:
        members = [_tensor(v, "stack") for v in tup]
        return join(members if dtype is None else [e.to(m, dtype) for m in members])

    return joined


def _rot90(m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    return grids.rot90(m, k, axes)


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    n = dimension(axis, a.ndim, "rollaxis")
    place = start + a.ndim if start < 0 else start
    return s.movedim(a, n, place - 1 if n < place else place)


def _meshgrid(*xi: Any, indexing: str = "xy", copy: bool = True, sparse: bool = False) -> Any:
    if sparse:
        raise TypeError("numpy.meshgrid() of tensors does not take sparse=True")
    return grids.meshgrid(*(s.ravel(_tensor(x, "meshgrid")) for x in xi), indexing=indexing)


def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Any:
    """Widen an array: with a number, or with elements that NumPy's mode picks."""
    x = _tensor(array, "pad")
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
    if mode != "constant":  # NumPy pads the positions: they say where each element comes from
        if mode not in ("edge", "reflect", "symmetric", "wrap"):
            raise TypeError(f"numpy.pad() of tensors does not take mode={mode!r}")
        places = np.pad(np.arange(x.numel()).reshape(x.shape), widths, mode)
        return s.ravel(x)[wrap(places)]
    shape = [n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)]
    filled = np.pad(np.zeros(x.shape, x.dtype), widths, constant_values=constant_values)
    key = tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, widths, strict=True))
    return overwrite(wrap(filled.reshape(shape)), x, way=((index_row, {"key": key}),))


def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, dtype: Any = None, axis: int = 0) -> Any:
    a, b = (_tensor(v, "linspace") for v in (start, stop))
    a, b = (v if v.dtype.kind == "f" else v.to(np.float64) for v in (a, b))
    shape = np.broadcast_shapes(a.shape, b.shape)
    parts = np.arange(num, dtype=a.dtype).reshape(num, *(1,) * len(shape)) / max(num - endpoint, 1)
    points = e.lerp(a.expand(num, *shape), b.expand(num, *shape), wrap(parts.astype(a.dtype)))
    return s.movedim(points if dtype is None else points.to(dtype), 0, axis)


# -- picking -----------------------------------------------------------------------------------------------------------


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    y = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        y = e.where(_tensor(condition, "select"), choice, y)
    return y


def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    x, along = (s.ravel(arr), 0) if axis is None else (arr, dimension(axis, arr.ndim, "delete"))
    gone = values(obj, "deleting what a tensor says", "pass a list") if isinstance(obj, Node) else obj
    kept = np.delete(np.arange(x.shape[along]), gone)
    return i.index_select(x, along, wrap(kept))


def _partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    x, along = (s.ravel(a), 0) if axis is None else (a, axis)
    return x.gather(along, computed("argpartition", lambda a: np.argpartition(a, kth, along), x))


def _unique(ar: Any, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
    return searching.unique(ar, True, return_inverse, return_counts, axis)


def _extract(condition: Any, arr: Any) -> Any:
    return i.masked_select(_tensor(arr, "extract"), _tensor(condition, "extract").to(np.bool))


# -- reductions and what lies between neighbours -----------------------------------------------------------------------


def _median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Average the two elements in the middle, as NumPy's median does."""
    low, high = (order.quantile(a, 0.5, axis, keepdims, interpolation=side) for side in ("lower", "higher"))
    return 0.5 * low + 0.5 * high  # and not low + (high - low) / 2, which is NaN between two equal infinities


def _quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return order.quantile(a, q, axis, keepdims, interpolation=method)


def _percentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    return _quantile(a, _tensor(q, "percentile").to(np.float64) / 100, axis, method=method, keepdims=keepdims)


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    if weights is None:
        return r.mean(a, axis, keepdims)
    w = _tensor(weights, "average")
    if w.ndim == 1 and axis is not None:
        w = w.reshape([-1 if k == dimension(axis, a.ndim, "average") else 1 for k in range(a.ndim)])
    return r.sum(a * w, axis, keepdims) / r.sum(s.broadcast_to(w, a.shape), axis, keepdims)


def _ptp(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return r.amax(a, axis, keepdims) - r.amin(a, axis, keepdims)


def _count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return r.sum(tensor_of(a, "count_nonzero") != 0, axis, keepdims)


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, *, dtype: Any = None
) -> Any:
    m = m if dtype is None else e.to(m, dtype)
    x = m if y is None else s.cat([grids.atleast_2d(m), grids.atleast_2d(_tensor(y, "cov"))])
    correction = (0 if bias else 1) if ddof is None else ddof
    return st.cov(x if rowvar or x.ndim < 2 else x.mT, correction=correction)


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    x = x if dtype is None else e.to(x, dtype)
    joined = x if y is None else s.cat([grids.atleast_2d(x), grids.atleast_2d(_tensor(y, "corrcoef"))])
    return st.corrcoef(joined if rowvar or joined.ndim < 2 else joined.mT)


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    ends = (None if v is None else _tensor(v, "diff") for v in (prepend, append))
    return st.diff(a, n, axis, *ends)


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    return st.trapezoid(y, None if x is None else _tensor(x, "trapezoid"), dx=dx, dim=axis)


def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return slopes as `gradient` does: of one axis alone, of several in a tuple."""
    steps = [e.to(_tensor(step, "gradient"), f.dtype) if np.ndim(step) else step for step in varargs]
    count = f.ndim if axis is None else np.size(axis)
    found = st.gradient(f, spacing=steps * count if len(steps) == 1 else steps or 1, dim=axis, edge_order=edge_order)
    return found[0] if len(found) == 1 else found


# -- products ----------------------------------------------------------------------------------------------------------


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    x, y = (_tensor(v, "cross") for v in (a, b))
    here, there, result = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x, y = s.movedim(x, here, -1), s.movedim(y, there, -1)
    shape = np.broadcast_shapes(x.shape, y.shape)
    return s.movedim(linalg.cross(s.broadcast_to(x, shape), s.broadcast_to(y, shape)), -1, result)


def _both(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function of two tensors that takes arrays and lists as well."""
    return lambda a, b: function(_tensor(a, name), _tensor(b, name))


def _solve(a: Any, b: Any) -> Any:
    """Solve for a vector where b is one, else for matrices, as NumPy does."""
    x, y = _tensor(a, "solve"), _tensor(b, "solve")
    return linalg.solve(x, y) if y.ndim == 1 else solving._solve(factors.matrices(x, "solve", True), y, True, "solve")


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return linalg.svd(a, full_matrices) if compute_uv else linalg.svdvals(a)


def _cholesky(a: Any, *, upper: bool = False) -> Any:
    return linalg.cholesky(a, upper=upper)


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return linalg.pinv(a, rcond, hermitian, rtol=rtol)


#: Which of our functions carries out each of NumPy's.
COMPOSED: dict[Callable[..., Any], Callable[..., Any]] = {
    # shapes
    np.append: _append, np.atleast_1d: _atleast(grids.atleast_1d), np.atleast_2d: _atleast(grids.atleast_2d),
    np.atleast_3d: _atleast(_atleast_3d), np.array_split: _array_split, np.hsplit: _part(grids.hsplit),
    np.vsplit: _part(grids.vsplit), np.dsplit: _part(grids.dsplit), np.dstack: _join(grids.dstack),
    np.column_stack: _join(grids.column_stack), np.fliplr: grids.fliplr, np.flipud: grids.flipud,
    np.rot90: _rot90, np.rollaxis: _rollaxis, np.meshgrid: _meshgrid, np.pad: _pad,
    np.diagflat: lambda v, k=0: grids.diagflat(v, k),
    np.broadcast_arrays: lambda *args: grids.broadcast_tensors(*(_tensor(a, "broadcast_arrays") for a in args)),
    # picking
    np.select: _select, np.delete: _delete, np.partition: _partition, np.extract: _extract,
    np.nonzero: lambda a: searching.nonzero(a, as_tuple=True), np.argwhere: searching.argwhere,
    np.flatnonzero: lambda a: searching.nonzero(s.ravel(a), as_tuple=True)[0],
    np.isin: lambda element, test_elements, assume_unique=False, invert=False: searching.isin(
        element, test_elements, assume_unique=assume_unique, invert=invert
    ),
    np.searchsorted: lambda a, v, side="left", sorter=None: searching.searchsorted(
        _tensor(a, "searchsorted"), v, side=side, sorter=None if sorter is None else _tensor(sorter, "searchsorted")
    ),
    np.unique: _unique, np.bincount: lambda x, weights=None, minlength=0: searching.bincount(x, weights, minlength),
    # elements
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: ro.nan_to_num(x, nan, posinf, neginf),
    np.fix: lambda x: e.trunc(x), np.isposinf: lambda x: c.isposinf(x), np.isneginf: lambda x: c.isneginf(x),
    np.linspace: _linspace, np.isreal: c.isreal, np.real: lambda val: val, np.imag: lambda val: e.mul(val, 0),
    np.array_equiv: lambda a1, a2: decided(np.array_equiv, _tensor(a1, "array_equiv"), _tensor(a2, "array_equiv")),
    # reductions, and what lies between neighbours
    np.median: _median, np.quantile: _quantile, np.percentile: _percentile, np.average: _average, np.ptp: _ptp,
    np.nanmean: lambda a, axis=None, dtype=None, keepdims=False: st.nanmean(a, axis, keepdims, dtype=dtype),
    np.count_nonzero: _count_nonzero, np.cov: _cov, np.corrcoef: _corrcoef,
    np.diff: _diff, np.ediff1d: lambda ary: st.diff(s.ravel(ary)), np.trapezoid: _trapezoid, np.gradient: _gradient,
    # products
    np.cross: _cross, np.kron: _both(di.kron, "kron"), np.linalg.cross: lambda x1, x2, /, *, axis=-1: _cross(
        x1, x2, axis=axis
    ),
    np.linalg.solve: _solve, np.linalg.inv: linalg.inv, np.linalg.det: linalg.det, np.linalg.slogdet: linalg.slogdet,
    np.linalg.cholesky: _cholesky, np.linalg.qr: linalg.qr, np.linalg.eigh: linalg.eigh,
    np.linalg.eigvalsh: linalg.eigvalsh, np.linalg.svd: _svd, np.linalg.svdvals: linalg.svdvals,
    np.linalg.pinv: _pinv, np.linalg.matrix_power: linalg.matrix_power,
    np.linalg.matrix_rank: linalg.matrix_rank,
    np.linalg.tensorsolve: lambda a, b, axes=None: linalg.tensorsolve(_tensor(a, "tensorsolve"), b, axes),
    np.linalg.tensorinv: linalg.tensorinv,
    np.linalg.cond: linalg.cond, np.linalg.multi_dot: lambda arrays: linalg.multi_dot(
        [_tensor(a, "multi_dot") for a in arrays]
    ),
    np.linalg.matrix_norm: lambda x, /, *, keepdims=False, ord="fro": linalg.matrix_norm(x, ord, keepdim=keepdims),
    np.linalg.vector_norm: lambda x, /, *, axis=None, keepdims=False, ord=2: linalg.vector_norm(x, ord, axis, keepdims),
    np.linalg.outer: lambda x1, x2, /: di.ger(_tensor(x1, "outer"), _tensor(x2, "outer")),
    np.linalg.trace: lambda x, /, *, offset=0, dtype=None: r.sum(linalg.diagonal(x, offset=offset), -1, dtype=dtype),
    np.linalg.diagonal: lambda x, /, *, offset=0: linalg.diagonal(x, offset=offset),
    np.vander: lambda x, N=None, increasing=False: (  # noqa: N803  # NumPy's name
        linalg.vander(x, N=N) if increasing else s.flip(linalg.vander(x, N=N), -1)
    ),
}  # fmt: skip
