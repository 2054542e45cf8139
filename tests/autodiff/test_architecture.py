"""The order of the house: where derivatives are defined, who imports whom, what an import costs."""

from __future__ import annotations

import ast
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import autodiff
import nn
import optim
from tests.together import together

PACKAGES = {package.__name__: Path(str(package.__file__)).parent for package in (autodiff, nn, optim)}
SOURCES = [
    pytest.param(name, path, id=f"{name}/{path.relative_to(root).as_posix()}")
    for name, root in PACKAGES.items()
    for path in sorted(root.rglob("*.py"))
]
ROOT = PACKAGES["autodiff"]
TABLE = ROOT / "table"

# The rooms of `autodiff` from the ground up: each imports from those before it, and from itself, alone.
ROOMS = [
    ["kernels", "paths", "tracing", "trees"],
    ["engine"],
    ["table"],
    ["device", "functions", "generator", "history", "kinds", "printing", "random", "return_types", "size"],
    ["attributes", "linalg", "numpy", "numpy_functions", "tensor"],
    ["creation", "distributed", "files", "questions", "settings", "special", "typed", "window_functions"],
    ["data", "serialization", "check", "symbolic", "distributions"],
    [
        "accelerator",
        "amp",
        "autograd",
        "backends",
        "compiler",
        "cuda",
        "func",
        "jit",
        "mps",
        "sparse",
        "testing",
        "types",
        "utils",
        "version",
        "xpu",
        "compile",
    ],
    ["visualize"],
    ["onnx", "sklearn"],
]
# What leads into other tools stands above `nn` and `optim`, and is imported by nobody.
BRIDGES = [ROOT / "sklearn.py", *sorted((ROOT / "onnx").glob("*.py"))]
every_file = together(("package", "path"), SOURCES)


@functools.cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def is_type_checking(node: ast.AST) -> bool:
    """Tell whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports at run time, and of what it takes from them."""
    root = next(root for root in PACKAGES.values() if path.is_relative_to(root))
    package = path.relative_to(root.parent).parts[:-1]
    found: set[str] = set()
    queue: list[ast.AST] = [tree(path)]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
        if is_type_checking(node):
            queue.extend(node.orelse)  # type: ignore[attr-defined]  # it is an If
        else:
            queue.extend(ast.iter_child_nodes(node))
    return found


def within(names: set[str], *modules: str) -> set[str]:
    """Return those names that are one of the modules or lie inside one."""
    return {n for n in names for m in modules if n == m or n.startswith(m + ".")}


# -- derivatives stand in one place ------------------------------------------------------------------------------------


def rule_definitions(path: Path) -> list[int]:
    """Return the lines that call `row`, `primitive` or `Primitive`, under any name they are imported by."""
    names = {"row", "primitive", "Primitive"}
    module = tree(path)
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            names |= {a.asname for a in node.names if a.name in names and a.asname}
    called = [n for n in ast.walk(module) if isinstance(n, ast.Call)]
    return [
        n.lineno
        for n in called
        if (isinstance(n.func, ast.Name) and n.func.id in names)
        or (isinstance(n.func, ast.Attribute) and n.func.attr in ("primitive", "Primitive"))
    ]


@every_file
def test_no_derivative_rule_is_defined_outside_the_table(package: str, path: Path) -> None:
    # What the sum over processes makes of a gradient is a message, too, which the table does not know.
    elsewhere = (ROOT / "engine" / "primitive.py", ROOT / "distributed" / "collectives.py")
    if not path.is_relative_to(TABLE) and path not in elsewhere:
        assert rule_definitions(path) == []


def test_the_search_for_rules_finds_those_of_the_table() -> None:
    assert len(rule_definitions(TABLE / "elementwise.py")) > 50
    assert len(rule_definitions(TABLE / "products.py")) >= 3


def test_every_rule_comes_from_the_table() -> None:
    for op in autodiff.table.TABLE.values():
        assert op.home.startswith("autodiff.table.")
        assert all(rule.__module__.startswith("autodiff.table.") for rule in op.rules.values())


def test_every_row_that_is_written_is_in_the_table_under_its_name() -> None:
    written = {
        target.id
        for path in TABLE.glob("*.py")
        for node in tree(path).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Name) and node.value.func.id == "row"
        for target in node.targets
        if isinstance(target, ast.Name)
    } | {
        node.name
        for path in TABLE.glob("*.py")
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
        for d in node.decorator_list
        if isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "primitive"
    }
    assert written == set(autodiff.table.TABLE)
    assert all(name == op.name for name, op in autodiff.table.TABLE.items())


def test_the_table_branches_on_no_type_of_value() -> None:
    for path in TABLE.glob("*.py"):
        names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
        assert "Node" not in names, path.name


def lines_of_code(path: Path) -> int:
    """Count the lines of a file that are neither blank, comment nor docstring."""
    text = path.read_text(encoding="utf-8")
    docstrings = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and i not in docstrings for i, line in lines)


