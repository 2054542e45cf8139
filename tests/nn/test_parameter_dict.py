"""ParameterDict is a dictionary whose parameters are registered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import needs_torch, theirs, torch


def made(library: Any, tensor: Any) -> Any:
    """Return a dictionary of two parameters of a library."""
    return library.ParameterDict({"left": library.Parameter(tensor(np.zeros(2))), "right": tensor(np.ones((3, 2)))})


@needs_torch
def test_state_and_names_equal_pytorchs() -> None:
    mine, other = made(nn, ad.tensor), made(torch.nn, theirs)
    other["right"] = torch.nn.Parameter(other["right"])  # which PyTorch leaves a tensor
    assert list(mine.state_dict()) == list(other.state_dict())
    mine.load_state_dict({name: np.full(value.shape, 3.0) for name, value in other.state_dict().items()})
    assert mine["right"].tolist() == [[3.0] * 2] * 3


def test_it_answers_as_a_dictionary() -> None:
    d = made(nn, ad.tensor)
    left = d["left"]
    assert (list(d), len(d), "left" in d, "up" in d) == (["left", "right"], 2, True, False)
    assert (d.get("up", 5), d.pop("left") is left, d.keys()) == (5, True, ["right"])
    d.update([("up", ad.ones(1))])
    assert [(name, p.shape, p.requires_grad) for name, p in d.items()] == [("right", (3, 2), True), ("up", (1,), True)]
    assert [p.shape for p in d.parameters()] == [p.shape for p in d.values()]
    del d["up"]
    d.clear()
    assert repr(d) == "ParameterDict()"
    with pytest.raises(KeyError, match="up"):
        d["up"]
    with pytest.raises(KeyError, match="up"):
        del d["up"]


@needs_torch
def test_it_is_joined_copied_and_taken_apart_as_pytorchs() -> None:
    outcomes = []
    for library, tensor in ((nn, ad.tensor), (torch.nn, theirs)):
        d = made(library, tensor)
        more = library.ParameterDict({"left": tensor(np.ones(1)), "up": tensor(np.ones(4))})
        joined, plain, copy = d | more, {"down": 5} | d, d.copy()
        made_now, there = d.setdefault("new", tensor(np.ones(5))), d.setdefault("left", tensor(np.ones(6)))
        last, once = d.popitem(), d.fromkeys(["x", "y"], tensor(np.ones(2)))
        d |= more
        names = [list(x) for x in (joined, plain, copy, d, reversed(d), once)]
        sizes = [tuple(x.shape) for x in (made_now, there, last[1], d["left"], joined["left"], copy["left"])]
        outcomes.append((names, sizes, last[0], copy["left"] is there, len(list(once.parameters()))))
    assert outcomes[0] == outcomes[1]


def test_an_empty_one_has_nothing_to_take_out() -> None:
    with pytest.raises(KeyError, match="no parameter"):
        nn.ParameterDict().popitem()


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"a": 1.0}, "'a' must be a Tensor, got float"),
        (5, "int"),
        ([ad.ones(2)], "element 0"),
        ({1: ad.ones(2)}, "str"),
    ],
)
def test_what_is_no_dictionary_of_tensors_is_refused(parameters: Any, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        nn.ParameterDict(parameters)
