"""Turn a picture in Graphviz's language into SVG, PNG or PDF."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

try:
    import graphviz
except ImportError as error:
    raise ImportError(
        f"draw and explain need the package graphviz ({error}): `pip install 'autodiff-numpy[pictures]'`"
    ) from error

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


_DOTS_PER_INCH = 144  # of a .png that is saved: half as many again as Graphviz's own, for slides and fine screens
_LETTERS_LATER = ("svg", "svgz", "dot", "gv", "xdot", "json", "plain")  # drawn by whoever shows the file


class Picture(graphviz.Digraph):  # type: ignore[misc]  # graphviz has no type hints
    """A `graphviz.Digraph` that is drawn by pygraphviz where the system has no Graphviz.

    Attributes
    ----------
    player : callable or None
        Returns the page that plays the computation, where there is one.
    """

    player: Callable[[], str] | None = None

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

    def play(self, height: int = 560) -> Played:
        """Return the page that plays the computation, for a cell of a notebook, which shows it.

        Parameters
        ----------
        height : int, optional
            Of the cell's output, in pixels.

        Returns
        -------
        Played
            ``str()`` gives the page's text.

        Raises
        ------
        ValueError
            If this is a copy of what `draw` returned.
        RuntimeError
            If the graph has meanwhile been freed or changed.
        """
        return Played(self._page("play"), height)

    def _page(self, operation: str) -> str:
        if self.player is None:
            raise ValueError(f"{operation}: only what draw() returned can be played, not a copy of it")
        return self.player()

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        skip_existing: bool | None = False,
    ) -> str:
        """Write the picture into a file of the kind that its suffix names, and return the file's path.

        Parameters
        ----------
        filename : str or path, optional
            Ends in .svg, .png, .pdf, .html, or .dot or .gv for the text in Graphviz's language; by default "graph.gv".
        directory : str or path, optional
            Where, if not in the working directory.
        skip_existing : bool, optional
            Leave a .dot or .gv file that is there already as it is.

        Raises
        ------
        ValueError
            If the suffix is none of these.
        OSError
            If the file cannot be written.
        RuntimeError
            If there is no Graphviz, or, for .html, the graph has meanwhile been freed or changed.
        """
        suffix = Path(filename).suffix.lower() if filename is not None else ".gv"
        if skip_existing is None or suffix in (".dot", ".gv"):  # None: render() wants its source saved
            write_source = super().save
            return self._written(lambda: str(write_source(filename, directory=directory, skip_existing=skip_existing)))
        if suffix not in (".svg", ".png", ".pdf", ".html"):
            came = f"{suffix!r} in" if suffix else "no suffix in"
            raise ValueError(
                f"save: the suffix must be one of .svg, .png, .pdf, .html, .dot, .gv, got {came} "
                f"{os.fspath(filename or '')!r}"
            )
        target = Path(directory or self.directory or "", filename or "")
        if suffix == ".html":
            drawn = self._page("save").encode()
        elif suffix == ".png":
            fine = self.copy()
            fine.attr("graph", dpi=str(_DOTS_PER_INCH))
            drawn = fine.pipe(format="png")
        else:
            drawn = self.pipe(format=suffix[1:])

        def write() -> str:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(drawn)
            return os.fspath(target)

        return self._written(write)

    @staticmethod
    def _written(write: Callable[[], str]) -> str:
        try:
            return write()
        except OSError as error:
            raise type(error)(
                error.errno, f"save: the picture cannot be written: {error.strerror}", error.filename
            ) from None

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

    def unflatten(self, stagger: int | None = None, fanout: bool = False, chain: int | None = None) -> Any:
        """Return a `graphviz.Source` with a wide picture made narrower; see `graphviz.Digraph.unflatten`.

        Raises
        ------
        RuntimeError
            If the system has no Graphviz: it is the work of a program that pygraphviz does not bring along.
        """
        try:
            return super().unflatten(stagger=stagger, fanout=fanout, chain=chain)
        except graphviz.ExecutableNotFound:
            raise RuntimeError(
                "unflatten: needs Graphviz's own program of that name, which was not found. Install the system's "
                "package graphviz. Without it, draw(direction='TB') turns a wide picture upright, and depth=1 folds it."
            ) from None

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
        return render(self.source, kind, layout, quiet)


class Played:
    """A page in a notebook's cell, apart from the notebook's own styles and names."""

    def __init__(self, page: str, height: int) -> None:
        self.page, self.height = page, height

    def __str__(self) -> str:
        return self.page

    def _repr_html_(self) -> str:
        look = f"width: 100%; height: {self.height}px; border: 1px solid #8792A0; border-radius: 6px"
        return f'<iframe srcdoc="{escape(self.page)}" style="{look}" title="a computation, played"></iframe>'


def render(source: str, format: str, engine: str = "dot", quiet: bool = False) -> bytes:
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
    if format.partition(":")[0] not in _LETTERS_LATER and not fonts.has_fonts() and fonts.fonts_of_matplotlib() is None:
        warnings.warn(
            "draw: no font was found, so letters are drawn as empty boxes. `pip install matplotlib` brings one along; "
            "a picture saved as .svg or .html shows its letters in any browser.",
            stacklevel=2,
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
