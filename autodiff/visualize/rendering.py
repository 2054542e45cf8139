"""Turn a picture in Graphviz's language into SVG, PNG or PDF."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import graphviz

from . import fonts

# What the drawing process runs. It is a process of its own because fontconfig reads its environment once, and because
# neither a warning nor a crash in Graphviz's C code may reach the user's.
_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
import pygraphviz
picture = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
sys.stdout.buffer.write(picture.draw(format=sys.argv[2], prog=sys.argv[3]))
"""


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no type hints
    """A `graphviz.Digraph` that is drawn by pygraphviz where the system has no Graphviz."""

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """Return the drawn picture as bytes, or as a str where an encoding is given; see `graphviz.Digraph.pipe`."""
        options: dict[str, Any] = {
            "renderer": renderer,
            "formatter": formatter,
            "neato_no_op": neato_no_op,
            "engine": engine,
        }
        try:
            return super().pipe(format=format, quiet=quiet, encoding=encoding, **options)
        except graphviz.ExecutableNotFound:
            drawn = self._drawn(format or self.format, quiet, **options)
            return drawn if encoding is None else drawn.decode(encoding)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        raise_if_result_exists: bool = False,
        overwrite_source: bool = False,
    ) -> str:
        """Save the source, draw it into a file, and return that file's path; see `graphviz.Digraph.render`."""
        options: dict[str, Any] = {
            "renderer": renderer,
            "formatter": formatter,
            "neato_no_op": neato_no_op,
            "engine": engine,
        }
        target = outfile if outfile is None or directory is not None else Path(self.directory, outfile)
        try:
            return str(
                super().render(
                    filename=filename,
                    directory=directory,
                    view=view,
                    cleanup=cleanup,
                    format=format,
                    quiet=quiet,
                    quiet_view=quiet_view,
                    outfile=outfile,
                    raise_if_result_exists=raise_if_result_exists,
                    overwrite_source=overwrite_source,
                    **options,
                )
            )
        except graphviz.ExecutableNotFound:  # by now the arguments are checked and the source is saved
            if target is None:
                kinds = (formatter, renderer, format or self.format)
                target = ".".join([self.filepath, *(kind for kind in kinds if kind)])
            else:
                format = format or Path(target).suffix[1:].lower()
            Path(target).write_bytes(self._drawn(format, quiet, **options))
        if cleanup:
            os.remove(self.filepath)
        if view or quiet_view:
            graphviz.view(target, quiet=quiet_view)
        return os.fspath(target)

    def _drawn(
        self,
        format: str | None,
        quiet: bool,
        *,
        engine: str | None,
        renderer: str | None,
        formatter: str | None,
        neato_no_op: bool | int | None,
    ) -> bytes:
        kind = ":".join(part for part in (format or self.format, renderer, formatter) if part)
        layout = ("nop2" if neato_no_op == 2 else "nop") if neato_no_op else engine or self.engine
        return drawn(self.source, kind, layout, quiet)


def drawn(source: str, format: str, engine: str = "dot", quiet: bool = False) -> bytes:
    """Draw a graph in Graphviz's language with the Graphviz that pygraphviz carries.

    Parameters
    ----------
    source : str
    format : str
        "svg", "png", "pdf" or another of Graphviz's output formats.
    engine : str, optional
        Which of its layouts.
    quiet : bool, optional
        Keep Graphviz's warnings to itself.

    Returns
    -------
    bytes

    Raises
    ------
    RuntimeError
        If pygraphviz is not installed either, or Graphviz refuses the source.
    """
    found = importlib.util.find_spec("pygraphviz")
    if found is None or found.origin is None:
        raise RuntimeError(
            "draw: a picture needs Graphviz, but neither its program dot nor pygraphviz was found. Install either: "
            "`pip install pygraphviz` (from 2.0 on it brings Graphviz along), or the system's package graphviz. "
            "Without them, .source and .save() give the picture in Graphviz's language."
        )
    packages = str(Path(found.origin).parents[1])
    with fonts.environment() as environment:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM, packages, format, engine],
            input=source.encode("utf-8"),
            capture_output=True,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if not line.startswith("Fontconfig")]
    if done.returncode:
        raise RuntimeError(
            f"draw: Graphviz could not draw the picture as {format}: {said[-1] if said else 'it crashed'}"
        )
    if said and not quiet:
        print(*said, sep="\n", file=sys.stderr)
    return done.stdout
