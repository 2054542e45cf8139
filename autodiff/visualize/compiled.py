"""The view of a compiled function: each kernel of its native program is a box with its formulas."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..compile.describe import Block, Description
from ..compile.joint import Joint
from ..compile.native import Native
from .diagram import Arrow, Diagram, Module

_LONGEST = 90  # characters of a formula
_CHECK = "gradients are finite"  # looked at for a warning, which is not what a picture is for


class Compiled:
    """The diagram of a program."""

    def __init__(self, function: Callable[..., Any]) -> None:
        found = [r.runner for rs in function.recordings.values() for r in rs]  # type: ignore[attr-defined]  # compiled
        found = [r.run_forward if isinstance(r, Joint) else r for r in found]
        native = [n for n in found if isinstance(n, Native)]
        if not native:
            raise RuntimeError(
                "draw: the compiled function has no native program; call it first, its .program() says what it has"
            )
        self.diagram = Diagram()
        self._write(Description(native[-1].plan, native[-1].lowered).blocks(), native[-1])

    def _write(self, blocks: list[Block], native: Native) -> None:
        keys: dict[int, str] = {}
        rules: dict[tuple[str, ...], list[int]] = {}
        for k, block in enumerate(blocks):
            if block.updates is not None:
                rules.setdefault(_rule(block), []).append(k)
        first = {members[0]: (rule, members) for rule, members in rules.items()}
        alike = {k: members[0] for members in rules.values() for k in members}
        for place in sorted({a for b in blocks for a in b.arguments}):
            shape, dtype, _ = native.kinds[place]
            self._add(f"x{place}", f"x{place}", [f"{dtype} {' × '.join(map(str, shape))}"])
        for k, block in enumerate(blocks):
            keys[k] = f"k{alike.get(k, k)}"
            if k in first:
                rule, members = first[k]
                listed = ", ".join(str(blocks[m].updates) for m in members[:3]) + (", …" if len(members) > 3 else "")
                title = f"update of {len(members)} parameters" if len(members) > 1 else f"update of {listed}"
                self._add(keys[k], title, [*([listed] if len(members) > 1 else []), *rule])
            elif k not in alike and not all(f.startswith(_CHECK) for f in block.formulas):
                self._add(keys[k], block.title.replace(" x ", " × "), block.formulas)
        arrows: dict[tuple[str, str], list[str]] = {}
        for k, block in enumerate(blocks):
            for place in block.arguments:
                arrows.setdefault((f"x{place}", keys[k]), [])
            for name, source, _ in block.reads:
                arrows.setdefault((keys[source], keys[k]), []).append(name)
        drawn = {node.key for node in self.diagram.nodes}
        for (tail, head), names in arrows.items():
            if not {tail, head} <= drawn:
                continue
            said = ", ".join(dict.fromkeys(names)) if len(set(names)) < 5 else f"{len(set(names))} gradients"
            self.diagram.arrows.append(Arrow(tail, head, said, True))

    def _add(self, key: str, title: str, lines: list[str]) -> None:
        short = [line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…" for line in lines]
        self.diagram.nodes.append(Module(key, title, tuple(short)))


def _rule(block: Block) -> tuple[str, ...]:
    """Return the formulas of an update as those of any parameter θ with gradient g."""
    lines = [f for f in block.formulas if not f.startswith(_CHECK)]
    lines = [line.replace(f"{block.updates}", "θ") for line in lines]
    grads = {name: "g" for name, _, depends in block.reads if depends}
    return tuple(re.sub(r"\bv\d+\b", lambda m: grads.get(m[0], m[0]), line) for line in lines)


def is_compiled(value: Any) -> bool:
    """Tell whether a value is a function that `compile` has made."""
    return callable(value) and hasattr(value, "recordings") and hasattr(value, "program")


def compiled(function: Callable[..., Any]) -> Any:
    """Describe a compiled function; see `draw` for the rest."""
    return Compiled(function)
