"""Write formulas as MathML while the site is built: they show without a network and without a script."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def convert(node: nodes.Node, block: bool) -> str:
    """Return a formula in MathML; one that cannot be read is shown as it is, with a warning."""
    text = re.sub(r"\\(begin|end)\{split\}", r"\\\1{aligned}", node.astext()).replace(r"\displaystyle", "")
    try:
        return str(tex2mathml(text, as_block=block))
    except Exception as error:  # whatever is wrong with it, the warning says where
        logger.warning("this formula cannot be written as MathML: %s: %s", text, error, location=node)
        return f"<code>{text}</code>"


def write_inline(self: Any, node: nodes.Node) -> NoReturn:
    """Write a formula within a line."""
    self.body.append(convert(node, block=False))
    raise nodes.SkipNode


def write_block(self: Any, node: nodes.Node) -> NoReturn:
    """Write a formula that stands alone."""
    self.body.append(f'<div class="math-block">{convert(node, block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Offer MathML to Sphinx."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
