"""Training steps of networks of all kinds: what a compiled one returns and leaves equals what the plain one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from autodiff import distributions
from tests.autodiff.compile.test_rows import WAYS, arrays

RNG = np.random.default_rng(0)
SEQUENCES = [ad.tensor(RNG.standard_normal((5, 2, 3))) for _ in range(5)]
LABELS = [ad.tensor(RNG.integers(0, 2, 5)) for _ in range(5)]
WORDS = [ad.tensor(RNG.integers(0, 7, (3, 5))) for _ in range(5)]
IMAGES = [ad.tensor(RNG.standard_normal((2, 1, 8, 8))) for _ in range(5)]

Step = Callable[..., Any]
Build = Callable[[], tuple[Step, list[Any]]]  # a step, and what it changes: modules and optimizers


def training(make: Callable[[], nn.Module], loss: Callable[..., Any], rule: Any = optim.Adam, **options: Any) -> Build:
    def build() -> tuple[Step, list[Any]]:
        model = make().double()
        optimizer = rule(model.parameters(), lr=0.05, **options)

        def step(*batch: Any) -> Any:
            optimizer.zero_grad()
            value = loss(model, *batch)
            value.backward()
            optimizer.step()
            return value

        return step, [model]

    return build


class Recurrent(nn.Module):
    def __init__(self, kind: str, **options: Any) -> None:
        super().__init__()
        self.cells = getattr(nn, kind)(3, 4, batch_first=True, **options)
        self.head = nn.Linear(8 if options.get("bidirectional") else 4, 2)

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        return self.head(self.cells(x)[0][:, -1])


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(7, 8), nn.Linear(8, 7)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 1)

    def forward(self, words: ad.Tensor) -> ad.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(words.shape[1]).double()
        return self.head(self.layers(self.words(words), mask=mask))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        mean, spread = self.linear(x).chunk(2, -1)
        d = distributions.Normal(mean, nn.functional.softplus(spread) + 0.1)
        prior = distributions.Normal(ad.zeros_like(mean), ad.ones_like(mean))
        z = d.rsample()
        return (z * z).sum() + distributions.kl_divergence(d, prior).sum() + d.log_prob(z.detach()).mean()


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.ConvTranspose2d(3, 1, 2, stride=2)
    )


def policy(model: nn.Module, x: ad.Tensor) -> ad.Tensor:
    d = distributions.Categorical(logits=model(x))
    return -d.log_prob(d.sample()).mean() - 0.1 * d.entropy().mean()


def coins(model: nn.Module, x: ad.Tensor) -> ad.Tensor:
    d = distributions.Bernoulli(logits=model(x))
    return -d.log_prob(d.sample()).mean()


def clipping() -> tuple[Step, list[Any]]:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=None)).double()
    optimizer = optim.AdamW(model.parameters(), lr=0.1, amsgrad=True)

    def step(x: ad.Tensor) -> Any:
        optimizer.zero_grad(set_to_none=False)
        loss = (model(x[:, 0]) ** 4).sum()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        nn.utils.clip_grad_value_(model.parameters(), 0.3)
        optimizer.step()
        return loss, norm

    return step, [model]


def accumulating() -> tuple[Step, list[Any]]:
    model = nn.Linear(3, 2).double()
    optimizer = optim.RAdam(model.parameters(), lr=0.1)

    def step(x: ad.Tensor) -> Any:
        model(x).square().sum().backward()
        loss = model(x * 2).tanh().sum()
        loss.backward()
        optimizer.step()
        return loss

    return step, [model]


def adversaries() -> tuple[Step, list[Any]]:
    maker, judge = nn.Linear(3, 3).double(), nn.Linear(3, 1).double()
    first, second = optim.Adam(maker.parameters(), lr=0.05), optim.RMSprop(judge.parameters())

    def step(x: ad.Tensor) -> Any:
        second.zero_grad()
        judged = nn.functional.softplus(judge(maker(x).detach())).mean() + nn.functional.softplus(-judge(x)).mean()
        judged.backward()
        second.step()
        first.zero_grad()
        made = nn.functional.softplus(-judge(maker(x))).mean()
        made.backward()
        first.step()
        return judged, made

    return step, [maker, judge]


class Normalized(optim.Optimizer):
    """A rule without a native form."""

    def update(self, param: Any, grad: Any, state: Any, group: Any, step: int) -> None:
        param -= group["lr"] * grad / (1 + np.linalg.norm(grad))


def normalized(params: Any, lr: float) -> optim.Optimizer:
    return Normalized(params, {"lr": lr})


def recurrent(kind: str, options: dict[str, Any]) -> Build:
    return training(lambda: Recurrent(kind, **options), lambda m, x, y: nn.functional.cross_entropy(m(x), y))


STEPS: dict[str, tuple[Build, list[Any]]] = {
    **{
        f"{kind}{options}": (recurrent(kind, options), [*zip(SEQUENCES, LABELS, strict=True)])
        for kind, options in [
            ("RNN", {}), ("LSTM", {"bidirectional": True}), ("GRU", {"num_layers": 2, "dropout": 0.3}),
        ]
    },
    "transformer": (
        training(Language, lambda m, w: nn.functional.cross_entropy(m(w).reshape(-1, 7), w.reshape(-1)), optim.AdamW),
        WORDS,
    ),
    "convolution": (training(convolutional, lambda m, x: m(x).square().mean(), optim.SGD, momentum=0.9), IMAGES),
    "variational": (training(Encoder, lambda m, x: m(x)), SEQUENCES),
    "policy": (training(lambda: nn.Linear(3, 4), policy), SEQUENCES),
    "coins": (training(lambda: nn.Linear(3, 4), coins), SEQUENCES),
    "clipping": (clipping, SEQUENCES),
    "accumulating": (accumulating, SEQUENCES),
    "adversaries": (adversaries, SEQUENCES),
    "own rule": (training(lambda: nn.Linear(3, 2), lambda m, x: m(x).square().sum(), normalized), SEQUENCES),
}  # fmt: skip


def left(build: Build, batches: list[Any], native: bool | None) -> list[Any]:
    """Return what steps return and leave; None is the plain step."""
    ad.manual_seed(0)
    step, modules = build()
    call = step if native is None else ad.compile(step, native=native)
    ad.manual_seed(1)
    found = [a for batch in batches for a in arrays(call(*(batch if isinstance(batch, tuple) else (batch,))))]
    params = [p for m in modules for p in m.parameters()]
    return found + [t.detach().numpy() for m in modules for t in (*params, *(p.grad for p in params), *m.buffers())]


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("name", STEPS)
def test_compiled_step_equals_step(name: str, native: bool) -> None:
    build, batches = STEPS[name]
    for mine, theirs in zip(left(build, batches, native), left(build, batches, None), strict=True):
        # rounding of 1e-16 in each of a hundred operations, which Adam's division by small roots magnifies
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-10)


def test_a_rule_without_a_native_form_is_named_with_the_reason() -> None:
    step, _ = STEPS["own rule"][0]()
    call: Any = ad.compile(step)
    call(SEQUENCES[0])
    assert "Normalized.step(), 2 parameters" in call.program()
    assert "NumPy: norm" in call.program()


def test_a_step_of_lbfgs_is_refused_with_the_cure() -> None:
    w = ad.tensor([1.0], requires_grad=True)
    optimizer = optim.LBFGS([w])

    def closure() -> ad.Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="LBFGS, which looks at values, cannot be recorded; compile the closure"):
        ad.compile(lambda: optimizer.step(closure))()
    optimizer.step(ad.compile(closure))
    assert abs(w.item()) < 1e-3
