"""Checking derivatives against finite differences, and saying what is probably wrong with those that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..engine.backward import grad
from ..engine.graph import Node
from ..engine.modes import set_grad_enabled
from ..engine.primitive import Primitive
from ..tensor import Tensor, from_array
from .special_points import special_points

__all__ = ["GradcheckError", "check_primitive", "gradcheck", "gradgradcheck"]

Array = npt.NDArray[Any]
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What `gradcheck` and its kin raise when a derivative is wrong."""


class _Settings(NamedTuple):
    """Who checks, and how closely."""

    name: str
    eps: float
    atol: float
    rtol: float
    nondet_tol: float


# -- for users ---------------------------------------------------------------------------------------------------------


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of a function with central differences, entry by entry.

    Parameters
    ----------
    func : callable
        From the inputs to a tensor or a tuple of tensors.
    inputs : Tensor or sequence
        The arguments. Those that are tensors and require gradients are checked; they must be float64, in which
        alone differences are exact enough.
    eps : float, optional
        How far an entry is moved to either side.
    atol, rtol : float, optional
        The gradients agree if they differ by no more than ``atol + rtol * abs(numerical)``.
    raise_exception : bool, optional
        Raise where they do not agree; otherwise return False.
    nondet_tol : float, optional
        How much two evaluations of the same gradient may differ.
    check_undefined_grad : bool, optional
        Accepted for PyTorch's sake: no rule here is ever called without a gradient.
    check_grad_dtypes : bool, optional
        Accepted for PyTorch's sake: the engine gives every gradient the dtype of its input.
    check_batched_grad, check_batched_forward_grad, check_forward_ad : bool, optional
        Only False: there is neither batching of gradients nor forward mode here.
    check_backward_ad : bool, optional
        Whether to check anything at all.
    fast_mode : bool, optional
        Compare one random combination of all entries first, and go through them one by one only if it differs.
    masked : bool, optional
        Accepted for PyTorch's sake: no tensor here is sparse.

    Returns
    -------
    bool
        Whether all gradients agree.

    Raises
    ------
    GradcheckError
        If one is wrong and `raise_exception` is set. The text shows which input and entry, both values and the likely
        cause: a wrong factor, a missing term, a kink. It is a RuntimeError.
    TypeError, ValueError
        If there is nothing to check, or it is not float64.

    References
    ----------
    Central differences: J. Nocedal, S. Wright, "Numerical Optimization", 2nd edition, section 8.1.

    Examples
    --------
    >>> x = ad.tensor(np.array([1.0, 2.0]), requires_grad=True)
    >>> ad.gradcheck(lambda x: x.exp() * x, x)
    True
    """
    _refuse("gradcheck", check_batched_grad, check_batched_forward_grad, check_forward_ad)
    settings = _Settings("gradcheck", eps, atol, rtol, nondet_tol)
    arguments = _arguments(inputs, "gradcheck")
    return not check_backward_ad or _checked(settings, func, arguments, fast_mode, raise_exception)


def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare the second derivatives of a function with central differences of its gradients.

    Parameters
    ----------
    func : callable
        From the inputs to a tensor or a tuple of tensors.
    inputs : Tensor or sequence
        The arguments; as for `gradcheck`.
    grad_outputs : Tensor or sequence of Tensor, optional
        What the outputs are weighted with, one for each; random numbers by default. The derivative with respect to
        these is checked, too.
    gen_non_contig_grad_outputs : bool, optional
        Whether the random weights shall lie in memory with gaps.
    check_fwd_over_rev : bool, optional
        Only False: there is no forward mode here.
    check_rev_over_rev : bool, optional
        Whether to check anything at all.
    eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad, \
fast_mode, masked : optional
        As for `gradcheck`.

    Returns
    -------
    bool
        Whether all second derivatives agree.

    Raises
    ------
    GradcheckError
        If one is wrong and `raise_exception` is set; as for `gradcheck`.
    TypeError, ValueError
        If there is nothing to check, or it is not float64.

    Examples
    --------
    >>> x = ad.tensor(np.array([1.0, 2.0]), requires_grad=True)
    >>> ad.gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    _refuse("gradgradcheck", check_batched_grad, check_fwd_over_rev)
    settings = _Settings("gradgradcheck", eps, atol, rtol, nondet_tol)
    arguments = _arguments(inputs, "gradgradcheck")
    outputs = [y for y in _outputs(func, arguments, "gradgradcheck") if y.requires_grad]
    if not outputs:
        raise ValueError("gradgradcheck: no output of the function requires a gradient")
    weights = _weights(grad_outputs, outputs, gen_non_contig_grad_outputs)

    def slopes(*values: Any) -> tuple[Tensor, ...]:
        xs, vs = values[: len(arguments)], values[len(arguments) :]
        ys = [y for y in _outputs(func, xs, "gradgradcheck") if y.requires_grad]
        wanted = [x for x in xs if _is_checked(x)]
        found = grad(ys, wanted, vs, create_graph=True, materialize_grads=True)
        return tuple(found)

    return not check_rev_over_rev or _checked(settings, slopes, (*arguments, *weights), fast_mode, raise_exception)


def check_primitive(operation: Function, inputs: Any, *more: Any, **params: Any) -> bool:
    """Check an operation made with `primitive` as the operations of this library are checked.

    Its gradients are compared with finite differences, first and second order, with respect to every input that has
    a rule; with float32 inputs, results and gradients must be float32; and neither the operation nor its rules may
    write into the arrays they are given. The gradients of first order are also compared at special points near the
    inputs: at 0, 1, -1 and half-integers, at the numbers that the function, its parameters and its rules name, where a
    comparison in them changes its result, and with equal and opposite operands. A kink, or a point outside the domain,
    has no derivative to compare with: there a rule may give what it likes.

    Parameters
    ----------
    operation : callable
        What `primitive` returned.
    inputs : Tensor, ndarray or sequence of them
        Sample inputs, away from kinks; several as one sequence. Floats are converted to float64 and are not changed.
    **params
        The operation's parameters.

    Returns
    -------
    bool
        True; what is wrong raises.

    Raises
    ------
    GradcheckError
        If a derivative is wrong, a dtype is not kept or an array is written to; the text says where.
    TypeError
        If `operation` was not made with `primitive`, or the inputs are not one argument.

    Examples
    --------
    >>> @ad.primitive(x=lambda g, x: 3 * g * x**2)
    ... def cube(x):
    ...     return x**3
    >>> ad.check_primitive(cube, np.array([1.0, -2.0]))
    True
    """
    op = getattr(operation, "primitive", None)
    if not isinstance(op, Primitive):
        raise TypeError(f"check_primitive: expected an operation made with primitive, got {operation!r}")
    if more:
        given = ", ".join("abcdefgh"[: 1 + len(more)])
        raise TypeError(
            f"check_primitive: {1 + len(more)} inputs must be one sequence, and parameters be named: write "
            f"check_primitive({op.name}, ({given}))"
        )
    listed = list(inputs) if isinstance(inputs, (tuple, list)) else [inputs]
    arrays = [np.array(x._data if isinstance(x, Node) else x) for x in listed]
    has_rule = [op.variadic or name in op.rules for name in (op.inputs * len(arrays) if op.variadic else op.inputs)]

    def made(dtype: npt.DTypeLike) -> list[Tensor]:
        floats = [a.dtype.kind == "f" for a in arrays]
        converted = [a.astype(dtype) if f else a for a, f in zip(arrays, floats, strict=True)]
        return [from_array(a, requires_grad=f and r) for a, f, r in zip(converted, floats, has_rule, strict=False)]

    def call(*xs: Any) -> Any:
        return operation(*xs, **params)

    _check_writing(op, call, made(np.float64))
    _check_dtype(op, call, made(np.float32))
    for check in (gradcheck, gradgradcheck):
        try:
            check(call, made(np.float64))
        except GradcheckError as error:
            raise GradcheckError(f"{op.name}: {error}") from None
    _check_special(op, call, made(np.float64), params)
    return True


def _check_writing(op: Primitive, call: Function, xs: list[Tensor]) -> None:
    """Run the operation and its rules on arrays that cannot be written to."""
    for x in xs:
        x._data = _frozen(x._data)
    y = call(*xs)
    kept, y._data = np.array(y._data), _frozen(y._data)
    weight = from_array(np.ones(y.shape, y.dtype))
    weight._data = _frozen(weight._data)
    try:
        _backward(y, xs, weight)
    except ValueError as error:
        raise GradcheckError(f"{op.name}: a rule writes into an array that it was given: {error}") from None
    if not np.array_equal(y._data, kept, equal_nan=True):
        raise GradcheckError(f"{op.name}: a rule changes the result that it was given")


def _frozen(data: Any) -> Array:
    array = np.asarray(data)
    array.flags.writeable = False
    return array


_CURE = (
    "Python's numbers widen nothing; np.float64(2), np.ones(3) and np.where of two numbers are float64: write 2.0, "
    "np.ones_like(x) and (x > 0) * 2.0"
)


def _check_dtype(op: Primitive, call: Function, xs: list[Tensor]) -> None:
    y = call(*xs)
    if y.dtype.kind == "f" and y.dtype != np.float32:
        raise GradcheckError(f"{op.name}: from float32 it computes {y.dtype}; its result must be float32, too. {_CURE}")
    for i, x in enumerate(xs):
        if y._op is not None and x.requires_grad:
            g = np.ones(y.shape, y.dtype) if y.shape else y.dtype.type(1)
            found = op.on_arrays[i](g, y, y._inputs, y._params, i)
            if found.dtype != np.float32:
                raise GradcheckError(
                    f"{op.name}: the rule for input {i} computes {found.dtype} from float32; its result must be "
                    f"float32, too. {_CURE}"
                )


def _backward(y: Tensor, xs: Sequence[Tensor], weight: Tensor) -> tuple[Any, ...]:
    wanted = [x for x in xs if x.requires_grad]
    return grad(y, wanted, weight, materialize_grads=True) if wanted and y.requires_grad else ()


# Steps over which a function is compared with its tangent: one that has a derivative has the same at every scale.
_STEPS = (1e-4, 1e-6, 1e-8)


@np.errstate(all="ignore")  # outside a domain there is nothing to compare with
def _check_special(op: Primitive, call: Function, xs: list[Tensor], params: dict[str, Any]) -> None:
    """Compare the gradients at special points with differences, where the function has a derivative."""
    moved = [i for i, x in enumerate(xs) if x.requires_grad]
    for point in special_points(op, [np.array(x._data) for x in xs], params, moved):
        tensors = [from_array(a, requires_grad=x.requires_grad) for a, x in zip(point.arrays, xs, strict=True)]
        try:
            y = call(*tensors)
            weight = np.random.default_rng(0).uniform(0.5, 1.5, y.shape)
            found = dict(zip(moved, _backward(y, tensors, from_array(weight)), strict=False))
        except Exception:  # it does not take this value, and says so
            continue
        for i, entries in point.entries.items():
            for k in entries if i in found else ():
                slopes = _slopes(call, point.arrays, i, k, weight)
                a, n = found[i].numpy().flat[k], np.median(slopes)
                spread = np.ptp(slopes)
                differs = not abs(a - n) <= 3 * spread + 1e-3 * abs(n) + 1e-4
                if spread <= 1e-2 * (1 + abs(n)) and differs:
                    raise GradcheckError(
                        f"{op.name}: the gradient with respect to input {i} is wrong at a special point, where the "
                        f"function has a derivative: {point.text}.\n"
                        f"  analytic     {a:.10g}   (by backward)\n"
                        f"  numerical    {n:.10g}   (the same from the left, from the right and over three steps)\n"
                        f"  inputs       {', '.join(np.array2string(x, threshold=20) for x in point.arrays)}"
                    )


def _slopes(call: Function, arrays: Sequence[Array], i: int, k: int, weight: Array) -> Array:
    """Return the slopes of a weighted output to the left and right of an entry of an input; NaN where it has none."""

    def value(step: float) -> Any:
        array = arrays[i].copy()
        array.flat[k] += step
        with set_grad_enabled(False):
            y = call(*(from_array(array if j == i else a) for j, a in enumerate(arrays)))
        return (y.numpy().astype(np.float64) * weight).sum() if y.shape == weight.shape else np.nan

    at = abs(float(arrays[i].flat[k]))
    steps = [sign * step * max(1.0, at) for step in _STEPS for sign in (1, -1)]
    try:
        here = value(0.0)
        return np.array([(value(step) - here) / step for step in steps])
    except Exception:  # beside the point it does not take the value
        return np.full(len(steps), np.nan)


# -- what is checked ---------------------------------------------------------------------------------------------------


def _refuse(name: str, *unsupported: bool) -> None:
    if any(unsupported):
        raise NotImplementedError(f"{name}: forward mode and batched gradients do not exist here, so cannot be checked")


def _is_checked(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _arguments(inputs: Any, name: str) -> tuple[Any, ...]:
    """Return the inputs as a tuple, checked."""
    if not isinstance(inputs, (Node, list, tuple)):
        raise TypeError(f"{name}: inputs must be a Tensor or a sequence of arguments, got {type(inputs).__name__}")
    listed = (inputs,) if isinstance(inputs, Node) else tuple(inputs)
    if not any(_is_checked(x) for x in listed):
        raise ValueError(f"{name}: at least one input must be a Tensor that requires a gradient")
    for i, x in enumerate(listed):
        if _is_checked(x) and x.dtype != np.float64:
            raise ValueError(f"{name}: input {i} is {x.dtype}; finite differences need float64, so convert it first")
    return listed


def _outputs(func: Function, arguments: Sequence[Any], name: str) -> tuple[Tensor, ...]:
    """Call the function and return those of its outputs that hold floats."""
    with set_grad_enabled(True):
        out = func(*arguments)
    listed = tuple(out) if isinstance(out, (tuple, list)) else (out,)
    for y in listed:
        if not isinstance(y, Tensor):
            raise TypeError(f"{name}: the function must return a Tensor or a tuple of them, got {type(y).__name__}")
    return tuple(y for y in listed if y.dtype.kind == "f")


def _weights(given: Any, outputs: list[Tensor], gaps: bool) -> tuple[Tensor, ...]:
    """Return the weights of the outputs for `gradgradcheck`, as leaves."""
    if given is not None:
        listed = (given,) if isinstance(given, Node) else tuple(given)
        return tuple(v.detach().requires_grad_() for v in listed)
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(0.5, 1.5, (*y.shape, 2)) for y in outputs]
    return tuple(from_array(d[..., 0] if gaps else np.array(d[..., 0]), requires_grad=True) for d in drawn)


# -- the comparison ----------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")  # the report says more than NumPy's warning
def _checked(settings: _Settings, func: Function, arguments: tuple[Any, ...], fast: bool, raises: bool) -> bool:
    try:
        _compare(settings, func, arguments, fast)
    except GradcheckError:
        if raises:
            raise
        return False
    return True


def _compare(settings: _Settings, func: Function, arguments: tuple[Any, ...], fast: bool) -> None:
    """Compare the Jacobian of each output with respect to each checked input, and raise for the first that differs."""
    ys = _outputs(func, arguments, settings.name)
    xs = [(i, x) for i, x in enumerate(arguments) if _is_checked(x)]
    if not ys:
        raise GradcheckError(f"{settings.name}: the function returns no tensor of floats, so it has no gradient")
    _check_zero_weight(settings, ys, xs)
    if fast and _combinations_agree(settings, func, arguments, ys, [x for _, x in xs]):
        return
    analytic = [_analytic(y, [x for _, x in xs]) for y in ys]
    like = _Like(settings.name, [y.shape for y in ys])
    like.check(seconds := _outputs(func, arguments, settings.name))
    again = [_analytic(y, [x for _, x in xs]) for y in seconds]
    for k, (i, x) in enumerate(xs):
        left, middle, right = _moved(func, arguments, x, settings, like)
        for j in range(len(ys)):
            if np.abs(analytic[j][k] - again[j][k]).max(initial=0) > settings.nondet_tol:
                raise GradcheckError(
                    f"{settings.name}: the gradient of output {j} with respect to input {i} differs from one "
                    f"evaluation to the next by more than nondet_tol={settings.nondet_tol}.\n"
                    "  Backward is not reentrant\n"
                    "  likely cause: the function is not deterministic"
                )
            place = _Place(settings, j, i, ys[j].shape, x.shape)
            _compare_one(place, analytic[j][k], left[j], middle[j], right[j])
    _check_linear(settings, ys, xs, analytic)


def _check_zero_weight(settings: _Settings, ys: Sequence[Tensor], xs: list[tuple[int, Tensor]]) -> None:
    """Backward is linear in the gradient of the output: from zeros only zeros may come."""
    for j, y in enumerate(ys):
        found = _gradient(y, [x for _, x in xs], np.zeros(y.shape, y.dtype))
        for (i, _), g in zip(xs, found, strict=True):
            if np.any((g != 0) & ~np.isnan(g)):  # 0 times an infinite derivative is for the comparison to report
                raise GradcheckError(
                    f"{settings.name}: backward not multiplied by grad_output: the gradient of output {j} with respect "
                    f"to input {i} is not 0 although the gradient of the output is.\n"
                    "  likely cause: a rule does not multiply by g, the gradient of its output"
                )


def _check_linear(
    settings: _Settings, ys: Sequence[Tensor], xs: list[tuple[int, Tensor]], analytic: list[list[Array]]
) -> None:
    """Backward is linear in the gradient of the output: from weights of both signs comes what those of 1 add up to."""
    rng = np.random.default_rng(0)
    for j, y in enumerate(ys):
        v = rng.uniform(-1.5, 1.5, y.shape).astype(y.dtype)
        for (i, _), g, rows in zip(xs, _gradient(y, [x for _, x in xs], v), analytic[j], strict=True):
            if not np.allclose(g.reshape(-1), v.reshape(-1) @ rows, settings.rtol, settings.atol):
                raise GradcheckError(
                    f"{settings.name}: backward is not linear in grad_output: the gradient of output {j} with respect "
                    f"to input {i} is right for gradients of the output that are 1, and wrong for others.\n"
                    "  likely cause: a rule takes the absolute value of g, compares it or cuts it"
                )


def _gradient(y: Tensor, xs: Sequence[Tensor], weight: Array) -> list[Array]:
    """Return the gradients of a weighted output; zeros where it does not depend on an input."""
    if not y.requires_grad:
        return [np.zeros(x.shape, x.dtype) for x in xs]
    found = grad(y, xs, from_array(weight), retain_graph=True, materialize_grads=True)
    return [g.detach().numpy() for g in found]


def _analytic(y: Tensor, xs: Sequence[Tensor]) -> list[Array]:
    """Return the Jacobian of one output with respect to each input, as a matrix, from as many passes backward."""
    rows = []
    for k in range(y.numel()):
        one = np.zeros(y.shape, y.dtype)
        one.flat[k] = 1
        rows.append([g.reshape(-1) for g in _gradient(y, xs, one)])
    return [np.array([row[i] for row in rows]).reshape(y.numel(), x.numel()) for i, x in enumerate(xs)]


def _at(func: Function, arguments: tuple[Any, ...], x: Tensor, array: Array, like: _Like) -> list[Array]:
    """Return the outputs, flat, while `x` holds another array, which whatever shares the tensor sees, too."""
    held = x._data
    x._data = array if array.ndim else array[()]
    try:
        ys = _outputs(func, arguments, like.name)
    finally:
        x._data = held
    like.check(ys)
    return [np.array(y._data, np.float64).reshape(-1) for y in ys]


class _Like(NamedTuple):
    """What outputs must be like at every point: a Jacobian compares the same entries."""

    name: str
    shapes: list[tuple[int, ...]]

    def check(self, ys: Sequence[Tensor]) -> None:
        if (shapes := [y.shape for y in ys]) != self.shapes:
            raise GradcheckError(
                f"{self.name}: the outputs have shapes {self.shapes} at the inputs and {shapes} beside them or at a "
                "second evaluation.\n  likely cause: the function decides by the values of its inputs, or by chance, "
                "how many entries it returns; there it has no derivative"
            )


Sides = tuple[list[Array], list[Array], list[Array]]


def _moved(func: Function, arguments: tuple[Any, ...], x: Tensor, settings: _Settings, like: _Like) -> Sides:
    """Return for each output its differences to the left, in the middle and to the right, per entry of the input."""
    here = _at(func, arguments, x, np.array(x._data), like)
    left, middle, right = ([np.zeros((y.size, x.numel())) for y in here] for _ in range(3))
    for k in range(x.numel()):
        ends = []
        for step in (-settings.eps, settings.eps):
            array = np.array(x._data)
            array.flat[k] += step
            ends.append(_at(func, arguments, x, array, like))
        for j, (low, high) in enumerate(zip(*ends, strict=True)):
            left[j][:, k] = (here[j] - low) / settings.eps
            right[j][:, k] = (high - here[j]) / settings.eps
            middle[j][:, k] = (high - low) / (2 * settings.eps)
    return left, middle, right


def _combinations_agree(
    settings: _Settings, func: Function, arguments: tuple[Any, ...], ys: Sequence[Tensor], xs: Sequence[Tensor]
) -> bool:
    """Compare v J u for random v and u, once for each output and input."""
    rng = np.random.default_rng(0)
    like = _Like(settings.name, [y.shape for y in ys])
    for j, y in enumerate(ys):
        v = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1, 1], y.shape)  # a rule that reads g sees both signs
        for x, g in zip(xs, _gradient(y, xs, v), strict=True):
            u = rng.uniform(0.5, 1.5, x.shape)
            held = np.array(x._data)
            high, low = (_at(func, arguments, x, held + s * u, like)[j] for s in (settings.eps, -settings.eps))
            numeric = v.reshape(-1) @ (high - low) / (2 * settings.eps)
            if not np.isclose((g * u).sum(), numeric, settings.rtol, settings.atol):
                return False
    return True


# -- the report --------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """Which Jacobian is being compared."""

    settings: _Settings
    output: int
    input: int
    output_shape: tuple[int, ...]
    input_shape: tuple[int, ...]

    def entry(self, row: int, column: int) -> str:
        """Return what is differentiated with respect to what, by their indices."""
        ends = ((f"output {self.output}", row, self.output_shape), (f"input {self.input}", column, self.input_shape))
        texts = []
        for name, at, shape in ends:
            index = ", ".join(str(int(i)) for i in np.unravel_index(at, shape)) if shape else ""
            texts.append(f"{name}[{index}]" if index else name)
        return f"d {texts[0]} / d {texts[1]}"


def _compare_one(place: _Place, analytic: Array, left: Array, numeric: Array, right: Array) -> None:
    """Raise if a Jacobian differs from differences, showing the worst entry and the likely cause."""
    s = place.settings
    allowed = s.atol + s.rtol * np.abs(numeric)
    off = np.abs(analytic - numeric)
    agree = (off <= allowed) | (analytic == numeric)
    if agree.all():
        return
    bad = ~agree
    excess = np.where(bad, np.nan_to_num(off / allowed, nan=np.inf), -1.0)
    row, column = np.unravel_index(int(excess.argmax()), excess.shape)
    at = int(row), int(column)
    a, n = analytic[at], numeric[at]
    raise GradcheckError(
        f"{s.name}: the gradient of output {place.output} with respect to input {place.input} is wrong.\n"
        f"  entry        {place.entry(*at)}\n"
        f"  analytic     {a:.10g}   (by backward)\n"
        f"  numerical    {n:.10g}   (by central differences, eps={s.eps:g})\n"
        f"  they differ by {off[at]:.3g}, allowed is {allowed[at]:.3g}; {bad.sum()} of {bad.size} entries disagree\n"
        f"  likely cause: {_cause(analytic, numeric, bad, (left[at], right[at]), at, s)}"
    )


def _cause(
    analytic: Array, numeric: Array, bad: Array, sides: tuple[Any, Any], at: tuple[int, int], s: _Settings
) -> str:
    """Guess from the numbers why a gradient is wrong."""
    left, right = sides
    a, n = analytic[bad], numeric[bad]
    if not np.isfinite(analytic[at]) or not np.isfinite(numeric[at]):
        return "one of them is not finite: the input lies outside the function's domain or at the edge of it"
    if abs(left - right) > 10 * (s.atol + s.rtol * abs(numeric[at])) and abs(left - right) > 0.1 * abs(n).max():
        return (
            f"a kink: the slope is {left:.6g} on the left and {right:.6g} on the right of this entry, so there is no "
            "derivative to compare with; check at another point"
        )
    if not analytic.any():
        return "a missing term: backward finds no way from this output to this input (detached, or a rule that gives 0)"
    if np.all(a == 0):
        return (
            "missing terms: the analytic gradient is 0 wherever they disagree. Does the rule know all inputs that an "
            "output depends on? One of softmax depends on its whole row"
        )
    factor = analytic[at] / numeric[at] if numeric[at] else np.nan
    clear = np.abs(numeric) > 1e3 * s.atol  # entries whose ratio means something
    if np.isfinite(factor) and np.allclose(analytic[clear], factor * numeric[clear], rtol=10 * s.rtol, atol=s.atol):
        which = "sign" if np.isclose(factor, -1) else "factor"
        return f"a wrong {which}: the analytic gradient is {factor:.6g} times the numerical one wherever they disagree"
    difference = analytic[at] - numeric[at]
    if np.allclose(a - n, difference, rtol=10 * s.rtol, atol=s.atol):
        return f"a missing or superfluous term: analytic minus numerical is {difference:.6g} wherever they disagree"
    small = np.abs(n) <= s.atol
    if np.all((a == 0) != small):
        return "a wrong condition: one of the two is 0 wherever they disagree, as with < in place of >"
    return (
        "a wrong formula: neither the ratio nor the difference of the two is the same in all entries. Does the rule "
        "read the right argument (the result or the input, this input or another), and take the right power of it?"
    )
