"""Derive the gradients of a neuron, of a hidden layer and of softmax by hand, and compare them with autodiff's."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if not __package__:  # run as a file, python examples/chain_rule.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from examples import _plots as plots
from examples._command import parser, print_table, run, writable_folder

# Both sides compute in float64, in a different order: they agree but for the rounding of some ten operations.
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Lesson:
    """
    A computation whose gradients are known in two ways.

    Parameters
    ----------
    name, title, text : str
        The name of its files, its headline, and the derivation in words.
    loss : Tensor
        Where the chain rule starts; its graph holds every step by name.
    explained : sequence of Tensor
        The tensors for which the chain rule is written out.
    by_hand : mapping of Tensor to list of float
        The derivative of the loss with respect to each, as calculated on paper, flat.
    afterword : str, optional
        What is left to say.
    """

    name: str
    title: str
    text: str
    loss: ad.Tensor
    explained: Sequence[ad.Tensor]
    by_hand: Mapping[ad.Tensor, list[float]]
    afterword: str = ""


def leaf(name: str, value: float | list[float]) -> ad.Tensor:
    """Return a named float64 tensor that gets a gradient."""
    return ad.tensor(value, dtype=ad.float64, requires_grad=True, name=name)


def constant(name: str, value: float | list[float]) -> ad.Tensor:
    """Return a named float64 tensor that gets none."""
    return ad.tensor(value, dtype=ad.float64, name=name)


def sigmoid(z: float) -> float:
    """Return σ(z) = 1 / (1 + e⁻ᶻ). Its derivative is σ(z)(1 − σ(z)): with o = σ(z), o(1 − o)."""
    return 1 / (1 + math.exp(-z))


def one_neuron(x: float, w: float, b: float, y: float) -> Lesson:
    """Go from x and w to z, o and the loss L, and back: ∂L/∂w = ∂L/∂o · ∂o/∂z · ∂z/∂w."""
    # On paper: forward, then one factor for each arrow, then their products.
    z = w * x + b
    o = sigmoid(z)
    dL_do, do_dz, dz_dw, dz_db = o - y, o * (1 - o), x, 1.0
    paper = {"o": dL_do, "z": dL_do * do_dz, "w": dL_do * do_dz * dz_dw, "b": dL_do * do_dz * dz_db}

    # With autodiff: the forward pass alone.
    x_, y_, w_, b_ = constant("x", x), constant("y", y), leaf("w", w), leaf("b", b)
    z_ = (w_ * x_ + b_).named("z")
    o_ = z_.sigmoid().named("o")
    loss = ((o_ - y_) ** 2 / 2).named("L")
    return Lesson(
        "neuron",
        "One neuron: x, w → z → o → L",
        "z = w·x + b,  o = σ(z),  L = (o − y)² / 2. Each arrow has one derivative:\n"
        "∂L/∂o = o − y,  ∂o/∂z = σ(z)(1 − σ(z)),  ∂z/∂w = x,  ∂z/∂b = 1; their product is the gradient.",
        loss,
        [w_, b_],
        {o_: [paper["o"]], z_: [paper["z"]], w_: [paper["w"]], b_: [paper["b"]]},
    )


def hidden_layer(x: float, w: Sequence[float], v: Sequence[float], y: float) -> Lesson:
    """Go through two hidden neurons: x reaches the loss along two paths, whose products are added."""
    h = [sigmoid(w_j * x) for w_j in w]
    o = sigmoid(v[0] * h[0] + v[1] * h[1])
    dL_dz = (o - y) * o * (1 - o)  # what every way back has in common
    dL_da = [dL_dz * v[j] * h[j] * (1 - h[j]) for j in (0, 1)]
    paper_v = [dL_dz * h[j] for j in (0, 1)]
    paper_w = [dL_da[j] * x for j in (0, 1)]
    paper_x = dL_da[0] * w[0] + dL_da[1] * w[1]

    x_, y_ = leaf("x", x), constant("y", y)
    w_ = [leaf(name, value) for name, value in zip(("w₁", "w₂"), w, strict=True)]
    v_ = [leaf(name, value) for name, value in zip(("v₁", "v₂"), v, strict=True)]
    a_ = [(w_[0] * x_).named("a₁"), (w_[1] * x_).named("a₂")]
    h_ = [a_[0].sigmoid().named("h₁"), a_[1].sigmoid().named("h₂")]
    z_ = (v_[0] * h_[0] + v_[1] * h_[1]).named("z")
    loss = ((z_.sigmoid().named("o") - y_) ** 2 / 2).named("L")
    by_hand = dict(zip([*v_, *w_, x_], [*paper_v, *paper_w, paper_x], strict=True))
    return Lesson(
        "hidden",
        "A hidden layer: x → a₁, a₂ → h₁, h₂ → z → o → L",
        "aⱼ = wⱼ·x,  hⱼ = σ(aⱼ),  z = v₁·h₁ + v₂·h₂,  o = σ(z),  L = (o − y)² / 2. A weight of the first layer is\n"
        "behind two more arrows, ∂z/∂hⱼ = vⱼ and ∂hⱼ/∂aⱼ = hⱼ(1 − hⱼ). The input reaches L along two paths: add them.",
        loss,
        [v_[0], w_[0], x_],
        {t: [value] for t, value in by_hand.items()},
    )


def softmax_and_loss(z: Sequence[float], right: int) -> Lesson:
    """Connect the derivative of softmax, a matrix, with that of the cross entropy: what remains is p − y."""
    exponentials = [math.exp(z_i) for z_i in z]
    p = [e / sum(exponentials) for e in exponentials]
    y = [float(i == right) for i in range(len(z))]
    dL_dp = [-y[i] / p[i] for i in range(len(z))]
    dp_dz = [[p[i] * ((i == j) - p[j]) for j in range(len(z))] for i in range(len(z))]
    dL_dz = [sum(dL_dp[i] * dp_dz[i][j] for i in range(len(z))) for j in range(len(z))]

    z_, y_ = leaf("z", list(z)), constant("y", y)
    p_ = nn.functional.softmax(z_, dim=-1).named("p")
    loss = (-(y_ * p_.log()).sum()).named("L")
    same = leaf("z", list(z))
    (gradient,) = ad.grad(nn.functional.cross_entropy(same, ad.tensor(right)), same)
    return Lesson(
        "softmax",
        "Softmax and cross entropy: z → p → L",
        "pᵢ = exp(zᵢ) / Σₖ exp(zₖ),  L = −Σᵢ yᵢ·log(pᵢ), and y is 1 for the right class, else 0.\n"
        "∂L/∂pᵢ = −yᵢ/pᵢ: a row in which only the right class is not 0.\n"
        "∂pᵢ/∂zⱼ = pᵢ(δᵢⱼ − pⱼ): a matrix, for every z is in every denominator; its rows add up to 0.\n"
        "Their product: ∂L/∂zⱼ = −Σᵢ yᵢ/pᵢ · pᵢ(δᵢⱼ − pⱼ) = −yⱼ + pⱼ·Σᵢ yᵢ = pⱼ − yⱼ.",
        loss,
        [z_],
        {p_: dL_dp, z_: dL_dz},
        "nn.CrossEntropyLoss takes z itself and never forms p, which may round to 0 and have no logarithm.\n"
        f"Its gradient is the same: {np.array2string(gradient.numpy(), precision=4)}",
    )


def compare(lesson: Lesson) -> list[tuple[str, float, float]]:
    """Return the name of each derivative, its value by hand and its value by autodiff."""
    gradients = ad.grad(lesson.loss, list(lesson.by_hand), retain_graph=True)
    rows = []
    for (at, by_hand), gradient in zip(lesson.by_hand.items(), gradients, strict=True):
        indices = [""] if at.ndim == 0 else [f"[{i}]" for i in range(at.numel())]
        for index, ours, theirs in zip(indices, by_hand, gradient.numpy().ravel(), strict=True):
            rows.append((f"∂L/∂{at.name}{index}", ours, float(theirs)))
    return rows


def teach(lesson: Lesson, folder: Path) -> float:
    """Print a lesson and write its pictures; return the largest difference between the two ways."""
    print(f"{lesson.title}\n{'=' * len(lesson.title)}\n{lesson.text}\n")
    for tensor in lesson.explained:
        explanation = ad.explain(lesson.loss, tensor, quiet=True)
        print(explanation, end="\n\n")
        for factor in explanation.factors:
            if factor.shape and factor.value is not None:  # a Jacobian, of which the explanation has given the shape
                jacobian = factor.value + np.zeros(factor.shape)  # -0.0 becomes 0
                print(f"{factor.name} = {np.array2string(jacobian, precision=4, prefix='∂L/∂p = ')}\n")
    rows = compare(lesson)
    cells = [(name, f"{a + 0.0:.12f}", f"{b + 0.0:.12f}", f"{abs(a - b):.1e}") for name, a, b in rows]  # -0.0 is 0
    print_table(("derivative", "by hand", "autodiff", "difference"), cells)
    print()
    if lesson.afterword:
        print(lesson.afterword, end="\n\n")
    graph = ad.draw(lesson.loss, derivatives=True)
    plots.save_graph(graph, folder / f"{lesson.name}.png", folder / f"{lesson.name}.html")
    return max(abs(a - b) for _, a, b in rows)


def draw_numbers(seed: int) -> list[Lesson]:
    """Return the lessons with numbers drawn from a seed, of one decimal so that they are quickly worked through."""
    rng = np.random.default_rng(seed)

    def some(n: int) -> list[float]:
        size = rng.integers(2, 16, n) / 10  # 0.2 to 1.5: never 0, which would hide a factor
        return [float(value) for value in size * rng.choice([-1, 1], n)]

    (x, w, b), y = some(3), float(rng.integers(2))
    return [
        one_neuron(x, w, b, y),
        hidden_layer(some(1)[0], some(2), some(2), y),
        softmax_and_loss(some(3), int(rng.integers(3))),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns 0 if every gradient is the one calculated by hand."""
    options = parser(__doc__ or "", out="runs/chain_rule", quick="all of it: it is quick").parse_args(arguments)
    folder = writable_folder(options.out)
    lessons = draw_numbers(options.seed)
    largest = max(teach(lesson, folder) for lesson in lessons)
    agree = largest <= TOLERANCE
    print(f"largest difference {largest:.1e}: {'the gradients agree' if agree else 'the gradients DIFFER'}")
    print(f"pictures in {folder}: {', '.join(f'{lesson.name}.png' for lesson in lessons)}; the .html pages play them")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(run(main))
