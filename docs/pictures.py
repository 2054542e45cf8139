"""Draw the README's pictures and write the gallery: ``python docs/pictures.py [folder]``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import autodiff as ad
import nn

HERE = Path(__file__).parent

GALLERY = """# Gallery

What `ad.draw` and `ad.explain` make of a computation. This page and its pictures are written by
[`docs/pictures.py`](pictures.py): `python docs/pictures.py`.

## Computation

`ad.draw(L)`: every operation, and every tensor with its value (blue) and beneath it its gradient (orange). Inputs are
sheets, parameters have a thick frame, the output a double one. ∂L/∂· is the derivative of L with respect to what it is
written at. What has no name is called x₁ (data), θ₁ (a parameter) or L (the output). × multiplies element by element, @
is the product of matrices.

![One neuron, operation by operation](neuron_computation.png)

`ad.draw(loss, params=model)`: parameters have the names that the model gives them, calls of modules are frames. What is
too large to be shown in full is summarized: mean ± standard deviation, and from where to where the values go.

![The XOR network: two linear layers and a tanh, framed by their modules, and the loss](xor.png)

## The chain rule, drawn

`ad.draw(L, derivatives=True)`: the tensors alone, each with what it was computed as; on each arrow from one to the next
the local derivative, as a formula and in numbers. The gradient of a tensor is the product along the path to it. Where
no gradient flows back, the arrow is dashed.

![One neuron: x, w and b lead to z, z to o, o to the loss L, with the local derivative on each arrow](neuron.png)

`ad.draw(L, derivatives=w)`, given a tensor, lights the paths from it to the output and writes the product beneath; of a
graph too large to read, from module to module.

![The same neuron with the path from w to L lit, and beneath it ∂L/∂w as a product and in numbers](neuron_product.png)

Tensors without a name are called v₁, v₂, ...; a layer says what it makes of the gradient that arrives, in the notation
of Python: @ is the product of matrices, ᵀ the transpose, and Σ here the sum over the rows. Parameters are called as in
`state_dict()`: ∂L/∂0.weight is the derivative with respect to the weight of layer 0.

![The XOR network with the local derivatives on its arrows](xor_chain.png)

## The chain rule, said

`ad.explain(L, w)` prints the derivation between named tensors and returns it; notebooks show it as a formula.

```text
{neuron}
```

Where two paths lead from the output to the input, their products are summed.

```text
{hidden}
```

For vectors, each factor is a Jacobian, given by its shape: J(3×2) has three rows and two columns. `onesᵀ` is a row of
ones, `diag` a matrix with its argument on the diagonal.

```text
{tensors}
```

The Jacobian with respect to a matrix is no matrix. There the gradients follow, from the output back to the input, each
with what it is made of and its number: ⊙ multiplies element by element, @ is the product of matrices, and Σ the sum
over the rows to which the bias was broadcast.

```text
{matrix}

{bias}
```

Where the input enters at several places, ∂L/∂w|direct is what one of them gives alone; in the picture each arrow
carries its own derivative, and the box their sum.

```text
{direct}
```

![A weight that is used twice: the arrow from w to L is marked direct](direct.png)

## Architecture

`ad.draw(loss, params=model, depth=1)`: modules with the shape of what they return and the number of their parameters;
what is deeper is folded.

![Five blocks of a network for MNIST with the shapes between them](mnist.png)

A graph too large to read folds by itself, and a line says so; each module then shows what it returned. That is one of
more than 40 operations, or, if it has no modules to fold, of more than 250. `fold=False` draws all of it.

![A network of twelve blocks, folded to them, with the values and the gradients between them](deep_folded.png)

![Ten thousand multiplications, all but the last twenty in one box](folded.png)

What would get too wide to read runs from top to bottom by itself; `direction="TB"` or `"LR"` overrules that.

![A small convolutional network from top to bottom](cnn.png)

## Gradient health

