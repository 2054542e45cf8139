"""view: without a copy, and wherever PyTorch's result has its elements in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn.functional as F  # noqa: N812  # the name everyone knows
from tests.oracle import check_like_torch, needs_torch, torch
from tests.together import together

X = np.random.default_rng(7).uniform(0.1, 1.0, (2, 3, 4))

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.transpose(1, 2),
    "permuted": lambda x: x.permute(2, 0, 1),
    "cut": lambda x: x[:, :, ::2],
    "repeated": lambda x: x[:, :1].expand(2, 3, 4),
}


def functional(lib: Any) -> Any:
    return F if lib is ad else torch.nn.functional


# What PyTorch writes anew, in order.
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "columns by a list": lambda _, x: x[:, [1, 0]],
    "elements by lists": lambda _, x: x[[0, 1], :, [1, 0]],
    "index_select": lambda lib, x: lib.index_select(x, 1, lib.tensor([0, 1])),
    "gather": lambda lib, x: x.gather(0, (x > 0).long()[:1]),
    "softmax": lambda lib, x: functional(lib).softmax(x, -1),
    "log_softmax": lambda lib, x: functional(lib).log_softmax(x, 0),
    "layer_norm": lambda lib, x: functional(lib).layer_norm(x, x.shape[-1:]),
    "group_norm": lambda lib, x: functional(lib).group_norm(x, 1),
    "batch_norm": lambda lib, x: functional(lib).batch_norm(x, None, None, training=True),
    "cat": lambda lib, x: lib.cat([x, x], 1),
    "stack": lambda lib, x: lib.stack([x, x], -1),
    "masked_fill": lambda _, x: x.masked_fill(x > 0.5, 0.0),
    "flip": lambda lib, x: lib.flip(x, (0,)),
    "roll": lambda lib, x: lib.roll(x, 1, 0),
    "cumsum": lambda _, x: x.cumsum(0),
    "sum": lambda _, x: x.sum(0),
    "amax": lambda _, x: x.amax(-1),
    "tril": lambda lib, x: lib.tril(x),
    "einsum": lambda lib, x: lib.einsum("...ij,...ik->...jk", x, x),
    "matmul": lambda lib, x: x @ lib.ones(x.shape[-1], 5, dtype=x.dtype),
    "contiguous": lambda _, x: x.contiguous(),
    "clone of what is cut": lambda _, x: x[:, :, :1].clone(),
}


@needs_torch
@together("layout", LAYOUTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_view_works_on_what_pytorch_returns_in_order(name: str, layout: str) -> None:
    def call(lib: Any, x: Any) -> Any:
        return OPERATIONS[name](lib, LAYOUTS[layout](x)).view(-1)

    try:
        call(torch, torch.tensor(X))
    except RuntimeError:
        pytest.skip("PyTorch keeps the order in memory here, and refuses")
    check_like_torch(call, X)
    with ad.no_grad():
        assert call(ad, ad.tensor(X)).shape == tuple(call(torch, torch.tensor(X)).shape)


def test_view_shares_the_memory_of_what_it_is_a_view_of() -> None:
    y = F.softmax(ad.tensor(X).transpose(1, 2), -1)
    flat = y.view(-1)
    flat[0] = 7.0
    assert y[0, 0, 0].item() == 7.0
    z = ad.zeros(2, 3)
    z.view(3, 2)[0, 1] = 1.0
    assert z[0, 1].item() == 1.0


def test_view_refuses_what_shares_its_memory_in_another_order() -> None:
    moved = ad.tensor(X).transpose(0, 1)
    array = np.asfortranarray(X)
    seen = F.softmax(moved, -1)
    held = seen.numpy()
    for x in (moved, ad.from_numpy(array), ad.tensor(X)[:, :, :3], seen, F.softmax(moved, -1).T, seen.detach()):
        with pytest.raises(RuntimeError, match=r"view: .* another order in memory .* use reshape\(\), or contiguous"):
            x.view(-1)
        assert x.contiguous().view(-1).tolist() == x.reshape(-1).tolist()
    held[0, 0, 0] = 7.0
    assert seen[0, 0, 0].item() == 7.0


def test_contiguous_returns_the_tensor_itself_where_it_is() -> None:
    x = ad.tensor(X, requires_grad=True)
    assert x.is_contiguous()
    assert x.contiguous() is x
    assert ad.tensor(1.0).is_contiguous()
    moved = x.transpose(0, 1)
    assert not moved.is_contiguous()
    copy = moved.contiguous()
    assert copy.is_contiguous()
    copy.sum().backward()
    assert x.grad is not None
    assert (x.grad.numpy() == 1).all()


def test_an_expansion_that_repeats_nothing_can_be_written_to() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y.expand(1, 2).mul_(3)
    assert y.tolist() == [3.0, 6.0]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0]
    assert not ad.zeros(2).expand(3, 2).detach().numpy().flags.writeable


def test_a_view_names_its_base() -> None:
    x = ad.zeros(2, 3)
    for view in (x[0], x.T, x.view(6), x[0][1:], x.unsqueeze(0), x.split(1)[1]):
        assert view._is_view()
        assert view._base is x
    for own in (x, x.clone(), x[[0]], x + 1):
        assert not own._is_view()
        assert own._base is None
