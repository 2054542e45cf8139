"""Transformations of functions, under PyTorch's names: gradients, Jacobians, and maps over a batch."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .check import functional
from .engine import backward
from .engine.modes import enable_grad, is_grad_enabled
from .functions.arguments import integer
from .functions.shape import stack
from .random import get_rng_state, set_rng_state
from .tensor import Tensor
from .tracing import tracing
from .trees import leaves, rebuild

if TYPE_CHECKING:
    from nn.utils.stateless import functional_call as functional_call
    from nn.utils.stateless import stack_module_state as stack_module_state

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
    "stack_module_state", "vjp", "vmap",
]  # fmt: skip

Function = Callable[..., Any]


def __getattr__(name: str) -> Any:
    """Import what needs `nn` when it is asked for."""
    if name in ("functional_call", "stack_module_state"):
        return getattr(importlib.import_module("autodiff.nn.utils.stateless"), name)
    raise AttributeError(f"module 'autodiff.func' has no attribute {name!r}")


# -- gradients ---------------------------------------------------------------------------------------------------------


def grad(func: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of a scalar function.

    Parameters
    ----------
    func : callable
        Returns a tensor of one element or, with `has_aux`, a pair of it and anything.
    argnums : int or sequence of int, optional
        With respect to which arguments, tensors or nested dicts, lists and tuples of them.
    has_aux : bool, optional

    Returns
    -------
    callable
        Takes the same arguments; returns the gradient, of the form of the argument, and what else `func` returned.

    Examples
    --------
    >>> ad.func.grad(lambda x: x**3)(ad.tensor(2.0))
    tensor(12.)
    >>> ad.func.grad(ad.func.grad(lambda x: x**3))(ad.tensor(2.0))
    tensor(12.)
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, (_, *aux) = _grad_and_value(func, argnums, has_aux, args, kwargs, "grad")
        return (found, *aux) if has_aux else found

    return gradient


def grad_and_value(func: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of a scalar function, and its value; see `grad`.

    Examples
    --------
    >>> ad.func.grad_and_value(lambda x: x**3)(ad.tensor(2.0))
    (tensor(12.), tensor(8.))
    """

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        found, value = _grad_and_value(func, argnums, has_aux, args, kwargs, "grad_and_value")
        return found, value if has_aux else value[0]

    return both


def _grad_and_value(func: Function, argnums: Any, has_aux: bool, args: Any, kwargs: Any, name: str) -> Any:
    """Return the gradient, and a tuple of what the function returned."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    wanted = [args[integer(i, name, "argnums")] for i in numbers]
    given = [leaf for tree in wanted for leaf in leaves(tree)]
    if not all(isinstance(leaf, Tensor) for leaf in given):
        raise TypeError(f"{name}: expected tensors, or nested dicts, lists and tuples of them, as argument {argnums}")
    outer = is_grad_enabled()
    with enable_grad():
        xs = [leaf.view_as(leaf) if leaf.requires_grad else leaf.detach().requires_grad_() for leaf in given]
        rest, changed = iter(xs), list(args)
        for i, tree in zip(numbers, wanted, strict=True):
            changed[i] = rebuild(tree, [next(rest) for _ in leaves(tree)])
        returned = func(*changed, **kwargs)
        value, *aux = returned if has_aux else (returned,)
        if not isinstance(value, Tensor) or value.numel() != 1 or value.ndim:
            came = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
            raise RuntimeError(f"{name}: the function must return a tensor of no dimension, got {came}")
        # A tensor that an outer transformation differentiates makes its gradient differentiable, too.
        nested = outer and (any(leaf.requires_grad for leaf in given) or _depends(value, xs))
        found = _gradients(value, xs, nested)
    results = iter(found if nested else [g.detach() for g in found])
    trees = [rebuild(tree, [next(results) for _ in leaves(tree)]) for tree in wanted]
    shown = (value, *aux) if nested else _detach((value, *aux))
    return (trees[0] if isinstance(argnums, int) else tuple(trees)), shown


def _detach(tree: Any) -> Any:
    """Return what a function gave back, its tensors without their graph."""
    return rebuild(tree, [x.detach() if isinstance(x, Tensor) else x for x in leaves(tree)])


def _depends(value: Tensor, xs: list[Tensor]) -> bool:
    """Tell whether a value depends on a recorded tensor besides these."""
    seen, waiting, own = set(), [value], {id(x) for x in xs}
    while waiting:
        node: Any = waiting.pop()
        if id(node) in seen or id(node) in own or not node._requires_grad:
            continue
        seen.add(id(node))
        if node._op is None:
            return True
        waiting.extend(node._inputs or ())
    return False


def _gradients(value: Tensor, xs: list[Tensor], create_graph: bool) -> list[Tensor]:
    if not value.requires_grad:
        return [x.new_zeros(x.shape) for x in xs]
    found = backward.grad(value, xs, create_graph=create_graph, allow_unused=True)
    return [x.new_zeros(x.shape) if g is None else g for g, x in zip(found, xs, strict=True)]


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the value of a function, and the function that multiplies a vector by its Jacobian.

    Examples
    --------
    >>> y, pull = ad.func.vjp(lambda x: x**2, ad.tensor([1.0, 3.0]))
    >>> pull(ad.tensor([1.0, 1.0]))
    (tensor([2., 6.]),)
    """
    given = leaves(primals)
    with enable_grad():
        xs = [p.view_as(p) if p.requires_grad else p.detach().requires_grad_() for p in given]
        returned = func(*rebuild(primals, xs))
    value, *aux = returned if has_aux else (returned,)
    nested = any(p.requires_grad for p in given)

    def pull(cotangents: Any) -> Any:
        pairs = [(y, c) for y, c in zip(leaves(value), leaves(cotangents), strict=True) if y.requires_grad]
        found: Any = [None] * len(xs)
        if pairs:
            ys, cs = zip(*pairs, strict=True)
            found = backward.grad(ys, xs, cs, create_graph=nested, retain_graph=True, allow_unused=True)
        return rebuild(primals, [x.new_zeros(x.shape) if g is None else g for g, x in zip(found, xs, strict=True)])

    shown, *aux = (value, *aux) if nested else _detach((value, *aux))
    return (shown, pull, *aux)


def jvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False) -> Any:
    """Return the value of a function, and its Jacobian times a vector: two passes backward.

    Examples
    --------
    >>> ad.func.jvp(lambda x: x**2, (ad.tensor([1.0, 3.0]),), (ad.tensor([1.0, 0.0]),))
    (tensor([1., 9.]), tensor([2., 0.]))
    """
    result: Any = None
    aux: list[Any] = []

    def plain(*xs: Any) -> tuple[Any, ...]:
        nonlocal result
        returned = func(*rebuild(primals, xs))
        result, *aux[:] = returned if has_aux else (returned,)
        return tuple(leaves(result))

    nested = any(p.requires_grad for p in leaves((primals, tangents)))
    found = functional.jvp(plain, tuple(leaves(primals)), tuple(leaves(tangents)), create_graph=nested)
    value, product = (rebuild(result, values if isinstance(values, tuple) else (values,)) for values in found)
    return (value, product, *(aux if nested else _detach(aux)))


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """Return the value of a function, and the function that multiplies its Jacobian by a vector.

    Examples
    --------
    >>> y, push = ad.func.linearize(lambda x: x**2, ad.tensor([1.0, 3.0]))
    >>> push(ad.tensor([0.0, 1.0]))
    tensor([0., 6.])
    """
    return func(*primals), lambda *tangents: jvp(func, primals, tangents)[1]


# -- Jacobians ---------------------------------------------------------------------------------------------------------