`ad.draw(loss, params=model, heat=True)`: each tensor shaded by the size of its gradient relative to its own. Here five
sigmoid layers with small weights let the gradient vanish. The number is written beside the shade: ∂/value is the size
of the gradient (the root of its mean square) divided by that of the tensor.

![Sigmoid layers whose gradients get smaller from the output back to the input](heat.png)

A gradient that is a sum which cancels, as that of a bias before a batch normalization, is rounding; it is no vanishing
one, and the picture says "0 but for rounding".

With `depth=1`, modules are shaded by the gradients of their parameters.

![The same network, a box for each layer](heat_folded.png)

## For dark slides

`ad.draw(L, derivatives=True, theme="dark")`

![The neuron on a dark ground](neuron_dark.png)

## Played

`.save("neuron.html")` on any of these pictures writes one page that needs no network: play and step through it with the
buttons or the arrow keys, forward operation by operation, backward arrow by arrow. Each step says upstream gradient ×
local derivative = contribution (⊙ multiplies element by element, · as matrices do), and the sum where paths meet; an
arrow shows where the gradient goes. The last step is the update, θ − lr · ∂L/∂θ. A picture too large for the window
begins at a scale at which it can be read, and follows the steps; `fit` shows all of it. Pointing at a tensor gives its
statistics, a click its chain rule, whose paths are lit. `.play()` shows the page in a notebook's cell. Download
[neuron.html](neuron.html) or [xor.html](xor.html) and open it in a browser.
"""


def neuron() -> tuple[ad.Tensor, ad.Tensor]:
    """Return the loss of one neuron, with every step of the chain rule named, and its weight."""
    x, y = ad.tensor(1.5, name="x"), ad.tensor(1.0, name="y")
    w = ad.tensor(0.8, requires_grad=True, name="w")
    b = ad.tensor(-0.2, requires_grad=True, name="b")
    z = (w * x + b).named("z")
    o = z.sigmoid().named("o")
    return ((o - y) ** 2 / 2).named("L"), w


def xor() -> tuple[ad.Tensor, nn.Module]:
    """Return the loss of an untrained 2-8-1 network on the four cases of XOR, and the network."""
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = ad.tensor(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), name="x")
    y = ad.tensor(np.array([[0], [1], [1], [0]], np.float32), name="y")
    return nn.BCEWithLogitsLoss()(model(x), y).named("L"), model


class Block(nn.Sequential):
    """A layer with batch normalization and its activation."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(nn.Linear(in_features, out_features), nn.BatchNorm1d(out_features), nn.LeakyReLU())


def blocks(*sizes: int) -> tuple[ad.Tensor, nn.Module]:
    """Return the loss of an untrained network of blocks of these sizes on random numbers, and the network."""
    ad.manual_seed(0)
    model = nn.Sequential(*map(Block, sizes, sizes[1:]), nn.Linear(sizes[-1], 10))
    images = ad.tensor(np.random.default_rng(0).random((128, sizes[0]), np.float32), name="images")
    labels = ad.tensor(np.arange(128) % 10, name="labels")
    return nn.CrossEntropyLoss()(model(images), labels).named("loss"), model


def cnn() -> tuple[ad.Tensor, nn.Module]:
    """Return the loss of a small untrained convolutional network on random numbers, and the network."""
    ad.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(features, nn.Flatten(), nn.Linear(8 * 14 * 14, 10))
    images = ad.tensor(np.random.default_rng(0).random((4, 1, 28, 28), np.float32), name="images")
    return nn.CrossEntropyLoss()(model(images), ad.tensor(np.arange(4), name="labels")).named("loss"), model


def vanishing() -> tuple[ad.Tensor, nn.Module]:
    """Return the loss of a deep sigmoid network whose weights are small, and the network."""
    ad.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(5) for m in (nn.Linear(16, 16, bias=False), nn.Sigmoid())))
    for p in model.parameters():
        p.data *= 0.2
    x = ad.tensor(np.random.default_rng(0).normal(size=(32, 16)).astype(np.float32), name="x")
    return model(x).mean().named("L"), model


