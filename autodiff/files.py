"""Files that are written whole or not at all, whatever ends the program that writes them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where what a killed program leaves is not cleared
    fcntl = None  # type: ignore[assignment]  # there is no other way to say that a module is missing

Buffer = bytes | bytearray | memoryview


def replace(path: str | os.PathLike[str], parts: Iterable[Buffer]) -> None:
    """Put a file in the place of another one: written beside it, forced to the disk, then renamed.

    What is no file is never replaced: a pipe that is being read and a character device get the content, everything
    else is refused. A link keeps pointing where it points. What a killed program left behind on its way to the same
    file is removed first; it is called ``.NAME.HEX.tmp``.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with _opened(path, mode) as file:
            file.writelines(parts)
        return
    target = Path(os.path.realpath(path))
    _clear(target)
    try:
        with _temporary(target) as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.chmod(file.name, stat.S_IMODE(mode))
            if fcntl is None:
                file.close()  # Windows renames no open file; elsewhere the lock is kept until the name is another
            os.replace(file.name, target)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error  # not the name that nobody gave
    if os.name == "posix":  # the rename, too, is to survive a power failure
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _opened(path: str | os.PathLike[str], mode: int) -> BinaryIO:
    """Open a pipe or a character device for writing; refuse what else is no file."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OSError(errno.EINVAL, "Neither a file nor a pipe nor a character device", os.fspath(path))
    try:  # opened to block, a pipe that nobody reads would let us wait for ever
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(mode):
            raise OSError(errno.ENXIO, "Nobody reads from this pipe", os.fspath(path)) from None
        raise
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(descriptor, True)
    return open(descriptor, "wb")


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[BinaryIO]:
    """Give a new file beside another one, locked as long as it is open; it is removed on failure."""
    while True:
        name = target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}.tmp")
        with open(name, "xb") as file:
            try:
                if fcntl is not None:
                    with contextlib.suppress(OSError):  # a file system without locks: nothing is cleared there
                        fcntl.flock(file, fcntl.LOCK_EX)
                if name.exists():  # else another save removed it before it was locked
                    yield file
                    return
            except BaseException:
                with contextlib.suppress(OSError):
                    name.unlink()
                raise


def _prefix(target: Path) -> str:
    """Return what the temporary files of a target begin with; a name may be as long as names can be already."""
    return f".{os.fsencode(target.name)[:100].decode(errors='ignore')}."


def _clear(target: Path) -> None:
    """Remove the temporary files of a target that nobody is writing: the system unlocks those of a killed program."""
    if fcntl is None:
        return
    pattern = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{16}\.tmp")
    with contextlib.suppress(OSError):
        for name in filter(pattern.fullmatch, os.listdir(target.parent)):
            with contextlib.suppress(OSError):
                _remove_unlocked(target.with_name(name))


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)
