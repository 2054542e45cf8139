"""What does not fit is refused at once, by PyTorch's kind of error, by name, and leaves the module as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from autodiff.tensor import from_array
from tests.oracle import needs_torch, torch

Make = Callable[[Any], Any]
Kind = type[Exception] | tuple[type[Exception], ...]

# name: (module or function of nn, call of it with the library, kind of error, what its text names)
BAD: dict[str, tuple[Make, Callable[[Any, Any], Any], Kind, list[str]]] = {
    "Linear, wrong feature size": (
        lambda nn: nn.Linear(784, 10),
        lambda m, lib: m(lib.ones(64, 100)),
        RuntimeError,
        ["linear", "(64, 100)", "(10, 784)"],
    ),
    "Linear, scalar": (
        lambda nn: nn.Linear(3, 2),
        lambda m, lib: m(lib.tensor(1.0)),
        RuntimeError,
        ["linear", "()", "(2, 3)"],
    ),
    "Linear, float64 into float32": (
        lambda nn: nn.Linear(3, 2),
        lambda m, lib: m(lib.ones(4, 3, dtype=lib.float64)),
        RuntimeError,
        ["linear", "float64", "float32"],
    ),
    "Linear, integers": (
        lambda nn: nn.Linear(3, 2),
        lambda m, lib: m(lib.ones(4, 3, dtype=lib.int64)),
        RuntimeError,
        ["linear", "int64", "float32"],
    ),
    "Linear, a list": (lambda nn: nn.Linear(3, 2), lambda m, lib: m([1.0, 2.0, 3.0]), TypeError, ["linear", "list"]),
    "Sequential, layers that do not fit": (
        lambda nn: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2)),
        lambda m, lib: m(lib.ones(1, 3)),
        RuntimeError,
        ["linear", "(1, 4)", "(2, 5)"],
    ),
    "BatchNorm1d, wrong feature size": (
        lambda nn: nn.BatchNorm1d(3),
        lambda m, lib: m(lib.ones(4, 5)),
        RuntimeError,
        ["BatchNorm1d", "3", "(4, 5)"],
    ),
    "BatchNorm1d, 1-d": (
        lambda nn: nn.BatchNorm1d(3),
        lambda m, lib: m(lib.ones(3)),
        ValueError,
        ["BatchNorm1d", "2-d or 3-d", "(3,)"],
    ),
    "BatchNorm1d, 4-d": (
        lambda nn: nn.BatchNorm1d(3),
        lambda m, lib: m(lib.ones(2, 3, 4, 5)),
        ValueError,
        ["BatchNorm1d", "2-d or 3-d", "(2, 3, 4, 5)"],
    ),
    "BatchNorm1d, batch of one": (
        lambda nn: nn.BatchNorm1d(3),
        lambda m, lib: m(lib.ones(1, 3)),
        ValueError,
        ["batch_norm", "more than 1 value per channel", "(1, 3)"],
    ),
    "BatchNorm1d, batch of one of length one": (
        lambda nn: nn.BatchNorm1d(3, momentum=None),
        lambda m, lib: m(lib.ones(1, 3, 1)),
        ValueError,
        ["batch_norm", "more than 1 value per channel", "(1, 3, 1)"],
    ),
    "BatchNorm1d, batch of one without averages, in evaluation": (
        lambda nn: nn.BatchNorm1d(3, track_running_stats=False).eval(),
        lambda m, lib: m(lib.ones(1, 3)),
        ValueError,
        ["batch_norm", "more than 1 value per channel", "(1, 3)"],
    ),
    "BatchNorm1d, eps 0 in training": (
        lambda nn: nn.BatchNorm1d(3, eps=0.0),
        lambda m, lib: m(lib.ones(4, 3)),
        ValueError,
        ["batch_norm", "eps", "0.0"],
    ),
    "BatchNorm1d, negative eps in evaluation": (
        lambda nn: nn.BatchNorm1d(3, eps=-0.1).eval(),
        lambda m, lib: m(lib.ones(4, 3)),
        ValueError,
        ["batch_norm", "eps", "-0.1"],
    ),
    "GroupNorm, one value per group": (
        lambda nn: nn.GroupNorm(4, 4).eval(),
        lambda m, lib: m(lib.ones(1, 4, 1)),
        ValueError,
        ["group_norm", "more than 1 value per", "(1, 4, 1)"],
    ),
    "MSELoss, weight of another shape": (
        lambda nn: nn.Identity(),
        lambda m, lib: functional(lib).mse_loss(lib.ones(3, 2), lib.ones(3, 2), weight=lib.ones(2)),
        ValueError,
        ["mse_loss", "(2,)", "(3, 2)"],
    ),
    "BatchNorm1d, float64 into float32": (
        lambda nn: nn.BatchNorm1d(3),
        lambda m, lib: m(lib.ones(4, 3, dtype=lib.float64)),
        RuntimeError,
        ["float64", "float32"],
    ),
    "BatchNorm1d, float64 into float32, in evaluation": (
        lambda nn: nn.BatchNorm1d(3).eval(),
        lambda m, lib: m(lib.ones(4, 3, dtype=lib.float64)),
        RuntimeError,
        ["float64", "float32"],
    ),
    "BatchNorm1d, integers": (
        lambda nn: nn.BatchNorm1d(3),
        lambda m, lib: m(lib.ones(4, 3, dtype=lib.int64)),
        RuntimeError,
        ["int64"],
    ),
    "Softmax, dimension out of range": (
        lambda nn: nn.Softmax(dim=2),
        lambda m, lib: m(lib.ones(4, 3)),
        IndexError,
        ["softmax", "2"],
    ),
    "Softmax, integers": (
        lambda nn: nn.Softmax(dim=0),
        lambda m, lib: m(lib.ones(3, dtype=lib.int64)),
        RuntimeError,
        ["softmax", "int64"],
    ),
    "ReLU, a number": (lambda nn: nn.ReLU(), lambda m, lib: m(3.0), TypeError, ["float"]),
    "CrossEntropyLoss, label out of range": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m(lib.ones(3, 4), lib.tensor([1, 2, 4])),
        IndexError,
        ["cross_entropy", "label 4", "4 classes"],
    ),
    "CrossEntropyLoss, negative label": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m(lib.ones(3, 4), lib.tensor([1, -100, -1])),
        IndexError,
        ["cross_entropy", "label -1", "4 classes"],
    ),
    "CrossEntropyLoss, negative label in a single sample": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m(lib.ones(4), lib.tensor(-2)),
        IndexError,
        ["cross_entropy", "label -2", "4 classes"],
    ),
    "CrossEntropyLoss, labels of another batch": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m(lib.ones(3, 4), lib.tensor([1, 2])),
        ValueError,
        ["cross_entropy", "(3, 4)", "(3,)", "(2,)"],
    ),
    "CrossEntropyLoss, weight of other classes": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m.__class__(weight=lib.ones(3))(lib.ones(2, 4), lib.tensor([1, 2])),
        (ValueError, RuntimeError),  # PyTorch's is the latter
        ["weight", "(4,)", "(3,)"],
    ),
    "CrossEntropyLoss, weight of another dtype": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m.__class__(weight=lib.ones(4, dtype=lib.float64))(lib.ones(2, 4), lib.tensor([1, 2])),
        RuntimeError,
        ["cross_entropy", "float64", "float32"],
    ),
    "CrossEntropyLoss, an ignored class among probabilities": (
        lambda nn: nn.CrossEntropyLoss(ignore_index=1),
        lambda m, lib: m(lib.ones(3, 4), lib.ones(3, 4)),
        RuntimeError,
        ["cross_entropy", "ignore_index"],
    ),
    "CrossEntropyLoss, integer logits": (
        lambda nn: nn.CrossEntropyLoss(),
        lambda m, lib: m(lib.ones(3, 4, dtype=lib.int64), lib.tensor([1, 2, 3])),
        RuntimeError,
        ["int64"],
    ),
    "MSELoss, shapes that do not broadcast": (
        lambda nn: nn.MSELoss(),
        lambda m, lib: quietly(m, lib.ones(3), lib.ones(2)),
        RuntimeError,
        ["mse_loss", "(3,)", "(2,)"],
    ),
    "BCEWithLogitsLoss, another shape": (
        lambda nn: nn.BCEWithLogitsLoss(),
        lambda m, lib: m(lib.ones(3), lib.ones(3, 1)),
        ValueError,
        ["binary_cross_entropy_with_logits", "(3, 1)", "(3,)"],
    ),
    "BCEWithLogitsLoss, weight of more dimensions": (
        lambda nn: nn.BCEWithLogitsLoss(),
        lambda m, lib: m.__class__(weight=lib.ones(4, 3, 1))(lib.ones(3), lib.ones(3)),
        (RuntimeError, ValueError),  # PyTorch's is the former
        ["binary_cross_entropy_with_logits", "(4, 3, 1)", "(3,)"],
    ),
    "BCEWithLogitsLoss, pos_weight that does not broadcast": (
        lambda nn: nn.BCEWithLogitsLoss(),
        lambda m, lib: m.__class__(pos_weight=lib.ones(2))(lib.ones(4, 3), lib.ones(4, 3)),
        (RuntimeError, ValueError),  # PyTorch's is the former
        ["binary_cross_entropy_with_logits", "(2,)", "(4, 3)"],
    ),
    "Bilinear, wrong feature size": (
        lambda nn: nn.Bilinear(3, 4, 2),
        lambda m, lib: m(lib.ones(5, 3), lib.ones(5, 3)),
        RuntimeError,
        ["bilinear", "(5, 3)", "(2, 3, 4)"],
    ),
    "Embedding, row out of range": (
        lambda nn: nn.Embedding(4, 2),
        lambda m, lib: m(lib.tensor([0, 4])),
        IndexError,
        ["embedding", "4", "4 rows"],
    ),
    "Embedding, negative row": (
        lambda nn: nn.Embedding(4, 2),
        lambda m, lib: m(lib.tensor([0, -1])),
        IndexError,
        ["embedding", "-1"],
    ),
    "Embedding, floats": (
        lambda nn: nn.Embedding(4, 2),
        lambda m, lib: m(lib.ones(2)),
        RuntimeError,
        ["embedding", "integers", "float32"],
    ),
    "BatchNorm2d, 3-d": (
        lambda nn: nn.BatchNorm2d(3),
        lambda m, lib: m(lib.ones(2, 3, 4)),
        ValueError,
        ["BatchNorm2d", "4-d", "(2, 3, 4)"],
    ),
    "LayerNorm, another shape": (
        lambda nn: nn.LayerNorm((3, 4)),
        lambda m, lib: m(lib.ones(2, 4, 3)),
        RuntimeError,
        ["layer_norm", "3, 4", "(2, 4, 3)"],
    ),
    "RMSNorm, another shape": (
        lambda nn: nn.RMSNorm(4),
        lambda m, lib: m(lib.ones(2, 3)),
        RuntimeError,
        ["rms_norm", "4", "(2, 3)"],
    ),
    "GroupNorm, other channels": (
        lambda nn: nn.GroupNorm(2, 4),
        lambda m, lib: m(lib.ones(2, 6)),
        RuntimeError,
        ["GroupNorm", "4", "(2, 6)"],
    ),
    "Conv2d, other channels": (
        lambda nn: nn.Conv2d(3, 4, 3),
        lambda m, lib: m(lib.ones(1, 2, 8, 8)),
        RuntimeError,
        ["conv2d", "(1, 2, 8, 8)", "(4, 3, 3, 3)", "3 channels"],
    ),
    "Conv2d, 2-d": (
        lambda nn: nn.Conv2d(3, 4, 3),
        lambda m, lib: m(lib.ones(8, 8)),
        RuntimeError,
        ["conv2d", "(8, 8)"],
    ),
    "Conv2d, an image smaller than the kernel": (
        lambda nn: nn.Conv2d(1, 1, 5),
        lambda m, lib: m(lib.ones(1, 1, 4, 8)),
        RuntimeError,
        ["conv2d", "(5 x 5)", "(4 x 8)"],
    ),
    "Conv2d, float64 into float32": (
        lambda nn: nn.Conv2d(1, 1, 2),
        lambda m, lib: m(lib.ones(1, 1, 4, 4, dtype=lib.float64)),
        RuntimeError,
        ["conv2d", "float64", "float32"],
    ),
    "Conv1d, 4-d": (
        lambda nn: nn.Conv1d(3, 4, 3),
        lambda m, lib: m(lib.ones(1, 3, 8, 8)),
        RuntimeError,
        ["conv1d", "(1, 3, 8, 8)"],
    ),
    "Conv2d, mirrored further than the image reaches": (
        lambda nn: nn.Conv2d(1, 1, 3, padding=4, padding_mode="reflect"),
        lambda m, lib: m(lib.ones(1, 1, 4, 4)),
        RuntimeError,
        ["pad", "reflect", "4"],
    ),
    "MaxPool2d, padding of more than half a kernel": (
        lambda nn: nn.MaxPool2d(2, padding=2),
        lambda m, lib: m(lib.ones(1, 1, 4, 4)),
        RuntimeError,
        ["max_pool2d", "half", "(2, 2)"],
    ),
    "MaxPool2d, an image smaller than the kernel": (
        lambda nn: nn.MaxPool2d(5),
        lambda m, lib: m(lib.ones(1, 1, 4, 4)),
        RuntimeError,
        ["max_pool2d", "(5, 5)", "(1, 1, 4, 4)"],
    ),
    "AvgPool2d, 2-d": (
        lambda nn: nn.AvgPool2d(2),
        lambda m, lib: m(lib.ones(4, 4)),
        (RuntimeError, IndexError),
        ["avg_pool2d", "(4, 4)"],
    ),
    "Unflatten, sizes that do not fit": (
        lambda nn: nn.Unflatten(1, (2, 3)),
        lambda m, lib: m(lib.ones(5, 7)),
        RuntimeError,
        ["Unflatten", "(2, 3)", "(5, 7)"],
    ),
    "PReLU, other channels": (
        lambda nn: nn.PReLU(3),
        lambda m, lib: m(lib.ones(5, 4)),
        RuntimeError,
        ["prelu", "(5, 4)", "(3,)"],
    ),
    "GLU, an odd size": (lambda nn: nn.GLU(), lambda m, lib: m(lib.ones(5, 3)), RuntimeError, ["glu", "(5, 3)"]),
    "Softshrink, negative": (
        lambda nn: nn.Softshrink(-0.5),
        lambda m, lib: m(lib.ones(3)),
        RuntimeError,
        ["softshrink", "-0.5"],
    ),
    "NLLLoss, label out of range": (
        lambda nn: nn.NLLLoss(),
        lambda m, lib: m(lib.ones(3, 4), lib.tensor([1, 2, 4])),
        IndexError,
        ["nll_loss", "label 4", "4 classes"],
    ),
    "BCELoss, no probability": (
        lambda nn: nn.BCELoss(),
        lambda m, lib: m(lib.tensor([0.5, 1.5]), lib.ones(2)),
        RuntimeError,
        ["binary_cross_entropy", "between 0 and 1"],
    ),
    "BCELoss, another shape": (
        lambda nn: nn.BCELoss(),
        lambda m, lib: m(lib.ones(3), lib.ones(3, 1)),
        ValueError,
        ["binary_cross_entropy", "(3, 1)", "(3,)"],
    ),
    "SmoothL1Loss, negative beta": (
        lambda nn: nn.SmoothL1Loss(beta=-1.0),
        lambda m, lib: m(lib.ones(3), lib.ones(3)),
        (RuntimeError, ValueError),  # PyTorch's is the former in some releases
        ["smooth_l1_loss", "-1.0"],
    ),
    "HuberLoss, delta 0": (
        lambda nn: nn.HuberLoss(delta=0.0),
        lambda m, lib: m(lib.ones(3), lib.ones(3)),
        RuntimeError,
        ["huber_loss", "0.0"],
    ),
    "GaussianNLLLoss, negative variance": (
        lambda nn: nn.GaussianNLLLoss(),
        lambda m, lib: m(lib.ones(3), lib.ones(3), -lib.ones(3)),
        ValueError,
        ["gaussian_nll_loss", "-1"],
    ),
    "GaussianNLLLoss, variance of another shape": (
        lambda nn: nn.GaussianNLLLoss(),
        lambda m, lib: m(lib.ones(3, 2), lib.ones(3, 2), lib.ones(2)),
        ValueError,
        ["gaussian_nll_loss", "(2,)", "(3, 2)"],
    ),
    "GaussianNLLLoss, one variance as a tensor": (
        lambda nn: nn.GaussianNLLLoss(),
        lambda m, lib: m(lib.ones(3, 2), lib.ones(3, 2), lib.tensor(1.0)),
        ValueError,
        ["gaussian_nll_loss", "()", "(3, 2)"],
    ),
    "CosineEmbeddingLoss, a target per element": (
        lambda nn: nn.CosineEmbeddingLoss(),
        lambda m, lib: m(lib.ones(3, 2), lib.ones(3, 2), lib.ones(3, 2)),
        RuntimeError,
        ["cosine_embedding_loss", "(3, 2)"],
    ),
    "MarginRankingLoss, other dimensions": (
        lambda nn: nn.MarginRankingLoss(),
        lambda m, lib: m(lib.ones(3, 2), lib.ones(3, 2), lib.ones(3)),
        RuntimeError,
        ["margin_ranking_loss", "(3, 2)", "(3,)"],
    ),
}


def functional(library: Any) -> Any:
    """Return the functions of a library."""
    return F if library is ad else torch.nn.functional


every_bad_call = pytest.mark.parametrize(("make", "call", "kind", "named"), BAD.values(), ids=list(BAD))


def quietly(call: Any, *args: Any) -> Any:
    """Call without the warning about a broadcast target, which both libraries give first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return call(*args)


