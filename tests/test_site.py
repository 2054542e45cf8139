"""The site as a reader meets it: every public name has its place, and every page works in a browser.

Building it takes a minute, so its pages are opened only where AUTODIFF_SITE names the folder of a site that was built:
``sphinx-build -W -j auto docs build/site && AUTODIFF_SITE=build/site python -m pytest -n 0 tests/test_site.py``.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib.util
import os
import re
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest

from tests.autodiff.visualize.browser import CHROMIUM, Browser, browser

DOCS = Path(__file__).parents[1] / "docs"
SITE = Path(os.environ.get("AUTODIFF_SITE", "")).resolve() if os.environ.get("AUTODIFF_SITE") else None

built = pytest.mark.skipif(SITE is None, reason="AUTODIFF_SITE does not name the folder of a built site")
seen = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium was found")


def load_reference_pages() -> ModuleType:
    """Import what writes the reference; it lies in docs, which is no package."""
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference_pages = load_reference_pages()


# -- the sources -------------------------------------------------------------------------------------------------------


def test_the_reference_has_every_name_in_the_lists_of_the_packages() -> None:
    for room in reference_pages.ROOMS:
        module = reference_pages.module(room.name)
        listed = {n for n in getattr(module, "__all__", ()) if not isinstance(getattr(module, n), ModuleType)}
        assert listed <= set(reference_pages.public_names(room.name)), room.name


def test_the_reference_has_every_public_module() -> None:
    rooms = {room.name for room in reference_pages.ROOMS}
    for package in ("autodiff", "nn", "optim"):
        module = reference_pages.module(package)
        for name in getattr(module, "__all__", ()):
            if isinstance(getattr(module, name), ModuleType):
                assert f"{package}.{name}" in rooms


def test_the_reference_has_the_names_that_are_imported_when_they_are_asked_for() -> None:
    assert {"Tensor", "draw", "explain", "gradcheck", "load", "no_grad", "primitive", "save", "sum", "tensor"} <= set(
        reference_pages.public_names("autodiff")
    )


def test_the_reference_has_nothing_that_is_not_ours() -> None:
    names = set(reference_pages.public_names("autodiff"))
    assert not names & {"Any", "TYPE_CHECKING", "annotations", "importlib", "numpy"}


@pytest.mark.parametrize("page", sorted(DOCS.glob("lessons/[0-9]*.md")), ids=lambda page: page.stem)
def test_a_lesson_has_exercises_that_pass_while_they_are_empty_and_hidden_solutions(page: Path) -> None:
    cells = re.findall(r"```\{code-cell\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    solutions = [i for i, cell in enumerate(cells) if ":tags: [hide-cell]" in cell]
    assert len(solutions) >= 3
    for i in solutions:
        called = re.findall(r"^check\w*\(", cells[i], flags=re.MULTILINE)
        assert called, cells[i]
        assert called[-1] in cells[i - 1], "the exercise and its solution are checked by one function"


# -- the pages ---------------------------------------------------------------------------------------------------------


def pages() -> list[str]:
    """Return the pages of the site, as addresses below its root."""
    if SITE is None:
        return []
    return sorted(p.relative_to(SITE).as_posix() for p in SITE.rglob("*.html") if "_static" not in p.parts)


class Links(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses and the names."""
        for name, value in attrs:
            if value and ((tag in ("a", "link") and name == "href") or name == "src"):
                self.targets.append(value)
            if value and name in ("id", "name"):
                self.anchors.add(value)


def read_links(page: str) -> Links:
    """Return a page's links."""
    assert SITE is not None
    links = Links()
    links.feed((SITE / page).read_text(encoding="utf-8"))
    return links


@built
def test_every_public_name_has_a_page() -> None:
    assert SITE is not None
    missing = [
        f"{room.name}.{name}"
        for room in reference_pages.ROOMS
        for name in reference_pages.public_names(room.name)
        if not (SITE / "reference" / "api" / f"{room.name}.{name}.html").is_file()
    ]
    assert not missing


