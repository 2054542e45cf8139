"""Distributions beside PyTorch: what they compute, what they draw, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff import distributions
from autodiff.distributions import Bernoulli, Categorical, Normal, Uniform, kl_divergence, register_kl
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch

RNG = np.random.default_rng
A, B = RNG(0).normal(size=(3, 2)), RNG(1).normal(size=(3, 2))
P, Q = RNG(2).uniform(0.05, 0.95, (3, 2)), RNG(3).uniform(0.05, 0.95, (3, 2))
REAL, BITS, CLASSES = (
    RNG(4).normal(size=(4, 3, 2)),
    RNG(5).integers(0, 2, (4, 3, 2)).astype(float),
    np.array([[1], [0]]),
)

COV = np.array([[2.0, 0.3], [0.3, 1.0]])

# name of the distribution, its parameters, a value, what else there is to ask
KINDS: dict[str, tuple[str, dict[str, Any], Any, tuple[str, ...]]] = {
    "Normal": ("Normal", {"loc": A, "scale": P}, REAL, ("mean", "variance", "stddev", "mode")),
    "Normal, broadcast": ("Normal", {"loc": A[0], "scale": P[:, :1]}, REAL, ("mean", "variance", "stddev")),
    "Uniform": ("Uniform", {"low": -P - 5, "high": Q + 5}, REAL, ("mean", "variance", "stddev")),
    "Bernoulli": ("Bernoulli", {"probs": P}, BITS, ("mean", "variance", "mode", "logits")),
    "Bernoulli of logits": ("Bernoulli", {"logits": 30 * A}, BITS, ("mean", "variance", "probs")),
    "Bernoulli, certain": ("Bernoulli", {"probs": np.array([0.0, 1.0])}, np.array([0.0, 1.0]), ("mean", "logits")),
    "Categorical": ("Categorical", {"probs": P}, CLASSES, ("probs", "logits", "mode")),
    "Categorical of logits": ("Categorical", {"logits": A}, CLASSES, ("probs", "logits", "mode")),
    "Categorical, certain": ("Categorical", {"probs": np.array([[0.0, 1.0]])}, CLASSES, ("probs", "logits")),
    "Laplace": ("Laplace", {"loc": A, "scale": P}, REAL, ("mean", "variance", "stddev")),
    "Exponential": ("Exponential", {"rate": P}, abs(REAL), ("mean", "variance")),
    "Gamma": ("Gamma", {"concentration": P, "rate": Q}, abs(REAL), ("mean", "variance")),
    "Beta": ("Beta", {"concentration1": 2 * P, "concentration0": 2 * Q}, Q, ("mean", "variance")),
    "LogNormal": ("LogNormal", {"loc": A, "scale": P}, abs(REAL), ("mean",)),
    "Poisson": ("Poisson", {"rate": 5 * P}, np.floor(6 * Q), ("mean", "variance", "mode")),
    "Geometric": ("Geometric", {"probs": P}, np.floor(6 * Q), ("mean", "variance", "mode")),
    "Binomial": ("Binomial", {"total_count": 7, "probs": P}, np.floor(7 * Q), ("mean", "variance", "mode")),
    "Binomial of logits": ("Binomial", {"total_count": 7, "logits": 30 * A}, np.floor(7 * Q), ("mean", "variance")),
    "NegativeBinomial": (
        "NegativeBinomial",
        {"total_count": 5 * Q, "logits": A},
        np.floor(7 * Q),
        ("mean", "variance", "mode"),
    ),
    "Multinomial": (
        "Multinomial",
        {"total_count": 3, "probs": P},
        np.array([[3.0, 0], [1, 2], [0, 3]]),
        ("mean", "variance"),
    ),
    "OneHotCategorical": ("OneHotCategorical", {"logits": A}, np.eye(2)[[0, 1, 1]], ("mean", "variance", "mode")),
    "RelaxedOneHotCategorical": (
        "RelaxedOneHotCategorical",
        {"temperature": np.array(0.7), "logits": A},
        P / P.sum(-1, keepdims=True),
        ("probs",),
    ),
    "RelaxedBernoulli": ("RelaxedBernoulli", {"temperature": np.array(0.7), "logits": A}, P, ("probs",)),
    "Cauchy": ("Cauchy", {"loc": A, "scale": P}, REAL, ("mean", "variance", "mode")),
    "Gumbel": ("Gumbel", {"loc": A, "scale": P}, REAL, ("mean", "variance", "mode")),
    "HalfNormal": ("HalfNormal", {"scale": P}, abs(REAL), ("mean", "variance", "mode")),
    "StudentT": ("StudentT", {"df": 5 * P, "loc": A, "scale": Q}, REAL, ("mean", "variance", "mode")),
    "Chi2": ("Chi2", {"df": 5 * P}, abs(REAL), ("mean", "variance", "df")),
    "Dirichlet": ("Dirichlet", {"concentration": 3 * P}, Q / Q.sum(-1, keepdims=True), ("mean", "variance", "mode")),
    "MultivariateNormal": ("MultivariateNormal", {"loc": A, "covariance_matrix": COV}, REAL, ("mean", "variance")),
    "MultivariateNormal of a factor": (
        "MultivariateNormal",
        {"loc": A[0], "scale_tril": np.tril(COV)},
        REAL,
        ("covariance_matrix", "mode"),
    ),
}
# PyTorch computes no entropy of these.
NO_ENTROPY = ("NegativeBinomial", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical")
# PyTorch writes these with what they are made of, or with nothing.
WRITTEN_OTHERWISE = (
    "Beta", "Chi2", "HalfNormal", "LogNormal", "Multinomial", "MultivariateNormal", "OneHotCategorical",
    "RelaxedBernoulli", "RelaxedOneHotCategorical",
)  # fmt: skip
every_kind = pytest.mark.parametrize(("name", "options", "value", "asked"), KINDS.values(), ids=list(KINDS))


def library_of(make: Any) -> Any:
    """Return the distributions of the library that makes such tensors."""
    return distributions if make is ours else torch.distributions


def answers(make: Any, name: str, options: dict[str, Any], value: Any, asked: tuple[str, ...]) -> list[Any]:
    """Return log_prob, entropy and properties, and the gradients of their weighted sum."""
    params = {k: v if isinstance(v, int) else make(v, requires_grad=True) for k, v in options.items()}
    d = getattr(library_of(make), name)(**params)
    spread = [] if name in NO_ENTROPY else [d.entropy(), d.perplexity()]
    found = [d.log_prob(make(value)), *spread, *(getattr(d, what) for what in asked)]
    total = sum(
        (y * make(np.cos(np.arange(array(y).size)).reshape(tuple(y.shape)))).sum() for y in found if y.requires_grad
    )
    total.backward()
    return [*(array(y) for y in found), *(array(p.grad) for p in params.values() if not isinstance(p, int))]


@needs_torch
@every_kind
def test_values_and_gradients_equal_pytorch(name: str, options: Any, value: Any, asked: tuple[str, ...]) -> None:
    mine, other = answers(ours, name, options, value, asked), answers(theirs, name, options, value, asked)
    loose = 1e-7 if name == "Multinomial" else 3e-9  # whose factorials PyTorch computes in float32
    assert_same(mine, other, rtol=loose)  # probabilities that are limited to 1 - 2e-16 lose digits in both


@needs_torch
@every_kind
def test_text_and_shapes_equal_pytorchs(name: str, options: Any, value: Any, asked: tuple[str, ...]) -> None:
    mine, other = (
        getattr(library_of(m), name)(**{k: v if isinstance(v, int) else m(v) for k, v in options.items()})
        for m in (ours, theirs)
    )
    if name not in WRITTEN_OTHERWISE:
        assert repr(mine) == repr(other).replace("torch.Size([", "(").replace("])", ")").replace("(2))", "(2,))")
    assert (mine.batch_shape, mine.event_shape) == (tuple(other.batch_shape), tuple(other.event_shape))
    assert mine.has_rsample == (
        other.has_rsample and name not in ("Gamma", "Beta", "Chi2", "Dirichlet")
    )  # whose draws have no gradient
    for shape in ((), (4,), (2, 3)):
        drawn, expected = array(mine.sample(shape)), array(other.sample(shape))
        assert (drawn.shape, drawn.dtype) == (expected.shape, expected.dtype)


@needs_torch
def test_numbers_make_distributions_of_float32() -> None:
    for mine, other in (
        (Normal(0, 1), torch.distributions.Normal(0, 1)),
        (Uniform(0, 2.5), torch.distributions.Uniform(0, 2.5)),
        (Bernoulli(0.25), torch.distributions.Bernoulli(0.25)),
    ):
        assert repr(mine) == repr(other)
        assert mine.sample().dtype == np.float32
        assert mine.entropy().item() == pytest.approx(other.entropy().item(), rel=1e-6)
    assert Normal(ours(A), 1).scale.dtype == np.float64


@needs_torch
@pytest.mark.parametrize("expand", [True, False])
def test_supports_equal_pytorchs(expand: bool) -> None:
    for mine, other in (
        (Bernoulli(ours(P)), torch.distributions.Bernoulli(theirs(P))),
        (Categorical(ours(P)), torch.distributions.Categorical(theirs(P))),
    ):
        assert_same(array(mine.enumerate_support(expand)), array(other.enumerate_support(expand)))


@needs_torch
def test_distribution_functions_equal_pytorchs() -> None:
    assert_same(
        array(Normal(ours(A), ours(P)).cdf(ours(REAL))),
        array(torch.distributions.Normal(theirs(A), theirs(P)).cdf(theirs(REAL))),
        rtol=1e-6,  # PyTorch's erf and ours
        atol=1e-9,
    )
    mine, other = Uniform(ours(-P), ours(Q)), torch.distributions.Uniform(theirs(-P), theirs(Q))
    inside = -P / 2
    assert_same(array(mine.cdf(ours(inside))), array(other.cdf(theirs(inside))))
    assert_same(array(mine.icdf(ours(P))), array(other.icdf(theirs(P))))


# -- draws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "d",
    [
        Normal(2.0, 0.5),
        Uniform(-1.0, 3.0),
        Bernoulli(0.3),
        Bernoulli(logits=1.0),
        distributions.Poisson(3.0),
        distributions.Geometric(0.4),
        distributions.Binomial(5, 0.3),
        distributions.NegativeBinomial(3.0, 0.4),
        distributions.Gumbel(1.0, 2.0),
        distributions.HalfNormal(2.0),
        distributions.StudentT(9.0, 1.0, 2.0),
        distributions.Chi2(3.0),
        distributions.MixtureSameFamily(Categorical(ad.tensor([1.0, 3.0])), Normal(ad.tensor([0.0, 4.0]), ad.ones(2))),
    ],
    ids=str,
)
def test_draws_have_the_mean_and_the_variance(d: Any) -> None:
    ad.manual_seed(0)
    drawn = d.sample((40000,)).numpy().astype(float)
    deviation = d.stddev.item()
    assert abs(drawn.mean() - d.mean.item()) < 5 * deviation / 200  # five standard deviations of the mean
    assert drawn.var() == pytest.approx(deviation**2, rel=0.05)


def test_classes_are_drawn_by_their_probability() -> None:
    ad.manual_seed(0)
    p = np.array([[0.1, 0.2, 0.7], [0.5, 0.0, 0.5]])
    drawn = Categorical(ad.tensor(p)).sample((40000,)).numpy()
    for i in range(2):
        share = np.bincount(drawn[:, i], minlength=3) / 40000
        assert (np.abs(share - p[i]) <= 5 * np.sqrt(p[i] * (1 - p[i]) / 40000)).all()


def test_vectors_are_drawn_with_their_means() -> None:
    ad.manual_seed(0)
    p = ad.tensor([0.2, 0.3, 0.5])
    d = distributions
    for kind in (
        d.OneHotCategorical(p),
        d.OneHotCategoricalStraightThrough(p),
        d.Multinomial(4, p),
        d.Dirichlet(3 * p),
    ):
        drawn = kind.sample((20000,)).numpy()
        deviation = np.sqrt(kind.variance.numpy() / 20000)
        assert (np.abs(drawn.mean(0) - kind.mean.numpy()) < 5 * deviation).all()
    ones = d.RelaxedOneHotCategorical(0.1, p).rsample((20000,)).numpy().argmax(-1)  # the largest is drawn by p
    assert np.abs(np.bincount(ones) / 20000 - p.numpy()).max() < 0.02
    assert abs((d.RelaxedBernoulli(0.1, 0.3).rsample((20000,)) > 0.5).float().mean().item() - 0.3) < 0.02
    assert abs((d.Cauchy(1.0, 2.0).sample((20000,)) < 1.0).float().mean().item() - 0.5) < 0.02  # the median


def test_a_draw_hands_its_gradient_straight_through() -> None:
    p = ad.tensor([0.2, 0.8], requires_grad=True)
    drawn = distributions.OneHotCategoricalStraightThrough(p).rsample()
    assert sorted(drawn.tolist()) == [0.0, 1.0]
    drawn[0].backward()
    assert p.grad is not None
    np.testing.assert_allclose(p.grad, [0.8, -0.2], rtol=1e-6)  # that of p / Σ p


@needs_torch
def test_mixtures_equal_pytorchs() -> None:
    found = []
    for make in (ours, theirs):
        d = library_of(make)
        logits, loc, scale = (make(x, requires_grad=True) for x in (A, B, P))
        plain = d.MixtureSameFamily(d.Categorical(logits=logits), d.Normal(loc, scale))
        points = d.Independent(d.Normal(make(REAL[:3]), make(np.ones((3, 3, 2)))), 1)
        vectors = d.MixtureSameFamily(d.Categorical(logits=make(REAL[0, :, :1] * np.ones((3, 3)))), points)
        values = [plain.log_prob(make(A[:, 0])), plain.mean, plain.variance, plain.cdf(make(A[:, 0]))]
        values += [vectors.log_prob(make(B)), vectors.mean, vectors.variance]
        sum(v.sum() for v in values).backward()
        found.append([*map(array, values), *(array(x.grad) for x in (logits, loc, scale))])
        assert tuple(vectors.sample((4,)).shape) == (4, 3, 2)
        assert tuple(plain.expand((5, 3)).log_prob(make(A[:, 0])).shape) == (5, 3)
    assert_same(found[0], found[1], rtol=1e-6)  # PyTorch's erf and ours


@needs_torch
def test_further_distribution_functions_equal_pytorchs() -> None:
    for name, options in (
        ("Cauchy", {"loc": A, "scale": P}),
        ("Gumbel", {"loc": A, "scale": P}),
        ("HalfNormal", {"scale": P}),
    ):
        mine, other = (
            getattr(library_of(m), name)(**{k: m(v) for k, v in options.items()}).cdf(m(abs(REAL)))
            for m in (ours, theirs)
        )
        assert_same(array(mine), array(other), rtol=1e-6, atol=1e-9)  # PyTorch's erf and ours


@needs_torch
@every_kind
def test_expanded_distributions_equal_pytorchs(name: str, options: Any, value: Any, asked: tuple[str, ...]) -> None:
    found = []
    for make in (ours, theirs):
        given = {k: v if isinstance(v, int) else make(v) for k, v in options.items()}
        d = getattr(library_of(make), name)(**given)
        lead = value.shape[: value.ndim - len(d.event_shape)]
        wide = d.expand((2, *np.broadcast_shapes(lead, tuple(d.batch_shape))))
        found.append((tuple(wide.batch_shape), tuple(wide.event_shape), array(wide.log_prob(make(value)))))
    assert found[0][:2] == found[1][:2]
    assert_same(found[0][2], found[1][2], rtol=3e-9)


def test_the_seed_decides_what_is_drawn() -> None:
    for d in (Normal(0.0, 1.0), Uniform(0.0, 1.0), Bernoulli(0.5), Categorical(ad.ones(7))):
        drawn = []
        for _ in range(2):
            ad.manual_seed(3)
            drawn.append(d.sample((5,)).tolist())
        assert drawn[0] == drawn[1]


def test_gradients_flow_through_rsample_alone() -> None:
    loc, scale = ad.zeros(3, requires_grad=True), ad.ones(3, requires_grad=True)
    assert not Normal(loc, scale).sample().requires_grad
    drawn = Normal(loc, scale).rsample((1000,))
    drawn.sum().backward()
    assert loc.grad is not None
    assert scale.grad is not None
    assert loc.grad.tolist() == [1000.0] * 3
    np.testing.assert_allclose(scale.grad.numpy(), drawn.detach().numpy().sum(axis=0), rtol=1e-4, atol=1e-3)


# -- divergence --------------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    ("name", "p", "q"),
    [
        ("Normal", {"loc": A, "scale": P}, {"loc": B, "scale": Q}),
        ("Uniform", {"low": -P, "high": Q}, {"low": -Q, "high": P}),
        ("Bernoulli", {"probs": P}, {"logits": A}),
        ("Bernoulli", {"probs": np.array([0.0, 1.0, 0.5, 0.5])}, {"probs": np.array([0.0, 1.0, 0.0, 1.0])}),
        ("Categorical", {"probs": P}, {"logits": A}),
        ("Laplace", {"loc": A, "scale": P}, {"loc": B, "scale": Q}),
        ("Exponential", {"rate": P}, {"rate": Q}),
        ("Poisson", {"rate": P}, {"rate": Q}),
        ("Gamma", {"concentration": P, "rate": Q}, {"concentration": Q, "rate": P}),
        ("Beta", {"concentration1": P, "concentration0": Q}, {"concentration1": Q, "concentration0": Q}),
        ("Dirichlet", {"concentration": P}, {"concentration": Q}),
        ("HalfNormal", {"scale": P}, {"scale": Q}),
        ("LogNormal", {"loc": A, "scale": P}, {"loc": B, "scale": Q}),
        ("OneHotCategorical", {"probs": P}, {"logits": A}),
        ("Categorical", {"probs": np.array([[0.0, 1.0], [0.5, 0.5]])}, {"probs": np.array([[0.5, 0.5], [0.0, 1.0]])}),
    ],
)
def test_divergences_equal_pytorchs(name: str, p: dict[str, Any], q: dict[str, Any]) -> None:
    results = []
    for make in (ours, theirs):
        params = [{k: make(v, requires_grad=True) for k, v in given.items()} for given in (p, q)]
        d = library_of(make).kl_divergence(*(getattr(library_of(make), name)(**given) for given in params))
        leaves = [t for given in params for t in given.values()]
        finite = d[make(np.isfinite(array(d)))]
        finite.sum().backward()
        results.append([array(d), *(np.zeros(t.shape) if t.grad is None else array(t.grad) for t in leaves)])
    assert_same(results[0], results[1], rtol=3e-9)


def test_a_formula_can_be_registered() -> None:
    class Point(distributions.Distribution):
        pass

    register_kl(Point, Normal)(lambda p, q: ad.tensor(7.0))

    class Special(Normal):
        pass

    assert kl_divergence(Point(), Special(0.0, 1.0)).item() == 7.0  # that of its base
    with pytest.raises(NotImplementedError, match="Normal and Point"):
        kl_divergence(Normal(0.0, 1.0), Point())
    with pytest.raises(TypeError, match="register_kl"):
        register_kl(int, Normal)  # type: ignore[arg-type]  # which is the point


# -- refusals ----------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "a negative deviation": (lambda: Normal(0.0, -1.0), ValueError, ["scale", "Normal", "greater than 0", "-1.0"]),
    "a mean that is none": (lambda: Normal(float("nan"), 1.0), ValueError, ["loc", "real", "nan"]),
    "shapes that do not broadcast": (
        lambda: Normal(ad.zeros(2), ad.ones(3)),
        RuntimeError,
        ["Normal", "(2,)", "(3,)"],
    ),
    "a text": (lambda: Normal("0", 1.0), ValueError, ["Normal", "str"]),
    "a list": (lambda: Bernoulli([0.5]), ValueError, ["Bernoulli", "list"]),
    "an empty interval": (lambda: Uniform(1.0, 1.0), ValueError, ["low", "less than high"]),
    "neither probability nor logit": (lambda: Bernoulli(), ValueError, ["probs", "logits"]),
    "both": (lambda: Categorical(ad.ones(2), ad.ones(2)), ValueError, ["probs", "logits"]),
    "a probability above 1": (lambda: Bernoulli(1.5), ValueError, ["probs", "between 0 and 1", "1.5"]),
    "a negative probability": (lambda: Categorical(ad.tensor([0.5, -0.1])), ValueError, ["probs", "not negative"]),
    "no classes": (lambda: Categorical(ad.tensor(0.5)), ValueError, ["Categorical", "dimension"]),
    "a value that is none": (lambda: Normal(0.0, 1.0).log_prob(0.5), ValueError, ["Normal", "Tensor", "float"]),  # type: ignore[arg-type]  # which is the point
    "half a bit": (lambda: Bernoulli(0.5).log_prob(ad.tensor(0.5)), ValueError, ["support", "0 or 1", "0.5"]),
    "a class too many": (
        lambda: Categorical(ad.ones(2)).log_prob(ad.tensor(2)),
        ValueError,
        ["support", "0 to 1", "2"],
    ),
    "a value outside": (lambda: Uniform(0.0, 1.0).log_prob(ad.tensor(2.0)), ValueError, ["support", "low to high"]),
    "a value of another shape": (
        lambda: Normal(ad.zeros(2), 1.0).log_prob(ad.zeros(3)),
        ValueError,
        ["(3,)", "(2,)"],
    ),
    "a gradient through bits": (lambda: Bernoulli(0.5).rsample(), NotImplementedError, ["Bernoulli", "log_prob"]),
    "a default that is no bool": (
        lambda: distributions.Distribution.set_default_validate_args(3),  # type: ignore[arg-type]  # which is the point
        ValueError,
        ["bool", "3"],
    ),
}


@pytest.mark.parametrize(("call", "kind", "named"), BAD.values(), ids=list(BAD))
def test_what_does_not_fit_is_refused_by_name(call: Callable[[], Any], kind: type[Exception], named: list[str]) -> None:
    with pytest.raises(kind) as error:
        call()
    assert [text for text in named if text not in str(error.value)] == [], str(error.value)


def test_checks_can_be_switched_off() -> None:
    assert Normal(0.0, -1.0, validate_args=False).variance.item() == 1.0
    assert Uniform(0.0, 1.0, validate_args=False).log_prob(ad.tensor(2.0)).item() == -np.inf
    distributions.Distribution.set_default_validate_args(False)
    try:
        Normal(0.0, -1.0)
    finally:
        distributions.Distribution.set_default_validate_args(True)


@needs_torch
def test_composed_distributions_equal_pytorchs() -> None:
    found = []
    for make in (ours, theirs):
        d, loc, scale = library_of(make), make(A, requires_grad=True), make(P, requires_grad=True)
        normal = d.Independent(d.Normal(loc, scale), 1)
        squashed = d.TransformedDistribution(
            normal, [d.AffineTransform(make(B), 2.0), d.TanhTransform(), d.SigmoidTransform(), d.ExpTransform()]
        )
        other = d.Independent(d.Normal(make(B), make(Q)), 1)
        values = [
            normal.log_prob(make(REAL)), normal.entropy(), normal.mean, squashed.log_prob(make(1.8 + 0.2 * P)),
            d.kl_divergence(normal, other),
            d.kl_divergence(d.MultivariateNormal(loc, make(COV)), d.MultivariateNormal(make(B), make(2 * COV))),
        ]  # fmt: skip
        sum(v.sum() for v in values).backward()
        assert tuple(squashed.sample((4,)).shape) == (4, 3, 2)
        found.append([*map(array, values), array(loc.grad), array(scale.grad)])
    assert_same(*found, rtol=1e-7)  # PyTorch's softplus(x) is x from 20 on, where it differs by 2e-9


def test_draws_of_vectors_and_shares_have_their_moments() -> None:
    ad.manual_seed(0)
    drawn = distributions.MultivariateNormal(ad.from_numpy(A[0]), ad.from_numpy(COV)).sample((20_000,)).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), COV, atol=0.06)  # four standard errors of 20,000 draws
    for d in (distributions.Beta(2.0, 3.0), distributions.Gamma(2.0, 3.0), distributions.Laplace(0.5, 0.3)):
        assert abs(d.sample((20_000,)).mean().item() - d.mean.item()) < 0.02


@needs_torch
@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        ("Normal", {"loc": A, "scale": P}, REAL),
        ("Laplace", {"loc": A, "scale": P}, REAL),
        ("Exponential", {"rate": P}, abs(REAL)),
    ],
)
def test_cumulative_probabilities_and_their_inverses_equal_pytorchs(name: str, options: Any, value: Any) -> None:
    mine, other = (getattr(library_of(m), name)(**{k: m(v) for k, v in options.items()}) for m in (ours, theirs))
    assert_same([array(mine.cdf(ours(value)))], [array(other.cdf(theirs(value)))], rtol=1e-9)
    assert_same([array(mine.icdf(ours(Q)))], [array(other.icdf(theirs(Q)))], rtol=1e-9)


VALUES_DECIDE: dict[str, Callable[[Any], Any]] = {
    "Poisson": lambda r: distributions.Poisson(r),
    "Geometric": lambda r: distributions.Geometric(r / 10),
    "Binomial": lambda r: distributions.Binomial(10, r / 10),
    "NegativeBinomial": lambda r: distributions.NegativeBinomial(3.0, r / 10),
    "Multinomial": lambda r: distributions.Multinomial(10, r / 10),
    "Dirichlet": lambda r: distributions.Dirichlet(r),
    "Gamma": lambda r: distributions.Gamma(r, 1.0),
    "Beta": lambda r: distributions.Beta(r, 1.0),
    "StudentT": lambda r: distributions.StudentT(r + 2),
}


@pytest.mark.parametrize("name", VALUES_DECIDE)
def test_draws_that_depend_on_values_are_not_those_of_the_first_call_when_compiled(name: str) -> None:
    draw = ad.compile(lambda r: VALUES_DECIDE[name](r).sample((3,)))
    with pytest.raises(RuntimeError, match="cannot be recorded"):
        draw(ad.tensor([0.5, 1.0]))