@every_bad_call
def test_a_bad_call_is_refused_by_name_and_changes_nothing(
    make: Make, call: Callable[[Any, Any], Any], kind: Kind, named: list[str]
) -> None:
    module = make(nn)
    before = {name: value.detach().numpy().copy() for name, value in module.state_dict().items()}
    with pytest.raises(kind) as error:
        call(module, ad)
    assert [text for text in named if text not in str(error.value)] == [], str(error.value)
    for name, value in module.state_dict().items():
        np.testing.assert_array_equal(value.detach().numpy(), before[name])
    assert all(p.grad is None for p in module.parameters())


@needs_torch
@every_bad_call
def test_pytorch_refuses_the_same_call_by_the_same_kind_of_error(
    make: Make, call: Callable[[Any, Any], Any], kind: Kind, named: list[str]
) -> None:
    module = make(torch.nn)
    with pytest.raises(kind):
        call(module, torch)


# name: shapes that do not broadcast
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    **dict.fromkeys(["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"], ((4, 3), (4, 2))),
    **dict.fromkeys(["poisson_nll_loss", "hinge_embedding_loss", "soft_margin_loss"], ((4, 3), (4, 2))),
    **dict.fromkeys(["pairwise_distance", "cosine_similarity"], ((4, 3), (4, 2))),
    **dict.fromkeys(["margin_ranking_loss", "triplet_margin_loss"], ((4, 3), (4, 3), (2, 3))),
    "cosine_embedding_loss": ((4, 3), (4, 3), (3,)),
    "gaussian_nll_loss": ((4, 3), (4, 2), (4, 1)),
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_shapes_that_do_not_broadcast_are_refused_by_name(name: str) -> None:
    for library in (ad, torch) if torch is not None else (ad,):
        with pytest.raises(RuntimeError) as error:
            quietly(getattr(functional(library), name), *(library.ones(shape) for shape in SHAPES[name]))
        if library is ad:
            assert name in str(error.value)
            assert str(SHAPES[name][-1 if name != "gaussian_nll_loss" else 1]) in str(error.value)


