"""The scaling page's model is the mathematics that it states, and its script runs."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scaling import Net, affine, fitted, strong, weak

ROOT = Path(__file__).parents[2]


def test_the_model_is_a_ring_or_a_tree_whichever_is_faster() -> None:
    net = Net(1e-5, 1e-9)
    assert net.all_reduce(1, 1e6) == 0
    assert net.all_reduce(4, 4e6) == pytest.approx(6 * (1e-5 + 1e6 * 1e-9))  # ring
    assert net.all_reduce(1000, 8) == pytest.approx(20 * (1e-5 + 8e-9))  # tree: ten up, ten down
    found = fitted({"4": 2e-5, "1000000": 1e-3})
    assert found.all_reduce(2, 4) == pytest.approx(2e-5, rel=1e-3)
    assert found.all_reduce(2, 1e6) == pytest.approx(1e-3, rel=1e-3)


def test_a_network_without_costs_scales_as_the_arithmetic_allows() -> None:
    step = {"alone": 1e-2, "half": 6e-3, "bytes": 1e6}
    assert affine(step) == pytest.approx((2e-3, 8e-3))
    free = Net(0, 0)
    assert weak(step, free, 1000) == 1
    assert strong(step, free, 16) == pytest.approx((2e-3 + 16 * 8e-3) / (2e-3 + 8e-3))
    assert strong(step, free, 10**9) == pytest.approx(65, rel=1e-3)  # what no batch shares stays
    assert math.isclose(weak(step, Net(0, 1e-8), 10**9), 1 / 3, rel_tol=1e-3)  # a ring moves the bytes twice


def test_a_quick_run_measures_and_draws(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    if not (shutil.which("mpiexec") or Path(sys.executable).with_name("mpiexec").exists()):
        pytest.skip("mpiexec is not installed")
    page = tmp_path / "page.md"
    page.write_text("<!-- table scaling_steps -->\n<!-- end -->\n<!-- table scaling_overlap -->\n<!-- end -->\n")
    files = ["--json", tmp_path / "figures.json", "--markdown", page, "--picture", tmp_path / "picture.png"]
    command = [sys.executable, "-m", "benchmarks.scaling", "--quick", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads((tmp_path / "figures.json").read_text())
    assert set(measured) == {"1", "2"}
    times = measured["1"]["overlap"]["digits"]
    assert times["during the walk"] >= times["messages"]  # the acted network takes its time
    assert "| digits, batch 64 |" in page.read_text()
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
