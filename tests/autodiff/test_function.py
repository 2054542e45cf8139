"""Functions of a user's own, `autograd.Function`, beside PyTorch's: values, gradients of two orders, and refusals."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.autograd import Function, gradcheck, gradgradcheck
from autodiff.autograd.function import once_differentiable
from tests.oracle import needs_torch, torch

LIBRARIES = [pytest.param(ad, id="ours"), pytest.param(torch, marks=needs_torch, id="theirs")]
both = pytest.mark.parametrize("lib", LIBRARIES)


def leaf(lib: Any, *values: float) -> Any:
    return lib.tensor(np.array(values), requires_grad=True)


def cube(lib: Any) -> Any:
    class Cube(lib.autograd.Function):  # type: ignore[misc, name-defined]  # a library's
        @staticmethod
        def forward(ctx: Any, x: Any, scale: float) -> Any:
            ctx.save_for_backward(x)
            ctx.scale = scale
            return x**3 * scale

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, False)
            return g * 3 * x**2 * ctx.scale, None

    return Cube


def sin_cos(lib: Any) -> Any:
    class SinCos(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(x: Any) -> Any:
            return x.sin(), x.cos()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*output)

        @staticmethod
        def backward(ctx: Any, gs: Any, gc: Any) -> Any:
            s, c = ctx.saved_tensors
            return gs * c - gc * s

    return SinCos


@both
def test_first_and_second_derivatives(lib: Any) -> None:
    x = leaf(lib, 1.0, -2.0)
    y = cube(lib).apply(x, 2.0)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    (gg,) = lib.autograd.grad(g.sum(), x)
    assert (y.tolist(), g.tolist(), gg.tolist()) == ([2.0, -16.0], [6.0, 24.0], [12.0, -24.0])
    assert y.grad_fn.name() == "CubeBackward"
    assert type(y.grad_fn).__name__ == "CubeBackward"
    assert y.grad_fn.next_functions[0][0].variable is x
    assert cube(lib).apply(leaf(lib, 3.0).detach(), 1.0).grad_fn is None


@both
@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
def test_several_outputs_of_which_some_are_used(lib: Any, used: tuple[int, ...]) -> None:
    x = leaf(lib, 0.5, -1.5)
    outputs = sin_cos(lib).apply(x)
    value = sum((outputs[k] * (k + 2)).sum() for k in used)
    (g,) = lib.autograd.grad(value, x, create_graph=True)
    (gg,) = lib.autograd.grad(g.sum(), x)
    slopes = {
        0: (2 * np.cos([0.5, -1.5]), -2 * np.sin([0.5, -1.5])),
        1: (-3 * np.sin([0.5, -1.5]), -3 * np.cos([0.5, -1.5])),
    }
    for found, i in ((g, 0), (gg, 1)):
        np.testing.assert_allclose(found.detach().numpy(), sum(slopes[k][i] for k in used), rtol=1e-12)


@both
def test_marks(lib: Any) -> None:
    seen: list[Any] = []

    class Top(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            value, place = x.max(-1)
            same = x * 2
            ctx.mark_non_differentiable(same)
            ctx.set_materialize_grads(False)
            ctx.size = x.shape[-1]
            ctx.save_for_backward(place)
            return value, place, same

        @staticmethod
        def backward(ctx: Any, g: Any, *rest: Any) -> Any:
            seen.extend(rest)
            (place,) = ctx.saved_tensors
            return lib.zeros(ctx.size, dtype=g.dtype).scatter(0, place.reshape(1), g.reshape(1))

    x = leaf(lib, 1.0, 5.0, 2.0)
    value, place, same = Top.apply(x)
    assert (value.requires_grad, place.requires_grad, same.requires_grad) == (True, False, False)
    (value * 3).backward()
    assert x.grad.tolist() == [0.0, 3.0, 0.0]
    assert seen == [None, None]


@both
def test_an_input_that_is_returned_is_a_tensor_of_its_own(lib: Any) -> None:
    class Reverse(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g

    x = leaf(lib, 2.0)
    y = Reverse.apply(x)
    assert y is not x
    (y * y).sum().backward()
    assert x.grad.tolist() == [-4.0]
    assert x.is_leaf


@both
def test_a_change_in_place_is_recorded(lib: Any) -> None:
    class Double(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(lib, 3.0)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    (z * z).sum().backward()
    assert x.grad.tolist() == [24.0]


@both
def test_one_result_for_two_inputs_is_not_shared_by_their_gradients(lib: Any) -> None:
    class Add(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(ctx: Any, a: Any, b: Any) -> Any:
            return a + b

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            g = g * 2
            return g, g

    a, b = leaf(lib, 1.0), leaf(lib, 2.0)
    Add.apply(a, b).sum().backward()
    a.grad.zero_()
    assert b.grad.tolist() == [2.0]


@both
def test_no_gradient_leaves_none(lib: Any) -> None:
    class First(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(ctx: Any, a: Any, b: Any) -> Any:
            return a * b

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    a, b = leaf(lib, 1.0), leaf(lib, 2.0)
    First.apply(a, b * 1).sum().backward()
    assert a.grad.tolist() == [1.0]
    assert b.grad is None


@both
def test_what_is_differentiable_once_is_not_differentiable_twice(lib: Any) -> None:
    class Square(lib.autograd.Function):  # type: ignore[misc, name-defined]  # as above
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return lib.from_numpy(2 * x.detach().numpy() * g.numpy())

    x = leaf(lib, 3.0)
    (g,) = lib.autograd.grad((Square.apply(x) ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [108.0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


@both
@pytest.mark.parametrize("change", [lambda t: t.add_(1), lambda t: t.mul_(0)])
def test_a_saved_tensor_that_has_changed_is_refused(lib: Any, change: Callable[[Any], Any]) -> None:
    x = leaf(lib, 3.0)
    middle = x * 1
    y = cube(lib).apply(middle, 1.0)
    change(middle)
    with pytest.raises(RuntimeError, match=r"in.?place"):
        y.sum().backward()


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "too few": (lambda g: g, RuntimeError, r"Wrong\.backward: .* number of gradients \(expected 2, got 1\)"),
    "too many": (lambda g: (g, None, g), RuntimeError, r"Wrong\.backward: .* gradients \(expected 2, got 3\)"),
    "a number": (lambda g: (1.0, None), TypeError, r"Wrong\.backward: expected a Tensor or None .* got float"),
    "for a number": (lambda g: (g, g), RuntimeError, r"Wrong\.backward: .* for argument 1, which is no tensor"),
    "another shape": (lambda g: (g.sum().reshape(1), None), RuntimeError, r"Wrong: .*shape \(1,\).*shape \(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize(("result", "kind", "match"), WRONG.values(), ids=WRONG)
def test_wrong_gradients_are_refused_by_the_name_of_the_class(result: Any, kind: type[Exception], match: str) -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, n: int) -> Any:
            return x * n

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return result(g)

    with pytest.raises(kind, match=match):
        Wrong.apply(leaf(ad, 1.0, 2.0), 3).sum().backward()


def test_mistakes_name_the_cure() -> None:
    with pytest.raises(RuntimeError, match=r"Cube: .*applied by Cube\.apply"):
        cube(ad)()(leaf(ad, 1.0))

    class Keeps(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(3)

    with pytest.raises(TypeError, match="save_for_backward: expected tensors, got int; write it to an attr"):
        Keeps.apply(leaf(ad, 1.0))


def test_functions_pass_the_checks_of_every_operation() -> None:
    x = ad.tensor(np.array([0.3, -1.2, 2.0]), requires_grad=True)
    for function in (lambda x: cube(ad).apply(x, 2.0), sin_cos(ad).apply):
        assert gradcheck(function, x)
        assert gradgradcheck(function, x)

    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.exp()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    with pytest.raises(Exception, match="gradcheck"):
        gradcheck(Wrong.apply, x)


@pytest.mark.parametrize("function", [lambda x: cube(ad).apply(x, 2.0), lambda x: sin_cos(ad).apply(x)[1]])
def test_functions_are_drawn_and_explained(function: Callable[[Any], Any]) -> None:
    x = ad.tensor([0.5, 1.0], requires_grad=True, name="x")
    y = function(x).sum()
    assert "Cube" in (text := str(ad.explain(y, x))) or "SinCos" in text
    pytest.importorskip("pygraphviz")
    assert ("Cube" in (svg := str(ad.draw(y)))) or "SinCos" in svg


def test_an_anomaly_in_a_function_is_found() -> None:
    class Root(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * float("nan")

    x = leaf(ad, 1.0)
    with ad.detect_anomaly(), pytest.raises(RuntimeError, match="mul: its result holds a NaN"):
        Root.apply(x).sum().backward()


@pytest.mark.parametrize("function", [lambda x: cube(ad).apply(x, 2.0), lambda x: sin_cos(ad).apply(x)[0]])
def test_a_function_leaves_no_cycle(function: Callable[[Any], Any]) -> None:
    x = leaf(ad, 1.0)
    y = function(x)
    gone = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert gone() is None
    finally:
        gc.enable()


def test_a_freed_function_is_refused_and_a_retained_one_goes_twice() -> None:
    x = leaf(ad, 2.0)
    y = cube(ad).apply(x, 1.0)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert x.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="a second time, but it was freed"):
        y.sum().backward()


def test_once_differentiable_is_plain_where_nothing_is_traced() -> None:
    assert once_differentiable(lambda ctx, g: g * 2)(None, ad.tensor(2.0)).item() == 4.0


# -- roots, hooks and names --------------------------------------------------------------------------------------------


@both
def test_several_roots(lib: Any) -> None:
    x = leaf(lib, 1.0, 2.0)
    lib.autograd.backward([x * x, x.sum()], [lib.tensor(np.array([1.0, 10.0])), None])
    assert x.grad.tolist() == [3.0, 41.0]
    with pytest.raises(RuntimeError):
        lib.autograd.backward([x * 2])


@both
def test_an_operation_that_saves_nothing_is_differentiated_twice(lib: Any) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x.to(lib.float32)
    for _ in range(2):
        (y * y).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]
    z = x.exp()
    z.sum().backward()
    with pytest.raises(RuntimeError, match=r"retain_graph|freed"):
        z.sum().backward()


@both
def test_hooks_after_a_gradient_was_added(lib: Any) -> None:
    seen: list[Any] = []
    x = leaf(lib, 1.0)
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    handle.remove()
    (x * 3).sum().backward()
    assert seen == [[2.0], [5.0]]
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)


@both
def test_a_leaf_is_finished_as_soon_as_its_gradient_is_whole(lib: Any) -> None:
    a, b, c = leaf(lib, 2.0), leaf(lib, 3.0), leaf(lib, 5.0)
    seen: list[Any] = []

    def step(p: Any) -> None:
        seen.append([p.item(), p.grad.item(), a.grad is None])
        with lib.no_grad():
            p -= p.grad  # nothing that is still to be differentiated has read it
        p.grad = None

    for p in (b, c):
        p.register_post_accumulate_grad_hook(step)
    y = (a * 1) * b
    z = (y * c).tanh() * 0 + y * c + b  # c is read twice, b before and after it
    z.sum().backward()
    assert seen == [[5.0, 6.0, True], [3.0, 11.0, True]]
    assert (a.grad.item(), b.item(), c.item()) == (15.0, -8.0, -1.0)


@both
def test_hooks_of_several_tensors(lib: Any) -> None:
    seen: list[Any] = []
    a, b, c = (leaf(lib, 1.0) for _ in range(3))
    handle = lib.autograd.graph.register_multi_grad_hook(
        (a, b, c), lambda gs: seen.append([None if g is None else g.tolist() for g in gs])
    )
    first = lib.autograd.graph.register_multi_grad_hook((a, b), lambda g: seen.append(g.tolist()), mode="any")
    (a * 2 + b * 3).sum().backward()
    first.remove()
    (c * 4).sum().backward()
    handle.remove()
    (a + b).sum().backward()
    assert sorted(map(str, seen)) == sorted(map(str, [[[2.0], [3.0], None], seen[0], [None, None, [4.0]]]))
    assert len(seen) == 3


@both
def test_detach_in_place_and_what_retains_its_gradient(lib: Any) -> None:
    x = leaf(lib, 2.0)
    y = x * 3
    y.retain_grad()
    assert y.retains_grad
    assert not x.retains_grad
    z = x * 4
    assert z.detach_() is z
    assert (z.is_leaf, z.requires_grad, z.grad_fn) == (True, False, None)
    (y * z).sum().backward()
    assert x.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="detach_"):
        (x * 2)[:1].detach_()


def test_what_was_computed_before_a_cut_in_place_loses_no_gradient_silently() -> None:
    x = leaf(ad, 2.0)
    y = x * 3
    part, total = y[0], (y + 1).sum()
    y.detach_()
    for output in (part, total):
        with pytest.raises(RuntimeError, match="detach_"):
            output.backward()
        with pytest.raises(RuntimeError, match="detach_"):
            ad.grad(output, x)
    assert x.grad is None
    (y * x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0]


def test_a_walk_through_the_graph() -> None:
    x = leaf(ad, 1.0)
    y = (x * 2 + 1).exp()
    names = []
    fn: Any = y.grad_fn
    while fn is not None:
        names.append(fn.name())
        fn = next((f for f, _ in fn.next_functions if f is not None), None)
    assert names == ["ExpBackward0", "AddBackward0", "MulBackward0", "torch::autograd::AccumulateGrad"]
    assert y.grad_fn == y.grad_fn
    assert len({y.grad_fn, y.grad_fn}) == 1


@needs_torch
def test_operations_of_another_name_are_called_as_pytorch_calls_them() -> None:
    def titles(lib: Any) -> list[str]:
        x = lib.ones(2, 2, requires_grad=True)
        y = x.clone()
        y[0] = 1
        image = lib.nn.functional.conv2d(x[None, None], x[None, None])
        results = (x.max(), x**2, x**x, x.view(4), x @ x, x.log1p(), x.double(), lib.linalg.det(x), x.norm(), y, image)
        return [t.grad_fn.name() for t in results]

    assert titles(ad) == titles(torch)


@both
def test_variables_are_tensors(lib: Any) -> None:
    t = lib.ones(2)
    v = lib.autograd.Variable(t, requires_grad=True)
    assert isinstance(v, lib.Tensor)
    assert isinstance(t, lib.autograd.Variable)
    v.data.mul_(3)
    assert t.tolist() == [3.0, 3.0]
    assert v.requires_grad
    assert not t.requires_grad


# -- several outputs, some of them inputs that were changed ------------------------------------------------------------


class AddsInPlace(Function):
    """Adds its second input to its first, in place, and returns twice the second, too."""

    @staticmethod
    def forward(ctx: Any, a: ad.Tensor, b: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
        a.add_(b)
        ctx.mark_dirty(a)
        return a, b * 2

    @staticmethod
    def backward(ctx: Any, g: ad.Tensor, h: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
        return g, g + 2 * h


def test_an_input_changed_in_place_may_be_one_of_several_outputs() -> None:
    x, y = leaf(ad, 1.0, 2.0), leaf(ad, 3.0, 4.0)
    start = x * 2
    changed, doubled = AddsInPlace.apply(start, y)
    assert changed is start
    (changed * ad.tensor([1.0, 10.0], dtype=changed.dtype) + doubled).sum().backward()
    assert x.grad.tolist() == [2.0, 20.0]
    assert y.grad.tolist() == [3.0, 12.0]


def test_two_inputs_changed_in_place_are_two_outputs() -> None:
    class Swaps(Function):
        @staticmethod
        def forward(ctx: Any, a: ad.Tensor, b: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
            kept = a.clone()
            a.copy_(b)
            b.copy_(kept)
            ctx.mark_dirty(a, b)
            return a, b

        @staticmethod
        def backward(ctx: Any, g: ad.Tensor, h: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
            return h, g

    x, y = leaf(ad, 1.0), leaf(ad, 3.0)
    a, b = x * 2, y * 5
    Swaps.apply(a, b)
    assert (a.tolist(), b.tolist()) == ([15.0], [2.0])
    (a * 100 + b).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([2.0], [500.0])


def test_vjp_is_another_name_of_backward() -> None:
    class Doubles(Function):
        @staticmethod
        def forward(ctx: Any, x: ad.Tensor) -> ad.Tensor:
            return x * 2

        @staticmethod
        def vjp(ctx: Any, g: ad.Tensor) -> ad.Tensor:
            return g * 2

    x = leaf(ad, 1.0)
    Doubles.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0]
    Doubles.backward = staticmethod(lambda ctx, g: g)  # type: ignore[method-assign]  # as a class with both would have it
    with pytest.raises(RuntimeError, match="Implementing both 'backward' and 'vjp'"):
        Doubles.apply(x).sum().backward()


def test_saved_variables_are_the_saved_tensors_with_a_warning() -> None:
    class Squares(Function):
        @staticmethod
        def forward(ctx: Any, x: ad.Tensor) -> ad.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: ad.Tensor) -> Any:
            with pytest.warns(DeprecationWarning, match="saved_variables"):
                (x,) = ctx.saved_variables
            return 2 * g * x

    x = leaf(ad, 3.0)
    Squares.apply(x).sum().backward()
    assert x.grad.tolist() == [6.0]