# name: dtypes that PyTorch, too, refuses
DTYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(["leaky_relu", "silu", "hardshrink"], ("int64",)),
    **dict.fromkeys(["relu", "relu6", "hardtanh"], ("bool",)),
    **dict.fromkeys(["mse_loss", "smooth_l1_loss", "huber_loss", "cross_entropy"], ("int64", "int64")),
    "binary_cross_entropy_with_logits": ("float32", "int64"),
}


@pytest.mark.parametrize("name", list(DTYPES))
def test_numbers_that_would_have_to_be_converted_are_refused_by_name(name: str) -> None:
    for library in (ad, torch) if torch is not None else (ad,):
        with pytest.raises(RuntimeError) as error:
            getattr(functional(library), name)(*(library.ones(3, dtype=getattr(library, d)) for d in DTYPES[name]))
        if library is ad:
            assert name in str(error.value)
            assert DTYPES[name][-1] in str(error.value)


# Refused by PyTorch too, but by a RuntimeError where the documentation here says otherwise.
STRICTER: dict[str, tuple[Callable[[], Any], Kind, list[str]]] = {
    "float labels": (
        lambda: F.cross_entropy(ad.ones(3, 4), ad.ones(3)),
        ValueError,
        ["cross_entropy", "(3, 4)", "(3,)"],
    ),
    "boolean labels": (
        lambda: F.cross_entropy(ad.ones(3, 4), ad.ones(3).bool()),
        TypeError,
        ["cross_entropy", "integers", "bool"],
    ),
    "labels as a list": (lambda: F.cross_entropy(ad.ones(3, 4), [0, 1, 2]), TypeError, ["cross_entropy", "list"]),
    "integer labels of the logits' shape": (
        lambda: F.cross_entropy(ad.ones(3, 4), ad.ones(3, 4).long()),
        ValueError,
        ["cross_entropy", "(3, 4)", "(3,)"],
    ),
    "logits without dimension": (lambda: F.cross_entropy(ad.tensor(1.0), ad.tensor(0)), ValueError, ["cross_entropy"]),
    "cross_entropy, unknown reduction": (
        lambda: F.cross_entropy(ad.ones(3, 4), ad.tensor([1, 2, 3]), reduction="average"),
        ValueError,
        ["cross_entropy", "'mean', 'sum' or 'none'", "'average'"],
    ),
    "mse_loss, unknown reduction": (
        lambda: F.mse_loss(ad.ones(3), ad.ones(3), reduction="average"),
        ValueError,
        ["mse_loss", "'average'"],
    ),
    "binary_cross_entropy_with_logits, unknown reduction": (
        lambda: F.binary_cross_entropy_with_logits(ad.ones(3), ad.ones(3), reduction="average"),
        ValueError,
        ["binary_cross_entropy_with_logits", "'average'"],
    ),
    "CrossEntropyLoss, unknown reduction": (
        lambda: nn.CrossEntropyLoss(reduction="average"),
        ValueError,
        ["CrossEntropyLoss", "'average'"],
    ),
    "MSELoss, unknown reduction": (lambda: nn.MSELoss(reduction="average"), ValueError, ["MSELoss", "'average'"]),
    "BCEWithLogitsLoss, unknown reduction": (
        lambda: nn.BCEWithLogitsLoss(reduction="average"),
        ValueError,
        ["BCEWithLogitsLoss", "'average'"],
    ),
    "label smoothing above 1": (
        lambda: F.cross_entropy(ad.ones(3, 4), ad.tensor([1, 2, 3]), label_smoothing=1.5),
        ValueError,
        ["label_smoothing", "1.5"],
    ),
    "class weights as a list": (
        lambda: F.cross_entropy(ad.ones(3, 4), ad.tensor([1, 2, 3]), weight=[1.0] * 4),
        TypeError,
        ["cross_entropy", "list"],
    ),
    "CrossEntropyLoss, weights as an array": (
        lambda: nn.CrossEntropyLoss(weight=np.ones(3)),
        TypeError,
        ["CrossEntropyLoss", "weight", "ndarray"],
    ),
    "a list into batch normalization": (lambda: nn.BatchNorm1d(3)([1.0, 2.0]), TypeError, ["list"]),
    "evaluation without running averages": (
        lambda: F.batch_norm(ad.ones(4, 3), None, None),
        ValueError,
        ["batch_norm", "running_mean"],
    ),
    **{
        f"{name}{args}": (lambda name=name, args=args: getattr(nn, name)(*args), kind, [name, text])
        for kind, size, text in ((RuntimeError, -3, "-3"), (TypeError, 2.5, "float"), (TypeError, "a", "str"))
        for name, args in {
            "Linear": (size, 2),
            "Bilinear": (2, size, 2),
            "Embedding": (size, 2),
            "BatchNorm1d": (size,),
            "LayerNorm": ([2, size],),
            "RMSNorm": ([size],),
            "GroupNorm": (1, size),
            "Conv2d": (1, size, 3),
            "PReLU": (size,),
        }.items()
    },
    "padding row that is no number": (lambda: nn.Embedding(3, 2, "a"), TypeError, ["Embedding", "padding_idx", "str"]),
    "probability that is no number": (lambda: nn.Dropout("a"), TypeError, ["Dropout", "str"]),
    "a dictionary of no pairs": (lambda: nn.ModuleDict([1]), TypeError, ["ModuleDict", "0", "1"]),
    **{
        f"{name}, unknown reduction": (
            lambda name=name: getattr(nn, name)(reduction="average"),
            ValueError,
            [name, "'none'", "'average'"],
        )
        for name in nn.__all__
        if name.endswith("Loss")
    },
    "negative probability of dropout": (lambda: nn.Dropout(-0.1), ValueError, ["Dropout", "-0.1"]),
    "probability of dropout above 1": (lambda: F.dropout(ad.ones(2), 1.1), ValueError, ["dropout", "1.1"]),
    "a function in a container": (
        lambda: nn.Sequential(nn.Tanh(), F.relu),
        TypeError,
        ["Sequential", "'1'", "function"],
    ),
    "a class in a list": (lambda: nn.ModuleList([nn.Tanh]), TypeError, ["ModuleList", "'0'", "type"]),
    "channels that cannot be parted": (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, ["Conv2d", "3", "2"]),
    "an unknown padding mode": (
        lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"),
        ValueError,
        ["Conv2d", "padding_mode", "'mirror'"],
    ),
    "an unknown word for padding": (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, ["Conv2d", "'full'"]),
    "padding to the same size with a stride": (
        lambda: nn.Conv1d(3, 4, 3, stride=2, padding="same"),
        ValueError,
        ["Conv1d", "same", "(2,)"],
    ),
    "a kernel of three dimensions": (lambda: nn.Conv2d(3, 4, (3, 3, 3)), RuntimeError, ["Conv2d", "kernel_size", "2"]),
    "a kernel that is no integer": (lambda: nn.Conv2d(3, 4, 3.0), TypeError, ["Conv2d", "kernel_size", "3.0"]),
    "stride 0": (lambda: nn.Conv2d(3, 4, 3, stride=0), RuntimeError, ["Conv2d", "stride", "0"]),
    "groups that do not fit": (lambda: nn.GroupNorm(4, 6), ValueError, ["GroupNorm", "6", "4"]),
    "padding row out of range": (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, ["Embedding", "3"]),
    "GELU of an unknown kind": (lambda: nn.GELU("sigmoid")(ad.ones(2)), RuntimeError, ["gelu", "'sigmoid'"]),
    "a range the wrong way round": (lambda: nn.Hardtanh(1.0, -1.0), ValueError, ["Hardtanh", "1.0", "-1.0"]),
    "a range of one number": (lambda: nn.Hardtanh(1, 1), ValueError, ["Hardtanh", "1"]),
    "sparse gradients": (lambda: nn.Embedding(3, 2, sparse=True), NotImplementedError, ["Embedding", "sparse"]),
    "a shape for summary that is a number": (
        lambda: nn.summary(nn.Linear(3, 2), 3),
        TypeError,
        ["summary", "a tensor, a shape", "3"],
    ),
    "a dtype for a batch that has one": (
        lambda: nn.summary(nn.Linear(3, 2), ad.ones(5, 3), np.float64),
        TypeError,
        ["summary", "dtype"],
    ),
    "a negative size for summary": (lambda: nn.summary(nn.Tanh(), (-1, 3)), ValueError, ["summary", "(-1, 3)"]),
    "no margin": (lambda: nn.TripletMarginLoss(0.0), ValueError, ["TripletMarginLoss", "0.0"]),
    "more widths than dimensions": (lambda: F.pad(ad.ones(3), (1, 1, 1, 1)), RuntimeError, ["pad", "1 dimensions"]),
    "an odd number of widths": (lambda: F.pad(ad.ones(3), (1, 1, 1)), RuntimeError, ["pad", "(1, 1, 1)"]),
    "an unknown way to pad": (lambda: F.pad(ad.ones(3), (1, 1), "mirror"), NotImplementedError, ["pad", "'mirror'"]),
    "a value to repeat": (lambda: F.pad(ad.ones(3), (1, 1), "reflect", 2.0), ValueError, ["pad", "'reflect'"]),
    "labels out of range for one_hot": (lambda: F.one_hot(ad.tensor([3]), 2), RuntimeError, ["one_hot", "3", "2"]),
    "no integers for one_hot": (lambda: F.one_hot(ad.ones(2)), RuntimeError, ["one_hot", "float32"]),
    "windows larger than the input": (lambda: ad.windows(ad.ones(3), (4,)), RuntimeError, ["windows", "(4,)", "(3,)"]),
    "windows without a step": (lambda: ad.windows(ad.ones(3), (2,), (0,)), RuntimeError, ["windows", "(0,)"]),
    "kernels of other channels": (
        lambda: ad.convolve(ad.ones(1, 2, 5), ad.ones(4, 3, 2)),
        RuntimeError,
        ["convolve", "(1, 2, 5)", "(4, 3, 2)"],
    ),
    "kernels larger than the input": (
        lambda: ad.convolve(ad.ones(1, 3, 5), ad.ones(4, 3, 7), before=(1,)),
        RuntimeError,
        ["convolve", "(1, 3, 5)", "(4, 3, 7)"],
    ),
    "kernels of another dtype": (
        lambda: ad.convolve(ad.ones(1, 3, 5), ad.ones(4, 3, 2, dtype=np.float64)),
        RuntimeError,
        ["convolve", "float32", "float64"],
    ),
    "kernels that do not move": (
        lambda: ad.convolve(ad.ones(1, 3, 5), ad.ones(4, 3, 2), (0,)),
        RuntimeError,
        ["convolve", "stride=(0,)"],
    ),
    "negative padding": (lambda: ad.zero_pad(ad.ones(3), (-1,), (0,)), RuntimeError, ["zero_pad", "(-1,)"]),
    "a shape for summary without a model": (lambda: nn.summary(F.relu, (1,)), TypeError, ["summary", "function"]),
    "a gradient of a number": (lambda: nn.utils.clip_grad_norm_([1.0], 1.0), TypeError, ["clip_grad_norm_", "float"]),
    "a transposed convolution of other channels": (
        lambda: F.conv_transpose2d(ad.ones(1, 2, 5, 5), ad.ones(3, 2, 3, 3)),
        RuntimeError,
        ["conv_transpose2d", "(1, 2, 5, 5)", "(3, 2, 3, 3)"],
    ),
    "a transposed convolution, another bias": (
        lambda: F.conv_transpose1d(ad.ones(2, 5), ad.ones(2, 3, 3), ad.ones(2)),
        RuntimeError,
        ["conv_transpose1d", "(3,)", "(2,)"],
    ),
    "output padding that is too large": (
        lambda: nn.ConvTranspose1d(2, 3, 3, output_padding=1)(ad.ones(2, 5)),
        RuntimeError,
        ["output_padding (1,)", "stride (1,)"],
    ),
    "a transposed convolution that leaves nothing": (
        lambda: F.conv_transpose1d(ad.ones(2, 5), ad.ones(2, 3, 3), padding=6),
        RuntimeError,
        ["padding (6,)", "(7,)"],
    ),
    "a transposed convolution with reflections": (
        lambda: nn.ConvTranspose2d(2, 3, 3, padding_mode="reflect"),
        ValueError,
        ["ConvTranspose2d", "'zeros'", "'reflect'"],
    ),
    "an output size that is not possible": (
        lambda: nn.ConvTranspose1d(2, 3, 3, stride=2)(ad.ones(2, 5), output_size=(13,)),
        ValueError,
        ["ConvTranspose1d", "(13,)", "from [11] to [12]"],
    ),
    "neither size nor factor": (lambda: F.interpolate(ad.ones(1, 1, 4)), ValueError, ["size", "scale_factor"]),
    "sizes of other dimensions": (lambda: F.interpolate(ad.ones(1, 1, 4), (2, 2)), ValueError, ["(2, 2)", "(1, 1, 4)"]),
    "a size that is no integer": (lambda: F.interpolate(ad.ones(1, 1, 4), 2.5), TypeError, ["interpolate", "2.5"]),  # type: ignore[arg-type]  # which is the point
    "a size of 0": (lambda: F.interpolate(ad.ones(1, 1, 4), 0), RuntimeError, ["interpolate", "(0,)"]),
    "an unknown way to interpolate": (
        lambda: F.interpolate(ad.ones(1, 1, 4), 2, mode="sinc"),
        NotImplementedError,
        ["interpolate", "'sinc'", "'linear'"],
    ),
    "a sequence interpolated as an image": (
        lambda: F.interpolate(ad.ones(1, 1, 4), 2, mode="bilinear"),
        NotImplementedError,
        ["'bilinear'", "(1, 1, 4)"],
    ),
    "corners of what is repeated": (
        lambda: F.interpolate(ad.ones(1, 1, 4), 2, align_corners=False),
        ValueError,
        ["align_corners", "'nearest'"],
    ),
    "channels that cannot be shuffled": (
        lambda: F.pixel_shuffle(ad.ones(3, 2, 2), 2),
        RuntimeError,
        ["pixel_shuffle", "2²", "(3, 2, 2)"],
    ),
    "pixels that cannot be shuffled": (
        lambda: nn.PixelUnshuffle(2)(ad.ones(1, 3, 2)),
        RuntimeError,
        ["pixel_unshuffle", "(1, 3, 2)"],
    ),
    "too few dimensions to pool": (
        lambda: nn.AdaptiveAvgPool2d(1)(ad.ones(2, 3)),
        RuntimeError,
        ["adaptive_avg_pool2d", "(2, 3)"],
    ),
    "too few sizes to pool to": (
        lambda: nn.AdaptiveAvgPool2d((1,))(ad.ones(1, 2, 3)),
        RuntimeError,
        ["adaptive_avg_pool2d", "(1,)"],
    ),
    "half a size to pool to": (lambda: F.adaptive_max_pool1d(ad.ones(2, 3), 1.5), TypeError, ["output_size", "1.5"]),  # type: ignore[arg-type]  # which is the point
    "nothing to pool to": (lambda: F.adaptive_avg_pool1d(ad.ones(2, 3), 0), RuntimeError, ["(2, 3)", "(0,)"]),
    "two kernels for a sequence": (lambda: F.max_pool1d(ad.ones(2, 3), (2, 2)), TypeError, ["kernel_size", "(2, 2)"]),
    "an image pooled as a sequence": (
        lambda: F.avg_pool1d(ad.ones(1, 2, 3, 3), 2),
        RuntimeError,
        ["avg_pool1d", "(1, 2, 3, 3)"],
    ),
    "three widths for four sides": (lambda: nn.ZeroPad2d((1, 2, 3)), RuntimeError, ["ZeroPad2d", "4", "(1, 2, 3)"]),
    "an image padded as a sequence": (
        lambda: nn.ReflectionPad1d(1)(ad.ones(1, 2, 3, 3)),
        ValueError,
        ["ReflectionPad1d", "(1, 2, 3, 3)"],
    ),
    "no channels to drop": (lambda: F.dropout1d(ad.ones(3)), RuntimeError, ["dropout1d", "(3,)"]),
    "a row as an image": (lambda: nn.Softmax2d()(ad.ones(3)), ValueError, ["Softmax2d", "(3,)"]),
    "other channels to normalize": (lambda: nn.InstanceNorm1d(3)(ad.ones(2, 4, 5)), ValueError, ["3", "(2, 4, 5)"]),
    "other dimensions to normalize": (lambda: nn.InstanceNorm2d(3)(ad.ones(3, 5)), ValueError, ["4-d", "(3, 5)"]),
    "features": (
        lambda: nn.LayerNorm(4)(ad.zeros(2, 3)),
        RuntimeError,
        ["layer_norm", "normalized_shape=[4]", "(2, 3)"],
    ),
    "integer parameters": (lambda: nn.Linear(3, 2, dtype=np.int64), RuntimeError, ["int64"]),
}


