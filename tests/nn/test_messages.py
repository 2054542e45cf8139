"""What a beginner's mistake is answered with: the words that cure it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows

LOGITS = ad.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]], requires_grad=True)
LABELS = ad.tensor([0, 1, 1])
P = ad.tensor([0.25, 0.5, 0.75], requires_grad=True)

MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "float labels": (lambda: F.cross_entropy(LOGITS, LABELS.float()), ValueError, r"write target\.long\(\)"),
    "float labels, nll": (lambda: F.nll_loss(LOGITS, LABELS.float()), TypeError, r"write target\.long\(\)"),
    "one-hot labels": (
        lambda: F.cross_entropy(LOGITS, F.one_hot(LABELS, 2)),
        ValueError,
        r"if the target is one-hot, write target\.argmax\(1\)",
    ),
    "labels in a column": (
        lambda: F.cross_entropy(LOGITS, LABELS[:, None]),
        ValueError,
        r"write target\.squeeze\(1\)",
    ),
    "labels first": (
        lambda: F.cross_entropy(LABELS, LOGITS),
        RuntimeError,
        "the logits must be floats, got int64; the target is float32: the logits come first and the labels second",
    ),
    "labels first, nll": (lambda: F.nll_loss(LABELS, LOGITS), RuntimeError, "the log-probabilities come first"),
    "integer targets": (
        lambda: F.binary_cross_entropy(P, LABELS),
        RuntimeError,
        r"the target must be floats, got int64; write target\.float\(\)",
    ),
    "integer targets of logits": (
        lambda: F.binary_cross_entropy_with_logits(P, LABELS),
        RuntimeError,
        r"the target must be floats, got int64; write target\.float\(\)",
    ),
    "targets first": (
        lambda: F.binary_cross_entropy_with_logits(LABELS, P),
        RuntimeError,
        "the predictions come first and the targets second",
    ),
    "a device": (lambda: nn.Linear(2, 2).to("cuda"), RuntimeError, "to: there is no device 'cuda'; everything runs on"),
    "a device of a tensor": (lambda: LOGITS.to(device="cuda:0"), RuntimeError, "there is no device 'cuda:0'"),
    "losses in a list": (lambda: ad.tensor([P.sum(), P.mean()]), RuntimeError, r"tensor: .* ad\.stack\(\[\.\.\.\]\)"),
    "an array of a loss": (lambda: np.asarray([P.sum()]), RuntimeError, r"\.item\(\) for one number"),
    "images without channels": (
        lambda: nn.Conv2d(1, 4, 3)(ad.zeros(8, 28, 28)),
        RuntimeError,
        r"expected 1 channel, as \(N, 1, H, W\) or \(1, H, W\); input\.unsqueeze\(1\)",
    ),
    "an image without channels": (
        lambda: nn.Conv2d(1, 4, 3)(ad.zeros(28, 28)),
        RuntimeError,
        r"input\.unsqueeze\(0\) gives a single sample its channel",
    ),
    "sequences without channels": (
        lambda: nn.Conv1d(1, 4, 3)(ad.zeros(8, 28)),
        RuntimeError,
        r"\(N, 1, L\) or \(1, L\); input\.unsqueeze\(1\)",
    ),
    "channels last": (
        lambda: nn.Conv2d(3, 4, 3)(ad.zeros(8, 28, 28, 3)),
        RuntimeError,
        r"input\.movedim\(-1, 1\) puts the channels after the batch",
    ),
    "layers in a list": (lambda: nn.Sequential([nn.ReLU()]), TypeError, r"Sequential\(\*layers\)"),
    "a class as a layer": (lambda: nn.Sequential(nn.ReLU), TypeError, r"write ReLU\(\)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_message_says_what_to_write_instead(name: str) -> None:
    call, error, match = MISTAKES[name]
    with pytest.raises(error, match=match):
        call()


def test_the_cpu_is_where_everything_is() -> None:
    model = nn.Linear(2, 2)
    assert model.to("cpu") is model.to(device="cpu") is model.cpu() is model
    assert LOGITS.to("cpu") is LOGITS.to(device="cpu", non_blocking=True) is LOGITS.cpu() is LOGITS
    assert LOGITS.to("cpu", np.float64).dtype == LOGITS.to(dtype=np.float64).dtype == np.float64
    assert LABELS.to(LOGITS).dtype == np.float32
    assert model.to("cpu", np.float64).weight.dtype == np.float64


# -- PyTorch's words, which tests look for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "match"),
    [
        (lambda: nn.Conv1d(3, 3, 10)(ad.ones(1, 3, 4)), RuntimeError, r"size per channel: \(4\)\. Kernel size: \(10\)"),
        (lambda: nn.Conv2d(3, 2, 1, groups=2), ValueError, "in_channels must be divisible by groups"),
        (lambda: nn.ConvTranspose2d(4, 3, 1, groups=2), ValueError, "out_channels must be divisible by groups"),
        (lambda: nn.Conv1d(1, 1, 1, padding="any"), ValueError, "Invalid padding string 'any'"),
        (lambda: nn.LayerNorm(3)(ad.ones(2, 4)), RuntimeError, r"Given normalized_shape=\[3\]"),
        (lambda: nn.MultiheadAttention(5, 2), AssertionError, "embed_dim must be divisible by num_heads"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), AssertionError, "must be within num_embeddings"),
        (lambda: nn.InstanceNorm1d(3)(ad.ones(2, 3, 1)), ValueError, "Expected more than 1 spatial element"),
        (
            lambda: nn.Linear(1, 1).load_state_dict({}),
            RuntimeError,
            r'Missing key\(s\) in state_dict: "weight", "bias"',
        ),
        (lambda: nn.utils.rnn.pad_sequence([]), RuntimeError, "received an empty list of sequences"),
        (lambda: nn.ModuleDict([("a", nn.ReLU(), 1)]), ValueError, "a name and a Module"),
        (lambda: ad.optim.SGD([ad.ones(1)], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: ad.optim.Adam([ad.ones(1)], betas=(0.9, 1.0)), ValueError, "Invalid beta parameter at index 1: 1.0"),
    ],
)
def test_a_message_has_pytorchs_words(call: Callable[[], Any], kind: type[Exception], match: str) -> None:
    with pytest.raises(kind, match=match):
        call()


def test_empty_weights_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="zero-element"):
        nn.init.kaiming_uniform_(ad.zeros(0, 3))
