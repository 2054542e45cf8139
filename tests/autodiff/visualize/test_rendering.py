"""Rendering with the system's Graphviz, with the one that pygraphviz carries, and with none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import graphviz
import pytest

import autodiff as ad
from autodiff.visualize import draw, fonts
from autodiff.visualize import picture as picture_module

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n", "pdf": b"%PDF-"}


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> picture_module.Picture:
    monkeypatch.chdir(tmp_path)
    x = ad.tensor([1.0, 2.0], name="x")
    w = ad.tensor([0.5, -1.0], requires_grad=True, name="weight")
    return draw((x * w).sum().sigmoid().named("L"))


@pytest.fixture
def no_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "no programs"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))


@pytest.fixture
def dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("needs a script that runs as a program")
    folder = tmp_path / "programs"
    folder.mkdir()
    script = folder / "dot"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "drawn = 'drawn by the system: ' + ' '.join(sys.argv[1:3])\n"
        "if '-O' in sys.argv:\n"
        "    open(sys.argv[-1] + '.svg', 'w').write(drawn)\n"
        "else:\n"
        "    sys.stdin.read(); print(drawn, end='')\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_it_is_a_digraph(picture: picture_module.Picture) -> None:
    assert isinstance(picture, graphviz.Digraph)
    assert picture.format == "svg"
    assert picture.copy().source == picture.source


@pytest.mark.usefixtures("dot")
def test_the_systems_graphviz_is_used_where_there_is_one(picture: picture_module.Picture) -> None:
    assert picture.pipe() == b"drawn by the system: -Kdot -Tsvg"
    assert picture.pipe(format="png", engine="neato", encoding="utf-8") == "drawn by the system: -Kneato -Tpng"
    assert Path(picture.render("one")).read_text() == "drawn by the system: -Kdot -Tsvg"


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
def test_without_dot_pygraphviz_draws(
    picture: picture_module.Picture, format: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert picture.pipe(format=format).startswith(MAGIC[format])
    path = picture.render("made", format=format)
    assert path == f"made.{format}"
    assert Path(path).read_bytes().startswith(MAGIC[format])
    assert Path("made").read_text(encoding="utf-8") == picture.source
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("no_dot")
def test_the_svg_holds_the_text(picture: picture_module.Picture) -> None:
    svg = picture.pipe(encoding="utf-8")
    for text in (">weight<", ">x<", ">L<", ">(2,)<", ">−1.0<", "Σ", "σ", "∂L/∂·"):
        assert text in svg


@pytest.mark.usefixtures("no_dot")
def test_where_files_go(picture: picture_module.Picture, tmp_path: Path) -> None:
    assert picture.render() == "graph.gv.svg"
    assert picture.render(filename="a.gv", directory="sub", format="png", cleanup=True) == os.path.join(
        "sub", "a.gv.png"
    )
    assert os.listdir("sub") == ["a.gv.png"]
    picture.directory = ""
    assert picture.render(outfile="b.pdf", cleanup=True) == "b.pdf"
    assert Path("b.pdf").read_bytes().startswith(MAGIC["pdf"])
    assert picture.render(outfile=tmp_path / "deep" / "c.png") == str(tmp_path / "deep" / "c.png")
    assert (tmp_path / "deep" / "c.gv").exists()
    with pytest.raises(graphviz.FileExistsError):
        picture.render(outfile="b.pdf", raise_if_result_exists=True)


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "html", "dot"])
def test_every_kind_of_file_is_saved_without_dot(
    picture: picture_module.Picture, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    saved = Path(picture.save(f"made.{suffix}")).read_bytes()
    assert saved.startswith({**MAGIC, "html": b"<!DOCTYPE html>", "dot": b"digraph"}[suffix])
    assert os.listdir(".").count(f"made.{suffix}") == 1
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("no_dot")
def test_a_saved_png_is_finer_than_graphvizs_own(picture: picture_module.Picture) -> None:
    own, saved = (
        int.from_bytes(png[16:20], "big") for png in (picture.pipe("png"), Path(picture.save("p.png")).read_bytes())
    )
    assert saved == pytest.approx(1.5 * own, abs=2)  # pixels, rounded up


@pytest.mark.usefixtures("no_dot")
def test_view_opens_what_was_drawn(picture: picture_module.Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(graphviz, "view", lambda path, quiet: opened.append((path, quiet)))
    picture.view()
    picture.render(quiet_view=True, format="png")
    assert opened == [("graph.gv.svg", False), ("graph.gv.png", True)]


@pytest.mark.usefixtures("no_dot")
def test_a_notebook_displays_it(picture: picture_module.Picture) -> None:
    bundle = picture._repr_mimebundle_(include=["image/svg+xml", "image/png"])
    assert bundle["image/svg+xml"] == picture._repr_image_svg_xml()
    assert "weight" in bundle["image/svg+xml"]
    assert bundle["image/png"].startswith(MAGIC["png"])


@pytest.mark.usefixtures("no_dot")
def test_without_any_graphviz_the_error_says_what_to_install(
    picture: picture_module.Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    for display in (picture.pipe, picture.render, picture._repr_mimebundle_):
        with pytest.raises(RuntimeError, match="pip install pygraphviz") as raised:
            display()
        assert not isinstance(raised.value, graphviz.ExecutableNotFound)
    assert "digraph" in picture.source
    for suffix in ("svg", "html"):
        with pytest.raises(RuntimeError, match="pip install pygraphviz"):
            picture.save(f"lost.{suffix}")
        assert not Path(f"lost.{suffix}").exists()
    assert Path(picture.save("kept.gv")).read_text(encoding="utf-8") == picture.source
    assert Path(picture.save("kept.dot")).read_text(encoding="utf-8") == picture.source


@pytest.mark.usefixtures("no_dot")
def test_what_only_the_systems_graphviz_can_says_so(picture: picture_module.Picture) -> None:
    with pytest.raises(RuntimeError, match="unflatten: needs Graphviz's own program") as raised:
        picture.unflatten(stagger=3)
    assert not isinstance(raised.value, graphviz.ExecutableNotFound)


def test_what_graphviz_refuses_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="could not draw the picture as svg"):
        picture_module.render("digraph { a -> ", "svg")
    with pytest.raises(RuntimeError, match="could not draw the picture as nonsense"):
        picture_module.render("digraph { a }", "nonsense")


def test_warnings_are_passed_on_unless_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    source = 'digraph { a [label="a" shape=unknown] }'
    picture_module.render(source, "svg", quiet=True)
    assert capfd.readouterr().err == ""
    picture_module.render(source, "svg")
    assert "unknown" in capfd.readouterr().err


def test_letters_are_letters_where_the_system_has_no_font(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
    monkeypatch.setattr(fonts, "has_fonts", lambda: False)
    images = {c: picture_module.render(f'digraph {{ a [label="{c}" fontname="Helvetica"] }}', "png") for c in "bd∂σ"}
    assert len(set(images.values())) == 4  # boxes would all look alike
    assert capfd.readouterr().err == ""


def test_it_is_said_when_there_is_no_font_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "has_fonts", lambda: False)
    monkeypatch.setattr(fonts, "fonts_of_matplotlib", lambda: None)
    with pytest.warns(UserWarning, match="no font was found, so letters are drawn as empty boxes. `pip install mat"):
        picture_module.render("digraph { a }", "png")
    assert picture_module.render("digraph { a }", "svg").startswith(MAGIC["svg"])  # a browser has fonts of its own


def test_boxes_would_look_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would notice missing letters."""
    if not sys.platform.startswith("linux"):
        pytest.skip("fontconfig is what Linux uses")
    config = tmp_path / "none.conf"
    config.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    images = {picture_module.render(f'digraph {{ a [label="{c}"] }}', "png", quiet=True) for c in "bd"}
    assert len(images) == 1


def test_fonts_are_looked_for_where_systems_keep_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems always have fonts")
    monkeypatch.delenv("FONTCONFIG_FILE", raising=False)
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    (tmp_path / ".fonts").mkdir()
    (tmp_path / ".fonts" / "mine.otf").touch()
    assert fonts.has_fonts()
    with fonts.environment() as environment:
        assert "FONTCONFIG_FILE" not in environment


def test_computing_imports_no_graphviz() -> None:
    program = "import sys, autodiff; print([m for m in ('graphviz', 'pygraphviz', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