@pytest.mark.parametrize(("call", "kind", "named"), STRICTER.values(), ids=list(STRICTER))
def test_what_does_not_fit_is_refused_by_name(call: Callable[[], Any], kind: Kind, named: list[str]) -> None:
    with pytest.raises(kind) as error:
        call()
    assert [text for text in named if text not in str(error.value)] == [], str(error.value)


def test_a_target_that_broadcasts_is_warned_about() -> None:
    with pytest.warns(UserWarning, match=r"mse_loss: Using a target size \(3,\).*input size \(3, 1\)"):
        loss = nn.MSELoss()(ad.zeros(3, 1), ad.ones(3))
    assert loss.item() == 1.0


@pytest.mark.parametrize(
    "wrong", [lambda m: m, lambda m: m.parameters, lambda m: [m], lambda m: m.state_dict()],
    ids=["the model", "a method", "a list of models", "a state"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("clip_grad_norm_", lambda given: nn.utils.clip_grad_norm_(given, 1.0)),
        ("clip_grad_value_", lambda given: nn.utils.clip_grad_value_(given, 1.0)),
        ("parameters_to_vector", nn.utils.parameters_to_vector),
        ("vector_to_parameters", lambda given: nn.utils.vector_to_parameters(ad.zeros(3), given)),
    ],
)
def test_a_model_in_the_place_of_its_parameters_names_the_cure(name: str, call: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: .*: say model\.parameters\(\)"):
        call(wrong(nn.Linear(2, 1)))


def test_the_norm_of_half_gradients_holds_their_squares() -> None:
    p = from_array(np.zeros(2, np.float16), requires_grad=True)
    p.grad = from_array(np.full(2, 300.0, np.float16))
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == 424.25  # PyTorch's: the nearest to 300·√2
    np.testing.assert_allclose(p.grad.detach().numpy(), 0.5**0.5, rtol=1e-3)  # float16
