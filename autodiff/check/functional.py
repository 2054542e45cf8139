"""Derivatives of functions: products with vectors, whole Jacobians and Hessians, all built on `grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.backward import grad
from ..engine.graph import Node
from ..engine.modes import is_grad_enabled, set_grad_enabled
from ..engine.primitive import wrap
from ..functions.shape import stack
from ..tensor import Tensor, from_array

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = Tensor | tuple[Tensor, ...]
Function = Callable[..., Any]


# -- products with a vector --------------------------------------------------------------------------------------------


def vjp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply a vector by a function's Jacobian: one pass backward.

    Parameters
    ----------
    func : callable
        From tensors to a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensor
        Where the function is differentiated.
    v : Tensor or tuple of Tensor, optional
        The vector, of the shapes of the outputs. May be left out for an output of one element; it is 1 then.
    create_graph : bool, optional
        Whether outputs and product can be differentiated further.
    strict : bool, optional
        Raise where outputs do not depend on an input, instead of returning zeros for it.

    Returns
    -------
    outputs : Tensor or tuple of Tensor
        What the function returned.
    product : Tensor or tuple of Tensor
        v J, of the shapes of the inputs.

    Raises
    ------
    TypeError
        If inputs, outputs or `v` are not tensors.
    RuntimeError
        If `v` does not have the outputs' shapes, or something is independent under `strict`.

    Examples
    --------
    >>> ad.functional.vjp(lambda x: x**2, ad.tensor([1.0, 2.0]), ad.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    xs, single = _leaves(inputs, "vjp", create_graph)
    with set_grad_enabled(True):
        ys, single_output = _outputs(func, xs, "vjp", strict)
        vs = _vector(v, ys, "vjp", "output")
    products = _pulled(ys, xs, vs, create_graph, strict, "vjp: the output is independent of input {}")
    return _returned(ys, single_output, create_graph), _returned(products, single, create_graph)


def jvp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply a function's Jacobian by a vector: the directional derivative along it, by two passes backward.

    Parameters
    ----------
    func : callable
        From tensors to a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensor
        Where the function is differentiated.
    v : Tensor or tuple of Tensor, optional
        The direction, of the shapes of the inputs. May be left out for an input of one element; it is 1 then.
    create_graph : bool, optional
        Whether outputs and product can be differentiated further.
    strict : bool, optional
        Raise where outputs do not depend on an input, instead of returning zeros for it.

    Returns
    -------
    outputs : Tensor or tuple of Tensor
        What the function returned.
    product : Tensor or tuple of Tensor
        J v, of the shapes of the outputs.

    Raises
    ------
    TypeError
        If inputs, outputs or `v` are not tensors.
    RuntimeError
        If `v` does not have the inputs' shapes, or something is independent under `strict`.

    Examples
    --------
    >>> ad.functional.jvp(lambda x: x**2, ad.tensor([1.0, 2.0]), ad.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    xs, _ = _leaves(inputs, "jvp", create_graph)
    vs = _vector(v, xs, "jvp", "input")
    with set_grad_enabled(True):
        ys, single_output = _outputs(func, xs, "jvp", strict)
    texts = "jvp: the output is independent of input {}", "jvp: the inputs do not reach output {}"
    products = _pushed(ys, xs, vs, create_graph, strict, *texts)
    return _returned(ys, single_output, create_graph), _returned(products, single_output, create_graph)


def vhp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply a vector by the Hessian of a function of one element: two passes backward, no matrix.

    Parameters
    ----------
    func : callable
        From tensors to a tensor of one element.
    inputs : Tensor or tuple of Tensor
        Where the function is differentiated.
    v : Tensor or tuple of Tensor, optional
        The vector, of the shapes of the inputs. May be left out for an input of one element; it is 1 then.
    create_graph : bool, optional
        Whether output and product can be differentiated further.
    strict : bool, optional
        Raise where the output or its gradient does not depend on an input, instead of returning zeros for it.

    Returns
    -------
    output : Tensor
        What the function returned.
    product : Tensor or tuple of Tensor
        v H, of the shapes of the inputs.

    Raises
    ------
    TypeError
        If inputs, output or `v` are not tensors.
    RuntimeError
        If the output is not one tensor of one element, `v` does not have the inputs' shapes, or something is
        independent under `strict`.

    Examples
    --------
    >>> ad.functional.vhp(lambda x: (x**3).sum(), ad.tensor([1.0, 2.0]), ad.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    xs, single = _leaves(inputs, "vhp", create_graph)
    vs = _vector(v, xs, "vhp", "input")
    y, slopes = _slopes(func, xs, "vhp", strict)
    products = _pulled(slopes, xs, vs, create_graph, strict, "vhp: the gradient is independent of input {}")
    return _returned((y,), True, create_graph), _returned(products, single, create_graph)


def hvp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Multiply the Hessian of a function of one element by a vector.

    The same numbers as `vhp` wherever the second derivatives are continuous, for a Hessian is symmetric there, but one
    pass backward more; prefer `vhp`.

    Parameters
    ----------
    func : callable
        From tensors to a tensor of one element.
    inputs : Tensor or tuple of Tensor
        Where the function is differentiated.
    v : Tensor or tuple of Tensor, optional
        The vector, of the shapes of the inputs. May be left out for an input of one element; it is 1 then.
    create_graph : bool, optional
        Whether output and product can be differentiated further.
    strict : bool, optional
        Raise where the output or its gradient does not depend on an input, instead of returning zeros for it.

    Returns
    -------
    output : Tensor
        What the function returned.
    product : Tensor or tuple of Tensor
        H v, of the shapes of the inputs.

    Raises
    ------
    TypeError
        If inputs, output or `v` are not tensors.
    RuntimeError
        If the output is not one tensor of one element, `v` does not have the inputs' shapes, or something is
        independent under `strict`.

    Examples
    --------
    >>> ad.functional.hvp(lambda x: (x**3).sum(), ad.tensor([1.0, 2.0]), ad.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    xs, single = _leaves(inputs, "hvp", create_graph)
    vs = _vector(v, xs, "hvp", "input")
    y, slopes = _slopes(func, xs, "hvp", strict)
    texts = "hvp: the gradient is independent of input {}", "hvp: the Hessian does not reach input {}"
    products = _pushed(slopes, xs, vs, create_graph, strict, *texts)
    return _returned((y,), True, create_graph), _returned(products, single, create_graph)


# -- whole matrices ----------------------------------------------------------------------------------------------------


def jacobian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Differentiate every element of a function's outputs with respect to every element of its inputs.

    Parameters
    ----------
    func : callable
        From tensors to a tensor or a tuple of tensors.
    inputs : Tensor or tuple of Tensor
        Where the function is differentiated.
    create_graph : bool, optional
        Whether the Jacobian can be differentiated further.
    strict : bool, optional
        Raise where an output does not depend on an input, instead of returning zeros for it.
    vectorize : bool, optional
        Accepted for PyTorch's sake; the result is the same, one pass backward for each element of the outputs.
    strategy : {"reverse-mode", "forward-mode"}, optional
        Reverse mode computes both, for there is no other here; PyTorch's forward mode goes with `vectorize`.

    Returns
    -------
    Tensor or nested tuple of Tensor
        For one output and one input their Jacobian, of the output's shape followed by the input's. A tuple of
        outputs gives a tuple over them, a tuple of inputs a tuple over those, within it.

    Raises
    ------
    TypeError
        If inputs or outputs are not tensors.
    RuntimeError
        If something is independent under `strict`.
    NotImplementedError
        If forward mode is asked for without `vectorize`.

    Examples
    --------
    >>> ad.functional.jacobian(lambda x: x**2, ad.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy(strategy, vectorize, strict, "jacobian")
    return _jacobian(func, inputs, create_graph, strict, "jacobian")


def _jacobian(func: Function, inputs: Tensors, create_graph: bool, strict: bool, where: str) -> Any:
    xs, single = _leaves(inputs, where, create_graph)
    with set_grad_enabled(True):
        ys, single_output = _outputs(func, xs, where, strict)
        table = [_rows(y, xs, create_graph, strict, f"{where}: output {i}") for i, y in enumerate(ys)]
    rows = [_returned(row, single, create_graph) for row in table]
    return rows[0] if single_output else tuple(rows)


def _rows(y: Tensor, xs: tuple[Tensor, ...], create_graph: bool, strict: bool, what: str) -> tuple[Tensor, ...]:
    """Return the Jacobians of one output with respect to each input."""
    text = what + " is independent of input {}"
    columns: list[list[Tensor]] = [[] for _ in xs]
    for k in range(y.numel()):
        one = np.zeros(y.shape, y.dtype)
        one.flat[k] = 1
        found = _gradients((y,), xs, (wrap(one),), create_graph, retain_graph=True)
        for column, g in zip(columns, _filled(found, xs, text, strict, strict and create_graph), strict=True):
            column.append(g)
    return tuple(
        (stack(column) if column else _zeros(x, (0, *x.shape))).reshape(y.shape + x.shape)
        for column, x in zip(columns, xs, strict=True)
    )


def hessian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Differentiate a function of one element twice with respect to every pair of elements of its inputs.

    Parameters
    ----------
    func : callable
        From tensors to a tensor of one element.
    inputs : Tensor or tuple of Tensor
        Where the function is differentiated.
    create_graph : bool, optional
        Whether the Hessian can be differentiated further.
    strict : bool, optional
        Raise where the output or its gradient does not depend on an input, instead of returning zeros for it.
    vectorize : bool, optional
        Accepted for PyTorch's sake; the result is the same.
    outer_jacobian_strategy : {"reverse-mode", "forward-mode"}, optional
        As `strategy` of `jacobian`.

    Returns
    -------
    Tensor or tuple of tuple of Tensor
        For one input its Hessian, of the input's shape twice. For a tuple of inputs, at [i][j] the derivative of the
        gradient of input i with respect to input j, of the shape of input i followed by that of input j.

    Raises
    ------
    TypeError
        If inputs or output are not tensors.
    RuntimeError
        If the output is not one tensor of one element, or something is independent under `strict`.
    NotImplementedError
        If forward mode is asked for without `vectorize`.

    Examples
    --------
    >>> ad.functional.hessian(lambda x: (x**3).sum(), ad.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    _check_strategy(outer_jacobian_strategy, vectorize, strict, "hessian")
    single = isinstance(inputs, Node)

    def slopes(*xs: Tensor) -> Any:
        found = _slopes(func, xs, "hessian", strict)[1]
        return found[0] if single else found

    return _jacobian(slopes, inputs, create_graph, strict, "hessian")


def _check_strategy(strategy: str, vectorize: bool, strict: bool, where: str) -> None:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"{where}: the strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(f"{where}: strategy='forward-mode' needs vectorize=True, as in PyTorch")
    if vectorize and strict:
        raise RuntimeError(f"{where}: strict=True and vectorize=True cannot be combined")


# -- the parts they share ----------------------------------------------------------------------------------------------


def _listed(tensors: Any, where: str, what: str) -> tuple[tuple[Tensor, ...], bool]:
    """Return a tensor or a tuple of them as a tuple, and whether it was a single one."""
    single = not isinstance(tensors, tuple)
    listed = (tensors,) if single else tensors
    for i, t in enumerate(listed):
        if not isinstance(t, Tensor):
            at = "" if single else f", whose item {i}"
            raise TypeError(
                f"{where}: {what} must be either a Tensor or a tuple of Tensors, got "
                f"{type(t if single else listed).__name__}{at}{'' if single else f' is {type(t).__name__}'}"
            )
    if not listed:
        raise ValueError(f"{where}: {what} must not be an empty tuple")
    return listed, single


def _leaves(inputs: Any, where: str, create_graph: bool) -> tuple[tuple[Tensor, ...], bool]:
    """Return stand-ins for the inputs, so that what the function captured is told from what it was given."""
    listed, single = _listed(inputs, where, "inputs")
    for i, x in enumerate(listed):
        if x.dtype.kind != "f":
            raise RuntimeError(f"{where}: input {i} holds {x.dtype}; only tensors of floats can be differentiated")
    with set_grad_enabled(True):
        attached = [create_graph and x.requires_grad for x in listed]
        return tuple(
            x.clone() if a else x.detach().requires_grad_() for x, a in zip(listed, attached, strict=True)
        ), single


def _outputs(func: Function, xs: tuple[Tensor, ...], where: str, strict: bool) -> tuple[tuple[Tensor, ...], bool]:
    """Call the function and return its outputs, checked, and whether there was a single one."""
    ys, single = _listed(func(*xs), where, "the output of the function")
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(f"{where}: output {i} is independent of every input, which strict=True does not allow")
    return ys, single


def _slopes(func: Function, xs: tuple[Tensor, ...], where: str, strict: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the one output of a function and its gradient, which can be differentiated."""
    with set_grad_enabled(True):
        ys, single = _outputs(func, xs, where, strict)
        if not single or ys[0].numel() != 1:
            got = f"shape {ys[0].shape}" if single else f"a tuple of {len(ys)}"
            raise RuntimeError(f"{where}: the output should contain a single element, as a single Tensor, got {got}")
        found = _gradients(ys, xs, (_ones(ys[0]),), create_graph=True)
        filled = _filled(found, xs, where + ": the output is independent of input {}", strict)
        if strict:
            _filled(found, xs, where + ": the gradient is independent of input {}", strict, needs_graph=True)
    return ys[0], filled


