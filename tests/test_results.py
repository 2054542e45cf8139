"""The page of results shows pictures that are there, small, and in the colours they are drawn in."""

from __future__ import annotations

import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[1] / "docs"
SHOWN = re.findall(r"!\[[^\]]+\]\(results_(\w+)\.png\)", (DOCS / "results.md").read_text(encoding="utf-8"))

Image = pytest.importorskip("PIL.Image", reason="Pillow, which comes with matplotlib, reads the pictures")
spec = importlib.util.spec_from_file_location("results_pictures", DOCS / "results_pictures.py")
assert spec is not None
assert spec.loader is not None
results_pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(results_pictures)


def test_every_picture_is_shown_and_known_where_it_comes_from() -> None:
    assert sorted(SHOWN) == sorted(results_pictures.SOURCES)
    assert sorted(path.name for path in DOCS.glob("results_*.png")) == sorted(f"results_{name}.png" for name in SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_small(name: str) -> None:
    assert (DOCS / f"results_{name}.png").stat().st_size < 100_000


def test_thin_lines_keep_their_colours() -> None:
    """Of a picture in which a gradient has nearly all the area and thousands of colours, each line a single row."""
    pixels = np.empty((300, 300, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.mgrid[:300, :300] * 255 // 299
    pixels[..., 2] = 128
    lines = [list(bytes.fromhex(colour[1:])) for colour in results_pictures.NAMED]
    pixels[10 : 10 + len(lines)] = np.array(lines, np.uint8)[:, None]
    whole = io.BytesIO()
    Image.fromarray(pixels).save(whole, "png")
    smaller = Image.open(io.BytesIO(results_pictures.shrink(whole.getvalue())))
    assert smaller.mode == "P"
    found = np.asarray(smaller.convert("RGB"))
    np.testing.assert_array_equal(found[10 : 10 + len(lines)], pixels[10 : 10 + len(lines)])
    assert np.abs(found.astype(int) - pixels).max() < 40  # 160 colours for a square of 256 x 256: some 20 apart
