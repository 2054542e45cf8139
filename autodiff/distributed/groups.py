"""The processes that compute together: how they begin, who they are, and how they part."""

from __future__ import annotations

import atexit
import datetime
import importlib.util
import os
import uuid
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tracing import refuse
from .ending import Ending
from .waiting import LEFT, agree

_BACKENDS = ("mpi", "gloo")  # PyTorch's names for processors; both mean MPI here
_PATIENCE = 1800.0  # seconds: PyTorch's


class ProcessGroup:
    """Some of the processes.

    Attributes
    ----------
    comm : MPI communicator
    ranks : list of int
        Their numbers among all processes.
    timeout : float
        How many seconds an operation waits for the others.
    calls : int
        How many operations this process took part in.
    left : dict of int to (int, float)
        Who has left: after how many operations, and when this was known.
    """

    def __init__(self, mpi: Any, comm: Any, ranks: list[int], timeout: float) -> None:
        self.mpi, self.comm, self.ranks, self.timeout = mpi, comm, ranks, timeout
        self.calls = 0
        self.left: dict[int, tuple[int, float]] = {}

    def rank(self) -> int:
        """Return the number of this process in the group."""
        return int(self.comm.Get_rank())

    def size(self) -> int:
        """Return the number of processes."""
        return len(self.ranks)

    def leave(self) -> None:
        """Tell the others that this process takes part in no more operations."""
        calls = np.array([self.calls], np.int64)
        for other in range(self.size()):
            if other != self.rank():
                self.comm.Isend(calls, other, LEFT).Test()


class GroupMember:
    """PyTorch's constants."""

    WORLD: ProcessGroup | None = None  # all processes
    NON_GROUP_MEMBER = -100  # what `new_group` returns to a process that is not in it


group = GroupMember


class _State:
    """What `init_process_group` has begun."""

    groups: tuple[ProcessGroup, ...] = ()
    ending: Ending | None = None


def is_available() -> bool:
    """Tell whether mpi4py is installed."""
    return importlib.util.find_spec("mpi4py") is not None


def is_mpi_available() -> bool:
    """Tell whether mpi4py is installed."""
    return is_available()


def is_gloo_available() -> bool:
    """Tell whether the backend "gloo" can be asked for: as `is_mpi_available`, for MPI does its work."""
    return is_available()


def is_nccl_available() -> bool:
    """Return False: there are no GPUs."""
    return False


def is_torchelastic_launched() -> bool:
    """Return False: ``mpiexec`` starts the processes."""
    return False


def is_initialized() -> bool:
    """Tell whether `init_process_group` was called."""
    return GroupMember.WORLD is not None


def init_process_group(
    backend: str | None = None,
    init_method: Any = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    **more: Any,
) -> None:
    """Join the processes that ``mpiexec -n 4 python train.py`` has started; a program started alone is one process.

    From then on an error that nobody catches in one process, or its death, ends all of them with a message that says
    which it was; and an operation that waits for a process which has ended raises an error that names it.

    Parameters
    ----------
    backend : str, optional
        "mpi"; "gloo", PyTorch's other name for processes without GPUs, means the same here.
    init_method, **more
        PyTorch's; MPI knows where its processes are.
    timeout : timedelta or float, optional
        How long an operation waits for the other processes: a time or seconds, by default half an hour.
    world_size, rank : int, optional
        If given, what MPI must find, too.

    Raises
    ------
    ImportError
        If mpi4py is not installed, or finds no MPI.
    ValueError
        If another backend is asked for, or `rank` or `world_size`, or ``WORLD_SIZE`` in the environment of a process
        that MPI finds alone, as ``torchrun`` sets it, are not what MPI finds.
    RuntimeError
        If it was called before.

    Examples
    --------
    >>> from autodiff import distributed
    >>> distributed.init_process_group()  # doctest: +SKIP
    >>> distributed.get_rank(), distributed.get_world_size()  # doctest: +SKIP
    (0, 1)
    """
    asked = [part.split(":")[-1] for part in backend.lower().split(",")] if backend else ["mpi"]
    if not set(asked) & set(_BACKENDS):
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
    found = mpi.COMM_WORLD.Get_size(), mpi.COMM_WORLD.Get_rank()
    if world_size == -1 and found[0] == 1:  # torchrun says so; each process would train alone
        world_size = int(os.environ.get("WORLD_SIZE", "1"))
    for name, given, has in (("world_size", world_size, found[0]), ("rank", rank, found[1])):
        if given not in (-1, has):
            raise ValueError(
                f"init_process_group: {name}={given}, but MPI finds {has}; start the processes with "
                f"`mpiexec -n {max(world_size, 2)} python ...`"
            )
    comm = mpi.COMM_WORLD.Dup()
    _State.ending = Ending(comm, comm.bcast(uuid.uuid4().hex[:12]))
    GroupMember.WORLD = ProcessGroup(mpi, comm, [*range(found[0])], _seconds(timeout))
    _State.groups = (GroupMember.WORLD,)
    atexit.register(_leave)


