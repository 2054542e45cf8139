"""Recurrent layers beyond the common check: packed sequences, states, refusals, and what a long sequence costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn.utils import rnn
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch

RNG = np.random.default_rng
KINDS = ("RNN", "LSTM", "GRU")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True, "bias": False},
    {"bidirectional": True, "batch_first": True},
]
EACH = pytest.mark.parametrize(("kind", "options"), [(k, o) for k in KINDS for o in OPTIONS])


def twins(kind: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """Return a layer of both libraries with the same small random parameters."""
    mine, other = getattr(nn, kind)(*args, **options).double(), getattr(torch.nn, kind)(*args, **options).double()
    other.load_state_dict({name: theirs(value.numpy()) for name, value in mine.state_dict().items()})
    return mine, other


def flat(output: Any) -> list[Any]:
    """Return the tensors of a nested output."""
    return [t for part in output for t in flat(part)] if isinstance(output, (tuple, list)) else [output]


def weighted(output: Any) -> Any:
    """Return a sum in which each element of each output counts differently."""
    total: Any = 0.0
    for i, t in enumerate(t for t in flat(output) if t is not None and t.requires_grad):
        make = ours if isinstance(t, ad.Tensor) else theirs
        total = total + (t * make(np.cos(np.arange(array(t).size) + i).reshape(tuple(t.shape)))).sum()
    return total


@needs_torch
@EACH
def test_packed_sequences_equal_pytorch(kind: str, options: dict[str, Any]) -> None:
    mine, other = twins(kind, 3, 4, **options)
    values, lengths = RNG(1).normal(size=(5, 5, 3)), [2, 5, 1, 5, 3]
    batch_first = options.get("batch_first", False)
    results = []
    for library, layer, make in ((rnn, mine, ours), (getattr(torch, "nn", None), other, theirs)):
        tools = library if library is rnn else library.utils.rnn
        x = make(values, requires_grad=True)
        packed = tools.pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
        y, states = layer(packed)
        padded = tools.pad_packed_sequence(y, batch_first=batch_first, padding_value=0.5, total_length=7)
        weighted((padded, states)).backward()
        results.append([*flat(packed), *flat(padded), *flat(states), x.grad, *(p.grad for p in layer.parameters())])
    assert_same([array(t) for t in results[0]], [array(t) for t in results[1]])


@needs_torch
def test_initial_states_of_packed_sequences_keep_the_callers_order() -> None:
    mine, other = twins("LSTM", 3, 4, bidirectional=True)
    values, h, c = (RNG(i).normal(size=s) for i, s in enumerate([(4, 3, 3), (2, 3, 4), (2, 3, 4)]))
    found = mine(rnn.pack_padded_sequence(ours(values), [1, 4, 2], enforce_sorted=False), (ours(h), ours(c)))
    pack = torch.nn.utils.rnn.pack_padded_sequence
    expected = other(pack(theirs(values), torch.tensor([1, 4, 2]), enforce_sorted=False), (theirs(h), theirs(c)))
    assert_same([array(t) for t in flat(found)], [array(t) for t in flat(expected)])


@needs_torch
@pytest.mark.parametrize("kind", KINDS)
def test_random_layers_equal_pytorch(kind: str) -> None:
    rng = RNG(7)
    for _ in range(12):
        layers, ways, size, hidden = (int(n) for n in rng.integers(1, [4, 3, 4, 5]))
        options = {"num_layers": layers, "bidirectional": ways == 2, "bias": bool(rng.integers(2))}
        if kind == "LSTM" and hidden > 1:
            options["proj_size"] = int(rng.integers(hidden))
        mine, other = twins(kind, size, hidden, **options)
        length, batch = (int(n) for n in rng.integers(1, [9, 4]))
        states = [rng.normal(size=(layers * ways, batch, options.get("proj_size") or hidden))]
        states += [rng.normal(size=(layers * ways, batch, hidden))] if kind == "LSTM" else []
        values = rng.normal(size=(length, batch, size))
        results = []
        for layer, make in ((mine, ours), (other, theirs)):
            x, *given = (make(v, requires_grad=True) for v in (values, *states))
            y = layer(x, tuple(given) if kind == "LSTM" else given[0])
            weighted(y).backward()
            results.append([*flat(y), x.grad, *(s.grad for s in given), *(p.grad for p in layer.parameters())])
        assert_same([array(t) for t in results[0]], [array(t) for t in results[1]], atol=1e-11)


@needs_torch
def test_lstm_cell_with_states_equals_pytorch() -> None:
    mine, other = twins("LSTMCell", 3, 4)
    values = [RNG(i).normal(size=s) for i, s in enumerate([(2, 3), (2, 4), (2, 4)])]
    results = []
    for cell, make in ((mine, ours), (other, theirs)):
        x, h, c = (make(v, requires_grad=True) for v in values)
        weighted(cell(x, (h, c))).backward()
        results.append([array(t.grad) for t in (x, h, c, *cell.parameters())])
    assert_same(*results)


def test_a_layer_is_its_cell_step_by_step() -> None:
    layer, cell = nn.GRU(3, 4), nn.GRUCell(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x, h = ad.randn(6, 2, 3), ad.zeros(2, 4)
    outputs = []
    for step in x:
        h = cell(step, h)
        outputs.append(h)
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), ad.stack(outputs).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_parameters_are_drawn_within_the_bound() -> None:
    for p in nn.LSTM(5, 16, 2, bidirectional=True).parameters():
        drawn = p.detach().numpy()
        assert 0.15 < np.abs(drawn).max() <= 0.25
        assert abs(drawn.mean()) < 0.1


def test_dropout_acts_between_layers_in_training_only() -> None:
    layer, x = nn.GRU(3, 4, 2, dropout=0.5), ad.randn(5, 2, 3)
    assert not np.array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())
    layer.eval()
    assert np.array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())
    with pytest.warns(UserWarning, match=r"GRU: dropout option .* only one: dropout=0\.5"):
        nn.GRU(3, 4, dropout=0.5)


def test_all_weights_are_listed_by_layer_and_direction() -> None:
    layer = nn.LSTM(3, 4, 2, bidirectional=True, bias=False)
    named = dict(layer.named_parameters())
    assert [[id(p) for p in ps] for ps in layer.all_weights] == [
        [id(named[f"weight_{which}_{suffix}"]) for which in ("ih", "hh")]
        for suffix in ("l0", "l0_reverse", "l1", "l1_reverse")
    ]


def test_the_operations_of_a_step_do_not_grow_with_the_sequence() -> None:
    def count(length: int) -> int:
        y, _ = nn.LSTM(3, 4)(ad.zeros(length, 2, 3))
        seen, todo = set(), [y]
        while todo:
            node = todo.pop()
            if node not in seen and node._op is not None:
                seen.add(node)
                todo += node._inputs
        return len(seen)

    per_step = (count(64) - count(32)) / 32
    assert per_step == (count(128) - count(64)) / 64 <= 18


# -- sequences of different lengths ------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_a_list_equals_pytorch(batch_first: bool, side: str) -> None:
    values = [RNG(n).normal(size=(n, 2)) for n in (2, 4, 1)]
    results = []
    for library, make in ((rnn, ours), (torch.nn.utils.rnn, theirs)):
        xs = [make(v, requires_grad=True) for v in values]
        y = library.pad_sequence(xs, batch_first, -1.5, side)
        weighted(y).backward()
        results.append([array(y), *(array(x.grad) for x in xs)])
    assert_same(*results)


@needs_torch
def test_packing_a_list_and_back_equals_pytorch() -> None:
    values = [RNG(n).normal(size=(n, 2)) for n in (2, 4, 1)]
    packed = rnn.pack_sequence([ours(v) for v in values], enforce_sorted=False)
    expected = torch.nn.utils.rnn.pack_sequence([theirs(v) for v in values], enforce_sorted=False)
    assert_same([array(t) for t in packed], [array(t) for t in expected])
    for back, value in zip(rnn.unpack_sequence(packed), values, strict=True):
        np.testing.assert_array_equal(back.numpy(), value)
    assert packed.float().data.dtype == np.float32


BAD: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "no hidden units": (lambda: nn.LSTM(3, 0), ValueError, ["LSTM", "hidden_size", "0"]),
    "hidden units that are no integer": (lambda: nn.GRU(3, 4.0), TypeError, ["GRU", "hidden_size", "float"]),  # type: ignore[arg-type]  # which is the point
    "no layers": (lambda: nn.RNN(3, 4, 0), ValueError, ["RNN", "num_layers", "0"]),
    "an unknown nonlinearity": (lambda: nn.RNN(3, 4, nonlinearity="selu"), ValueError, ["RNN", "'selu'", "tanh"]),
    "an unknown nonlinearity of a cell": (
        lambda: nn.RNNCell(3, 4, nonlinearity="selu"),
        ValueError,
        ["RNNCell", "'selu'"],
    ),
    "dropout above 1": (lambda: nn.LSTM(3, 4, 2, dropout=1.5), ValueError, ["LSTM", "dropout", "1.5"]),
    "a projection that is no smaller": (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, ["LSTM", "proj_size", "4"]),
    "other features": (lambda: nn.LSTM(3, 4)(ad.zeros(5, 2, 6)), RuntimeError, ["LSTM", "3", "(5, 2, 6)"]),
    "too many dimensions": (lambda: nn.GRU(3, 4)(ad.zeros(1, 5, 2, 3)), ValueError, ["GRU", "(1, 5, 2, 3)"]),
    "no time step": (lambda: nn.GRU(3, 4)(ad.zeros(0, 2, 3)), RuntimeError, ["GRU", "time step"]),
    "a list": (lambda: nn.GRU(3, 4)([1.0]), TypeError, ["GRU", "list"]),
    "a state of another batch": (
        lambda: nn.GRU(3, 4)(ad.zeros(5, 2, 3), ad.zeros(1, 3, 4)),
        RuntimeError,
        ["GRU", "(1, 2, 4)", "(1, 3, 4)"],
    ),
    "a state without a batch": (
        lambda: nn.GRU(3, 4)(ad.zeros(5, 2, 3), ad.zeros(1, 4)),
        RuntimeError,
        ["GRU", "(1, 2, 4)", "(1, 4)"],
    ),
    "a state of another dtype": (
        lambda: nn.GRU(3, 4)(ad.zeros(5, 2, 3), ad.zeros(1, 2, 4, dtype=np.float64)),
        RuntimeError,
        ["GRU", "float32", "float64"],
    ),
    "one state of two": (lambda: nn.LSTM(3, 4)(ad.zeros(5, 2, 3), ad.zeros(1, 2, 4)), TypeError, ["LSTM", "(h, c)"]),  # type: ignore[arg-type]  # which is the point
    "a cell, other features": (lambda: nn.LSTMCell(3, 4)(ad.zeros(2, 6)), RuntimeError, ["LSTMCell", "3", "(2, 6)"]),
    "a cell, a sequence": (lambda: nn.GRUCell(3, 4)(ad.zeros(5, 2, 3)), ValueError, ["GRUCell", "(5, 2, 3)"]),
    "a cell, another batch": (
        lambda: nn.GRUCell(3, 4)(ad.zeros(2, 3), ad.zeros(3, 4)),
        RuntimeError,
        ["GRUCell", "(2, 4)", "(3, 4)"],
    ),
    "lengths out of order": (
        lambda: rnn.pack_padded_sequence(ad.zeros(4, 2), [1, 3]),
        RuntimeError,
        ["pack_padded_sequence", "[1, 3]", "enforce_sorted=False"],
    ),
    "a length of 0": (lambda: rnn.pack_padded_sequence(ad.zeros(4, 2), [3, 0]), RuntimeError, ["1 to 4", "[3, 0]"]),
    "too few lengths": (lambda: rnn.pack_padded_sequence(ad.zeros(4, 2), [3]), RuntimeError, ["2 integers", "(1,)"]),
    "a total length that is too short": (
        lambda: rnn.pad_packed_sequence(rnn.pack_sequence([ad.zeros(3)]), total_length=2),
        ValueError,
        ["pad_packed_sequence", "3", "2"],
    ),
    "padding what is not packed": (
        lambda: rnn.pad_packed_sequence(ad.zeros(3)),  # type: ignore[arg-type]  # which is the point
        TypeError,
        ["pad_packed_sequence", "Tensor"],
    ),
    "no sequences": (lambda: rnn.pad_sequence([]), RuntimeError, ["pad_sequence", "received an empty list"]),
    "sequences that differ": (
        lambda: rnn.pad_sequence([ad.zeros(2, 3), ad.zeros(2, 4)]),
        RuntimeError,
        ["pad_sequence", "(2, 3)", "(2, 4)"],
    ),
    "an unknown side": (
        lambda: rnn.pad_sequence([ad.zeros(2)], padding_side="top"),
        RuntimeError,
        ["pad_sequence", "'top'"],
    ),
}


@pytest.mark.parametrize(("call", "kind", "named"), BAD.values(), ids=list(BAD))
def test_what_does_not_fit_is_refused_by_name(call: Callable[[], Any], kind: type[Exception], named: list[str]) -> None:
    with pytest.raises(kind) as error:
        call()
    assert [text for text in named if text not in str(error.value)] == [], str(error.value)


@needs_torch
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_nothing_is_answered(kind: str) -> None:
    results = []
    for library, layers in ((ad, nn), (torch, torch.nn)):
        net = getattr(layers, kind)(2, 3, num_layers=2, bidirectional=True)
        y, last = net(library.ones(4, 0, 2))
        y.sum().backward()
        h = getattr(layers, f"{kind}Cell")(2, 3)(library.ones(0, 2))
        states = [*(last if kind == "LSTM" else [last]), *(h if kind == "LSTM" else [h])]
        results.append([tuple(t.shape) for t in (y, *states)] + [float(p.grad.sum()) for p in net.parameters()])
    assert results[0] == results[1]
