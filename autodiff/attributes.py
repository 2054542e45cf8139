"""A tensor's attributes and conversions under PyTorch's names, and new tensors of its dtype."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from .device import CPU, check_device, device
from .engine import dtypes
from .engine.graph import Node, expose
from .engine.primitive import wrap
from .functions import shape as s
from .functions.arguments import element, sizes
from .functions.elementwise import to
from .functions.reduction import sum as reduced
from .kinds import bfloat16
from .tracing import decided, values

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Attributes", "typename"]

_NAMES = {
    "float16": "Half", "float32": "Float", "float64": "Double", "uint8": "Byte", "int8": "Char", "int16": "Short",
    "int32": "Int", "int64": "Long", "bool": "Bool",
}  # fmt: skip
_DTYPES = {f"{name}Tensor": dtype for dtype, name in _NAMES.items()}


def typename(dtype: np.dtype[Any]) -> str:
    """Return PyTorch's ``t.type()`` of a dtype."""
    name = _NAMES.get(dtype.name)
    return f"torch.{name}Tensor" if name else f"torch.{dtype.name}"


def dtype_of(kind: Any, operation: str) -> np.dtype[Any]:
    """Return the dtype that a class such as `FloatTensor`, its name or a dtype stands for."""
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    last = name.rpartition(".")[2]
    if ".cuda." in name:
        check_device("cuda", operation)
    return np.dtype(_DTYPES[last]) if last in _DTYPES else dtypes.checked(kind, operation)


