"""PyTorch's collective operations: what all processes of a group do together."""

from __future__ import annotations

import enum
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.graph import array_of, increment_version
from ..engine.primitive import primitive
from ..tensor import Tensor
from ..tracing import exchanged, exchanges, tracing
from .groups import ProcessGroup, takes_part, the_group, within
from .waiting import Work, agree, complete


class ReduceOp(enum.Enum):
    """How the tensors of all processes become one."""

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"
    BAND = "BAND"
    BOR = "BOR"
    BXOR = "BXOR"


# -- what is sent and what comes ---------------------------------------------------------------------------------------


def sent_of(tensor: Any, operation: str) -> Any:
    """Return a tensor's elements as MPI can send them: in C's order, and of a dtype that it knows."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{operation}: expected a Tensor, got {type(tensor).__name__}")
    return _sendable(array_of(tensor))


def _sendable(array: Any) -> Any:
    array = np.ascontiguousarray(array)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array.view(np.uint8) if array.dtype == np.bool else array


def store(tensor: Tensor, values: Any) -> None:
    """Write what came into a tensor."""
    array = array_of(tensor)
    np.copyto(array, values.reshape(array.shape), casting="unsafe")  # the dtype's own, which MPI may not know
    increment_version(tensor)


def _described(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}"


def _require_alike(tensors: Sequence[Any], like: Tensor, count: int, operation: str, where: str) -> None:
    """Raise unless there are as many tensors as processes, all like one."""
    if len(tensors) != count:
        raise ValueError(f"{operation}: {where} a list of {count} tensors, got {len(tensors)}")
    for t in tensors:
        sent_of(t, operation)
        if _described(t) != _described(like):
            raise ValueError(f"{operation}: expected tensors of {_described(like)} in the list, got {_described(t)}")


def _operation(op: Any, tensor: Tensor, operation: str) -> Any:
    """Return MPI's name of a reduction."""
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{operation}: op: expected a ReduceOp, got {type(op).__name__}")
    if op is ReduceOp.AVG and tensor.dtype.kind != "f":
        raise ValueError(f"{operation}: the average of {tensor.dtype} is none; convert to floats")
    if op in (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR) and tensor.dtype.kind == "f":
        raise ValueError(f"{operation}: {op.name} takes integers or booleans, got {tensor.dtype}")
    return "SUM" if op is ReduceOp.AVG else op.value


def _begin(
    request: Any, finish: Callable[[], None], group: ProcessGroup, operation: str, async_op: bool, kept: Any
) -> Work | None:
    """Return the work, or wait for its end."""
    work = Work(request.Test, finish, group, operation, kept=kept)
    if async_op:
        return work
    work.wait()
    return None


# -- reductions --------------------------------------------------------------------------------------------------------


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Work | None:
    """Replace the tensor of every process by the sum of all, or what else `op` makes of them.

    Parameters
    ----------
    tensor : Tensor
        Of the same shape and dtype in all processes; changed in place, without a record (`summed` records).
    op : ReduceOp, optional
        Sums and products of booleans are "or" and "and".
    group : ProcessGroup, optional
        Of `new_group`; by default all processes.
    async_op : bool, optional
        Return at once; the tensor holds the result after ``wait()``.

    Returns
    -------
    Work or None
        None unless `async_op`.

    Raises
    ------
    RuntimeError
        If another process calls something else, or has left.
    """
    if not takes_part("all_reduce", group):
        return None
    joined, name = the_group("all_reduce", group), _operation(op, tensor, "all_reduce")
    if (trace := tracing()) is not None:
        reduced = trace.exchanged("all_reduce", lambda a: _reduced_array(a, name, joined), tensor)
        trace.changes(tensor, reduced if op is not ReduceOp.AVG else reduced * (1 / joined.size()))
        return Work(lambda: True, lambda: None, joined, "all_reduce") if async_op else None
    sent = sent_of(tensor, "all_reduce")
    agree(joined, "all_reduce", f"{_described(tensor)}, {op.name}")
    return _begin(*_reduced(joined, tensor, sent, op, name), joined, "all_reduce", async_op, sent)


