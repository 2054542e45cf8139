"""Threads: what runs the parts of a program's kernels on several processors, in native code of its own.

A thread that runs a program takes the pool, if it is free, and BLAS computes on one thread meanwhile: products are in
parts like loops. For each section of the program it publishes a function and a number of parts. Everybody takes parts
until none is left, the caller from the front, the others from the back, so that mostly the same processor comes back to
the same memory. The caller waits for parts that others have begun, and for nothing else: where the other threads sleep,
or other programs have their processors, it computes all of it itself. Parts do not depend on the number of threads that
take them, and so neither do results.

The others look out for work for a millisecond and then sleep. They are started by the first program that has work for
them, and end with the process. A process forks between the runs of its programs, and the child starts its own threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import threading
import weakref
from string import Template
from typing import Any

from ..kernels import blas
from ..kernels.blas import address_of, thread_counts
from . import machine

#: How often to look for work before a thread sleeps, and for the end of others' parts before it gives way.
PATIENCE, COURTESY = 20_000, 2_000

#: Parts that a section may have.
LIMIT = (1 << 16) - 1

#: C's functions, and BLAS's, that the pool calls.
CALLED = ("pthread_create", "pthread_detach", "sem_init", "sem_wait", "sem_post", "sched_yield")

_PAUSE = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}


#: LLVM's text of the pool. `@state` is the number of the section (32 bits), the first part that nobody has taken, and
#: the end of those (16 bits each): to take one is to compare and exchange it, which fails if anything has happened.
_STATE = """
@state = internal global i64 0, align 64
@left = internal global i64 0, align 64
@sleepers = internal global i64 0, align 64
@section = internal global [2 x ptr] zeroinitializer, align 64
@busy = internal global i64 0, align 64
@before = internal global i32 1
@active = internal global i64 0
@started = internal global i64 1
@thread = internal global i64 0
@bell = internal global [16 x i64] zeroinitializer, align 64

$declared
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(i64)
declare i32 @sem_init(ptr, i32, i32)
declare i32 @sem_wait(ptr)
declare i32 @sem_post(ptr)
declare i32 @sched_yield()
declare i32 @get_threads()
declare void @set_threads(i32)
"""

#: Taking the pool, starting its threads; how many threads BLAS has while it is taken, and setting that, for which the
#: pool is taken, too: what has it sets the number back at its end. And giving it back.
_TAKE = """
define ptr @begin() {
  %c = cmpxchg ptr @busy, i64 0, i64 1 seq_cst seq_cst
  %free = extractvalue { i64, i1 } %c, 1
  br i1 %free, label %mine, label %alone
mine:
  %blas = call i32 @get_threads()
  %n = sext i32 %blas to i64
  %many = icmp sgt i64 %n, 1
  br i1 %many, label %several, label %one
one:
  store atomic i64 0, ptr @busy seq_cst, align 8
  br label %alone
alone:
  ret ptr @run_alone
several:
  store i32 %blas, ptr @before
  store atomic i64 %n, ptr @active seq_cst, align 8
  call void @set_threads(i32 1)
  br label %start
start:
  %started = load i64, ptr @started
  %more = icmp slt i64 %started, %n
  br i1 %more, label %create, label %ready
create:
  %next = add i64 %started, 1
  store i64 %next, ptr @started
  %number = inttoptr i64 %started to ptr
  %failed = call i32 @pthread_create(ptr @thread, ptr null, ptr @work, ptr %number)
  %made = icmp eq i32 %failed, 0
  br i1 %made, label %detach, label %start
detach:
  %thread = load i64, ptr @thread
  call i32 @pthread_detach(i64 %thread)
  br label %start
ready:
  ret ptr @run_shared
}

define void @set(i32 %n) {
  br label %take
take:
  %c = cmpxchg ptr @busy, i64 0, i64 2 seq_cst seq_cst
  %free = extractvalue { i64, i1 } %c, 1
  br i1 %free, label %mine, label %wait
wait:
  call i32 @sched_yield()
  br label %take
mine:
  call void @set_threads(i32 %n)
  store atomic i64 0, ptr @busy seq_cst, align 8
  ret void
}

define i32 @count() {
  %held = load atomic i64, ptr @busy seq_cst, align 8
  %is = icmp eq i64 %held, 1
  br i1 %is, label %kept, label %now
kept:
  %before = load i32, ptr @before
  ret i32 %before
now:
  %blas = call i32 @get_threads()
  ret i32 %blas
}

