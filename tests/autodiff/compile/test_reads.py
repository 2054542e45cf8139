"""The rule that keeps stale values out of what is compiled: who reads a tensor's numbers tells the trace."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import autodiff as ad
from tests.together import together

ROOT = Path(ad.__file__).resolve().parents[1]
#: What may be asked of a tensor's array without reading its numbers.
PLAIN = {"shape", "dtype", "ndim", "size", "nbytes", "flags", "strides", "itemsize"}
#: Functions that run where nothing is recorded: they write into memory, or are guarded by those that call them.
APART = {
    "_write", "_spare", "into", "operands", "view", "_shorten", "undo", "_check_labels", "_per_channel", "_as_array",
    "to",
}  # fmt: skip
FILES = [
    p for home in ("autodiff/functions", "autodiff/distributions", "nn") for p in sorted((ROOT / home).rglob("*.py"))
]
FILES += [ROOT / "autodiff" / name for name in ("numpy.py", "numpy_functions.py", "special.py", "linalg.py")]


def reads(path: Path) -> Iterator[str]:
    """Yield where a file reads the numbers of a tensor without telling the trace."""
    tree = ast.parse(path.read_text())
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "_data" and isinstance(node.ctx, ast.Load):
            user = above[node]
            if isinstance(user, ast.Attribute) and user.attr in PLAIN:
                continue
            if isinstance(user, ast.Call) and ast.unparse(user.func) == "np.may_share_memory":
                continue
            around, home = user, None
            while around in above and not isinstance(around, (ast.Raise, ast.FunctionDef)):
                around = above[around]
            if isinstance(around, ast.FunctionDef):
                home = around
                called = {ast.unparse(c.func) for c in ast.walk(home) if isinstance(c, ast.Call)}
                if home.name in APART or {"tracing", "refuse"} & called:
                    continue
            if not isinstance(around, ast.Raise):
                yield f"{path.name}:{node.lineno}, in {home.name if home else 'the module'}"


@together("path", FILES)
def test_numbers_are_read_where_the_trace_knows_of_it(path: Path) -> None:
    assert not [*reads(path)], "use tracing.decided, agreed or values, or functions.arguments.computed"
