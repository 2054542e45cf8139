"""Bring the pictures of results.md up to date: copy them from the programs' runs, small and in their own colours."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from examples import _plots as plots  # noqa: E402  # it lies one folder up

#: Where each picture comes from, below runs/: results.md gives the command that writes it.
SOURCES = {
    "mnist_comparison": "mnist/comparison.png",
    "mnist_regression": "mnist_mse/confusion.png",
    "seminar_network": "seminar/network.png",
    "seminar_normalization": "seminar/normalization.png",
    "seminar_weights": "seminar/initialization.png",
    "seminar_epochs": "seminar/epochs.png",
    "seminar_order": "seminar/order.png",
    "digits_losses": "digits/losses.png",
    "digits_predictions": "digits/predictions.png",
    "perceptron": "perceptron/decisions.png",
    "perceptron_step": "perceptron/step.png",
    "chain_rule_hidden": "chain_rule/hidden.png",
    "chain_rule_softmax": "chain_rule/softmax.png",
    "regression_fits": "regression/fits.png",
    "regression_losses": "regression/losses.png",
    "fully_connected_scales": "fully_connected/scales.png",
    "fully_connected_optimizers": "fully_connected/optimizers.png",
    "fully_connected_steps": "fully_connected/steps.png",
    "cnn_network": "cnn/graph.png",
    "cnn_filters": "cnn/filters.png",
}
NAMED = (plots.BLUE, plots.ORANGE, plots.VERMILION, plots.GREEN, plots.PURPLE, plots.SKY, plots.GREY)


def shrink(picture: bytes) -> bytes:
    """
    Return a PNG picture in 256 colours.

    A palette chosen by the area of colours alone gives thin lines that of their neighbours. This one holds the colours
    that lines are drawn in and the most frequent ones as they are; only the rest share what is left.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    colours, where, counts = np.unique(
        np.asarray(image).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    named = np.array([list(bytes.fromhex(colour[1:])) for colour in NAMED])
    frequent = colours[np.argsort(-counts)[: 96 - len(named)]]
    shared = np.array(image.quantize(160, Image.Quantize.MEDIANCUT).getpalette()).reshape(-1, 3)
    palette = np.concatenate([named, frequent, shared])
    nearest = np.array([((palette - colour) ** 2).sum(axis=1).argmin() for colour in colours.astype(int)], np.uint8)
    smaller = Image.fromarray(nearest[where].reshape(image.height, image.width), "P")
    smaller.putpalette(palette.astype(np.uint8).tobytes())
    written = io.BytesIO()
    smaller.save(written, "png", optimize=True)
    return written.getvalue()


def main() -> None:
    """Copy what has been written; leave the other pictures as they are."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("runs", nargs="?", type=Path, default=Path("runs"), help="the folder the programs wrote into")
    runs = options.parse_args().runs
    for name, source in SOURCES.items():
        if (runs / source).exists():
            picture = shrink((runs / source).read_bytes())
            (HERE / f"results_{name}.png").write_bytes(picture)
            print(f"results_{name}.png: {len(picture):,} bytes, from {runs / source}")


if __name__ == "__main__":
    main()
