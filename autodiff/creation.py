"""Making tensors: from Python's and NumPy's values, filled, or random."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
from numpy.typing import DTypeLike

from .device import check_device
from .engine import dtypes
from .engine.primitive import NUMBERS
from .functions.arguments import element, integer, sizes
from .functions.output import written
from .kernels.silence import silent
from .random import default_generator
from .tensor import Tensor, from_array
from .tracing import noted, tracing

__all__ = [
    "arange", "as_tensor", "asarray", "empty", "empty_like", "eye", "from_numpy", "frombuffer", "full", "full_like",
    "linspace", "logspace", "ones", "ones_like", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "scalar_tensor", "tensor", "zeros", "zeros_like",
]  # fmt: skip

Size = int | Sequence[int]
P = ParamSpec("P")
R = TypeVar("R")


def also_size(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of sizes, separate or in one sequence, take them by the keyword `size` as well."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> R:
        if "size" in kwargs:
            if args:
                raise TypeError(f"{function.__name__}: got size twice")
            args = (kwargs.pop("size"),)
        return function(*args, **kwargs)

    return made


# -- from values -------------------------------------------------------------------------------------------------------


def tensor(
    data: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
) -> Tensor:
    """Make a tensor from numbers, nested lists or an array; always a copy.

    Parameters
    ----------
    data : array_like
        Python floats become the default dtype (float32), Python integers int64; arrays keep their dtype.
    dtype : dtype, optional
        Boolean, integer or floating.
    requires_grad : bool, optional
        Whether `backward` is to compute a gradient for it.
    name : str, optional
        What pictures and messages call it.

    Returns
    -------
    Tensor
        A leaf.

    Raises
    ------
    TypeError
        If the data are not booleans or real numbers.
    ValueError
        If nested lists differ in length.
    RuntimeError
        If it is to require a gradient but holds integers.

    Examples
    --------
    >>> ad.tensor([[1, 2.5]])
    tensor([[1.0000, 2.5000]])
    >>> ad.tensor(np.ones(2))
    tensor([1., 1.], dtype=float64)
    """
    return from_array(_copy(data, dtype, "tensor"), requires_grad=requires_grad, name=name, device=device)


def _copy(data: Any, dtype: DTypeLike | None, name: str) -> Any:
    wanted = None if dtype is None else dtypes.checked(dtype, name)
    if isinstance(data, Tensor):
        if (trace := tracing()) is not None:
            trace.reads(data, "tensor")
        data = data._data
    elif (trace := tracing()) is not None:
        for t in _tensors_in(data):
            trace.reads(t, f"{name}() of a list of tensors", "join them by stack([...])")
    try:
        array = silent().run(np.array, data, dtype=wanted)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{name}: {error}") from None
    except RuntimeError:
        raise RuntimeError(
            f"{name}: a list of tensors that require gradients would lose them; join them by ad.stack([...]), "
            "or take numbers by .item()"
        ) from None
    except OverflowError as error:
        raise RuntimeError(f"{name}: {error}") from None
    if array.dtype.kind in "US":
        cure = "np.unique(labels, return_inverse=True) numbers strings"
        raise TypeError(f"{name}: a tensor holds booleans, integers or floats, not {array.dtype}; {cure}")
    dtypes.checked(array.dtype.newbyteorder("="), name)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if wanted is None and not hasattr(_first(data), "__array__"):  # no library chose a dtype
        if array.dtype.kind == "f":
            array = silent().run(array.astype, dtypes.get_default_dtype())
        elif array.dtype == np.uint64:
            raise RuntimeError(f"{name}: {array.max()} is out of the range of int64; pass dtype=np.uint64")
    return array if array.ndim else array[()]


def _tensors_in(data: Any) -> Iterator[Tensor]:
    if isinstance(data, Tensor):
        yield data
    elif isinstance(data, (list, tuple)):
        for part in data:
            yield from _tensors_in(part)


def _first(data: Any) -> Any:
    """Return the first element of nested lists: an array has a dtype that somebody chose, a Python number has none."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: Any = None) -> Tensor:
    """Make a tensor on an array's memory, or return a tensor itself, where the dtype allows it.

    Examples
    --------
    >>> a = np.zeros(2)
    >>> t = ad.as_tensor(a)
    >>> a[0] = 1
    >>> t
    tensor([1., 0.], dtype=float64)
    """
    check_device(device, "as_tensor")
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype.isnative and (dtype is None or data.dtype == np.dtype(dtype)):
        return from_array(data)
    return tensor(data, dtype=dtype)


