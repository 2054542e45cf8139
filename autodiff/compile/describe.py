"""What a compiled program does, as text: its kernels in order, with their formulas, and what they move and compute."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .element import Element
from .fuse import BY_ADDRESS, Anchor, Kernel, Plan
from .lower import Lowered

_SIGNS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "equal": "==", "not_equal": "!=", "less": "<",
    "less_equal": "<=", "greater": ">", "greater_equal": ">=", "logical_and": "&", "bitwise_and": "&",
    "logical_or": "|", "bitwise_or": "|", "bitwise_xor": "^", "power": "**",
}  # fmt: skip
_TIGHTNESS = {"**": 4, "*": 3, "/": 3, "+": 2, "-": 2, "&": 1, "|": 1, "^": 1}


class Block(NamedTuple):
    """A kernel in words.

    Attributes
    ----------
    title : str
        What it is, over how many elements, the bytes that it moves and the floating-point operations.
    formulas : list of str
        What it computes.
    reads : list of (str, int, bool)
        What it gets from other kernels: its name, the number of the block, and whether it depends on data.
    arguments : list of int
        Which arguments of the function it reads.
    updates : str or None
        Whose memory it writes to alone: the name of a parameter.
    """

    title: str
    formulas: list[str]
    reads: list[tuple[str, int, bool]]
    arguments: list[int]
    updates: str | None


class Description:
    """Writes a plan's kernels."""

    def __init__(self, plan: Plan, lowered: Lowered) -> None:
        self.plan, self.lowered, self.calls = plan, lowered, lowered.calls
        self.places: dict[Any, str] = {}
        self.stored: dict[Element, str] = {}  # by the present kernel
        for module in lowered.program.modules.values():
            for name, t in (*module.named_parameters(), *module.named_buffers()):
                if len(name) >= len(self.places.get(t, "")):
                    self.places[t] = name

    def lines(self) -> list[str]:
        """Return a head line and the formulas of each kernel."""
        out = []
        for k, block in enumerate(self.blocks()):
            out += [f"{k + 1:3}  {block.title}", *(f"       {formula}" for formula in block.formulas)]
        return out

    def blocks(self) -> list[Block]:
        """Return the kernels in words, in order."""
        made = {a.element: k for k, kernel in enumerate(self.plan.kernels) for a in kernel.anchors if a.target is None}
        return [self._block(k, kernel, made) for k, kernel in enumerate(self.plan.kernels)]

    def _block(self, k: int, kernel: Kernel, made: dict[Element, int]) -> Block:
        stores = [a for a in kernel.anchors if a.target is not None]
        # a parameter's own memory last, for it is computed from its states
        stores.sort(key=lambda a: a.target[0] != "memory" or a.target[1][0] == "live")
        formulas = [self._formula(a) for a in kernel.anchors if a.target is None]
        for a in stores:
            formulas.append(self._formula(a))
            if a.target[0] == "memory":
                self.stored.setdefault(a.element, self._memory(a.target[1]) + "′")
        self.stored.clear()
        read = list(dict.fromkeys(x.element for a in kernel.anchors for x in a.accesses))
        owners = {a.target[1][1] for a in stores if a.target[0] == "memory" and a.target[1][0] in ("live", "state")}
        alone = len(owners) == 1 and len(stores) == len(kernel.anchors)
        return Block(
            self._head(kernel),
            formulas,
            [(f"v{e.number}", made[e], _reads_memory(e)) for e in read if made.get(e, k) != k],
            [e.what[1] for e in read if e.kind == "memory" and e.what[0] == "argument"],
            self._owner(owners.pop()) if alone else None,
        )

    def _head(self, kernel: Kernel) -> str:
        a = kernel.anchors[0]
        read = {x.element for b in kernel.anchors for x in b.accesses}
        inner = {b.element for b in kernel.anchors}
        written = {b.element for b in kernel.anchors if b.kept or b.target is not None}
        bytes_ = sum(e.size * np.dtype(e.dtype).itemsize for e in [*(read - inner), *written])
        if a.kind == "call":
            why = self.calls[a.element].why
            return f"NumPy, {_short(bytes_)}B" + (f": {why}" if why else "")
        if a.kind == "dot":
            n, m = a.element.shape[-2:]
            k = a.element.args[0].shape[-1]
            return f"product {n} x {k} x {m}, {_short(bytes_)}B, {_short(2 * a.element.size * k)}flop"
        if a.kind == "routine":
            sizes = " x ".join(map(str, a.element.shape))
            return f"{a.element.what.name} {sizes}, {_short(bytes_)}B, {_short(a.element.what.flops)}flop"
        count = math.prod(kernel.domain)
        seen: set[Element] = set()
        flops = count * sum(self._cost(b.body, seen, top=b.target is None) + b.is_reduction for b in kernel.anchors)
        sizes = " x ".join(map(str, kernel.domain)) or "1"
        return f"loop {sizes}, {_short(bytes_)}B, {_short(flops)}flop"

    def _cost(self, e: Element, seen: set[Element], top: bool) -> int:
        if e in seen or e.kind in ("memory", "literal", "option") or (e in self.plan.anchors and not top):
            return 0
        seen.add(e)
        own = int(e.kind == "map" and e.what not in ("cast", "positive"))
        args = [] if e.kind in ("reshape", "reduce", *BY_ADDRESS) else e.args[1:] if e.kind == "take" else e.args
        return own + sum(self._cost(a, seen, False) for a in args)

    def _formula(self, a: Anchor) -> str:
        e = a.element
        if a.target is not None:
            name = self._memory(a.target[1]) if a.target[0] == "memory" else "gradients are finite"
            return f"{name} = {self._text(e, 0, top=False)}"
        if e.kind == "dot":
            return f"v{e.number} = {self._text(e.args[0], 3)} @ {self._text(e.args[1], 3)}"
        if e.kind == "routine":
            return f"v{e.number} = {e.what.name}({', '.join(self._text(x, 0) for x in e.args)})"
        if e.kind == "call":
            return f"v{e.number} = {self.calls[e].name}({', '.join(self._text(x, 0) for x in e.args)})"
        if a.parts:
            written = [self._text(p.written or e, 0) for p in a.parts]
            return f"v{e.number} = {' + '.join(written) if e.what[0] else ' | '.join(written)}"
        if a.is_reduction:
            name = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}.get(e.what[0], e.what[0])
            return f"v{e.number} = {name}{list(e.what[1])} {self._text(e.args[0], 3)}"
        return f"v{e.number} = {self._text(e, 0, top=True)}"

    def _text(self, e: Element, tightness: int, top: bool = False) -> str:
        if e.kind == "literal":
            return f"{e.what:.6g}" if isinstance(e.what, float) else str(e.what)
        if e in self.stored and not top:
            return self.stored[e]
        if e.kind == "option":
            _, _, name, k = self.lowered.options[e.what]
            return f"{name}[{k}]" if isinstance(k, int) else name
        if e.kind == "memory":
            return self._memory(e.what)
        if e in self.plan.anchors and not top:
            return f"v{e.number}"
        if e.kind == "view":
            inner = self._text(e.args[0], 9)
            moved = [p[2] for p in e.what if p[2] is not None]
            return f"{inner}.T" if moved != sorted(moved) else inner
        if e.kind == "reshape":
            return self._text(e.args[0], tightness)
        if e.kind == "take":
            keys = [self._text(e.args[1 + p], 0) if isinstance(p, int) else ":" for p in e.what]
            return f"{self._text(e.args[0], 9)}[{', '.join(keys)}]"
        args = e.args
        if e.what == "cast":
            return (
                f"{e.dtype}({self._text(args[0], 0)})" if args[0].dtype.kind != "f" else self._text(args[0], tightness)
            )
        sign = _SIGNS.get(e.what)
        if sign is not None:
            own = _TIGHTNESS.get(sign, 1)
            text = f"{self._text(args[0], own)} {sign} {self._text(args[1], own + (sign in '-/'))}"
            return f"({text})" if own < tightness else text
        if e.what == "negative":
            return f"-{self._text(args[0], 4)}"
        return f"{e.what}({', '.join(self._text(a, 0) for a in args)})"

    def _memory(self, what: Any) -> str:
        kind, named, *rest = what
        if kind == "argument":
            return f"x{named}"
        if kind == "constant":
            return f"c{named}"
        name = f"x{named}" if isinstance(named, int) else self._owner(named)
        return {"live": name, "gradient": f"{name}.grad"}.get(kind) or f"{name}.{rest[0]}"

    def _owner(self, t: Any) -> str:
        return getattr(t, "name", None) or self.places.setdefault(t, f"p{len(self.places)}")


def _reads_memory(e: Element) -> bool:
    """Tell whether an element is computed from more than options of an optimizer."""
    return e.kind in ("memory", "call") or any(map(_reads_memory, e.args))


def _short(n: float) -> str:
    for unit in ("", "k", "M"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} G"
