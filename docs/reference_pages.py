"""Write the pages of the reference: every public name, in the order of the files that define them."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple


class Room(NamedTuple):
    """A module with public names, and what its page is called."""

    name: str
    title: str
    note: str = ""


ROOMS = [
    Room("autodiff", "autodiff: tensors and functions", "Imported as `import autodiff as ad`."),
    Room("autodiff.functional", "autodiff.functional: derivatives of functions"),
    Room("autodiff.autograd", "autodiff.autograd: functions with a backward of one's own"),
    Room("autodiff.func", "autodiff.func: transformations of functions"),
    Room("autodiff.linalg", "autodiff.linalg: linear algebra"),
    Room("autodiff.special", "autodiff.special: special functions"),
    Room("autodiff.data", "autodiff.data: data sets and batches"),
    Room("autodiff.data.transforms", "autodiff.data.transforms: what is done to each image"),
    Room("autodiff.distributions", "autodiff.distributions: random variables"),
    Room("autodiff.graph", "autodiff.graph: what the graph knows"),
    Room("autodiff.distributed", "autodiff.distributed: several processes"),
    Room("autodiff.sklearn", "autodiff.sklearn: scikit-learn's estimators"),
    Room("nn", "nn: layers, losses and containers"),
    Room("nn.functional", "nn.functional: layers as functions", "Imported as `import nn.functional as F`."),
    Room("nn.init", "nn.init: initialization"),
    Room("nn.utils", "nn.utils: all parameters of a model at once"),
    Room("nn.utils.parametrize", "nn.utils.parametrize: parameters computed from others"),
    Room("nn.utils.prune", "nn.utils.prune: parameters with masks"),
    Room("nn.utils.rnn", "nn.utils.rnn: sequences of different lengths"),
    Room("nn.parallel", "nn.parallel: one module in several processes"),
    Room("optim", "optim: optimizers"),
    Room("optim.swa_utils", "optim.swa_utils: averages of models"),
    Room("optim.lr_scheduler", "optim.lr_scheduler: learning rates over time"),
]
LAZY = {"autodiff": ["draw", "explain", "load", "save"]}  # imported when they are asked for
NO_LIST = {"autodiff.graph": ["increment_version"]}  # modules of the engine, which say elsewhere what is public

FIRST = ["autodiff.tensor", "autodiff.creation", "autodiff.functions", "nn.module", "nn.container", "nn.linear"]


def module(name: str) -> ModuleType:
    """Return a module by the name a user writes."""
    parent, _, last = name.rpartition(".")
    return getattr(module(parent), last) if parent else importlib.import_module(name)


def public_names(room: str) -> list[str]:
    """Return the names of a module that are meant for its users; modules in it are rooms of their own."""
    here = module(room)
    names = NO_LIST.get(room) or getattr(here, "__all__", None) or [n for n in dir(here) if not n.startswith("_")]
    listed = {*names, *LAZY.get(room, ())}
    return sorted(n for n in listed if is_ours(getattr(here, n), here))


def is_ours(value: object, here: ModuleType) -> bool:
    """Tell whether a value was defined in this project and, where a module lists no names, in that module's package."""
    if isinstance(value, ModuleType):
        return False
    home = getattr(value, "__module__", None) or ""
    if home.partition(".")[0] not in ("autodiff", "nn", "optim"):
        return False
    return bool(getattr(here, "__all__", None)) or home.startswith(here.__name__)


def rank(home: str) -> int:
    """Return where in a page the names of a file stand: what everybody needs comes first."""
    return next((i for i, start in enumerate(FIRST) if home.startswith(start)), len(FIRST))


def groups(room: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of a module by the file that defines them, under the sentence with which the file opens."""
    here, found = module(room), dict[str, list[str]]()
    for name in public_names(room):
        found.setdefault(getattr(here, name).__module__, []).append(name)
    for home, names in sorted(found.items(), key=lambda item: rank(item[0])):
        sentence = (inspect.getdoc(sys.modules[home]) or home).splitlines()[0]
        yield sentence, names


def page(room: Room) -> str:
    """Return the text of a module's page."""
    lines = [
        room.title,
        "=" * len(room.title),
        "",
        f".. currentmodule:: {room.name}",
        "",
        room.note.replace("`", "``"),
        "",
    ]
    found = list(groups(room.name))
    for sentence, names in found:
        if len(found) > 1:
            lines += [f".. rubric:: {sentence.replace('`', '``').replace('*', chr(92) + '*')}", ""]
        lines += [".. autosummary::", "   :toctree: api", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in names]
        lines += [""]
    return "\n".join(lines)


def write(folder: Path) -> None:
    """Write a page for each module, where it has changed."""
    for room in ROOMS:
        sys.modules.setdefault(room.name, module(room.name))  # autodoc imports by the name that users write
    for room in ROOMS:
        path, text = folder / f"{room.name}.rst", page(room)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