class Attributes(Node):
    """The part of `Tensor` that computes nothing: attributes, conversions, and new tensors of the same dtype."""

    __slots__ = ()

    # -- where it is ---------------------------------------------------------------------------------------------------

    @property
    def device(self) -> device:
        """Where it lies: ``device(type='cpu')``."""
        return CPU

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on a GPU: False."""
        return False

    is_mps = is_sparse = is_quantized = is_meta = is_nested = is_mkldnn = is_cuda

    @property
    def is_cpu(self) -> bool:
        """Whether it lies on the CPU: True."""
        return True

    def to_dense(self, dtype: Any = None) -> Tensor:
        """Return it: every tensor is dense."""
        x: Any = self
        return x if dtype is None else to(x, dtype)

    def to_sparse(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return it: PyTorch's operations on sparse tensors are done on dense ones here."""
        return self  # type: ignore[return-value]  # a Tensor

    coalesce = to_sparse_coo = to_sparse_csr = to_sparse

    def get_device(self) -> int:
        """Return the number of its GPU: -1, for it lies on the CPU."""
        return -1

    def cpu(self, memory_format: Any = None) -> Any:
        """Return it: every tensor is on the CPU."""
        return self

    def cuda(self, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Any:
        """Refuse: there is no GPU. Programs ask ``cuda.is_available()`` before."""
        check_device("cuda" if device is None else device, "cuda")
        return self

    def pin_memory(self, device: Any = None) -> Any:
        """Return it: memory is pinned for a GPU, and there is none."""
        return self

    def is_pinned(self) -> bool:
        """Tell whether its memory is pinned for a GPU: False."""
        return False

    def share_memory_(self) -> Any:
        """Return it: threads share its memory anyway."""
        return self

    def is_shared(self) -> bool:
        """Tell whether other processes share its memory: False."""
        return False

    # -- what it holds -------------------------------------------------------------------------------------------------

    def nelement(self) -> int:
        """Return the number of elements; as `numel`."""
        return self._data.size  # type: ignore[no-any-return]  # a slot typed Any

    def ndimension(self) -> int:
        """Return the number of dimensions; as `dim`."""
        return self._data.ndim  # type: ignore[no-any-return]  # as above

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self._data.dtype.itemsize  # type: ignore[no-any-return]  # as above

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self._data.nbytes  # type: ignore[no-any-return]  # as above

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Return how many elements lie between neighbours in memory, in each dimension or in one.

        Examples
        --------
        >>> ad.zeros(2, 3).stride()
        (3, 1)
        """
        strides = tuple(n // self.itemsize for n in self._data.strides)
        if not self._data.size or self._data.flags.c_contiguous:  # NumPy's strides are arbitrary where a size is 1
            shape = self._data.shape
            strides = tuple(math.prod(max(n, 1) for n in shape[i + 1 :]) for i in range(len(shape)))
        return strides if dim is None else strides[dim]

    def data_ptr(self) -> int:
        """Return the address of the first element: two tensors with the same one share memory."""
        return expose(self).__array_interface__["data"][0]  # type: ignore[no-any-return]  # NumPy's dict

    def storage_offset(self) -> int:
        """Return how many elements lie before the first one in the memory that the tensor shows."""
        array = expose(self)
        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        start = base.__array_interface__["data"][0]
        return (array.__array_interface__["data"][0] - start) // self.itemsize  # type: ignore[no-any-return]

    def is_floating_point(self) -> bool:
        """Tell whether it holds floats."""
        return self._data.dtype.kind == "f"  # type: ignore[no-any-return]  # as above

    def is_complex(self) -> bool:
        """Tell whether it holds complex numbers: False."""
        return False

    def is_signed(self) -> bool:
        """Tell whether its dtype has negative numbers."""
        return self._data.dtype.kind in "if"

    def is_nonzero(self) -> bool:
        """Tell whether its only element is not 0."""
        return bool(self)

    def is_same_size(self, other: Tensor) -> bool:
        """Tell whether another tensor has its shape."""
        return self._data.shape == other._data.shape  # type: ignore[no-any-return]  # as above

    def equal(self, other: Tensor) -> bool:
        """Tell whether another tensor has its shape and its elements."""
        return self._data.shape == other._data.shape and decided(np.array_equal, self, other)

    def is_inference(self) -> bool:
        """Tell whether it was made under `inference_mode` and must not be recorded: False, for here it may be."""
        return False

    # -- in another dtype or shape -------------------------------------------------------------------------------------

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """Return the name of the tensor's type, or convert it to another.

        Parameters
        ----------
        dtype : dtype, str or class, optional
            A dtype, a class such as `FloatTensor`, or its name.
        non_blocking : bool, optional
            For PyTorch's sake; without effect.

        Examples
        --------
        >>> ad.tensor([1, 2]).type()
        'torch.LongTensor'
        >>> ad.tensor([1, 2]).type(ad.FloatTensor)
        tensor([1., 2.])
        """
        if dtype is None:
            return typename(self._data.dtype)
        return to(self, dtype_of(dtype, "type"))  # type: ignore[arg-type]  # every Node made is a Tensor

    def type_as(self, other: Tensor) -> Tensor:
        """Convert to the dtype of another tensor."""
        return to(self, other.dtype)  # type: ignore[arg-type]  # as above

    def _to(self, dtype: Any) -> Tensor:
        return to(self, dtype)  # type: ignore[arg-type]  # as above

    def float(self, memory_format: Any = None) -> Tensor:
        """Convert to float32."""
        return self._to(np.float32)

    def double(self, memory_format: Any = None) -> Tensor:
        """Convert to float64."""
        return self._to(np.float64)

    def half(self, memory_format: Any = None) -> Tensor:
        """Convert to float16."""
        return self._to(np.float16)

    def bfloat16(self, memory_format: Any = None) -> Tensor:
        """Refuse: NumPy has no such numbers."""
        return self._to(bfloat16)

    def long(self, memory_format: Any = None) -> Tensor:
        """Convert to int64."""
        return self._to(np.int64)

    def int(self, memory_format: Any = None) -> Tensor:
        """Convert to int32."""
        return self._to(np.int32)

    def short(self, memory_format: Any = None) -> Tensor:
        """Convert to int16."""
        return self._to(np.int16)

    def char(self, memory_format: Any = None) -> Tensor:
        """Convert to int8."""
        return self._to(np.int8)

    def byte(self, memory_format: Any = None) -> Tensor:
        """Convert to uint8."""
        return self._to(np.uint8)

    def bool(self, memory_format: Any = None) -> Tensor:
        """Convert to booleans."""
        return self._to(np.bool)

    def sum_to_size(self, *size: Any) -> Tensor:
        """Sum along dimensions until the shape is one that broadcasts to this tensor's: the reverse of `expand`.

        Examples
        --------
        >>> ad.ones(2, 3).sum_to_size(1, 3)
        tensor([[2., 2., 2.]])
        """
        shape, own = sizes(size, "sum_to_size"), self._data.shape
        lead = len(own) - len(shape)
        if lead < 0 or any(n not in (1, m) for n, m in zip(shape, own[lead:], strict=True)):
            raise RuntimeError(f"sum_to_size: shape {shape} does not broadcast to {own}")
        dims = [*range(lead), *(lead + k for k, n in enumerate(shape) if n == 1 != own[lead + k])]
        return s.reshape(reduced(self, dims), shape) if dims else s.reshape(self, shape)  # type: ignore[arg-type]  # a Tensor

    def view_as(self, other: Tensor) -> Tensor:
        """Return it in the shape of another tensor; as `view`."""
        return s.view(self, other._data.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """Return it in the shape of another tensor; as `reshape`."""
        return s.reshape(self, other._data.shape)

    def t(self) -> Tensor:
        """Return the transpose of a matrix; a vector and a number stay as they are.

        Raises
        ------
        RuntimeError
            If it has more than 2 dimensions.
        """
        if self._data.ndim > 2:
            raise RuntimeError(f"t: expected at most 2 dimensions, got shape {self._data.shape}; use mT, or permute")
        return s.transpose(self, 0, 1) if self._data.ndim == 2 else self  # type: ignore[arg-type, return-value]  # as above

    # -- new tensors ---------------------------------------------------------------------------------------------------

    def _wrap_new(self, array: Any, requires_grad: Any, device: Any, name: str) -> Any:
        check_device(device, name)
        out = wrap(array)
        return out.requires_grad_() if requires_grad else out

    def _fill_new(self, size: tuple[Any, ...], value: Any, dtype: DTypeLike | None, rest: dict[str, Any]) -> Any:
        name = rest.pop("name")
        chosen = self._data.dtype if dtype is None else dtypes.checked(dtype, name)
        shape = sizes(size, name)
        if min(shape, default=0) < 0:
            raise RuntimeError(f"{name}: a size must not be negative, got {shape}")
        array = np.full(shape, element(value, chosen, name), chosen)
        return self._wrap_new(array, rest.pop("requires_grad"), rest.pop("device"), name)

    def new_zeros(
        self,
        *size: Any,
        dtype: DTypeLike | None = None,
        device: Any = None,
        requires_grad: Any = False,
        layout: Any = None,
        pin_memory: Any = False,
    ) -> Tensor:
        """Make a tensor of zeros of this one's dtype.

        Examples
        --------
        >>> ad.tensor([1, 2]).new_zeros(3)
        tensor([0, 0, 0])
        """
        rest = {"name": "new_zeros", "requires_grad": requires_grad, "device": device}
        return self._fill_new(size, 0, dtype, rest)  # type: ignore[no-any-return]  # a Tensor

    def new_ones(
        self,
        *size: Any,
        dtype: DTypeLike | None = None,
        device: Any = None,
        requires_grad: Any = False,
        layout: Any = None,
        pin_memory: Any = False,
    ) -> Tensor:
        """Make a tensor of ones of this one's dtype."""
        rest = {"name": "new_ones", "requires_grad": requires_grad, "device": device}
        return self._fill_new(size, 1, dtype, rest)  # type: ignore[no-any-return]  # a Tensor

    def new_empty(
        self,
        *size: Any,
        dtype: DTypeLike | None = None,
        device: Any = None,
        requires_grad: Any = False,
        layout: Any = None,
        pin_memory: Any = False,
    ) -> Tensor:
        """Make a tensor of this one's dtype that is to be filled; it holds zeros."""
        rest = {"name": "new_empty", "requires_grad": requires_grad, "device": device}
        return self._fill_new(size, 0, dtype, rest)  # type: ignore[no-any-return]  # a Tensor

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: DTypeLike | None = None,
        device: Any = None,
        requires_grad: Any = False,
    ) -> Tensor:
        """Make a tensor of one repeated value, of this one's dtype.

        Examples
        --------
        >>> ad.zeros(1).new_full((2,), 7)
        tensor([7., 7.])
        """
        rest = {"name": "new_full", "requires_grad": requires_grad, "device": device}
        value = fill_value.item() if hasattr(fill_value, "item") else fill_value
        return self._fill_new((size,), value, dtype, rest)  # type: ignore[no-any-return]  # a Tensor

    def new_tensor(
        self, data: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: Any = False
    ) -> Tensor:
        """Make a tensor of data, of this one's dtype; always a copy.

        Examples
        --------
        >>> ad.zeros(1).new_tensor([1, 2])
        tensor([1., 2.])
        """
        wanted = self._data.dtype if dtype is None else dtypes.checked(dtype, "new_tensor")
        if isinstance(data, Node):
            data = values(data, "copying a tensor by new_tensor()", "use clone()")
        array = np.array(data)
        dtypes.checked(array.dtype, "new_tensor")
        return self._wrap_new(array.astype(wanted), requires_grad, device, "new_tensor")  # type: ignore[no-any-return]

    def new(self, *args: Any) -> Tensor:
        """Make a tensor of this one's dtype, from sizes or from a list of numbers."""
        if len(args) == 1 and not isinstance(args[0], int) and args[0].__class__.__name__ != "Size":
            return self.new_tensor(args[0])
        return self.new_empty(*args) if args else self.new_empty(0)

    def resize_(self, *sizes_: Any, memory_format: Any = None) -> Tensor:
        """Give this tensor another size: it keeps its first elements, on the same memory unless it grows.

        Examples
        --------
        >>> noise = ad.empty(0)
        >>> noise.resize_(2, 2).fill_(1.0)
        tensor([[1., 1.],
                [1., 1.]])
        """
        shape = sizes(sizes_, "resize_")
        if min(shape, default=0) < 0:
            raise RuntimeError(f"resize_: a size must not be negative, got {shape}")
        if not self._data.flags.c_contiguous:
            raise RuntimeError("resize_: the elements do not lie in order in memory; call contiguous() first")
        if self._requires_grad:
            raise RuntimeError("resize_: cannot resize variables that require grad; use reshape() or a new tensor")
        missing = math.prod(shape) - self._data.size
        this: Any = self
        flat = s.reshape(this.detach(), (-1,))
        kept = s.cat([flat, flat.new_zeros(missing)]) if missing > 0 else s.narrow(flat, 0, 0, math.prod(shape))
        this.data = s.reshape(kept, shape)
        return this  # type: ignore[no-any-return]  # a Tensor

    def resize_as_(self, the_template: Tensor, memory_format: Any = None) -> Tensor:
        """Give this tensor the size of another one; see `resize_`."""
        return self.resize_(*the_template.shape)