def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of tensors, arrays or numbers, which shares memory where it can.

    Parameters
    ----------
    obj : array_like
    dtype, device : optional
        As for `as_tensor`.
    copy : bool, optional
        Whether the memory must be new (True), or may not be (False).
    requires_grad : bool, optional
        Whether `backward` shall compute a gradient for it; of a tensor with a graph, it is detached unless True.

    Raises
    ------
    ValueError
        If `copy` is False and the memory cannot be shared.

    Examples
    --------
    >>> ad.asarray([1.0, 2.0])
    tensor([1., 2.])
    """
    made = as_tensor(obj, dtype=dtype, device=device)
    given = obj._data if isinstance(obj, Tensor) else obj
    shared = isinstance(given, np.ndarray) and np.shares_memory(given, made._data)
    if copy is False and not shared and made.numel():
        raise ValueError("asarray: the memory cannot be shared, so that copy=False cannot be kept")
    made = made.clone() if copy and shared else made
    if requires_grad:
        return made if made.requires_grad else made.detach().requires_grad_()
    return made.detach() if made.requires_grad else made


def frombuffer(
    buffer: Any, *, dtype: DTypeLike, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """Return a tensor on the memory of a buffer of bytes.

    Parameters
    ----------
    buffer : buffer
        bytes, bytearray, memoryview, mmap, …; what cannot be written is shared, too, and may not be.
    dtype : dtype
    count : int, optional
        How many elements; all that are left by default.
    offset : int, optional
        How many bytes to leave out.
    requires_grad : bool, optional

    Raises
    ------
    ValueError
        If the buffer does not hold as many, or is empty.

    Examples
    --------
    >>> ad.frombuffer(bytearray([1, 0, 2, 0]), dtype=ad.int16)
    tensor([1, 2], dtype=int16)
    """
    kind, size = np.dtype(dtypes.checked(dtype, "frombuffer")), memoryview(buffer).nbytes
    left = size - offset
    if not size or not 0 <= offset < size or count == 0 or (count < 0 and left % kind.itemsize):
        raise ValueError(f"frombuffer: {left} of {size} bytes are no elements of {kind}")
    if count > 0 and count * kind.itemsize > left:
        raise ValueError(f"frombuffer: {left} bytes do not hold {count} elements of {kind}")
    return from_array(np.frombuffer(buffer, kind, count, offset), requires_grad=requires_grad)


def from_numpy(ndarray: npt.NDArray[Any]) -> Tensor:
    """Make a tensor that shares the memory of an array.

    Raises
    ------
    TypeError
        If it is not an ndarray of booleans, integers or floats.

    Examples
    --------
    >>> ad.from_numpy(np.array([1.0, 2.0]))
    tensor([1., 2.], dtype=float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected an ndarray, got {type(ndarray).__name__}")
    return from_array(ndarray)


# -- filled ------------------------------------------------------------------------------------------------------------


def full(
    size: Size,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Make a tensor of one repeated value, whose kind chooses the dtype: float32, int64 or bool.

    Examples
    --------
    >>> ad.full((2,), 3.5)
    tensor([3.5000, 3.5000])
    """
    if out is not None:
        return written(out, full, size, fill_value, dtype=dtype, requires_grad=requires_grad, name=name)
    if isinstance(fill_value, NUMBERS) and dtype is not None:
        fill_value = element(fill_value, dtypes.checked(dtype, "full"), "full")
    value = _copy(fill_value, dtype, "full")
    if value.ndim:
        raise TypeError(f"full: fill_value must be one number, got shape {value.shape}")
    return from_array(
        np.full(_shape((size,), "full"), value, value.dtype), requires_grad=requires_grad, name=name, device=device
    )


@also_size
def zeros(
    *size: Size,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Make a tensor of zeros.

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    dtype : dtype, optional
        The default dtype (float32) unless given.
    requires_grad : bool, optional
    name : str, optional
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    if out is not None:
        return written(out, zeros, *size, dtype=dtype, requires_grad=requires_grad, name=name)
    return from_array(
        np.zeros(_shape(size, "zeros"), _read_dtype(dtype, "zeros")),
        requires_grad=requires_grad,
        name=name,
        device=device,
    )


@also_size
def ones(
    *size: Size,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Make a tensor of ones; parameters as for `zeros`.

    Examples
    --------
    >>> ad.ones(2)
    tensor([1., 1.])
    """
    if out is not None:
        return written(out, ones, *size, dtype=dtype, requires_grad=requires_grad, name=name)
    return from_array(
        np.ones(_shape(size, "ones"), _read_dtype(dtype, "ones")), requires_grad=requires_grad, name=name, device=device
    )


def arange(
    start: float | None = None,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Count from `start` (0 unless `end` is given) up to, but without, `end`.

    Examples
    --------
    >>> ad.arange(3)
    tensor([0, 1, 2])
    >>> ad.arange(1, 2, 0.5)
    tensor([1.0000, 1.5000])
    """
    if out is not None:
        return written(out, arange, start, end, step, dtype=dtype, requires_grad=requires_grad, name=name)
    bounds = (0, start, step) if end is None else (0 if start is None else start, end, step)
    first, last, by = (_bound(value, None, "arange") for value in bounds)
    if by == 0:
        raise RuntimeError("arange: step must not be 0")
    if (last - first) * by < 0:
        raise RuntimeError(f"arange: no step of {by} leads from {first} to {last}")
    try:
        if dtype is not None and _countable(dtype, "arange") == np.int64 and int(by):
            first, last, by = int(first), int(last), int(by)  # PyTorch drops decimals before it counts
        counted = np.arange(first, last, by)
    except ValueError as error:
        raise ValueError(f"arange: {error}") from None
    if dtype is None and counted.dtype.kind == "f":
        dtype = dtypes.get_default_dtype()
    elif dtype is not None and counted.dtype.kind == "f" and _countable(dtype, "arange").kind != "f":
        counted = int(first) + int(by) * np.arange(len(counted))  # PyTorch truncates start and step, not the result
    return from_array(_copy(counted, dtype, "arange"), requires_grad=requires_grad, name=name, device=device)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the powers of `base` whose exponents are evenly spaced from `start` to `end`, both included.

    Examples
    --------
    >>> ad.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    if out is not None:
        return written(out, logspace, start, end, steps, base, dtype=dtype, requires_grad=requires_grad, name=name)
    kind = _countable(dtype, "logspace")
    exponents = linspace(start, end, steps, dtype=np.float64)._data
    return from_array((float(base) ** exponents).astype(kind), requires_grad=requires_grad, name=name, device=device)


@also_size
def empty(
    *size: Size,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Make a tensor that is to be filled; it holds zeros, so that a run can be repeated even if filling is forgotten.

    Examples
    --------
    >>> ad.empty(2, 3).shape
    (2, 3)
    """
    if out is not None:
        return written(
            out, empty, *size, dtype=dtype, requires_grad=requires_grad, memory_format=memory_format, name=name
        )
    return zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad, name=name)


def scalar_tensor(
    s: float, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make a tensor of no dimensions, in the default dtype unless another is given.

    Examples
    --------
    >>> ad.scalar_tensor(2)
    tensor(2.)
    """
    return full((), s, dtype=_read_dtype(dtype, "scalar_tensor"), device=device, requires_grad=requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return `steps` numbers evenly spaced from `start` to `end`, both included.

    Examples
    --------
    >>> ad.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if out is not None:
        return written(out, linspace, start, end, steps, dtype=dtype, requires_grad=requires_grad, name=name)
    n, kind = integer(steps, "linspace", "the number of steps"), _countable(dtype, "linspace")
    if n < 0:
        raise RuntimeError(f"linspace: the number of steps must not be negative, got {n}")
    first, last = (_bound(value, kind, "linspace") for value in (start, end))
    if kind.kind == "f":
        return from_array(
            np.linspace(first, last, n, dtype=kind), requires_grad=requires_grad, name=name, device=device
        )
    step, at = (last - first) / max(n - 1, 1), np.arange(n)  # from both ends, as in PyTorch
    values = np.where(at < max(n // 2, 1), first + step * at, last - step * (n - 1 - at))
    return from_array(values.astype(kind), requires_grad=requires_grad, name=name, device=device)


def _countable(dtype: DTypeLike | None, name: str) -> np.dtype[Any]:
    kind = _read_dtype(dtype, name)
    if kind.kind == "b":
        raise TypeError(f"{name}: expected a dtype of integers or floats, got bool")
    return kind


def _bound(value: Any, dtype: np.dtype[Any] | None, name: str) -> Any:
    """Return a bound as a number, without decimals if the dtype holds integers."""
    number = value.item() if isinstance(value, Tensor) and not value.ndim else value
    if not isinstance(number, NUMBERS):
        raise TypeError(f"{name}: bounds and steps must be numbers, got {type(value).__name__}")
    return int(number) if dtype is not None and dtype.kind != "f" else number


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Make a matrix of `n` rows and `m` (or `n`) columns with ones on its diagonal and zeros elsewhere.

    Examples
    --------
    >>> ad.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if out is not None:
        return written(out, eye, n, m, dtype=dtype, requires_grad=requires_grad, name=name)
    return from_array(
        np.eye(*_shape((n, n if m is None else m), "eye"), dtype=_read_dtype(dtype, "eye")),
        requires_grad=requires_grad,
        name=name,
        device=device,
    )


# -- random ------------------------------------------------------------------------------------------------------------


@also_size
def rand(
    *size: Size,
    generator: np.random.Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Draw numbers uniformly from [0, 1).

    Parameters
    ----------
    *size : int or sequence of int
        The shape.
    generator : numpy.random.Generator, optional
        Where the numbers come from; the generator of `manual_seed` by default.
    dtype : dtype, optional
    requires_grad : bool, optional
    name : str, optional
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.rand(2, 3).shape
    (2, 3)
    """
    if out is not None:
        return written(out, rand, *size, generator=generator, dtype=dtype, requires_grad=requires_grad, name=name)
    kind = _read_float_dtype(dtype, "rand")
    shape = _shape(size, "rand")
    drawn = noted(lambda: _below_one((generator or default_generator()).random(shape), kind))
    return from_array(drawn, requires_grad=requires_grad, name=name, device=device)


def _below_one(drawn: Any, dtype: np.dtype[Any]) -> Any:
    """Convert numbers below 1 to a narrower dtype without rounding any up to 1."""
    return np.minimum(np.asarray(drawn).astype(dtype), np.nextafter(dtype.type(1), dtype.type(0)))


@also_size
def randn(
    *size: Size,
    generator: np.random.Generator | None = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Draw numbers from the normal distribution of mean 0 and variance 1; parameters as for `rand`.

    Examples
    --------
    >>> ad.randn(2, 3).shape
    (2, 3)
    """
    if out is not None:
        return written(out, randn, *size, generator=generator, dtype=dtype, requires_grad=requires_grad, name=name)
    kind = _read_float_dtype(dtype, "randn")
    shape = _shape(size, "randn")
    drawn = noted(lambda: np.asarray((generator or default_generator()).standard_normal(shape)).astype(kind))
    return from_array(drawn, requires_grad=requires_grad, name=name, device=device)


def randint(
    low: int,
    high: int | Sequence[int] | None = None,
    size: Size | None = None,
    *,
    generator: np.random.Generator | None = None,
    dtype: DTypeLike = np.int64,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """Draw integers uniformly from `low` (0 if only one bound is given) up to, but without, `high`.

    Examples
    --------
    >>> ad.randint(0, 10, (2, 3)).shape
    (2, 3)
    >>> ad.randint(1, (4,))
    tensor([0, 0, 0, 0])
    """
    if out is not None:
        return written(
            out,
            randint,
            low,
            high,
            size,
            generator=generator,
            dtype=None if dtype is np.int64 else dtype,
            requires_grad=requires_grad,
        )
    if size is None or high is None:  # PyTorch's other form: randint(high, size)
        size = high if size is None else size
        low, high = 0, low
        if not isinstance(size, Sequence):
            raise TypeError("randint: expected randint(high, size) or randint(low, high, size)")
    if not isinstance(high, (int, np.integer)):
        raise TypeError(f"randint: high must be an integer, got {type(high).__name__}")
    if low >= high:
        raise RuntimeError(f"randint: expected low < high, got {low} and {high}")
    shape, kind = _shape((size,), "randint"), _read_dtype(np.int64 if dtype is None else dtype, "randint")
    least, most = _range(kind)
    if low < least or high - 1 > most:
        raise RuntimeError(f"randint: integers from {low} to below {high} are out of the range of {kind}")
    drawn = noted(lambda: np.asarray((generator or default_generator()).integers(low, high, shape)).astype(kind))
    return from_array(drawn, requires_grad=requires_grad, device=device)


def randperm(
    n: int,
    *,
    generator: np.random.Generator | None = None,
    dtype: DTypeLike = np.int64,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """Shuffle the integers from 0 to `n` - 1.

    Examples
    --------
    >>> sorted(ad.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    if out is not None:
        return written(
            out,
            randperm,
            n,
            generator=generator,
            dtype=None if dtype is np.int64 else dtype,
            requires_grad=requires_grad,
        )
    length, kind = _shape((n,), "randperm")[0], dtypes.checked(dtype, "randperm")
    drawn = noted(lambda: (generator or default_generator()).permutation(length).astype(kind))
    return from_array(drawn, requires_grad=requires_grad, device=device)


# -- of the shape and dtype of another tensor --------------------------------------------------------------------------


def zeros_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Make zeros of the shape and dtype of `input`.

    Examples
    --------
    >>> ad.zeros_like(ad.tensor([1, 2]))
    tensor([0, 0])
    """
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def ones_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Make ones of the shape and dtype of `input`.

    Examples
    --------
    >>> ad.ones_like(ad.tensor([1, 2]))
    tensor([1, 1])
    """
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Repeat one value in the shape and dtype of `input`.

    Examples
    --------
    >>> ad.full_like(ad.tensor([1.0, 2.0]), 7)
    tensor([7., 7.])
    """
    return full(input.shape, fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def empty_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Make a tensor of the shape and dtype of `input`, to be filled: of zeros.

    Examples
    --------
    >>> ad.empty_like(ad.ones(2, 3)).shape
    (2, 3)
    """
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def rand_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Draw from [0, 1) in the shape and dtype of `input`.

    Examples
    --------
    >>> ad.rand_like(ad.zeros(2, 3)).shape
    (2, 3)
    """
    return rand(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def randn_like(
    input: Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Draw from the standard normal distribution in the shape and dtype of `input`.

    Examples
    --------
    >>> ad.randn_like(ad.zeros(2, 3)).shape
    (2, 3)
    """
    return randn(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def randint_like(
    input: Tensor,
    low: int | None = None,
    high: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Draw integers from `low` (0 if only one bound is given) to below `high` in the shape and dtype of `input`.

    Examples
    --------
    >>> ad.randint_like(ad.zeros(2), 1)
    tensor([0., 0.])
    """
    bounds = [bound for bound in (low, high) if bound is not None]
    if not bounds:
        raise TypeError("randint_like: expected high, or low and high")
    first, last = (0, *bounds)[-2:]
    return randint(first, last, input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def _range(kind: np.dtype[Any]) -> tuple[int, int]:
    """Return the smallest and the largest integer that a dtype holds."""
    if kind.kind == "b":
        return 0, 1
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return int(limits.min), int(limits.max)


def _shape(size: tuple[Any, ...], name: str) -> tuple[int, ...]:
    shape = sizes(size, name)
    if min(shape, default=0) < 0:
        raise RuntimeError(f"{name}: a size must not be negative, got {shape}")
    if math.prod(shape) > sys.maxsize // 16:
        raise RuntimeError(f"{name}: no memory holds a tensor of shape {shape}")
    return shape


def _read_dtype(dtype: DTypeLike | None, name: str) -> np.dtype[Any]:
    return dtypes.get_default_dtype() if dtype is None else dtypes.checked(dtype, name)


def _read_float_dtype(dtype: DTypeLike | None, name: str) -> np.dtype[Any]:
    """Check a floating dtype and return it: any other would truncate the numbers drawn to integers."""
    kind = _read_dtype(dtype, name)
    if kind.kind != "f":
        raise RuntimeError(f"{name}: expected a floating dtype, got {kind}; for integers there is randint")
    return kind