def _vector(v: Tensors | None, like: tuple[Tensor, ...], where: str, what: str) -> tuple[Tensor, ...]:
    """Return the vector of a product, checked against what it is multiplied with."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{where}: The vector v can only be None where the {what} is one Tensor of one element")
        return (_ones(like[0]),)
    listed, _ = _listed(v, where, "v")
    if len(listed) != len(like):
        raise RuntimeError(f"{where}: expected a v of {len(like)} Tensors, one for each {what}, got {len(listed)}")
    for i, (u, t) in enumerate(zip(listed, like, strict=True)):
        if u.shape != t.shape:
            raise RuntimeError(
                f"{where}: v has invalid size: should be {t.shape}, as the {what}, but entry {i} has {u.shape}"
            )
    return listed


def _pulled(
    ys: Sequence[Any], xs: tuple[Tensor, ...], vs: tuple[Tensor, ...], create_graph: bool, strict: bool, text: str
) -> tuple[Tensor, ...]:
    """Return v J, the product of a vector with the Jacobian of `ys`: one pass backward."""
    with set_grad_enabled(create_graph or is_grad_enabled()):
        found = _gradients(ys, xs, vs, create_graph)
    return _filled(found, xs, text, strict, strict and create_graph)


def _pushed(
    ys: tuple[Tensor, ...],
    xs: tuple[Tensor, ...],
    vs: tuple[Tensor, ...],
    create_graph: bool,
    strict: bool,
    independent: str,
    unreached: str,
) -> tuple[Tensor, ...]:
    """Return J v: u J is linear in u, so that its derivative with respect to u along v is J v, at any u."""
    with set_grad_enabled(True):
        us = tuple(_zeros(y, requires_grad=True) for y in ys)
        pulled = _gradients(ys, xs, us, create_graph=True)
        _filled(pulled, xs, independent, strict)
    return _pulled(pulled, us, vs, create_graph, strict, unreached)


def _gradients(
    ys: Sequence[Any],
    xs: tuple[Tensor, ...],
    vs: tuple[Tensor, ...],
    create_graph: bool,
    retain_graph: bool | None = None,
) -> tuple[Any, ...]:
    """Return the gradients of those outputs that have a graph; None for inputs that they do not depend on."""
    pairs = [(y, v) for y, v in zip(ys, vs, strict=True) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(xs)
    outputs, weights = zip(*pairs, strict=True)
    return grad(outputs, xs, weights, retain_graph, create_graph, allow_unused=True)


def _filled(
    found: Sequence[Any], like: tuple[Tensor, ...], text: str, strict: bool, needs_graph: bool = False
) -> tuple[Tensor, ...]:
    """Return zeros in place of None; under `strict` raise, also for what has no graph where one is needed."""
    for i, g in enumerate(found):
        if strict and (g is None or (needs_graph and not g.requires_grad)):
            raise RuntimeError(f"{text.format(i)}, which strict=True does not allow")
    return tuple(_zeros(x) if g is None else g for g, x in zip(found, like, strict=True))


def _returned(tensors: tuple[Tensor, ...], single: bool, create_graph: bool) -> Any:
    out = tensors if create_graph else tuple(t.detach() for t in tensors)
    return out[0] if single else out


def _zeros(like: Tensor, shape: tuple[int, ...] | None = None, requires_grad: bool = False) -> Tensor:
    return from_array(np.zeros(like.shape if shape is None else shape, like.dtype), requires_grad=requires_grad)


def _ones(like: Tensor) -> Tensor:
    return from_array(np.ones(like.shape, like.dtype))
