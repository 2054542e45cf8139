"""Tensor: an array that remembers how it was computed, with operators and methods."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numpy.typing import DTypeLike

from . import numpy as dispatch
from .attributes import Attributes
from .device import check_device
from .engine import backward as _backward
from .engine import dtypes, primitive
from .engine.graph import (
    Node,  # fmt: skip
    Version,
    age,
    array_of,
    copied,
    expose,
    extra,
    refresh,
    share_version,
    tick,
)
from .engine.modes import is_recording
from .engine.primitive import NUMBERS, OPERANDS, as_operator, lift
from .functions import comparison as c
from .functions import cumulative as cu
from .functions import diagonal as d
from .functions import distance, former, grids, indexing, linalg, order, placing, sampling, searching
from .functions import elementwise as e
from .functions import reduction as r
from .functions import rounding as ro
from .functions import shape as s
from .functions import solving as so
from .functions import statistics as st
from .functions import synonyms as sy
from .functions import transcendental as t
from .functions.arguments import sizes
from .functions.in_place import casting, change, is_recorded, record, write
from .history import GradFn, grad_fn_of
from .kernels.memory import twin
from .kernels.silence import silent
from .printing import formatted
from .random import default_generator
from .size import Size
from .table import elementwise as rows
from .table.indexing import index as index_row
from .table.indexing import overwrite as overwrite_row
from .tracing import Tracing, attribute_changes, noted, refuse, tracing
from .tracing import values as values_of

__all__ = ["Tensor"]

T = TypeVar("T", bound="Tensor")

#: How many switches of `requires_grad` a tensor remembers beside the last: an odd number, for on and off alternate.
#: The limit keeps a network that is frozen and released at every step from growing.
_SWITCHES = 63
_GRAD_OF_RESULT = (
    "grad: backward keeps the gradients of leaves alone, and this tensor is the result of an operation; call its "
    "retain_grad() before backward, or read .grad of the leaf it was computed from"
)


def _reflect(operator: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """Return an operator for the right operand, which Python calls with itself first."""
    return lambda self, other: operator(other, self) if isinstance(other, OPERANDS) else NotImplemented


def _not_by_zero(function: np.ufunc) -> Callable[..., Any]:
    """Let a division refuse to divide integers by 0."""

    def divide(a: Any, value: Any, **options: Any) -> Any:
        if a.dtype.kind != "f" and not np.all(value):
            raise RuntimeError("division of integers by zero")
        return function(a, value, **options)

    return divide


def _augment(
    function: Callable[..., Any], operation: Callable[[Any, Any], Any], name: str
) -> Callable[[Any, Any], Tensor]:
    """Make ``a += b`` or another augmented assignment, which changes `a` in place as PyTorch's does."""

    def apply(self: Tensor, other: Any) -> Any:
        return self._combine(name, function, operation, other) if isinstance(other, OPERANDS) else NotImplemented

    return apply


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of a tensor a method that puts its result in the tensor's own memory."""
    name = function.__name__ + "_"

    def apply(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return change(self, name, function, *args, **kwargs)  # type: ignore[no-any-return]  # itself

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"Do what `{function.__name__}` does in place: in this tensor's own memory."
    return apply


class Tensor(Attributes):
    """An array that remembers how it was computed, so that it can be differentiated.

    Usually made by `tensor`, which infers the dtype, or by `from_numpy`, which shares memory. `Tensor` itself
    makes, as PyTorch's, a tensor of the default dtype.

    Parameters
    ----------
    data : array_like, or int
        Numbers or booleans, which are copied and become the default dtype. The memory and the dtype of a Tensor are
        shared. An integer is a size. With `requires_grad` or `name`, which PyTorch's does not take, an array is taken
        as it is, as by `from_numpy`.
    *more : int
        The other sizes of a tensor that is made to be filled; it holds zeros.
    requires_grad : bool, optional
        Whether `backward` is to compute a gradient for it. Only floats can have one.
    name : str, optional
        What pictures and messages call it.
    device : optional
        "cpu", or None.

    Attributes
    ----------
    data : Tensor
        The value, detached: a tensor without a graph on the same memory. Writing into it is not recorded, but seen: if
        a derivative needs the value that was there, `backward` refuses.
    grad : Tensor or None
        The gradient that `backward` has added up; None before.
    requires_grad : bool
    name : str or None
    shape : Size
        A tuple of int.
    dtype : numpy.dtype

    Examples
    --------
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__dict__",)  # programs set attributes on tensors

    def __init__(
        self, data: Any = (), *more: Any, requires_grad: bool = False, name: str | None = None, device: Any = None
    ) -> None:
        if isinstance(data, Node):
            array = data._data
        elif isinstance(data, np.ndarray) and (requires_grad or name is not None):  # PyTorch's does not take these
            array = data
        else:
            array = self._from_python(data, more)
        if more and array is getattr(data, "_data", data):
            raise TypeError(f"Tensor: expected sizes, or one sequence of numbers, got {(data, *more)!r}")
        check_device(device, "Tensor")
        self._hold(array, data, requires_grad, name)

    def _hold(self, array: Any, data: Any, requires_grad: bool, name: str | None) -> None:
        """Become a leaf on an array: the one of `data`, where this is a tensor."""
        dtypes.checked(array.dtype, "Tensor")
        self._data = array
        self._grad = self._op = self._version = self._extra = None
        self._requires_grad = False
        if isinstance(data, Node):
            share_version(self, data)
            if is_recording().__class__ is Tracing:
                tracing().same(self, data)
        elif not array.flags.c_contiguous:  # and its memory may be shared
            self._version = Version()
        if requires_grad:
            self._check_differentiable()
            self._requires_grad = True
        if name is not None:
            self.name = name

    @staticmethod
    def _from_python(data: Any, more: tuple[Any, ...]) -> npt.NDArray[Any]:
        """Return an array of given sizes, or of Python's numbers, in the default dtype."""
        dtype = dtypes.get_default_dtype()
        if isinstance(data, Size) or (isinstance(data, (int, np.integer)) and not isinstance(data, bool)):
            return np.zeros(sizes((data, *more), "Tensor"), dtype)
        if more:
            raise TypeError(f"Tensor: expected sizes, or a sequence of numbers alone, got {(data, *more)!r}")
        array = np.array(data)
        return array.astype(dtype) if array.dtype.kind in "biuf" else array

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def data(self) -> Tensor:
        """The value, detached: a tensor without a graph on the same memory; see `detach`.

        Examples
        --------
        >>> w = ad.tensor([1.0, 2.0], requires_grad=True)
        >>> w.data -= 0.5
        >>> w
        tensor([0.5000, 1.5000], requires_grad=True)
        """
        out: Tensor = primitive.wrap(self._data)
        share_version(out, self)
        if is_recording().__class__ is Tracing:
            tracing().same(out, self)
        return out

    @data.setter
    def data(self, value: Any) -> None:
        if isinstance(value, Node):
            if value._data is self._data and value._version is self._version:  # after ``t.data -= 1``
                return
            array = value._data
        else:
            array = np.asarray(value)
        dtypes.checked(array.dtype, "data")
        refuse("assigning .data", "use copy_() under no_grad(), or do it outside of the function")
        if self._requires_grad and array.dtype.kind != "f":
            raise RuntimeError(f"data: a tensor that requires a gradient must hold floats, not {array.dtype}")
        self._move(array, value)

    def _move(self, array: Any, owner: Any) -> None:
        """Let the tensor show other memory (the owner's, if `owner` is a tensor), and note the change."""
        left = self._version
        for view in left.living() if left is not None else ():  # views keep the old memory
            if view._extra is not None and view._extra.base is self:
                view._extra.way = None
        if self._extra is not None and self._extra.base is not None:
            self._extra.base, self._extra.way = None, ()
        self._data = array
        if isinstance(owner, Node):
            share_version(self, owner)
        else:
            self._version = Version()
        self._version.changed(tick())  # type: ignore[union-attr]  # set a line before
        if left is not None and left.alert > left.stamp:
            self._version.alert = left.alert  # type: ignore[union-attr]  # as above

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has added up, of the tensor's shape; None before."""
        if is_recording().__class__ is Tracing:
            tracing().reads_grad(self)
        elif self._grad is None and self._op is not None and not self.retains_grad:
            warnings.warn(_GRAD_OF_RESULT, UserWarning, stacklevel=2)
        return self._grad  # type: ignore[no-any-return]  # a slot typed Any

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if value is self:
                raise RuntimeError("grad: a tensor cannot be its own gradient; assign a clone() of it")
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise RuntimeError(
                    f"grad: expected shape {self.shape} and dtype {self.dtype}, got {value.shape} and {value.dtype}"
                )
        if is_recording().__class__ is Tracing:
            tracing().sets_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        if is_recording().__class__ is Tracing:
            tracing().sets_grad(self, None)
        self._grad = None

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` computes a gradient for it, or passes one through it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Set whether gradients are computed for this leaf, in place; what was computed from it before stays as it is.

        Raises
        ------
        RuntimeError
            If its dtype cannot carry a gradient, or it is the result of a recorded operation.
        """
        if requires_grad:
            self._check_differentiable()
        elif self._op is not None:
            raise RuntimeError(
                "requires_grad: you can only change requires_grad flags of leaf variables; use detach() on a result"
            )
        if self._requires_grad != bool(requires_grad):  # tells which readers saw a constant
            noted, self._version = extra(self), self._version or Version()
            noted.switches = (*noted.switches[-_SWITCHES:], tick())
            self._version.alert = max(self._version.alert, noted.switches[-1])
        self._requires_grad = bool(requires_grad)
        return self

    def _check_differentiable(self) -> None:
        if self._data.dtype.kind != "f":
            raise RuntimeError(
                f"requires_grad: only Tensors of floating point dtype can require gradients, not {self.dtype}"
            )

    @property
    def _base(self) -> Tensor | None:
        return None if self._extra is None else self._extra.base  # type: ignore[return-value]  # every Node made is a Tensor

    def _is_view(self) -> bool:
        return self._base is not None

    @property
    def name(self) -> str | None:
        """What pictures and messages call it."""
        return self._extra.name if self._extra is not None else None

    @name.setter
    def name(self, value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise TypeError(f"name: expected a str or None, got {type(value).__name__}")
        extra(self).name = value

    def named(self, name: str) -> Tensor:
        """Give it a name and return it, for use in the middle of an expression.

        Examples
        --------
        >>> z = (ad.tensor(2.0) * 3).named("z")
        >>> z.name
        'z'
        """
        self.name = name
        return self

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the elements."""
        return self._data.dtype  # type: ignore[no-any-return]  # a slot typed Any

    @property
    def ndim(self) -> int:
        """The number of dimensions; 0 for a scalar."""
        return self._data.ndim  # type: ignore[no-any-return]  # a slot typed Any

    @property
    def is_leaf(self) -> bool:
        """Whether it is not the result of a recorded operation."""
        return self._op is None

    @property
    def grad_fn(self) -> GradFn | None:
        """The operation whose recorded result it is; None for a leaf."""
        return grad_fn_of(self)

    @property
    def T(self) -> Tensor:  # noqa: N802  # PyTorch's and NumPy's name
        """The tensor with its dimensions in reverse order."""
        return s.permute(self, *reversed(range(self.ndim)))

    @property
    def mT(self) -> Tensor:  # noqa: N802  # PyTorch's and NumPy's name
        """The tensor with its last two dimensions swapped."""
        if self.ndim < 2:
            raise RuntimeError(f"mT: expected at least 2 dimensions, got shape {self.shape}")
        return s.transpose(self, -2, -1)

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.ndim

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension; the number of elements is ``t.numel()``.

        Examples
        --------
        >>> ad.zeros(2, 3).size()
        (2, 3)
        >>> ad.zeros(2, 3).size(-1)
        3
        """
        return self.shape if dim is None else s.size_along(self, dim)

    def numel(self) -> int:
        """Return the number of elements."""
        return self._data.size  # type: ignore[no-any-return]  # a slot typed Any

    # -- as something else ---------------------------------------------------------------------------------------------

    def item(self) -> float:
        """Return the only element as a Python number.

        Raises
        ------
        RuntimeError
            If there is not exactly one element.
        """
        if is_recording().__class__ is Tracing:
            tracing().reads(self, "item")
        if self._data.size != 1:
            raise RuntimeError(
                f"item: a Tensor with {self._data.size} elements, of shape {self.shape}, cannot be converted to Scalar"
            )
        return self._data.item()  # type: ignore[no-any-return]  # NumPy's number

    def tolist(self) -> Any:
        """Return the elements as nested Python lists, or as a number."""
        if is_recording().__class__ is Tracing:
            tracing().reads(self, "tolist")
        return self._data.tolist()

    def numpy(self) -> npt.NDArray[Any]:
        """Return the value as an ndarray that shares its memory.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient, which the array could not carry; use ``detach().numpy()``. Under
            `no_grad` none is recorded anyway.
        """
        if self._requires_grad and is_recording():
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead, "
                "or tensor.item() for one number"
            )
        if is_recording().__class__ is Tracing:
            tracing().reads(self, "numpy")
        return expose(self)  # type: ignore[no-any-return]  # a slot typed Any

    def detach(self) -> Tensor:
        """Return a tensor of the same data, in the same memory, without graph or gradient."""
        return self.data

    def detach_(self) -> Tensor:
        """Cut it off the graph, in place: it becomes a leaf that requires no gradient.

        What was computed from it before cannot be differentiated any more: `backward` says so.

        Raises
        ------
        RuntimeError
            If it is a view, which shares its place in the graph with its base.
        """
        if self._extra is not None and self._extra.base is not None:
            raise RuntimeError("Can't detach views in-place: detach_ would cut off the base, too; use detach()")
        if self._op is not None:
            extra(self).cut = stamp = tick()
            self._version = self._version or Version()
            self._version.alert = max(self._version.alert, stamp)
        else:
            self.requires_grad_(False)
        self._op, self._inputs, self._params, self._requires_grad = None, (), {}, False
        if self._extra is not None:
            self._extra.hooks, self._extra.retains_grad, self._extra.older = {}, False, ()
        return self

    def contiguous(self, memory_format: Any = None) -> Tensor:
        """Return it with its elements in order in memory: itself if they are, a copy otherwise."""
        return self if self.is_contiguous() else e.clone(self)

    def is_contiguous(self, memory_format: Any = None) -> Any:
        """Tell whether its elements lie in memory in their order, without gaps."""
        return self._data.flags.c_contiguous

    def astype(self, dtype: DTypeLike) -> Tensor:
        """Convert to another dtype; as `to`."""
        return e.to(self, dtype)

    def __array__(self, dtype: DTypeLike | None = None, copy: Any = None) -> npt.NDArray[Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return dispatch.ufunc(ufunc, method, *inputs, **kwargs)

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return dispatch.function(func, args, kwargs)

    def __repr__(self) -> str:
        return formatted(self)

    def __format__(self, spec: str) -> str:
        plain = (
            self._data.size == 1 if spec else not self.ndim and type(self) is Tensor
        )  # a Parameter says that it is one
        return format(self.item() if plain else str(self), spec)

    def __bool__(self) -> Any:
        if self._data.size != 1:
            raise RuntimeError(
                "Boolean value of Tensor with "
                + ("more than one value" if self._data.size else "no values")
                + f" is ambiguous; of shape {self.shape} it needs .any() or .all()"
            )
        if is_recording().__class__ is Tracing:
            return tracing().truth(self)
        return self._data.item() != 0

    def __float__(self) -> Any:
        self._check_single("float")
        if self._requires_grad:  # math.sin(t) and array[0] = t end here
            warnings.warn(
                "float: Converting a tensor with requires_grad=True to a scalar loses its gradient; "
                "use .item(), or .detach() first, if that is meant",
                stacklevel=2,
            )
        return float(self.item())

    def _check_single(self, name: str) -> None:
        if self._data.size != 1:  # PyTorch's kind of error, which Matplotlib looks for
            raise ValueError(f"{name}: only a tensor of one element is a number, this has shape {self.shape}")

    def __int__(self) -> int:
        self._check_single("int")
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu" or self._data.ndim:
            raise TypeError(
                f"index: only an integer tensor of no dimensions is an index, not {self.dtype} {self.shape}"
            )
        if is_recording().__class__ is Tracing:
            tracing().reads(self, "index")
        return int(self._data)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]  # type: ignore[no-any-return]  # a slot typed Any

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> Any:
        if is_recording().__class__ is Tracing:
            tracing().reads(self, "in")
        same = silent().run(np.equal, self._data, value._data if isinstance(value, Node) else value)
        return np.any(same).item()

    # As PyTorch's, a shallow copy and a pickle hold the value without graph or gradient, a deep copy the gradient too.

    def __copy__(self) -> Tensor:
        refuse("copying a tensor", "use clone()")
        out = _rebuilt(type(self), self._data, self._requires_grad, self.name)
        share_version(out, self)
        vars(out).update(vars(self))
        return out

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        refuse("copying a tensor", "use clone()")
        if self._op is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support deepcopy; use detach() or clone() "
                "on a result, .detach() to plot it"
            )
        version = self._version
        is_shared = version is not None and len(version.living()) > 1
        data = twin(self._data, memo) if is_shared and isinstance(self._data, np.ndarray) else copy.deepcopy(self._data)
        out: Tensor = _rebuilt(type(self), data, self._requires_grad, self.name)
        memo[id(self)] = out
        if is_shared and (first := memo.setdefault((Version, id(version)), out)) is not out:
            share_version(out, first)
        out._grad = copy.deepcopy(self._grad, memo)
        vars(out).update(copy.deepcopy(vars(self), memo))
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        refuse("copying a tensor", "use clone()")
        return _rebuilt, (type(self), self._data, self._requires_grad, self.name), vars(self) or None

    __hash__ = object.__hash__

    # -- differentiation -----------------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        retain_graph: Any = None,
        create_graph: Any = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Differentiate this tensor and add the gradients to the ``.grad`` of the leaves it was computed from.

        Parameters
        ----------
        gradient : Tensor, optional
            Of this tensor's shape: what its elements are weighted with. Needed unless it has one element.
        retain_graph : bool, optional
            Keep the graph, so that it can be differentiated again. By default as `create_graph`.
        create_graph : bool, optional
            Record the differentiation itself, for derivatives of higher order.
        inputs : Tensor or sequence of Tensor, optional
            Compute gradients for these alone.

        Raises
        ------
        RuntimeError
            If there is no graph, the graph was freed by an earlier pass, this tensor has several elements and no
            `gradient` is given, or an array that a derivative needs was changed in place. No ``.grad`` is changed then.

        Examples
        --------
        >>> x = ad.tensor(3.0, requires_grad=True)
        >>> (x**2 + x).backward()
        >>> x.grad
        tensor(7.)
        """
        _backward.backward(self, gradient, retain_graph, create_graph, inputs)

    @property
    def retains_grad(self) -> bool:
        """Whether `backward` keeps the gradient of this result."""
        return self._op is not None and self._extra is not None and self._extra.retains_grad

    def retain_grad(self) -> None:
        """Let `backward` keep the gradient of this result in ``.grad``, as it does for leaves."""
        if not self._requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        refresh(self)
        if self._op is not None:  # a leaf keeps its own anyway
            extra(self).retains_grad = True

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> _backward.RemovableHandle:
        """Call a function with the gradient of this tensor whenever one is computed.

        Parameters
        ----------
        hook : callable
            Gets the gradient; what it returns, unless None, takes its place.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook away.

        Examples
        --------
        >>> x = ad.tensor(3.0, requires_grad=True)
        >>> handle = x.register_hook(lambda g: 10 * g)
        >>> (2 * x).backward()
        >>> x.grad
        tensor(20.)
        """
        attribute_changes[0] += 1
        return _backward.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> _backward.RemovableHandle:
        """Call a function with this leaf whenever `backward` has added to its ``.grad``.

        Parameters
        ----------
        hook : callable
            Gets the tensor and returns nothing.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook away.

        Raises
        ------
        RuntimeError
            If it is no leaf, or requires no gradient.

        Examples
        --------
        >>> x = ad.tensor(3.0, requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: print(x.grad))
        >>> (2 * x).backward()
        tensor(2.)
        """
        if self._op is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors; use register_hook")
        attribute_changes[0] += 1
        return _backward.register_hook(self, hook, after=True)

    # -- operators -----------------------------------------------------------------------------------------------------

    __add__ = __radd__ = as_operator(rows.add)
    __sub__ = as_operator(rows.sub)
    __mul__ = __rmul__ = as_operator(rows.mul)
    __truediv__ = as_operator(rows.div)
    __floordiv__ = as_operator(e.floor_divide)
    __mod__ = as_operator(e.remainder)
    __pow__ = as_operator(e.pow)
    __matmul__ = as_operator(linalg.matmul)
    __rsub__ = _reflect(__sub__)
    __rtruediv__ = _reflect(__truediv__)
    __rfloordiv__ = _reflect(__floordiv__)
    __rmod__ = _reflect(__mod__)
    __rpow__ = _reflect(__pow__)
    __rmatmul__ = _reflect(__matmul__)
    __neg__ = e.neg
    __abs__ = e.abs
    __eq__ = as_operator(c.eq)  # type: ignore[assignment]  # elementwise, not the truth that object promises
    __ne__ = as_operator(c.ne)  # type: ignore[assignment]  # as above
    __lt__ = as_operator(c.lt)
    __le__ = as_operator(c.le)
    __gt__ = as_operator(c.gt)
    __ge__ = as_operator(c.ge)
    __and__ = __rand__ = as_operator(c.bitwise_and)
    __or__ = __ror__ = as_operator(c.bitwise_or)
    __xor__ = __rxor__ = as_operator(c.bitwise_xor)
    __invert__ = c.bitwise_not
    __lshift__ = as_operator(c.bitwise_left_shift)
    __rshift__ = as_operator(c.bitwise_right_shift)
    __rlshift__ = _reflect(__lshift__)
    __rrshift__ = _reflect(__rshift__)

    def __pos__(self) -> Tensor:
        return self

    def __getitem__(self, key: Any) -> Tensor:
        return indexing.index(self, key)

    # -- functions as methods ------------------------------------------------------------------------------------------

    def where(self, condition: Any, other: Any) -> Tensor:
        """Keep the elements where the condition holds, and take those of `other` elsewhere."""
        return e.where(condition, self, other)

    def polygamma(self, n: int) -> Tensor:
        """Return the derivative of order `n` of `digamma`."""
        return t.polygamma(n, self)

    def split_with_sizes(self, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Cut into parts of given sizes; `split` with a list."""
        return s.split(self, list(split_sizes), dim)

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Part it along `dim` into pieces of one size (the last may be smaller), or of given sizes."""
        return s.split(self, split_size, dim)

    add, sub, mul, div, true_divide, pow = e.add, e.sub, rows.mul, e.div, e.true_divide, e.pow
    float_power, neg, abs, sign, square = e.float_power, e.neg, e.abs, e.sign, e.square
    reciprocal, lerp, addcmul, addcdiv, floor = e.reciprocal, e.lerp, e.addcmul, e.addcdiv, e.floor
    ceil, trunc, round, frac, remainder = e.ceil, e.trunc, e.round, e.frac, e.remainder
    floor_divide, maximum, minimum, clamp = e.floor_divide, e.maximum, e.minimum, e.clamp
    clamp_min, clamp_max, sigmoid, relu, clone, to = e.clamp_min, e.clamp_max, e.sigmoid, e.relu, e.clone, e.to
    sqrt, rsqrt, exp, exp2, expm1, log, log1p = t.sqrt, t.rsqrt, t.exp, t.exp2, t.expm1, t.log, t.log1p
    log2, log10, logaddexp, xlogy, erf, sin, cos = t.log2, t.log10, t.logaddexp, t.xlogy, t.erf, t.sin, t.cos
    tan, asin, acos, atan, atan2, hypot, sinh = t.tan, t.asin, t.acos, t.atan, t.atan2, t.hypot, t.sinh
    cosh, tanh, asinh, acosh, atanh, sinc = t.cosh, t.tanh, t.asinh, t.acosh, t.atanh, t.sinc
    eq, ne, lt, le, gt, ge, isnan, isinf = c.eq, c.ne, c.lt, c.le, c.gt, c.ge, c.isnan, c.isinf
    isfinite, isclose, allclose, bitwise_and = c.isfinite, c.isclose, c.allclose, c.bitwise_and
    bitwise_or, bitwise_xor, bitwise_not = c.bitwise_or, c.bitwise_xor, c.bitwise_not
    sum, nansum, mean, var, std, norm, amax = r.sum, r.nansum, r.mean, r.var, r.std, r.norm, r.amax
    amin, max, min, argmax, argmin, logsumexp = r.amin, r.max, r.min, r.argmax, r.argmin, r.logsumexp
    all, any, softmax, log_softmax = r.all, r.any, r.softmax, r.log_softmax
    cumsum, cumprod, prod = cu.cumsum, cu.cumprod, cu.prod
    reshape, view, flatten, ravel, unflatten = s.reshape, s.view, s.flatten, s.ravel, s.unflatten
    squeeze, unsqueeze, permute, transpose, movedim = s.squeeze, s.unsqueeze, s.permute, s.transpose, s.movedim
    expand, expand_as, broadcast_to, repeat, tile = s.expand, s.expand_as, s.broadcast_to, s.repeat, s.tile
    flip, roll, chunk, unbind, narrow, select = s.flip, s.roll, s.chunk, s.unbind, s.narrow, s.select
    diag, diagonal, trace, tril, triu = d.diag, d.diagonal, d.trace, d.tril, d.triu
    gather, take_along_dim, index_select = indexing.gather, indexing.take_along_dim, indexing.index_select
    scatter, scatter_add, masked_fill = indexing.scatter, indexing.scatter_add, indexing.masked_fill
    masked_select, sort, topk = indexing.masked_select, indexing.sort, indexing.topk
    matmul, mm, bmm, mv, dot, inner = linalg.matmul, linalg.mm, linalg.bmm, linalg.mv, linalg.dot, linalg.inner
    outer, addmm = linalg.outer, linalg.addmm

    fmod, copysign, signbit, heaviside = ro.fmod, ro.copysign, ro.signbit, ro.heaviside
    nan_to_num, deg2rad, rad2deg, erfc, erfinv = ro.nan_to_num, ro.deg2rad, ro.rad2deg, t.erfc, t.erfinv
    lgamma, digamma = t.lgamma, t.digamma
    logical_and, logical_or, logical_xor = c.logical_and, c.logical_or, c.logical_xor
    logical_not, isposinf, isneginf, isreal = c.logical_not, c.isposinf, c.isneginf, c.isreal
    bitwise_left_shift, bitwise_right_shift = c.bitwise_left_shift, c.bitwise_right_shift
    logcumsumexp, cummax, cummin = cu.logcumsumexp, cu.cummax, cu.cummin
    det, slogdet, logdet, inverse, pinverse = so.det, so.slogdet, so.logdet, so.inverse, so.pinverse
    matrix_exp, logaddexp2 = so.matrix_exp, t.logaddexp2
    matrix_power, cholesky_solve, cholesky_inverse = so.matrix_power, so.cholesky_solve, so.cholesky_inverse
    cholesky, qr, svd = former.cholesky, former.qr, former.svd
    fmax, fmin, ldexp, gcd, lcm, positive = ro.fmax, ro.fmin, ro.ldexp, ro.gcd, ro.lcm, ro.positive
    nonzero, argwhere, count_nonzero = searching.nonzero, searching.argwhere, searching.count_nonzero
    bincount, histc, unique = searching.bincount, searching.histc, searching.unique
    unique_consecutive = searching.unique_consecutive
    argsort, msort, kthvalue, median, nanmedian = (
        order.argsort,
        order.msort,
        order.kthvalue,
        order.median,
        order.nanmedian,
    )
    mode, quantile, nanquantile = order.mode, order.quantile, order.nanquantile
    index_reduce, as_strided, renorm = placing.index_reduce, indexing.as_strided, distance.renorm
    frexp, nextafter, histogram = ro.frexp, ro.nextafter, searching.histogram
    index_add, index_copy, index_fill = placing.index_add, placing.index_copy, placing.index_fill
    index_put, masked_scatter, scatter_reduce = placing.index_put, placing.masked_scatter, placing.scatter_reduce
    select_scatter, slice_scatter = placing.select_scatter, placing.slice_scatter
    diagonal_scatter, take, put = placing.diagonal_scatter, placing.take, placing.put
    repeat_interleave, rot90, fliplr, flipud = grids.repeat_interleave, grids.rot90, grids.fliplr, grids.flipud
    unfold, tensor_split, hsplit, vsplit = grids.unfold, grids.tensor_split, grids.hsplit, grids.vsplit
    dsplit, diag_embed, diagflat = grids.dsplit, grids.diag_embed, grids.diagflat
    addmv, addr, baddbmm, addbmm = distance.addmv, distance.addr, distance.baddbmm, distance.addbmm
    cross, kron, vdot, ger, dist = distance.cross, distance.kron, distance.vdot, distance.ger, distance.dist
    aminmax, nanmean, cov, corrcoef, diff = st.aminmax, st.nanmean, st.cov, st.corrcoef, st.diff
    absolute, negative, fix, sgn, clip = sy.absolute, sy.negative, sy.fix, sy.sgn, sy.clip
    multiply, divide, subtract = sy.multiply, sy.divide, sy.subtract
    arcsin, arccos, arctan, arctan2 = sy.arcsin, sy.arccos, sy.arctan, sy.arctan2
    arcsinh, arccosh, arctanh = sy.arcsinh, sy.arccosh, sy.arctanh
    greater, greater_equal, less = sy.greater, sy.greater_equal, sy.less
    less_equal, not_equal = sy.less_equal, sy.not_equal
    swapaxes, swapdims, moveaxis = sy.swapaxes, sy.swapdims, sy.moveaxis
    bernoulli, multinomial = sampling.bernoulli, sampling.multinomial

    # -- in place ------------------------------------------------------------------------------------------------------

    def _combine(
        self, name: str, function: Callable[..., Any], operation: Callable[..., Any], other: Any, alpha: Any = 1
    ) -> Any:
        """Combine with another operand in place: by NumPy's `function`, or where that is recorded by `operation`."""
        value: Any = self._operand(name, other)
        if is_recording().__class__ is Tracing and not is_recorded(self, other, alpha):
            value = lift(name, (self, value))[1]
            return tracing().changes(self, operation(self, value if alpha == 1 else value.to(self.dtype) * alpha))
        if alpha == 1:
            if is_recorded(self, other):
                return record(self, name, operation, other)
            return write(self, name, lambda a, b: function(a, b, out=a, casting=casting(a, b)), value)
        factor = self._operand(name, alpha)
        if is_recorded(self, other, alpha):
            return record(self, name, operation, other * alpha)
        return write(self, name, lambda a, b, k: function(a, b * k, out=a, casting=casting(a, b)), value, factor)

    def _operand(self, name: str, other: Any) -> Any:
        """Return a value that is to be written into this tensor as an array or number."""
        if isinstance(other, Node):
            return other if is_recording().__class__ is Tracing else other._data
        if isinstance(other, np.ndarray):
            return other
        if not isinstance(other, NUMBERS):
            raise TypeError(f"{name}: expected a Tensor, an ndarray or a number, got {type(other).__name__}")
        return other.item() if isinstance(other, np.generic) else other

    def __setitem__(self, key: Any, value: Any) -> None:
        plain = self._operand("setitem", value)
        first, then = indexing.in_two_steps(indexing.plain_index(key, "setitem"), self.ndim)

        def into(a: npt.NDArray[Any], values: Any) -> None:
            if then is None:
                a[first] = values
            else:
                a[first][then] = values

        if is_recorded(self, value):
            array_of(self)
            step = tuple((index_row, {"key": k}) for k in (first, then) if k is not None)
            record(self, "setitem", _fit, value, step=step, into=into)
        elif (trace := tracing()) is not None:  # the trace must see computed positions
            step = tuple((index_row, {"key": k}) for k in (first, then) if k is not None)
            fitting = (plain if isinstance(plain, Tensor) else from_array(np.asarray(plain))).to(self.dtype)
            trace.changes(self, overwrite_row(self, fitting, way=step))
        else:
            single = plain.__class__ is np.ndarray and plain.size == 1  # it may have more dimensions than its place
            write(self, "setitem", into, plain.reshape(()) if single else plain)

    def copy_(self, src: Any) -> Tensor:
        """Overwrite the elements with those of `src`, broadcast."""
        value = self._operand("copy_", src)
        if is_recorded(self, src):
            return record(self, "copy_", _fit, src)  # type: ignore[no-any-return]  # itself
        return write(self, "copy_", lambda a, b: np.copyto(a, b, casting="unsafe"), value)  # type: ignore[no-any-return]

    def fill_(self, value: Any) -> Tensor:
        """Overwrite every element with one value."""
        plain = self._operand("fill_", value)
        if np.ndim(plain):
            raise RuntimeError(f"fill_: expected a number or a tensor of no dimensions, got shape {np.shape(plain)}")
        return self._overwrite("fill_", lambda a, b: a.fill(b), plain, value)

    def fill_diagonal_(self, fill_value: Any) -> Tensor:
        """Overwrite the diagonal of a matrix with one value."""
        if self.ndim != 2:
            raise RuntimeError(f"fill_diagonal_: expected a matrix, got shape {self.shape}")
        d.diagonal(self).fill_(fill_value)
        return self

    def zero_(self) -> Tensor:
        """Overwrite every element with 0."""
        return self._overwrite("zero_", lambda a, b: a.fill(b), 0, 0)

    def _overwrite(self, name: str, into: Callable[[Any, Any], object], plain: Any, value: Any) -> Tensor:
        """Overwrite the tensor with values that do not depend on its own."""
        if is_recorded(self, value):
            return record(self, name, _fit, value)  # type: ignore[no-any-return]  # itself
        return write(self, name, into, plain)  # type: ignore[no-any-return]  # itself

    def add_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """Add `alpha` times `other` in place."""
        return self._combine("add_", np.add, rows.add, other, alpha)  # type: ignore[no-any-return]  # itself

    def sub_(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """Subtract `alpha` times `other` in place."""
        return self._combine("sub_", np.subtract, rows.sub, other, alpha)  # type: ignore[no-any-return]  # itself

    def mul_(self, other: Any) -> Tensor:
        """Multiply in place."""
        return self._combine("mul_", np.multiply, rows.mul, other)  # type: ignore[no-any-return]  # itself

    def div_(self, other: Any) -> Tensor:
        """Divide in place."""
        return self._combine("div_", np.divide, rows.div, other)  # type: ignore[no-any-return]  # itself

    abs_, neg_, sign_, square_ = _in_place(e.abs), _in_place(e.neg), _in_place(e.sign), _in_place(e.square)
    reciprocal_, pow_, floor_, ceil_ = _in_place(e.reciprocal), _in_place(e.pow), _in_place(e.floor), _in_place(e.ceil)
    trunc_, round_, frac_, relu_ = _in_place(e.trunc), _in_place(e.round), _in_place(e.frac), _in_place(e.relu)
    sigmoid_, clamp_, lerp_ = _in_place(e.sigmoid), _in_place(e.clamp), _in_place(e.lerp)
    clamp_min_, clamp_max_ = _in_place(e.clamp_min), _in_place(e.clamp_max)
    addcmul_, addcdiv_ = _in_place(e.addcmul), _in_place(e.addcdiv)
    remainder_, floor_divide_ = _in_place(e.remainder), _in_place(e.floor_divide)
    sqrt_, rsqrt_, exp_, exp2_ = _in_place(t.sqrt), _in_place(t.rsqrt), _in_place(t.exp), _in_place(t.exp2)
    expm1_, log_, log1p_, log2_ = _in_place(t.expm1), _in_place(t.log), _in_place(t.log1p), _in_place(t.log2)
    log10_, xlogy_, erf_ = _in_place(t.log10), _in_place(t.xlogy), _in_place(t.erf)
    sin_, cos_, tan_, asin_ = _in_place(t.sin), _in_place(t.cos), _in_place(t.tan), _in_place(t.asin)
    acos_, atan_, atan2_, hypot_ = _in_place(t.acos), _in_place(t.atan), _in_place(t.atan2), _in_place(t.hypot)
    sinh_, cosh_, tanh_, asinh_ = _in_place(t.sinh), _in_place(t.cosh), _in_place(t.tanh), _in_place(t.asinh)
    acosh_, atanh_, sinc_ = _in_place(t.acosh), _in_place(t.atanh), _in_place(t.sinc)
    scatter_, scatter_add_ = _in_place(indexing.scatter), _in_place(indexing.scatter_add)
    masked_fill_, cumsum_, cumprod_ = _in_place(indexing.masked_fill), _in_place(cu.cumsum), _in_place(cu.cumprod)
    tril_, triu_ = _in_place(d.tril), _in_place(d.triu)
    fmod_, nan_to_num_ = _in_place(ro.fmod), _in_place(ro.nan_to_num)
    deg2rad_, rad2deg_, erfc_, erfinv_ = (
        _in_place(ro.deg2rad),
        _in_place(ro.rad2deg),
        _in_place(t.erfc),
        _in_place(t.erfinv),
    )
    logical_and_, logical_or_ = _in_place(c.logical_and), _in_place(c.logical_or)
    logical_xor_, logical_not_ = _in_place(c.logical_xor), _in_place(c.logical_not)
    bitwise_and_, bitwise_or_ = _in_place(c.bitwise_and), _in_place(c.bitwise_or)
    bitwise_xor_, bitwise_not_ = _in_place(c.bitwise_xor), _in_place(c.bitwise_not)
    bitwise_left_shift_ = _in_place(c.bitwise_left_shift)
    bitwise_right_shift_ = _in_place(c.bitwise_right_shift)
    index_add_, index_copy_ = _in_place(placing.index_add), _in_place(placing.index_copy)
    index_fill_, index_reduce_ = _in_place(placing.index_fill), _in_place(placing.index_reduce)
    renorm_, nextafter_ = _in_place(distance.renorm), _in_place(ro.nextafter)
    lgamma_, digamma_, heaviside_ = _in_place(t.lgamma), _in_place(t.digamma), _in_place(ro.heaviside)
    gcd_, lcm_, ldexp_ = _in_place(ro.gcd), _in_place(ro.lcm), _in_place(ro.ldexp)
    index_put_, masked_scatter_ = _in_place(placing.index_put), _in_place(placing.masked_scatter)
    put_ = _in_place(placing.put)
    scatter_reduce_, addmv_ = _in_place(placing.scatter_reduce), _in_place(distance.addmv)
    addr_ = _in_place(distance.addr)
    baddbmm_, addbmm_ = _in_place(distance.baddbmm), _in_place(distance.addbmm)
    copysign_ = _in_place(ro.copysign)
    clip_, absolute_ = _in_place(sy.clip), _in_place(sy.absolute)
    negative_, fix_ = _in_place(sy.negative), _in_place(sy.fix)
    sgn_ = _in_place(sy.sgn)
    addmm_, true_divide_ = _in_place(linalg.addmm), _in_place(e.true_divide)
    eq_, ne_, lt_, le_, gt_, ge_ = map(_in_place, (c.eq, c.ne, c.lt, c.le, c.gt, c.ge))
    float_power_ = _in_place(e.float_power)
    greater_, greater_equal_, less_, less_equal_, not_equal_ = gt_, ge_, lt_, le_, ne_
    multiply_, divide_, subtract_ = mul_, div_, sub_
    arcsin_, arccos_, arctan_, arctan2_ = asin_, acos_, atan_, atan2_
    arcsinh_, arccosh_, arctanh_ = asinh_, acosh_, atanh_

    def _seen_as(self, function: Callable[..., Tensor], *dims: Any) -> Tensor:
        """Become a view of itself: the same memory in another shape."""
        former, trace = copied(self), tracing()
        share_version(former, self)
        if trace is not None:
            trace.reshapes(self, former)
        view = function(former, *dims)
        if view is former:
            return self
        for other in self._version.living() if self._version is not None else ():
            if other._extra is not None and other._extra.base is self:  # a view of the former value keeps it
                other._extra.base, other._extra.way = former, None
        if view._op is not None:
            age(self, former)
            self._op, self._inputs, self._params, self._stamp = view._op, view._inputs, view._params, tick()
        self._data = view._data
        if trace is not None:
            trace.same(self, view)
        return self

    def squeeze_(self, *dim: Any) -> Tensor:
        """Drop dimensions of size 1, in place."""
        return self._seen_as(s.squeeze, *dim)

    def unsqueeze_(self, dim: int) -> Tensor:
        """Insert a dimension of size 1, in place."""
        return self._seen_as(s.unsqueeze, dim)

    def transpose_(self, dim0: int, dim1: int) -> Tensor:
        """Swap two dimensions, in place."""
        return self._seen_as(s.transpose, dim0, dim1)

    def t_(self) -> Tensor:
        """Transpose a matrix, in place."""
        return self._seen_as(Attributes.t)

    def bernoulli_(self, p: Any = 0.5, *, generator: np.random.Generator | None = None) -> Tensor:
        """Overwrite the elements with ones, with probability `p`, and zeros."""
        chance = values_of(p, "bernoulli_ with a tensor", "use bernoulli()") if isinstance(p, Node) else p
        if not np.all((np.asarray(chance) >= 0) & (np.asarray(chance) <= 1)):
            raise RuntimeError(f"bernoulli_: a probability must be from 0 to 1, got {p}")
        shape, dtype = self.shape, self.dtype
        values = noted(lambda: np.asarray((generator or default_generator()).random(shape) < chance).astype(dtype))
        return self._overwrite("bernoulli_", np.copyto, values, values)

    def random_(self, *bounds: int, generator: np.random.Generator | None = None) -> Tensor:
        """Overwrite the elements with integers drawn from `from_` (0 if one bound is given) to below `to`."""
        most = 2**24 if self.dtype.kind == "f" else int(np.iinfo(self.dtype).max) if self.dtype.kind != "b" else 2
        low, high = (0, *bounds) if len(bounds) == 1 else bounds or (0, most)
        if low >= high:
            raise RuntimeError(f"random_: expected from < to, got {low} and {high}")
        shape, dtype = self.shape, self.dtype
        values = noted(lambda: np.asarray((generator or default_generator()).integers(low, high, shape)).astype(dtype))
        return self._overwrite("random_", np.copyto, values, values)

    def exponential_(self, lambd: float = 1.0, *, generator: np.random.Generator | None = None) -> Tensor:
        """Overwrite the elements with numbers drawn from the exponential distribution of rate `lambd`."""
        self._floats("exponential_", lambd)
        if not lambd > 0:
            raise RuntimeError(f"exponential_: lambd must be positive, got {lambd}")
        shape, dtype = self.shape, self.dtype
        values = noted(
            lambda: np.asarray((generator or default_generator()).exponential(1 / lambd, shape)).astype(dtype)
        )
        return self._overwrite("exponential_", np.copyto, values, values)

    def uniform_(self, from_: Any = 0.0, to: Any = 1.0, *, generator: np.random.Generator | None = None) -> Tensor:
        """Overwrite the elements with numbers drawn uniformly from [`from_`, `to`)."""
        self._floats("uniform_", from_, to)
        if from_ > to:
            raise RuntimeError(f"uniform_: expected from_ <= to, got {from_} and {to}")
        last = np.nextafter(self.dtype.type(to), self.dtype.type(from_))  # rounding shall not reach the open end
        shape, dtype = self.shape, self.dtype

        def draw() -> Any:
            drawn = (generator or default_generator()).uniform(from_, to, shape)
            return np.minimum(np.asarray(drawn).astype(dtype), last)

        limited = noted(draw)
        return self._overwrite("uniform_", np.copyto, limited, limited)

    def normal_(self, mean: Any = 0.0, std: Any = 1.0, *, generator: np.random.Generator | None = None) -> Tensor:
        """Overwrite the elements with numbers drawn from the normal distribution."""
        self._floats("normal_", mean, std)
        if not std >= 0:
            raise RuntimeError(f"normal_: std must not be negative, got {std}")
        shape, dtype = self.shape, self.dtype
        values = noted(lambda: np.asarray((generator or default_generator()).normal(mean, std, shape)).astype(dtype))
        return self._overwrite("normal_", np.copyto, values, values)

    def _draw(self, name: str, draw: Callable[[Any, Any], Any], generator: np.random.Generator | None) -> Tensor:
        """Overwrite the elements with what a function draws from a generator."""
        shape, dtype = self.shape, self.dtype
        values = noted(lambda: np.asarray(draw(generator or default_generator(), shape)).astype(dtype))
        return self._overwrite(name, np.copyto, values, values)

    def log_normal_(
        self, mean: float = 1.0, std: float = 2.0, *, generator: np.random.Generator | None = None
    ) -> Tensor:
        """Overwrite the elements with e to the power of numbers drawn from a normal distribution."""
        self._floats("log_normal_", mean, std)
        if not std > 0:
            raise RuntimeError(f"log_normal_: std must be positive, got {std}")
        return self._draw("log_normal_", lambda source, shape: source.lognormal(mean, std, shape), generator)

    def cauchy_(
        self, median: float = 0.0, sigma: float = 1.0, *, generator: np.random.Generator | None = None
    ) -> Tensor:
        """Overwrite the elements with numbers drawn from the Cauchy distribution."""
        self._floats("cauchy_", median, sigma)
        if not sigma > 0:
            raise RuntimeError(f"cauchy_: sigma must be positive, got {sigma}")
        return self._draw("cauchy_", lambda source, n: median + sigma * source.standard_cauchy(n), generator)

    def geometric_(self, p: float, *, generator: np.random.Generator | None = None) -> Tensor:
        """Overwrite the elements with the number of trials until the first success of probability `p`."""
        if not (isinstance(p, NUMBERS) and 0 < p < 1):
            raise RuntimeError(f"geometric_: p must be between 0 and 1, got {p!r}")
        return self._draw("geometric_", lambda source, shape: source.geometric(p, shape), generator)

    def apply_(self, callable: Callable[[Any], Any]) -> Tensor:
        """Replace each element by a Python function of it; slow, and without a gradient."""
        if self.requires_grad:
            raise RuntimeError(
                "apply_: a function of Python's has no gradient; detach the tensor, or compose operations"
            )
        read = values_of(self, "apply_", "compose operations instead")
        values = np.array([callable(x) for x in read.reshape(-1).tolist()]).reshape(self.shape).astype(self.dtype)
        return self._overwrite("apply_", np.copyto, values, values)

    def map_(self, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
        """Replace each element by a Python function of it and another tensor's element."""
        if self.requires_grad or tensor.requires_grad:
            raise RuntimeError(
                "map_: a function of Python's has no gradient; detach the tensors, or compose operations"
            )
        own, other = (values_of(x, "map_", "compose operations instead") for x in (self, tensor.expand_as(self)))
        pairs = zip(own.reshape(-1).tolist(), other.reshape(-1).tolist(), strict=True)
        values = np.array([callable(a, b) for a, b in pairs]).reshape(self.shape).astype(self.dtype)
        return self._overwrite("map_", np.copyto, values, values)

    def _floats(self, name: str, *numbers: Any) -> None:
        for number in numbers:
            if not isinstance(number, NUMBERS):
                raise TypeError(f"{name}: expected numbers, got {type(number).__name__}")
        if self.dtype.kind != "f":
            raise RuntimeError(f"{name}: expected a tensor of floats, this holds {self.dtype}")

    __iadd__ = _augment(np.add, rows.add, "add_")
    __isub__ = _augment(np.subtract, rows.sub, "sub_")
    __imul__ = _augment(np.multiply, rows.mul, "mul_")
    __itruediv__ = _augment(np.divide, rows.div, "div_")
    __ifloordiv__ = _augment(_not_by_zero(np.floor_divide), e.floor_divide, "floor_divide_")
    __imod__ = _augment(_not_by_zero(np.remainder), e.remainder, "remainder_")
    __ipow__ = _augment(np.power, e.pow, "pow_")
    __iand__ = _augment(np.bitwise_and, c.bitwise_and, "bitwise_and_")
    __ior__ = _augment(np.bitwise_or, c.bitwise_or, "bitwise_or_")
    __ilshift__ = _augment(np.left_shift, c.bitwise_left_shift, "bitwise_left_shift_")
    __irshift__ = _augment(np.right_shift, c.bitwise_right_shift, "bitwise_right_shift_")
    __ixor__ = _augment(np.bitwise_xor, c.bitwise_xor, "bitwise_xor_")


def from_array(array: Any, requires_grad: bool = False, name: str | None = None, device: Any = None) -> Tensor:
    """Make a leaf on the memory of an array, or on a NumPy scalar, of its dtype."""
    if device is not None:
        check_device(device, "tensor")
    out = Tensor.__new__(Tensor)
    out._hold(array, None, requires_grad, name)
    return out


def _fit(spot: Tensor, value: Any) -> Any:
    """Return a value that is to be written as a tensor of no more dimensions than its place."""
    x = value if isinstance(value, Node) else primitive.wrap(np.asarray(value, spot.dtype))
    more = x._data.ndim - spot.ndim
    return s.reshape(x, x._data.shape[more:]) if more > 0 and x._data.shape[:more] == (1,) * more else x


def _rebuilt(kind: type[Tensor], data: Any, requires_grad: bool, name: str | None, grad: Any = None) -> Tensor:
    """Make a copied or unpickled tensor; older pickles have its gradient, too."""
    out = kind.__new__(kind)
    out._hold(data, None, requires_grad, name)
    out._grad = grad
    return out


primitive.results_are(Tensor)
