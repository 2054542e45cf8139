"""draw(): choose the view of a graph, and make the picture of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine.graph import Node
from .architecture import architecture, is_readable, overview, overview_of
from .compiled import compiled, is_compiled
from .computation import computation
from .contents import check_digits
from .derivation import derivation, derivation_of
from .dot import DIRECTIONS, write
from .gradients import why_no_graph
from .picture import Picture
from .theme import THEMES
from .view import View


def draw(
    *outputs: Any,
    params: Any = None,
    derivatives: Any = False,
    depth: int | None = None,
    heat: bool = False,
    fold: bool = True,
    direction: str | None = None,
    theme: str = "light",
    digits: int = 4,
    format: str = "svg",
) -> Picture:
    """Draw the graph that was recorded while computing the outputs, or the program of a compiled function.

    Parameters, inputs, intermediate results, operations and the outputs differ in shape and colour. A tensor shows its
    name, shape, value and gradient: a small one in full, a larger one as mean ± standard deviation and range. An
    intermediate result without a name is shown beneath the operation that made it, a number in an expression above the
    operation that reads it. Calls of modules are frames around what they computed. Thick arrows lead from the data to
    the output.

    Drawing changes nothing: no hook is called, no ``.grad`` touched, and the graph can be differentiated afterwards.
    A graph too large to read is folded to its modules, as with `depth` but with numbers, and a line says so: one of
    more than 40 operations, or, where it has no modules, of more than 250, of which then the last 20 are shown.

    Parameters
    ----------
    *outputs : Tensor
        What was computed, or one compiled function that has been called. For a single one with one element, every
        tensor shows its gradient; otherwise, what is stored in ``.grad``.
    params : Module, dict of str to Tensor, iterable of (str, Tensor) or of Tensor, optional
        What the parameters are, and their names. By default every leaf that requires a gradient is a parameter.
        A module also gives the frames their names.
    derivatives : bool or Tensor, optional
        Draw the chain rule instead: the tensors alone, each with what it was computed as, and on every arrow from one
        to the next the local derivative as a formula and, where they are few, in numbers. Of a product of matrices, and
        of an input that was broadcast, it says what becomes of the gradient: ∂L/∂W = Xᵀ @ ∂L/∂Z, ∂L/∂b = Σ ∂L/∂Z. Steps
        without a name that a short formula can tell of are folded into it; others are called v₁, v₂, ... Where no
        gradient flows back, the arrow is dashed. An arrow that is one path of several between two tensors is marked
        "|direct": its derivative is that with the tensors on the other paths held fixed. "to ∂L/∂w: ..." is one of
        several contributions to ∂L/∂w. Given a tensor instead of True, the picture lights its paths to the output, and
        beneath it stands the product, as `explain` writes it.
    depth : int, optional
        Draw the architecture instead: modules as boxes with their type, the shape of what they return and the number of
        their parameters, folded below this depth. 0 is the outermost module, 1 is what it consists of. Together with
        `heat`, each is shaded by the gradients of its parameters.
    heat : bool, optional
        Shade each tensor by the size of its gradient relative to its own, so that vanishing and exploding gradients are
        seen; the numbers are written beside, and a legend below.
    fold : bool, optional
        Fold what is too large to read. False draws all of it, however long that takes.
    direction : {"LR", "TB", "RL", "BT"}, optional
        From where to where the computation runs: left, right, top, bottom. By default from left to right, and from top
        to bottom what would then be too wide to read.
    theme : {"light", "dark"}, optional
        For paper and slides of either kind.
    digits : int, optional
        Significant digits of the numbers.
    format : str, optional
        What ``render()`` and ``pipe()`` produce unless told otherwise: "svg", "png", "pdf" or another of Graphviz's
        formats.

    Returns
    -------
    graphviz.Digraph
        Displays itself in a notebook. ``save("name.svg")`` writes a file of the kind that its suffix says: svg, png,
        pdf, dot, or html for a page that plays the same picture forward and backward, step by step; save that before
        the graph is freed. ``render("name")`` works as in graphviz, ``pipe()`` returns the
        bytes, ``source`` is the text in the DOT language. Needs no Graphviz on the system if pygraphviz is installed.

    Raises
    ------
    TypeError
        If an output is not a Tensor, a parameter is not, or `digits` is no integer.
    ValueError
        If there is no output, or an option is none of the possible ones.
    RuntimeError
        If an output has no graph, its graph has been freed by ``backward()``, or an array that a derivative needs was
        changed in place.

    Examples
    --------
    >>> from autodiff.visualize import draw
    >>> x = ad.tensor(2.0, name="x")
    >>> w = ad.tensor(0.5, requires_grad=True, name="w")
    >>> picture = draw((x * w).sigmoid().named("o"))
    >>> "∂o/∂w" in picture.source
    True
    """
    if outputs and is_compiled(outputs[0]):
        outputs, view = outputs[1:], functools.partial(compiled, outputs[0])
        if outputs:
            raise TypeError("draw: a compiled function is drawn alone")
        return picture_of(view, None, direction, theme, format)
    _check(outputs, direction, digits)
    if theme not in THEMES:
        raise ValueError(f"draw: theme must be one of {', '.join(THEMES)}, got {theme!r}")
    if depth is not None and derivatives is not False:
        raise ValueError("draw: depth shows modules, so it does not go with derivatives, which lie inside of them")
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
        raise ValueError(f"draw: depth must be an integer of at least 0, got {depth!r}")
    distinct = list(dict.fromkeys(outputs))
    if not isinstance(derivatives, (Node, bool)):
        raise TypeError(f"draw: derivatives must be True, False or a Tensor, got {type(derivatives).__name__}")
    if depth is not None:
        view = functools.partial(architecture, distinct, params, depth, digits, heat)
    elif fold and not is_readable(distinct):
        if isinstance(derivatives, Node):
            view = functools.partial(overview_of, distinct, derivatives, params, digits, heat)
        else:
            view = functools.partial(overview, distinct, params, digits, heat, derivatives)
    elif isinstance(derivatives, Node):
        view = functools.partial(derivation_of, distinct, derivatives, params, digits, heat)
    else:
        view = functools.partial(derivation if derivatives else computation, distinct, params, digits, heat)
    return picture_of(view, params, direction, theme, format)


def picture_of(
    view: Callable[[], View],
    params: Any = None,
    direction: str | None = None,
    theme: str = "light",
    format: str = "svg",
) -> Picture:
    """Return the picture of any view of a graph: a new kind of view needs no more than a function that makes it.

    Parameters
    ----------
    view : callable
        Returns the view; it is called once more for a page that plays the picture.
    params, direction, theme, format
        As for `draw`.

    Returns
    -------
    graphviz.Digraph
        As of `draw`.
    """
    picture = Picture(filename="graph.gv", format=format)
    write(view().diagram, direction, picture, THEMES[theme])
    picture.player = functools.partial(_page, view, params, direction, theme)
    return picture


def _page(view: Callable[[], View], params: Any, direction: str | None, theme: str) -> str:
    """Return the page that plays a picture."""
    from .page import page  # a plain picture does not need it

    return page(view(), params, direction, THEMES[theme])


def _check(outputs: tuple[Any, ...], direction: str | None, digits: Any) -> None:
    """Raise if there is nothing to draw or no way to draw it."""
    if not outputs:
        raise ValueError("draw: expected at least one tensor")
    for i, output in enumerate(outputs):
        if not isinstance(output, Node):
            raise TypeError(f"draw: expected tensors, got {type(output).__name__} as argument {i}{_cure(output, i)}")
        if output._op is None:
            raise RuntimeError(f"draw: output {i}, a tensor of shape {output._data.shape}, {why_no_graph(output)}")
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"draw: direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    check_digits(digits, "draw")


def _cure(output: Any, i: int) -> str:
    """Return what to write instead, for what beginners pass in place of a tensor."""
    if hasattr(output, "named_parameters"):
        return (
            "; pass a module as params: draw(loss, params=model)"
            if i
            else "; draw its output: draw(model(x), params=model)"
        )
    if isinstance(output, (list, tuple)):
        return "; pass each tensor by itself: draw(*outputs)"
    if isinstance(output, (int, float, np.number, np.ndarray)):
        return "; numbers and arrays have no graph: pass the tensor itself, without item() or numpy()"
    return ""