def shared() -> tuple[ad.Tensor, ad.Tensor]:
    """Return a loss in which a weight is used twice, and the weight."""
    w, x = ad.tensor(0.7, requires_grad=True, name="w"), ad.tensor(1.5, name="x")
    h = (w * x).tanh().named("h")
    return ((w * h) ** 2).named("L"), w


def derivations() -> dict[str, str]:
    """Return what explain() says of a neuron, of two hidden neurons and of layers."""
    found = {}
    w = ad.tensor(0.8, requires_grad=True, name="w")
    x, y = ad.tensor(1.5, name="x"), ad.tensor(1.0, name="y")
    o = (w * x - 0.2).named("z").sigmoid().named("o")
    found["neuron"] = str(ad.explain(((o - y) ** 2 / 2).named("L"), w, quiet=True))
    x = ad.tensor(0.5, requires_grad=True, name="x")
    hidden = (2 * x).tanh().named("h₁"), (-3 * x).sigmoid().named("h₂")
    found["hidden"] = str(ad.explain((0.7 * hidden[0] + 1.2 * hidden[1]).named("o"), x, quiet=True))
    weight = ad.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], requires_grad=True, name="W")
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    found["tensors"] = str(ad.explain((weight @ x).named("h").tanh().named("a").sum().named("L"), x, quiet=True))
    weight = ad.tensor([[1.0, -1.0], [0.5, 0.5]], requires_grad=True, name="W")
    bias = ad.tensor([0.1, 0.2], requires_grad=True, name="b")
    z = (ad.tensor([[1.0, 2.0], [3.0, 4.0]], name="X") @ weight + bias).named("Z")
    loss = (z.tanh().named("H") ** 2).mean().named("L")
    found["matrix"], found["bias"] = (str(ad.explain(loss, t, quiet=True)) for t in (weight, bias))
    found["direct"] = str(ad.explain(*shared(), quiet=True))
    return found


def main(folder: Path = HERE) -> None:
    """Write the pictures and the gallery."""
    loss, weight = neuron()
    ad.draw(loss).save(folder / "neuron_computation.png")
    ad.draw(loss, derivatives=True).save(folder / "neuron.png")
    ad.draw(loss, derivatives=weight).save(folder / "neuron_product.png")
    ad.draw(loss, derivatives=True, theme="dark").save(folder / "neuron_dark.png")
    ad.draw(loss).save(folder / "neuron.html")
    loss, model = xor()
    ad.draw(loss, params=model).save(folder / "xor.png")
    ad.draw(loss, params=model, theme="dark").save(folder / "xor_dark.png")
    ad.draw(loss, params=model, derivatives=True).save(folder / "xor_chain.png")
    ad.draw(loss, params=model).save(folder / "xor.html")
    ad.draw(shared()[0], derivatives=True).save(folder / "direct.png")
    loss, model = blocks(784, 256, 128, 64, 32)
    ad.draw(loss, params=model, depth=1).save(folder / "mnist.png")
    ad.draw(loss, params=model, depth=1, theme="dark").save(folder / "mnist_dark.png")
    loss, model = blocks(64, *[32] * 12)
    ad.draw(loss, params=model).save(folder / "deep_folded.png")
    loss, model = cnn()
    ad.draw(loss, params=model, depth=2, direction="TB").save(folder / "cnn.png")
    loss, model = vanishing()
    ad.draw(loss, params=model, heat=True).save(folder / "heat.png")
    ad.draw(loss, params=model, heat=True, depth=1).save(folder / "heat_folded.png")
    product = ad.tensor(1.0, requires_grad=True, name="x")
    for _ in range(10_000):
        product = product * 1.001
    ad.draw(product.named("y")).save(folder / "folded.png")
    (folder / "gallery.md").write_text(GALLERY.format(**derivations()), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