define void @end(ptr %how) {
  %shared = icmp eq ptr %how, @run_shared
  br i1 %shared, label %release, label %done
release:
  %before = load i32, ptr @before
  call void @set_threads(i32 %before)
  store atomic i64 0, ptr @busy seq_cst, align 8
  br label %done
done:
  ret void
}
"""

#: Running a section, alone and shared: publish it, wake who sleeps, take parts from the front, wait for those begun.
_RUN = """
define void @run_alone(ptr %f, ptr %table, i64 %parts) {
entry:
  br label %loop
loop:
  %part = phi i64 [ 0, %entry ], [ %next, %loop ]
  call void %f(ptr %table, i64 %part)
  %next = add i64 %part, 1
  %more = icmp slt i64 %next, %parts
  br i1 %more, label %loop, label %done
done:
  ret void
}

define void @run_shared(ptr %f, ptr %table, i64 %parts) {
entry:
  %second = getelementptr ptr, ptr @section, i64 1
  store atomic ptr %f, ptr @section monotonic, align 8
  store atomic ptr %table, ptr %second monotonic, align 8
  store atomic i64 %parts, ptr @left monotonic, align 8
  %old = load atomic i64, ptr @state seq_cst, align 8
  %number = lshr i64 %old, 32
  %following = add i64 %number, 1
  %high = shl i64 %following, 32
  %new = or i64 %high, %parts
  store atomic i64 %new, ptr @state seq_cst, align 8
  %asleep = load atomic i64, ptr @sleepers seq_cst, align 8
  %ring = icmp sgt i64 %asleep, 0
  br i1 %ring, label %wake, label %take
wake:
  %count = atomicrmw xchg ptr @sleepers, i64 0 seq_cst
  br label %each
each:
  %k = phi i64 [ %count, %wake ], [ %k1, %post ]
  %any = icmp sgt i64 %k, 0
  br i1 %any, label %post, label %take
post:
  call i32 @sem_post(ptr @bell)
  %k1 = sub i64 %k, 1
  br label %each
take:
  %own = phi i64 [ 0, %entry ], [ 0, %each ], [ %own, %lost ], [ %own1, %taken ]
  %s = load atomic i64, ptr @state seq_cst, align 8
  %shifted = lshr i64 %s, 16
  %first = and i64 %shifted, 65535
  %last = and i64 %s, 65535
  %open = icmp ult i64 %first, %last
  br i1 %open, label %try, label %finish
try:
  %s1 = add i64 %s, 65536
  %c = cmpxchg ptr @state, i64 %s, i64 %s1 seq_cst seq_cst
  %ok = extractvalue { i64, i1 } %c, 1
  br i1 %ok, label %taken, label %lost
lost:
  br label %take
taken:
  call void %f(ptr %table, i64 %first)
  %own1 = add i64 %own, 1
  br label %take
finish:
  %missing = atomicrmw sub ptr @left, i64 %own seq_cst
  br label %wait
wait:
  %turns = phi i64 [ 0, %finish ], [ %turns1, %again ]
  %open2 = load atomic i64, ptr @left seq_cst, align 8
  %done = icmp eq i64 %open2, 0
  br i1 %done, label %out, label %again0
again0:
  $pause
  %turns1 = add i64 %turns, 1
  %late = icmp ugt i64 %turns, $courtesy
  br i1 %late, label %yield, label %again
yield:
  call i32 @sched_yield()
  br label %again
again:
  br label %wait
out:
  ret void
}
"""

#: What the other threads do: look out for parts, take them from the back, and sleep when there have been none for long.
_WORK = """
define internal ptr @work(ptr %number) {
entry:
  %me = ptrtoint ptr %number to i64
  %second = getelementptr ptr, ptr @section, i64 1
  br label %look
look:
  %turns = phi i64 [ 0, %entry ], [ %turns1, %idle ], [ 0, %sleep ], [ 0, %try ], [ 0, %taken ]
  %s = load atomic i64, ptr @state seq_cst, align 8
  %shifted = lshr i64 %s, 16
  %first = and i64 %shifted, 65535
  %last = and i64 %s, 65535
  %open = icmp ult i64 %first, %last
  br i1 %open, label %asked, label %idle
idle:
  $pause
  %turns1 = add i64 %turns, 1
  %tired = icmp ugt i64 %turns, $patience
  br i1 %tired, label %sleep, label %look
sleep:
  atomicrmw add ptr @sleepers, i64 1 seq_cst
  call i32 @sem_wait(ptr @bell)
  br label %look
asked:
  %active = load atomic i64, ptr @active seq_cst, align 8
  %mine = icmp slt i64 %me, %active
  br i1 %mine, label %try, label %idle
try:
  %f = load atomic ptr, ptr @section monotonic, align 8
  %table = load atomic ptr, ptr %second monotonic, align 8
  %part = sub i64 %last, 1
  %s1 = sub i64 %s, 1
  %c = cmpxchg ptr @state, i64 %s, i64 %s1 seq_cst seq_cst
  %ok = extractvalue { i64, i1 } %c, 1
  br i1 %ok, label %taken, label %look
taken:
  call void %f(ptr %table, i64 %part)
  atomicrmw sub ptr @left, i64 1 seq_cst
  br label %look
}
"""

#: Begin anew, as in the child of a fork.
_RESET = """
define void @reset() {
  %held = load i64, ptr @busy
  %was = icmp eq i64 %held, 1
  br i1 %was, label %restore, label %clear
restore:
  %before = load i32, ptr @before
  call void @set_threads(i32 %before)
  br label %clear
clear:
  call i32 @sem_init(ptr @bell, i32 0, i32 0)
  store i64 0, ptr @sleepers
  store i64 0, ptr @state
  store i64 1, ptr @started
  store i64 0, ptr @busy
  ret void
}
"""


def _text() -> str:
    """Return LLVM's text of the pool, with this processor's instruction to pause."""
    declared, pause = _PAUSE.get(platform.machine(), ("", ""))
    text = Template(_STATE + _TAKE + _RUN + _WORK + _RESET)
    return text.substitute(declared=declared, pause=pause, courtesy=COURTESY, patience=PATIENCE)


class Pool:
    """The threads of this process.

    Attributes
    ----------
    begin, end : int
        Where the functions are that take the pool, and give it back. The first returns what runs a section.
    count : callable
        Returns how many threads BLAS uses, also while it computes on one because the pool is taken.
    """

    def __init__(self, called: dict[str, int]) -> None:
        library = machine.Library(_text(), ("begin", "end", "reset", "count", "set"), called)
        # Threads run this code until the process ends, longer than Python's objects live.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
        self.begin, self.end = library.address("begin"), library.address("end")
        self.count = ctypes.PYFUNCTYPE(ctypes.c_int)(library.address("count"))
        blas.set_by(ctypes.CFUNCTYPE(None, ctypes.c_int)(library.address("set")))
        reset = ctypes.PYFUNCTYPE(None)(library.address("reset"))
        reset()
        os.register_at_fork(after_in_child=reset)


@functools.cache
def pool() -> Pool | None:
    """Return the threads of this process, or None where BLAS cannot be told how many to use, or C has no such threads.

    Then products are computed as BLAS likes, and loops on the thread that calls.
    """
    counts, c = thread_counts(), ctypes.CDLL(None) if os.name == "posix" else None
    if counts is None or not hasattr(os, "register_at_fork") or not all(hasattr(c, name) for name in CALLED):
        return None
    if platform.system() != "Linux":  # macOS has sem_init, but it does nothing
        return None
    called: dict[str, Any] = {name: address_of(getattr(c, name)) for name in CALLED}
    return Pool(called | dict(zip(("get_threads", "set_threads"), counts, strict=True)))


# -- forks -------------------------------------------------------------------------------------------------------------

_locks: weakref.WeakSet[Any] = weakref.WeakSet()  # of all programs
_held: list[Any] = []
_forking = threading.RLock()  # one fork at a time


def lock() -> Any:
    """Return what a thread holds while it runs a program; a process forks when no other thread holds any."""
    made = threading.RLock()
    _locks.add(made)
    return made


def _hold() -> None:
    """Wait until programs have ended: the child would have half of what they write, and BLAS's locks for good."""
    _forking.acquire()
    _held[:] = [x for x in _locks if x.acquire(timeout=10)]  # one that waits for this thread would never end


def _release() -> None:
    while _held:
        _held.pop().release()
    _forking.release()


def _renew() -> None:
    """Let go of all locks: who held them is not in this process."""
    _held.clear()
    for x in (_forking, *_locks):
        x._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_renew)


def threads() -> int:
    """Return how many threads a program may have parts for: as many as BLAS has."""
    found = pool()
    return 1 if found is None else int(found.count())
