"""Attention beyond the common check: masks of every kind, weights, dropout, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch

INF = float("inf")
Q, K, V = (np.random.default_rng(i).normal(size=s) for i, s in enumerate([(2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 6)]))
KEEPS = np.random.default_rng(3).uniform(size=(3, 5)) < 0.6


def attend(library: Any, make: Any, mask: Any, **options: Any) -> list[Any]:
    """Return the output of the function and the gradients of all that is float."""
    given = [make(v, requires_grad=True) for v in (Q, K, V)]
    if mask is not None:
        options["attn_mask"] = make(mask, requires_grad=mask.dtype.kind == "f")
        given += [options["attn_mask"]] if mask.dtype.kind == "f" else []
    y = library.scaled_dot_product_attention(*given[:3], **options)
    (y * make(np.cos(np.arange(array(y).size)).reshape(tuple(y.shape)))).sum().backward()
    return [array(y), *(array(t.grad) for t in given)]


@needs_torch
@pytest.mark.parametrize(
    "mask",
    [
        KEEPS,
        np.stack([KEEPS, ~KEEPS])[:, None],
        np.zeros((3, 5), bool),
        np.random.default_rng(4).normal(size=(2, 1, 3, 5)),
        np.random.default_rng(4).normal(size=(1, 5)),
    ],
    ids=["booleans", "booleans of each sample", "nothing to attend to", "floats of each sample", "floats of each key"],
)
def test_masks_equal_pytorch(mask: Any) -> None:
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        expected = attend(torch.nn.functional, theirs, mask)
    assert_same(attend(F, ours, mask), expected)


@needs_torch
def test_a_query_without_keys_gets_zero_among_others_that_have_some() -> None:
    mask = KEEPS & (np.arange(3) != 1)[:, None]
    mine = attend(F, ours, mask)
    assert_same(mine, attend(torch.nn.functional, theirs, mask))
    assert not mine[0][:, :, 1].any()
    assert all(np.isfinite(value).all() for value in mine)
    floats = np.where(mask, 0.0, -INF)
    assert_same(attend(F, lambda v, requires_grad=False: ours(v, requires_grad), floats)[:4], mine)


def test_dropout_keeps_the_mean_of_the_weights() -> None:
    ad.manual_seed(0)
    q, v = ad.zeros(1, 20000, 2), ad.ones(1, 5, 1)
    y = F.scaled_dot_product_attention(q, ad.zeros(1, 5, 2), v, dropout_p=0.4).numpy()
    assert abs(y.mean() - 1) < 5 * np.sqrt(0.4 / 0.6 / 5 / 20000)  # five standard deviations of the mean
    assert {round(float(n), 4) for n in np.unique(y)} == {0.0, 0.3333, 0.6667, 1.0, 1.3333, 1.6667}


def test_later_elements_do_not_change_what_comes_before() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    x = ad.randn(1, 5, 4)
    changed = x.clone()
    changed[0, 3:] = 7.0
    before, after = (layer(t, mask, is_causal=True).detach().numpy() for t in (x, changed))
    np.testing.assert_array_equal(before[0, :3], after[0, :3])
    assert np.abs(before[0, 3:] - after[0, 3:]).min() > 0


# -- MultiheadAttention ------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"need_weights": False},
        {"average_attn_weights": False},
        {"key_padding_mask": np.arange(5) > np.array([[2], [4]])},
        {"key_padding_mask": np.random.default_rng(1).normal(size=(2, 5)), "need_weights": False},
        {"attn_mask": np.random.default_rng(2).normal(size=(4, 3, 5))},
        {"attn_mask": ~KEEPS & (np.arange(5) > 0), "key_padding_mask": np.arange(5) > np.array([[2], [4]])},
        {"attn_mask": np.triu(np.full((3, 5), -INF), 1), "is_causal": True, "need_weights": False},
    ],
    ids=lambda options: ", ".join(options),
)
@pytest.mark.parametrize("added", [False, True])
@pytest.mark.filterwarnings("ignore:Support for mismatched")
def test_options_of_multihead_attention_equal_pytorch(batch_first: bool, options: dict[str, Any], added: bool) -> None:
    if added:  # with this hint PyTorch hides the added keys, too, which no mask hides otherwise
        options = {name: value for name, value in options.items() if name != "is_causal"}
    kind = {"batch_first": batch_first, "add_bias_kv": added, "add_zero_attn": added}
    mine, other = nn.MultiheadAttention(4, 2, **kind).double(), torch.nn.MultiheadAttention(4, 2, **kind).double()
    state = {name: np.random.default_rng(5).normal(size=p.shape) for name, p in mine.state_dict().items()}
    mine.load_state_dict(state)
    other.load_state_dict({name: theirs(value) for name, value in state.items()})
    values = [np.random.default_rng(i).normal(size=s) for i, s in enumerate([(3, 2, 4), (5, 2, 4), (5, 2, 4)])]
    results = []
    for layer, make in ((mine, ours), (other, theirs)):
        xs = [make(v.swapaxes(0, 1) if batch_first else v, requires_grad=True) for v in values]
        given = {name: make(v) if isinstance(v, np.ndarray) else v for name, v in options.items()}
        y, weights = layer(*xs, **given)
        total = (y * make(np.cos(np.arange(array(y).size)).reshape(tuple(y.shape)))).sum()
        if weights is not None:
            total = total + (weights * weights).sum()
        total.backward()
        found = [
            y,
            *([] if weights is None else [weights]),
            *(x.grad for x in xs),
            *(p.grad for p in layer.parameters()),
        ]
        results.append([array(t) for t in found])
    assert_same(*results)


def test_projections_are_drawn_as_glorot_and_bengio_do() -> None:
    ad.manual_seed(0)
    joint, apart = nn.MultiheadAttention(32, 4), nn.MultiheadAttention(32, 4, kdim=16, vdim=8)
    assert joint.in_proj_weight is not None
    for weight in (joint.in_proj_weight, *(getattr(apart, f"{which}_proj_weight") for which in "qkv")):
        bound = np.sqrt(6 / sum(weight.shape))
        assert 0.95 * bound < np.abs(weight.detach().numpy()).max() <= bound
    assert joint.in_proj_bias is not None
    assert not joint.in_proj_bias.detach().numpy().any()


def test_the_layers_of_a_stack_are_copies() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    encoder = nn.TransformerEncoder(layer, 2)
    first, second = encoder.layers
    assert first.linear1.weight is not second.linear1.weight is not layer.linear1.weight
    np.testing.assert_array_equal(first.linear1.weight.detach().numpy(), second.linear1.weight.detach().numpy())


def test_a_transformer_takes_an_encoder_and_a_decoder_of_ones_own() -> None:
    class Same(nn.Module):
        def forward(self, x: ad.Tensor, *args: Any, **options: Any) -> ad.Tensor:
            return x + 1

    net = nn.Transformer(4, 2, custom_encoder=Same(), custom_decoder=Same())
    assert net(ad.zeros(3, 1, 4), ad.zeros(2, 1, 4)).tolist() == [[[1.0] * 4]] * 2


def cross(**options: Any) -> Callable[..., Any]:
    """Return what calls an attention with zeros of these shapes."""
    return lambda *shapes: nn.MultiheadAttention(4, 2, **options)(*(ad.zeros(*s) for s in shapes))


SELF = (ad.zeros(3, 2, 4),) * 3

BAD: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "other sizes of key and query": (
        lambda: F.scaled_dot_product_attention(ad.zeros(3, 4), ad.zeros(3, 5), ad.zeros(3, 5)),
        RuntimeError,
        ["scaled_dot_product_attention", "(3, 4)", "(3, 5)"],
    ),
    "a vector": (
        lambda: F.scaled_dot_product_attention(ad.zeros(4), ad.zeros(3, 4), ad.zeros(3, 4)),
        RuntimeError,
        ["at least 2 dimensions", "(4,)"],
    ),
    "a mask that is causal anyway": (
        lambda: F.scaled_dot_product_attention(*SELF, attn_mask=ad.zeros(2, 2), is_causal=True),
        RuntimeError,
        ["is_causal", "attn_mask"],
    ),
    "a mask of integers": (
        lambda: F.scaled_dot_product_attention(*SELF, attn_mask=ad.tensor([[1, 0], [1, 1]])),
        RuntimeError,
        ["attn_mask", "int64"],
    ),
    "several dtypes": (
        lambda: F.scaled_dot_product_attention(SELF[0], SELF[0], SELF[0].double()),
        RuntimeError,
        ["float32", "float64"],
    ),
    "heads that cannot be shared": (
        lambda: F.scaled_dot_product_attention(SELF[0], *(ad.zeros(2, 2, 4),) * 2, enable_gqa=True),
        RuntimeError,
        ["enable_gqa", "(3, 2, 4)", "(2, 2, 4)"],
    ),
    "a size that is no multiple": (lambda: nn.MultiheadAttention(5, 2), ValueError, ["MultiheadAttention", "5", "2"]),
    "no heads": (lambda: nn.MultiheadAttention(4, 0), ValueError, ["num_heads", "0"]),
    "another size": (lambda: cross()((3, 2, 5), (3, 2, 4), (3, 2, 4)), RuntimeError, ["size 4", "(3, 2, 5)"]),
    "a batch of one alone": (lambda: cross()((3, 2, 4), (3, 4), (3, 4)), RuntimeError, ["(3, 2, 4)", "(3, 4)"]),
    "a batch that comes first": (
        lambda: cross()((2, 3, 4), (2, 5, 4), (2, 5, 4)),
        RuntimeError,
        ["(2, 3, 4)", "batch_first=True"],
    ),
    "another length of keys": (lambda: cross()((3, 2, 4), (3, 2, 4), (5, 2, 4)), RuntimeError, ["one length"]),
    "causal without a mask": (
        lambda: nn.MultiheadAttention(4, 2)(*SELF, is_causal=True),
        RuntimeError,
        ["is_causal", "generate_square_subsequent_mask"],
    ),
    "a mask of another shape": (
        lambda: nn.MultiheadAttention(4, 2)(*SELF, attn_mask=ad.zeros(2, 3)),
        RuntimeError,
        ["attn_mask", "(3, 3)", "(4, 3, 3)", "(2, 3)"],
    ),
    "padding of another shape": (
        lambda: nn.MultiheadAttention(4, 2)(*SELF, key_padding_mask=ad.zeros(3, 2)),
        RuntimeError,
        ["key_padding_mask", "(2, 3)", "(3, 2)"],
    ),
    "float64 into float32": (
        lambda: nn.MultiheadAttention(4, 2)(*(t.double() for t in SELF)),
        RuntimeError,
        ["MultiheadAttention", "float64", "float32"],
    ),
    "an unknown activation": (
        lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"),
        RuntimeError,
        ["TransformerEncoderLayer", "'tanh'", "'gelu'"],
    ),
    "a layer that is none": (lambda: nn.TransformerEncoder("layer", 2), TypeError, ["TransformerEncoder", "str"]),  # type: ignore[arg-type]  # which is the point
    "a target of another batch": (
        lambda: nn.Transformer(4, 2, 1, 1, 4)(ad.zeros(3, 2, 4), ad.zeros(3, 1, 4)),
        RuntimeError,
        ["Transformer", "(3, 2, 4)", "(3, 1, 4)"],
    ),
    "a target of another size": (
        lambda: nn.Transformer(4, 2, 1, 1, 4)(ad.zeros(3, 2, 4), ad.zeros(3, 2, 5)),
        RuntimeError,
        ["d_model = 4", "(3, 2, 5)"],
    ),
}


@pytest.mark.parametrize(("call", "kind", "named"), BAD.values(), ids=list(BAD))
def test_what_does_not_fit_is_refused_by_name(call: Callable[[], Any], kind: type[Exception], named: list[str]) -> None:
    with pytest.raises(kind) as error:
        call()
    assert [text for text in named if text not in str(error.value)] == [], str(error.value)