def _reduced(group: ProcessGroup, tensor: Tensor, sent: Any, op: ReduceOp, name: str) -> tuple[Any, Callable[[], None]]:
    """Begin a reduction; return the request, and what stores its result."""
    found, kind = np.empty_like(sent), array_of(tensor).dtype

    def finish() -> None:
        result = found.astype(np.bool) if kind == np.bool else found
        store(tensor, result / group.size() if op is ReduceOp.AVG else result)

    return group.comm.Iallreduce(sent, found, getattr(group.mpi, name)), finish


def average(tensor: Tensor) -> Work:
    """Begin to average a tensor of floats that is known to be alike in all processes."""
    group = the_group("average")
    group.calls += 1
    sent = sent_of(tensor, "average")
    request, finish = _reduced(group, tensor, sent, ReduceOp.AVG, "SUM")
    return Work(request.Test, finish, group, "average", kept=sent)


def reduce(
    tensor: Tensor, dst: int = 0, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Replace the tensor of process `dst` by the sum of all; those of the others stay."""
    if not takes_part("reduce", group):
        return None
    joined, sent = the_group("reduce", group), sent_of(tensor, "reduce")
    name, root = _operation(op, tensor, "reduce"), within(joined, dst, "reduce")
    agree(joined, "reduce", f"{_described(tensor)}, {op.name}, to rank {dst}")
    here = joined.rank() == root
    found, kind = np.empty_like(sent) if here else None, array_of(tensor).dtype

    def finish() -> None:
        if found is not None:
            result = found.astype(np.bool) if kind == np.bool else found
            store(tensor, result / joined.size() if op is ReduceOp.AVG else result)

    request = joined.comm.Ireduce(sent, found, getattr(joined.mpi, name), root=root)
    return _begin(request, finish, joined, "reduce", async_op, sent)


def reduce_scatter(
    output: Tensor,
    input_list: Sequence[Tensor],
    op: ReduceOp = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Write into `output` of process k the sum of what all have at place k of their lists."""
    if not takes_part("reduce_scatter", group):
        return None
    joined = the_group("reduce_scatter", group)
    sent_of(output, "reduce_scatter")
    name = _operation(op, output, "reduce_scatter")
    _require_alike(input_list, output, joined.size(), "reduce_scatter", "each process needs")
    agree(joined, "reduce_scatter", f"{_described(output)}, {op.name}")
    sent = np.stack([sent_of(t, "reduce_scatter") for t in input_list])
    found = np.empty_like(sent[0])

    def finish() -> None:
        store(output, found / joined.size() if op is ReduceOp.AVG else found)

    request = joined.comm.Ireduce_scatter_block(sent, found, getattr(joined.mpi, name))
    return _begin(request, finish, joined, "reduce_scatter", async_op, sent)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: ReduceOp = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Write into `output` of process k the sum of the k-th parts of all inputs."""
    return reduce_scatter(output, _parts_of(input, output, group, "reduce_scatter_tensor"), op, group, async_op)


def _parts_of(whole: Tensor, part: Tensor, group: Any, operation: str) -> list[Tensor]:
    """Return a tensor's parts, one for each process, as views of the shape of one."""
    if group is not None and not isinstance(group, ProcessGroup):
        return []
    count = the_group(operation, group).size()
    sent_of(whole, operation), sent_of(part, operation)
    if whole.numel() != count * part.numel() or not array_of(whole).flags.c_contiguous:
        raise ValueError(
            f"{operation}: expected a contiguous tensor of {count} x {part.numel()} elements, one part of shape "
            f"{tuple(part.shape)} for each process, got shape {tuple(whole.shape)}"
        )
    return [*whole.detach().reshape(count, *part.shape).unbind(0)]


# -- copies ------------------------------------------------------------------------------------------------------------


def broadcast(tensor: Tensor, src: int = 0, group: Any = None, async_op: bool = False) -> Work | None:
    """Replace the tensor of every process by that of process `src`."""
    if not takes_part("broadcast", group):
        return None
    joined = the_group("broadcast", group)
    root = within(joined, src, "broadcast")
    if (trace := tracing()) is not None:
        trace.changes(tensor, trace.exchanged("broadcast", lambda a: _broadcast_array(a, root, joined), tensor))
        return Work(lambda: True, lambda: None, joined, "broadcast") if async_op else None
    values = np.array(sent_of(tensor, "broadcast"))
    agree(joined, "broadcast", f"{_described(tensor)}, from rank {src}")

    def finish() -> None:
        if joined.rank() != root:
            store(tensor, values)

    return _begin(joined.comm.Ibcast(values, root=root), finish, joined, "broadcast", async_op, values)


def all_gather(tensor_list: Sequence[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Write the tensors of all processes into the list, in the order of their ranks."""
    if not takes_part("all_gather", group):
        return None
    joined, sent = the_group("all_gather", group), sent_of(tensor, "all_gather")
    _require_alike(tensor_list, tensor, joined.size(), "all_gather", "each process needs")
    agree(joined, "all_gather", _described(tensor))
    found = np.empty((joined.size(), *sent.shape), sent.dtype)

    def finish() -> None:
        for into, values in zip(tensor_list, found, strict=True):
            store(into, values)

    return _begin(joined.comm.Iallgather(sent, found), finish, joined, "all_gather", async_op, sent)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Write the tensors of all processes into one, one after the other."""
    parts = _parts_of(output_tensor, input_tensor, group, "all_gather_into_tensor")
    return all_gather(parts, input_tensor, group, async_op)


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int = 0,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Write the tensors of all processes into the list of process `dst`."""
    if not takes_part("gather", group):
        return None
    joined, sent = the_group("gather", group), sent_of(tensor, "gather")
    root = within(joined, dst, "gather")
    here = joined.rank() == root
    if here:
        _require_alike(gather_list or (), tensor, joined.size(), "gather", f"process {dst} needs")
    agree(joined, "gather", f"{_described(tensor)}, to rank {dst}")
    found = np.empty((joined.size(), *sent.shape), sent.dtype) if here else None

    def finish() -> None:
        for into, values in zip(gather_list or (), found, strict=True) if found is not None else ():
            store(into, values)

    return _begin(joined.comm.Igather(sent, found, root=root), finish, joined, "gather", async_op, sent)


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int = 0,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Write one tensor of the list of process `src` into that of each process."""
    if not takes_part("scatter", group):
        return None
    joined, found = the_group("scatter", group), np.array(sent_of(tensor, "scatter"))
    root = within(joined, src, "scatter")
    here = joined.rank() == root
    if here:
        _require_alike(scatter_list or (), tensor, joined.size(), "scatter", f"process {src} needs")
    agree(joined, "scatter", f"{_described(tensor)}, from rank {src}")
    sent = np.stack([sent_of(t, "scatter") for t in scatter_list or ()]) if here else None
    request = joined.comm.Iscatter(sent, found, root=root)
    return _begin(request, lambda: store(tensor, found), joined, "scatter", async_op, sent)


def all_to_all(
    output_tensor_list: Sequence[Tensor], input_tensor_list: Sequence[Tensor], group: Any = None, async_op: bool = False
) -> Work | None:
    """Send the k-th tensor of the one list to process k, and write what comes from it to place k of the other."""
    if not takes_part("all_to_all", group):
        return None
    joined = the_group("all_to_all", group)
    first = next(iter(input_tensor_list), None)
    sent_of(first, "all_to_all")
    assert isinstance(first, Tensor)
    for tensors in (input_tensor_list, output_tensor_list):
        _require_alike(tensors, first, joined.size(), "all_to_all", "each process needs")
    agree(joined, "all_to_all", _described(first))
    sent = np.stack([sent_of(t, "all_to_all") for t in input_tensor_list])
    found = np.empty_like(sent)

    def finish() -> None:
        for into, values in zip(output_tensor_list, found, strict=True):
            store(into, values)

    return _begin(joined.comm.Ialltoall(sent, found), finish, joined, "all_to_all", async_op, sent)


def all_to_all_single(output: Tensor, input: Tensor, group: Any = None, async_op: bool = False) -> Work | None:
    """Send the k-th part of a tensor, along dimension 0, to process k, and write what comes from it to part k."""
    if not takes_part("all_to_all_single", group):
        return None
    count = the_group("all_to_all_single", group).size()
    for t in (output, input):
        if not sent_of(t, "all_to_all_single").ndim or t.shape[0] % count:
            raise ValueError(f"all_to_all_single: dimension 0 must be a multiple of {count}, got {tuple(t.shape)}")
    into, out_of = ([*t.detach().reshape(count, -1, *t.shape[1:]).unbind(0)] for t in (output, input))
    return all_to_all(into, out_of, group, async_op)


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait until all processes are here."""
    if not takes_part("barrier", group):
        return None
    joined = the_group("barrier", group)
    agree(joined, "barrier", "nothing")
    return _begin(joined.comm.Ibarrier(), lambda: None, joined, "barrier", async_op, None)


# -- objects -----------------------------------------------------------------------------------------------------------


def _gathered(obj: Any, group: ProcessGroup, operation: str) -> list[Any]:
    """Return an object of every process, which is pickled."""
    agree(group, operation, "objects")
    mine = np.frombuffer(pickle.dumps(obj), np.uint8)
    sizes = np.empty(group.size(), np.int64)
    complete(group.comm.Iallgather(np.array([mine.size]), sizes).Test, group, operation)
    sent, found = np.zeros(sizes.max(), np.uint8), np.empty((group.size(), sizes.max()), np.uint8)
    sent[: mine.size] = mine
    complete(group.comm.Iallgather(sent, found).Test, group, operation)
    return [pickle.loads(line[:n].tobytes()) for line, n in zip(found, sizes, strict=True)]


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Write an object of every process, which is pickled, into the list, in the order of their ranks."""
    if takes_part("all_gather_object", group):
        object_list[:] = _gathered(obj, the_group("all_gather_object", group), "all_gather_object")


def gather_object(obj: Any, object_gather_list: list[Any] | None = None, dst: int = 0, group: Any = None) -> None:
    """Write an object of every process, which is pickled, into the list of process `dst`."""
    if takes_part("gather_object", group):
        joined = the_group("gather_object", group)
        here = joined.rank() == within(joined, dst, "gather_object")
        if here and object_gather_list is None:
            raise ValueError(f"gather_object: process {dst} needs a list")
        found = _gathered(obj, joined, "gather_object")
        if here and object_gather_list is not None:
            object_gather_list[:] = found


def broadcast_object_list(object_list: list[Any], src: int = 0, group: Any = None, device: Any = None) -> None:
    """Replace the objects of every list by those of process `src`, which are pickled."""
    if takes_part("broadcast_object_list", group):
        joined = the_group("broadcast_object_list", group)
        root = within(joined, src, "broadcast_object_list")
        mine = [*object_list] if joined.rank() == root else None
        object_list[:] = _gathered(mine, joined, "broadcast_object_list")[root]


def scatter_object_list(
    scatter_object_output_list: list[Any], scatter_object_input_list: list[Any] | None, src: int = 0, group: Any = None
) -> None:
    """Write one object of the list of process `src`, which is pickled, into the first place of each process's list."""
    if takes_part("scatter_object_list", group):
        joined = the_group("scatter_object_list", group)
        root = within(joined, src, "scatter_object_list")
        here = joined.rank() == root
        if here and len(scatter_object_input_list or ()) != joined.size():
            raise ValueError(
                f"scatter_object_list: process {src} needs a list of {joined.size()} objects, got "
                f"{len(scatter_object_input_list or ())}"
            )
        mine = scatter_object_input_list if here else None
        scatter_object_output_list[0] = _gathered(mine, joined, "scatter_object_list")[root][joined.rank()]


# -- recorded ----------------------------------------------------------------------------------------------------------


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
    return _reduced_array(x, "SUM", the_group("summed"))


exchanges.add(summed.primitive)  # type: ignore[attr-defined]  # set by its decorator


def _reduced_array(x: Any, name: str, group: ProcessGroup) -> Any:
    """Return what the arrays of all processes are reduced to."""
    sent = _sendable(x)

    def send() -> Any:
        found = np.empty_like(sent)
        agree(group, "summed", f"{x.dtype} {x.shape}, {name}")
        complete(group.comm.Iallreduce(sent, found, getattr(group.mpi, name)).Test, group, "summed")
        return found.reshape(x.shape).astype(x.dtype, copy=False)

    return exchanged(send)


def _broadcast_array(x: Any, root: int, group: ProcessGroup) -> Any:
    """Return the array of one process."""

    def send() -> Any:
        values = np.array(_sendable(x))
        agree(group, "broadcast", f"{x.dtype} {x.shape}, from {root}")
        complete(group.comm.Ibcast(values, root=root).Test, group, "broadcast")
        return values.reshape(x.shape).astype(x.dtype, copy=False)

    return exchanged(send)
