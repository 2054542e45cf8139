"""How Sphinx makes the site: `sphinx-build -W -j auto docs build/site`."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# Notebooks run side by side, and their networks are small: threads of BLAS's own would only wait for each other
# (100 steps of lesson 4's network took 12.7 s with them on two busy cores, and 0.4 s without).
os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path[:0] = [str(ROOT), str(HERE)]

import reference_pages  # noqa: E402  # it lies beside this file

import autodiff  # noqa: E402  # it lies one folder up

project, author, copyright = "autodiff", "the autodiff developers", "the autodiff developers, MIT licence"
html_title = "autodiff"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
]
exclude_patterns = ["README.md", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
suppress_warnings = [
    "mystnb.unknown_mime_type",
]

# -- pages -------------------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["neuron.html", "xor.html"]
html_show_sourcelink = False
html_sidebars = {"reference/api/**": []}  # the list of all pages on each of these would double the time of a build
html_theme_options = {
    "show_prev_next": True,
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_nav_level": 2,
    "navigation_depth": 2,
    "collapse_navigation": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
myst_fence_as_directive: list[str] = []

# -- lessons and how-tos: they run at every build ----------------------------------------------------------------------


def digest_of_library() -> str:
    """Return a name for what the notebooks run on: a change in the library makes them run again."""
    digest = hashlib.sha256()
    for package in ("autodiff", "nn", "optim", "examples"):
        for path in sorted((ROOT / package).rglob("*.*")):
            if path.suffix in (".py", ".html"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "notebooks" / digest_of_library())
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"
nb_merge_streams = True

# -- reference ---------------------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_member_order = "groupwise"
autodoc_typehints = "none"  # numpydoc's Parameters say them
autodoc_default_options = {"show-inheritance": False}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
add_module_names = True
default_role = "py:obj"  # a name in single backquotes is a link where it has a page


def is_notebook(name: str) -> bool:
    """Tell whether a page opens in Jupyter."""
    path = HERE / f"{name}.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text.startswith("---\njupytext:") and "{literalinclude}" not in text  # which Jupyter does not know


def offer_notebook(app: Any, docname: str, content: list[str]) -> None:
    """Write under the title of a lesson where its notebook is."""
    if docname == "index" and not (HERE / "compile.md").is_file():  # the page is still to be written
        content[0] = content[0].replace("\ncompile\n", "\n")
    if is_notebook(docname):
        name = docname.rsplit("/")[-1]
        header, title, rest = content[0].partition("\n# ")
        heading, _, text = rest.partition("\n")
        offer = f'\n<p class="notebook"><a href="{name}.ipynb" download>This page as a Jupyter notebook</a></p>\n'
        content[0] = f"{header}{title}{heading}\n{offer}{text}"


def write_notebooks(app: Any, error: Exception | None) -> None:
    """Put a notebook beside each page that is one, without outputs, its solutions folded."""
    if error is not None or app.builder.name != "html":
        return
    for name in filter(is_notebook, app.env.found_docs):
        notebook = jupytext.read(HERE / f"{name}.md")
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = re.sub(r"(\]\([\w-]+)\.md\)", r"\1.ipynb)", cell.source)
            if "hide-cell" in cell.metadata.get("tags", ()):
                cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
        jupytext.write(notebook, Path(app.outdir) / f"{name}.ipynb")


SIGNS = r"\|(?=\S)|(?<=\S)\||(?<=\()\*|(?<=, )\*|\*(?=,)"  # bars and stars that Sphinx would read as markup


def escape_signs(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let the signs of a formula in a docstring, as in (*shape, n) and |x|, be themselves and no markup."""
    literal = 0  # the indent of what announced a block that is shown as it stands, plus 1
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if literal and (not line.strip() or indent >= literal):
            continue
        literal = indent + 1 if line.endswith("::") else 0
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(`[^`]*`)", line)
            parts[::2] = [re.sub(SIGNS, r"\\\g<0>", part) for part in parts[::2]]
            lines[i] = "".join(parts)


def setup(app: Any) -> None:
    """Connect what this file adds to Sphinx."""
    app.connect("autodoc-process-docstring", escape_signs, priority=400)  # before numpydoc
    app.connect("config-inited", lambda app, config: reference_pages.write(HERE / "reference"))
    app.connect("source-read", offer_notebook)
    app.connect("build-finished", write_notebooks)


release = version = getattr(autodiff, "__version__", "")