def test_engine_and_table_read_in_an_afternoon() -> None:
    files = [path for room in ("engine", "table") for path in (ROOT / room).glob("*.py")]
    assert sum(map(lines_of_code, files)) <= 1_800


@every_file
def test_arrays_become_tensors_by_from_array_which_keeps_their_dtype_and_memory(package: str, path: Path) -> None:
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert not any(call.func.id == "Tensor" and call.args for call in calls)  # type: ignore[attr-defined]  # a Name


# -- who imports whom --------------------------------------------------------------------------------------------------


@every_file
def test_autodiff_imports_neither_nn_nor_optim_and_nn_not_optim(package: str, path: Path) -> None:
    forbidden = {"autodiff": ["nn", "optim"], "nn": ["optim"]}.get(package, [])
    names = imported(path)
    assert not within(names, "examples", "tests", *(forbidden if path not in BRIDGES else []))
    assert not within(names, "autodiff.sklearn", *(["autodiff.onnx"] if path not in BRIDGES else []))


@every_file
def test_nn_and_optim_know_neither_the_walk_nor_how_arguments_are_read(package: str, path: Path) -> None:
    if package != "autodiff":
        assert not within(imported(path), "autodiff.engine.primitive", "autodiff.engine.backward")


@together("path", sorted(ROOT.rglob("*.py")))
def test_arrows_point_down_only(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    floor = next(i for i, rooms in enumerate(ROOMS) if room in rooms)
    above = [f"autodiff.{r}" for rooms in ROOMS[floor:] for r in rooms if r != room and r not in ROOMS[floor]]
    assert within(imported(path), *above) == set()


def test_no_module_imports_in_a_circle() -> None:
    root = PACKAGES["autodiff"]
    modules = {
        ".".join(("autodiff", *p.relative_to(root).with_suffix("").parts)).removesuffix(".__init__"): p
        for p in root.rglob("*.py")
    }
    needs = {
        m: {n for n in imported(p) if n in modules and n != m and not m.startswith(n + ".")} - {"autodiff"}
        for m, p in modules.items()
    }
    done: set[str] = set()
    while ready := {m for m in needs if m not in done and needs[m] <= done}:
        done |= ready
    assert set(needs) - done == set()


# -- what an import brings in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_import_loads_numpy_and_the_standard_library_alone(package: str) -> None:
    code = (
        "import sys, numpy, numpy.random\n"
        "before = set(sys.modules)\n"  # what NumPy and the installation itself load
        f"import {package}\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert package in loaded
    assert loaded - set(sys.stdlib_module_names) - {"autodiff", "nn", "optim", "numpy"} == set()


def test_import_of_the_engine_loads_neither_pictures_nor_layers() -> None:
    code = "import sys, autodiff; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not within(set(run.stdout.split()), "nn", "optim", "graphviz", "pygraphviz", "matplotlib", "scipy")
    assert run.stderr == ""


# -- what is public ----------------------------------------------------------------------------------------------------


def test_every_public_function_explains_itself() -> None:
    for name in set(dir(autodiff)) - {"onnx", "sklearn"}:
        value = getattr(autodiff, name)
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "").startswith("autodiff"):
            assert value.__doc__, name


def test_completion_offers_what_is_public_alone() -> None:
    offered = dir(autodiff)
    assert {"Tensor", "compile", "data", "draw", "explain", "linalg", "load", "nn", "save", "tensor"} <= set(offered)
    assert not {"Any", "annotations", "engine", "importlib", "kernels", "table", "TYPE_CHECKING"} & set(offered)
    others = {"onnx", "sklearn"}  # which need what may not be installed
    assert all(hasattr(autodiff, name) for name in offered if name not in others)


@pytest.mark.parametrize(
    ("path", "some"),
    [
        ("nn", {"Linear", "functional", "init", "utils"}),
        ("nn.functional", {"relu", "cross_entropy"}),
        ("nn.init", {"calculate_gain", "xavier_uniform_"}),
        ("nn.utils", {"clip_grad_norm_", "rnn"}),
        ("optim", {"Adam", "lr_scheduler", "swa_utils"}),
        ("optim.lr_scheduler", {"StepLR"}),
        ("linalg", {"inv", "solve", "norm"}),
        ("special", {"erf", "logit"}),
        ("func", {"grad", "vmap"}),
        ("data", {"DataLoader", "CSVDataset"}),
        ("distributions", {"Normal", "kl_divergence"}),
        ("distributed", {"all_reduce"}),
    ],
)
def test_completion_offers_the_public_names_of_a_module_alone(path: str, some: set[str]) -> None:
    module = importlib.import_module(f"autodiff.{path}")
    offered = set(dir(module))
    assert some <= offered
    assert not {"Any", "annotations", "np", "math", "activation", "container", "functools", "importlib"} & offered
    assert all(hasattr(module, name) for name in offered)