def jacrev(
    func: Function, argnums: int | Sequence[int] = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """Return the function that computes the Jacobian, a row at a time.

    Parameters
    ----------
    func : callable
        Returns a tensor, or nested tuples, lists and dicts of them; with `has_aux`, a pair of that and anything.
    argnums : int or sequence of int, optional
        With respect to which arguments.
    has_aux : bool, optional
    chunk_size : int, optional
        For PyTorch's sake: it is one row.

    Returns
    -------
    callable
        Its result has the shape of the output followed by that of the argument.

    Examples
    --------
    >>> ad.func.jacrev(lambda x: x**2)(ad.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

        def chosen(*wanted: Any) -> Any:
            changed = list(args)
            for i, tree in zip(numbers, wanted, strict=True):
                changed[i] = tree
            return func(*changed, **kwargs)

        wanted = tuple(args[i] for i in numbers)
        value, pull, *aux = vjp(chosen, *wanted, has_aux=has_aux)
        outputs, made = leaves(value), []
        for k, y in enumerate(outputs):
            rows = []
            for i in range(y.numel()):
                unit = y.new_zeros(y.numel())
                unit[i] = 1
                zeros = [other.new_zeros(other.shape) for other in outputs]
                zeros[k] = unit.reshape(y.shape)
                rows.append(leaves(pull(rebuild(value, zeros))))
            each = [stack(column).reshape(*y.shape, *column[0].shape) for column in zip(*rows, strict=True)]
            trees = rebuild(wanted, each)
            made.append(trees[0] if isinstance(argnums, int) else trees)
        result = rebuild(value, made)
        return (result, *aux) if has_aux else result

    return jacobian


def jacfwd(
    func: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """Return the function that computes the Jacobian; here as `jacrev` does.

    Examples
    --------
    >>> ad.func.jacfwd(lambda x: x**2)(ad.tensor([3.0]))
    tensor([[6.]])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return the function that computes the second derivatives of a scalar function.

    Examples
    --------
    >>> ad.func.hessian(lambda x: (x**3).sum())(ad.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


# -- a function over a batch -------------------------------------------------------------------------------------------


def vmap(
    func: Function, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Function:
    """Return the function that is applied to each sample of a batch, one after the other; its results are stacked.

    Parameters
    ----------
    func : callable
        Takes a single sample.
    in_dims : int, None, or a tuple with one for each argument, optional
        Which dimension counts the samples; None for what all of them share. Nested as the arguments are.
    out_dims : int or tuple of int, optional
        Where the results have that dimension.
    randomness : {"error", "different", "same"}, optional
        Whether random numbers that the function draws are refused, are each sample's own, or the same for all.
    chunk_size : int, optional
        Without effect.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the batches differ in size, or no argument has one.
    RuntimeError
        If the function draws random numbers where `randomness` is "error".

    Examples
    --------
    >>> ad.func.vmap(ad.dot)(ad.ones(3, 2), ad.ones(3, 2))
    tensor([2., 2., 2.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"vmap: randomness must be 'error', 'different' or 'same', got {randomness!r}")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        dims = _dims(in_dims, args)
        values, named = leaves(args), leaves(kwargs)
        batched = [*zip(values, dims, strict=True), *((leaf, 0) for leaf in named)]
        if any(d is not None and isinstance(leaf, Tensor) and not leaf.ndim for leaf, d in batched):
            raise ValueError("vmap: a tensor of no dimensions has none to be mapped over; give it in_dims=None")
        sizes = {leaf.shape[d] for leaf, d in batched if d is not None and isinstance(leaf, Tensor)}
        if len(sizes) != 1:
            raise ValueError(f"vmap: expected batches of one size, got {sorted(sizes) or 'none'}")
        results = []
        before = None if tracing() else get_rng_state()  # a compiled function draws where it says so itself
        for i in range(sizes.pop()):
            own = [leaf if d is None else leaf.select(d, i) for leaf, d in batched]
            if randomness == "same" and before is not None:
                set_rng_state(before)
            results.append(func(*rebuild(args, own[: len(values)]), **rebuild(kwargs, own[len(values) :])))
        if randomness == "error" and before is not None and get_rng_state() != before:
            raise RuntimeError(
                "vmap: the function drew random numbers; say randomness='different' for each sample's own, or 'same'"
            )
        form = results[0]
        columns = list(zip(*map(leaves, results), strict=True))
        places = list(out_dims) if isinstance(out_dims, (tuple, list)) else [out_dims] * len(columns)
        return rebuild(form, [stack(column, d) for column, d in zip(columns, places, strict=True)])

    return mapped


def _dims(in_dims: Any, args: tuple[Any, ...]) -> list[Any]:
    """Return the dimension of the batch for each value among the arguments."""

    def spread(dims: Any, tree: Any) -> list[Any]:
        if dims is None or isinstance(dims, int):
            return [dims if isinstance(leaf, Tensor) else None for leaf in leaves(tree)]
        parts = tree.values() if isinstance(tree, Mapping) else tree
        each = dims.values() if isinstance(dims, Mapping) else dims
        return [d for sub, part in zip(each, parts, strict=True) for d in spread(sub, part)]

    return spread(in_dims, args)


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