@built
def test_no_link_inside_the_site_is_dead() -> None:
    assert SITE is not None
    found = {page: read_links(page) for page in pages()}
    dead = []
    for page, links in found.items():
        for target in links.targets:
            if re.match(r"[a-z]+:|//", target):
                continue
            path, anchor = urldefrag(unquote(urljoin(page, target)))
            path = path.partition("?")[0] or page
            path = path + "index.html" if path.endswith("/") else path
            if not (SITE / path).is_file() or (anchor and path in found and anchor not in found[path].anchors):
                dead.append(f"{page}: {target}")
    assert not dead


@built
def test_every_solution_is_right() -> None:
    assert SITE is not None
    lessons = sorted(SITE.glob("lessons/[0-9]*.html"))
    assert lessons
    for page in lessons:
        text = page.read_text(encoding="utf-8")
        hidden = text.count("Show the solution")
        assert hidden >= 3, page.name
        assert len(re.findall(r"(?:&#39;|')Right!(?:&#39;|')", text.replace('<span class="s1">', ""))) >= hidden


@built
def test_each_lesson_lies_beside_its_page_as_a_notebook() -> None:
    assert SITE is not None
    for folder in ("lessons", "howto"):
        for source in (DOCS / folder).glob("*.md"):
            if source.stem != "index":
                assert (SITE / folder / f"{source.stem}.ipynb").is_file(), source


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder, and yield the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def end_headers(self) -> None:
            self.send_header("Cache-Control", "max-age=3600")  # each page asks for the same scripts and styles
            super().end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """Return a browser, and the address of the site."""
    assert SITE is not None
    with served(SITE) as address, browser(tmp_path_factory.mktemp("profile")) as window:
        yield window, address


def wait_for(window: Browser, script: str) -> Any:
    """Return what a script returns, as soon as that is something."""
    end = time.monotonic() + 20
    while not (found := window.run(script)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


@built
@seen
@pytest.mark.parametrize("part", range(8))  # for several processes
def test_pages_load_without_errors_and_fit_a_phone(part: int, site: tuple[Browser, str]) -> None:
    window, address = site
    window.resize(390, 844)
    faults = []
    written = [page for page in pages() if "/api/" not in page]
    generated = [page for page in pages() if "/api/" in page]
    for page in [*written, *generated[::20]][part::8]:  # these have two templates, and all of them take minutes
        window.open(address + page)
        wide = window.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if errors := window.errors():
            faults.append(f"{page}: {errors}")
        if wide > 0:
            faults.append(f"{page}: {wide} px wider than the window")
    window.resize(1280, 800)
    assert not faults


@built
@seen
def test_the_search_finds_functions_and_lessons(site: tuple[Browser, str]) -> None:
    window, address = site
    for words, page in (("log_softmax", "autodiff.log_softmax"), ("perceptron", "02-xor")):
        window.open(f"{address}search.html?q={words}")
        script = f"return [...document.querySelectorAll('#search-results li a')].some(a => a.href.includes('{page}'))"
        assert wait_for(window, script), words


PLAYERS = [page for page in pages() if "<iframe" in (SITE / page).read_text(encoding="utf-8")] if SITE else []


@built
@seen
@pytest.mark.parametrize("page", PLAYERS)
def test_each_player_plays(site: tuple[Browser, str], page: str) -> None:
    window, address = site
    window.open(address + page)
    ready = "return [...document.querySelectorAll('iframe')].every(f => f.contentDocument.querySelector('#next'))"
    assert wait_for(window, ready)
    done = window.run(
        """
        return [...document.querySelectorAll('iframe')].map(frame => {
            const inside = frame.contentDocument, at = () => inside.querySelector('#count').textContent;
            const places = [at()];
            inside.querySelector('#next').click(); places.push(at());
            inside.querySelector('#last').click(); places.push(at());
            return places;
        });
        """
    )
    assert done
    for places in done:
        assert len(set(places)) == 3, places
