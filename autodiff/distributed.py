"""Processes that compute together: PyTorch's collective operations, over MPI."""

from __future__ import annotations

import enum
import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from .engine.graph import array_of, increment_version
from .engine.primitive import primitive
from .tensor import Tensor
from .tracing import exchanged, exchanges, refuse, tracing

__all__ = [
    "ReduceOp", "Work", "all_gather", "all_gather_object", "all_reduce", "barrier", "broadcast",
    "broadcast_object_list", "destroy_process_group", "gather", "get_backend", "get_rank", "get_world_size",
    "init_process_group", "is_available", "is_initialized", "reduce", "scatter", "summed",
]  # fmt: skip


#: What is done instead of compiling a collective that is not all_reduce, broadcast or summed.
_OUTSIDE = "call it outside of the function, or use all_reduce"


class ReduceOp(enum.Enum):
    """How the tensors of all processes become one."""

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"


class _Group:
    """The processes that compute together: MPI, and the communicator of all of them."""

    mpi: Any = None
    comm: Any = None
    hook: Any = None  # what handled errors before


_group = _Group()


def is_available() -> bool:
    """Tell whether mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


def is_initialized() -> bool:
    """Tell whether `init_process_group` was called."""
    return _group.comm is not None


def init_process_group(backend: str | None = None, init_method: Any = None, timeout: Any = None, **more: Any) -> None:
    """Join the processes that ``mpiexec -n 4 python train.py`` has started; a program started alone is one process.

    From then on an error that nobody catches in one process ends all of them, with a message that says in which.

    Parameters
    ----------
    backend : str, optional
        "mpi", the only one.
    init_method, timeout, **more
        PyTorch's; MPI knows where its processes are.

    Raises
    ------
    ImportError
        If mpi4py is not installed, or finds no MPI.
    ValueError
        If another backend is asked for.
    RuntimeError
        If it was called before.

    Examples
    --------
    >>> from autodiff import distributed
    >>> distributed.init_process_group()  # doctest: +SKIP
    >>> distributed.get_rank(), distributed.get_world_size()  # doctest: +SKIP
    (0, 1)
    """
    if backend not in (None, "mpi"):
        raise ValueError(f"init_process_group: there is no backend {backend!r}; processes talk over 'mpi'")
    if is_initialized():
        raise RuntimeError("init_process_group: it was called before; destroy_process_group() ends what it began")
    try:
        mpi = importlib.import_module("mpi4py.MPI")
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py is there, but no MPI
        raise ImportError(
            f"autodiff.distributed needs mpi4py and an MPI ({error}): `pip install mpi4py mpich`, and start with "
            "`mpiexec -n 2 python ...`"
        ) from error
    _group.mpi, _group.comm = mpi, mpi.COMM_WORLD.Dup()
    _group.hook, sys.excepthook = sys.excepthook, _end_all


def _end_all(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Say which process failed, and end all: the others would wait for it for ever."""
    said = "".join(traceback.format_exception(kind, error, where))
    comm = _group.comm
    rank, size = comm.Get_rank(), comm.Get_size()
    print(f"{said}rank {rank} of {size} failed ({kind.__name__}): all are stopped", file=sys.stderr, flush=True)
    sys.stdout.flush()
    comm.Abort(1)


def destroy_process_group(group: Any = None) -> None:
    """Leave the processes that compute together."""
    if is_initialized():
        _group.comm.Free()
        _group.comm = None
        sys.excepthook = _group.hook


def _comm(operation: str, group: Any = None) -> Any:
    if group is not None:
        raise ValueError(f"{operation}: there are no groups but that of all processes")
    if not is_initialized():
        raise RuntimeError(f"{operation}: call init_process_group() first")
    return _group.comm


def get_rank(group: Any = None) -> int:
    """Return the number of this process, from 0; -1 before `init_process_group`, as PyTorch."""
    return int(_comm("get_rank", group).Get_rank()) if is_initialized() else -1


def get_world_size(group: Any = None) -> int:
    """Return the number of processes; -1 before `init_process_group`, as PyTorch."""
    return int(_comm("get_world_size", group).Get_size()) if is_initialized() else -1