def _seconds(timeout: Any) -> float:
    if timeout is None:
        return _PATIENCE
    return float(timeout.total_seconds() if isinstance(timeout, datetime.timedelta) else timeout)


def _leave() -> None:
    """Say that this process will take part in nothing more."""
    for joined in _State.groups:
        joined.leave()
    if _State.ending is not None:
        _State.ending.leave()
    _State.groups, _State.ending, GroupMember.WORLD = (), None, None


def destroy_process_group(group: Any = None) -> None:
    """Leave the processes that compute together, or one group of them."""
    if group in (None, GroupMember.WORLD):
        atexit.unregister(_leave)
        _leave()
    elif group in _State.groups:
        _State.groups = tuple(joined for joined in _State.groups if joined is not group)
        group.leave()


def the_group(operation: str, group: Any = None) -> ProcessGroup:
    """Return a group of which this process is a member; that of all by default."""
    if not is_initialized():
        raise RuntimeError(f"{operation}: call init_process_group() first")
    found = GroupMember.WORLD if group is None else group
    if not isinstance(found, ProcessGroup):
        raise ValueError(f"{operation}: expected a group that new_group() returned to a member, got {group!r}")
    return found


def takes_part(operation: str, group: Any) -> bool:
    """Tell whether this process is in a group; what it does in another is nothing, as in PyTorch, which warns."""
    if operation not in ("all_reduce", "broadcast"):  # which are part of what is compiled
        refuse(operation, "call it outside of the function, or use all_reduce")
    if group != GroupMember.NON_GROUP_MEMBER or isinstance(group, ProcessGroup):
        return True
    warnings.warn(f"{operation}: this process does not belong to the group, nothing is done", stacklevel=3)
    return False


def within(group: ProcessGroup, rank: int, operation: str) -> int:
    """Return the number that a process has in a group."""
    if rank not in group.ranks:
        raise ValueError(f"{operation}: rank {rank} is not among the processes {group.ranks} of the group")
    return group.ranks.index(rank)


def new_group(
    ranks: Sequence[int] | None = None, timeout: Any = None, backend: str | None = None, **more: Any
) -> ProcessGroup | int:
    """Make a group of some processes; all processes call this, also those that will not be in it.

    Parameters
    ----------
    ranks : sequence of int, optional
        By default all.
    timeout : timedelta or float, optional
    backend, **more
        PyTorch's.

    Returns
    -------
    ProcessGroup
        Or ``GroupMember.NON_GROUP_MEMBER`` in a process that is not in it.
    """
    world = the_group("new_group")
    chosen = sorted(set(range(world.size()) if ranks is None else ranks))
    for rank in chosen:
        within(world, rank, "new_group")
    agree(world, "new_group", f"ranks {chosen}")
    color = 0 if world.rank() in chosen else world.mpi.UNDEFINED
    comm = world.comm.Split(color, world.rank())
    if color:
        return GroupMember.NON_GROUP_MEMBER
    made = ProcessGroup(world.mpi, comm, chosen, world.timeout if timeout is None else _seconds(timeout))
    _State.groups += (made,)
    return made


def get_rank(group: Any = None) -> int:
    """Return the number of this process, from 0; -1 before `init_process_group` and outside of the group."""
    if not is_initialized() or group == GroupMember.NON_GROUP_MEMBER:
        return -1
    return the_group("get_rank", group).rank()


def get_world_size(group: Any = None) -> int:
    """Return the number of processes; -1 before `init_process_group` and outside of the group."""
    if not is_initialized() or group == GroupMember.NON_GROUP_MEMBER:
        return -1
    return the_group("get_world_size", group).size()


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """Return the number among all of the process that has this number in the group."""
    return the_group("get_global_rank", group).ranks[group_rank]


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """Return the number in the group of the process that has this number among all."""
    return within(the_group("get_group_rank", group), global_rank, "get_group_rank")


def get_process_group_ranks(group: ProcessGroup | None = None) -> list[int]:
    """Return the numbers among all of the processes of a group."""
    return [*the_group("get_process_group_ranks", group).ranks]


def get_backend(group: Any = None) -> str:
    """Return "mpi"."""
    the_group("get_backend", group)
    return "mpi"
