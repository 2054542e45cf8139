"""How a process ends: an error ends all processes and says in which it arose, and so does a death without a word."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from types import TracebackType
from typing import Any

# Run by a shell of its own, which outlives a process that is killed: it reads how the process ended, and speaks if that
# did not say. The launcher then kills the others, so only the first on a machine speaks: who makes the file. `set -C`
# lets only one make it, without the millisecond that another program would take.
_WATCH = """
read -r word; [ "$word" = left ] && exit
set -C
if { : >"$1"; } 2>/dev/null; then
  [ "$word" = failed ] || echo "$2" >&2
  (sleep 5; rm -f "$1") >/dev/null 2>&1 &
fi
"""


class Ending:
    """What says how this process ended.

    Parameters
    ----------
    comm : MPI communicator
    key : str
        The same in all processes, and in no other run.
    """

    def __init__(self, comm: Any, key: str) -> None:
        self._comm = comm
        self._who = f"rank {comm.Get_rank()} of {comm.Get_size()}"
        self._before, sys.excepthook = sys.excepthook, self._fail
        self._watcher: subprocess.Popen[bytes] | None = None
        if (shell := shutil.which("sh")) and comm.Get_size() > 1:
            said = (
                f"{self._who} (process {os.getpid()}) ended without a word, as if it had been killed: all are stopped"
            )
            mark = os.path.join(tempfile.gettempdir(), f"autodiff-{key}")
            self._watcher = subprocess.Popen(
                [shell, "-c", _WATCH, "watch", mark, said],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _fail(self, kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        """Say which process failed, and end all: the others would wait for it for ever."""
        said = "".join(traceback.format_exception(kind, error, where))
        print(f"{said}{self._who} failed ({kind.__name__}): all are stopped", file=sys.stderr, flush=True)
        sys.stdout.flush()
        self._tell("failed")
        self._comm.Abort(1)

    def leave(self) -> None:
        """Note that the process ends as it should."""
        sys.excepthook = self._before
        self._tell("left")

    def _tell(self, word: str) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                watcher.communicate(f"{word}\n".encode(), timeout=2)