def get_backend(group: Any = None) -> str:
    """Return "mpi"."""
    _comm("get_backend", group)
    return "mpi"


class Work:
    """What an operation returns that was asked to go on in the background."""

    def __init__(self, request: Any, finish: Callable[[], None] = lambda: None, is_done: bool = False) -> None:
        self._request, self._finish = request, finish
        self._is_done = is_done

    def wait(self) -> bool:
        """Wait for the end."""
        if not self._is_done:
            self._request.Wait()
            self._is_done = True
            self._finish()
        return True

    def is_completed(self) -> bool:
        """Tell whether it has ended."""
        if not self._is_done and self._request.Test():
            self.wait()
        return self._is_done


def barrier(group: Any = None) -> None:
    """Wait until all processes are here."""
    _comm("barrier", group).Barrier()


def _sent(tensor: Any, operation: str) -> Any:
    """Return a tensor's elements as MPI can send them: in C's order, and of a dtype that it knows."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{operation}: expected a Tensor, got {type(tensor).__name__}")
    array = np.ascontiguousarray(array_of(tensor))
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array.view(np.uint8) if array.dtype == np.bool else array


def _store(tensor: Tensor, values: Any) -> None:
    """Write what came into a tensor."""
    array = array_of(tensor)
    np.copyto(array, values.view(np.bool) if array.dtype == np.bool else values, casting="same_kind")
    increment_version(tensor)


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Replace the tensor of every process by the sum of all, or what else `op` makes of them.

    Parameters
    ----------
    tensor : Tensor
        Of the same shape and dtype in all processes; changed in place, without a record (`summed` records).
    op : ReduceOp, optional
    group : None
    async_op : bool, optional
        Return at once; the tensor holds the result after ``wait()``.

    Returns
    -------
    Work or None
        None unless `async_op`.
    """
    if (trace := tracing()) is not None:
        average = 1 / get_world_size() if op is ReduceOp.AVG else 1
        reduced = trace.exchanged("all_reduce", lambda a: _reduced(a, _operation(op)), tensor)
        trace.changes(tensor, reduced if op is not ReduceOp.AVG else reduced * average)
        return Work(None, is_done=True) if async_op else None
    comm, sent = _comm("all_reduce", group), _sent(tensor, "all_reduce")
    found = np.empty_like(sent)

    def finish() -> None:
        _store(tensor, found if op is not ReduceOp.AVG else found / comm.Get_size())

    if op is ReduceOp.AVG and sent.dtype.kind != "f":
        raise ValueError(f"all_reduce: the average of {tensor.dtype} is none; convert to floats")
    request = comm.Iallreduce(sent, found, _operation(op))
    work = Work(request, finish)
    work.sent = sent  # type: ignore[attr-defined]  # MPI reads it until then
    if async_op:
        return work
    work.wait()
    return None


def _operation(op: ReduceOp) -> Any:
    if not isinstance(op, ReduceOp):
        raise TypeError(f"op: expected a ReduceOp, got {type(op).__name__}")
    return getattr(_group.mpi, "SUM" if op is ReduceOp.AVG else op.value)


def reduce(tensor: Tensor, dst: int = 0, op: ReduceOp = ReduceOp.SUM, group: Any = None) -> None:
    """Replace the tensor of process `dst` by the sum of all; those of the others stay."""
    refuse("reduce", _OUTSIDE)
    comm, sent = _comm("reduce", group), _sent(tensor, "reduce")
    found = np.empty_like(sent) if comm.Get_rank() == dst else None
    comm.Reduce(sent, found, _operation(op), root=dst)
    if found is not None:
        _store(tensor, found if op is not ReduceOp.AVG else found / comm.Get_size())


def broadcast(tensor: Tensor, src: int = 0, group: Any = None) -> None:
    """Replace the tensor of every process by that of process `src`."""
    if (trace := tracing()) is not None:
        trace.changes(tensor, trace.exchanged("broadcast", lambda a: _broadcasted(a, src), tensor))
        return
    comm, values = _comm("broadcast", group), _sent(tensor, "broadcast")
    values = np.array(values)
    comm.Bcast(values, root=src)
    if comm.Get_rank() != src:
        _store(tensor, values)


def all_gather(tensor_list: Sequence[Tensor], tensor: Tensor, group: Any = None) -> None:
    """Write the tensors of all processes into the list, in the order of their ranks."""
    refuse("all_gather", _OUTSIDE)
    comm, sent = _comm("all_gather", group), _sent(tensor, "all_gather")
    if len(tensor_list) != comm.Get_size():
        raise ValueError(f"all_gather: got a list of {len(tensor_list)} tensors for {comm.Get_size()} processes")
    found = np.empty((comm.Get_size(), *sent.shape), sent.dtype)
    comm.Allgather(sent, found)
    for into, values in zip(tensor_list, found, strict=True):
        _store(into, values)


def gather(tensor: Tensor, gather_list: Sequence[Tensor] | None = None, dst: int = 0, group: Any = None) -> None:
    """Write the tensors of all processes into the list of process `dst`."""
    refuse("gather", _OUTSIDE)
    comm, sent = _comm("gather", group), _sent(tensor, "gather")
    here = comm.Get_rank() == dst
    if here and len(gather_list or ()) != comm.Get_size():
        raise ValueError(
            f"gather: process {dst} needs a list of {comm.Get_size()} tensors, got {len(gather_list or ())}"
        )
    found = np.empty((comm.Get_size(), *sent.shape), sent.dtype) if here else None
    comm.Gather(sent, found, root=dst)
    for into, values in zip(gather_list or (), found, strict=True) if found is not None else ():
        _store(into, values)


def scatter(tensor: Tensor, scatter_list: Sequence[Tensor] | None = None, src: int = 0, group: Any = None) -> None:
    """Write one tensor of the list of process `src` into that of each process."""
    refuse("scatter", _OUTSIDE)
    comm, found = _comm("scatter", group), np.array(_sent(tensor, "scatter"))
    here = comm.Get_rank() == src
    if here and len(scatter_list or ()) != comm.Get_size():
        raise ValueError(
            f"scatter: process {src} needs a list of {comm.Get_size()} tensors, got {len(scatter_list or ())}"
        )
    sent = np.stack([_sent(t, "scatter") for t in scatter_list or ()]) if here else None
    comm.Scatter(sent, found, root=src)
    _store(tensor, found)


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Write an object of every process, which is pickled, into the list, in the order of their ranks."""
    refuse("all_gather_object", _OUTSIDE)
    object_list[:] = _comm("all_gather_object", group).allgather(obj)


def broadcast_object_list(object_list: list[Any], src: int = 0, group: Any = None) -> None:
    """Replace the objects of every list by those of process `src`, which are pickled."""
    refuse("broadcast_object_list", _OUTSIDE)
    object_list[:] = _comm("broadcast_object_list", group).bcast(object_list, root=src)


def _of_gradients(g: Any) -> Any:
    return summed(g)


@primitive(symbol="Σ ranks", words="the sum of the gradients of all processes", x=_of_gradients)
def summed(x: Any) -> Any:
    """Return the sum of the tensors of all processes, recorded: each process gets the sum of all gradients.

    Examples
    --------
    >>> from autodiff import distributed
    >>> distributed.init_process_group()  # doctest: +SKIP
    >>> distributed.summed(ad.ones(2))  # doctest: +SKIP
    tensor([1., 1.])
    """
    return _reduced(x, _operation(ReduceOp.SUM))


exchanges.add(summed.primitive)  # type: ignore[attr-defined]  # set by its decorator


def _reduced(x: Any, operation: Any) -> Any:
    """Return what the arrays of all processes are reduced to."""
    sent = np.ascontiguousarray(x, np.float32 if x.dtype == np.float16 else None)  # which MPI does not know

    def send() -> Any:
        found = np.empty_like(sent)
        _comm("all_reduce").Allreduce(sent, found, operation)
        return found.reshape(x.shape).astype(x.dtype, copy=False)

    return exchanged(send)


def _broadcasted(x: Any, src: int) -> Any:
    """Return the array of one process."""

    def send() -> Any:
        values = np.array(x, np.float32 if x.dtype == np.float16 else None)
        _comm("broadcast").Bcast(values.view(np.uint8) if values.dtype == np.bool else values, root=src)
        return values.astype(x.dtype, copy=False)

    return exchanged(send)
