"""Data sets from files, and what is done to their images."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.data import CSVDataset, DataLoader, ImageFolder
from autodiff.data import transforms as T  # noqa: N812  as short as it is often used

Image = pytest.importorskip("PIL.Image", reason="needs Pillow")

FLOWERS = "length, width,kind\n5.1,1.4,setosa\n\n6.4,4.5,versicolor\n4.9,1e1,setosa\n"


@pytest.fixture
def table(tmp_path: Path) -> Any:
    def write(text: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding=encoding)
        return path

    return write


# -- tables


def test_words_become_classes_and_numbers_features(table: Any) -> None:
    flowers = CSVDataset(table(FLOWERS, "utf-8-sig"), target="kind")
    assert (flowers.columns, flowers.classes) == (["length", "width"], ["setosa", "versicolor"])
    x, y = flowers.tensors
    np.testing.assert_array_equal(x.numpy(), np.array([[5.1, 1.4], [6.4, 4.5], [4.9, 10]], np.float32))
    assert (x.dtype, y.dtype, y.tolist()) == (np.float32, np.int64, [0, 1, 0])
    batch, labels = next(iter(DataLoader(flowers, batch_size=2)))
    assert (batch.shape, labels.tolist()) == ((2, 2), [0, 1])


def test_numbers_stay_numbers_of_the_shape_of_an_output(table: Any) -> None:
    path = table("a;b;c\n1;2;3\n4;5;6\n")
    rows = CSVDataset(path, target=["c", 0], delimiter=";", dtype=np.float64)
    assert rows.columns == ["b"]
    np.testing.assert_array_equal(rows.tensors[1].numpy(), [[3.0, 1.0], [6.0, 4.0]])
    assert rows.tensors[0].dtype == np.float64
    assert CSVDataset(path, target=-1, delimiter=";").tensors[1].shape == (2, 1)
    assert len(CSVDataset(path, delimiter=";").tensors) == 1


def test_numbers_may_be_classes_in_their_own_order(table: Any) -> None:
    rows = CSVDataset(table("1,10\n2,2\n3,10\n"), target=1, is_class=True, header=False)
    assert (rows.classes, rows.columns) == (["2", "10"], ["0"])
    assert rows.tensors[1].tolist() == [1, 0, 1]


def test_quotes_protect_a_delimiter_and_a_missing_number_gets_one(table: Any) -> None:
    rows = CSVDataset(table('a,"b, in cm"\n1,\n2,"3"\n'), missing=-1)
    assert rows.columns == ["a", "b, in cm"]
    assert rows.tensors[0].tolist() == [[1, -1], [2, 3]]
    assert np.isnan(CSVDataset(table("a,b\n1,\n"), missing=np.nan).tensors[0].numpy()[0, 1])


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n3\n", {}, "line 3 of .* has 1 values, not 2"),
        ("a,b\n1,\n", {}, "line 2 of .*, column 'b': an empty field; give missing="),
        ("a,b\n1,2\n3,red\n", {}, "line 3 of .*, column 'b': 'red' is no number; .*columns="),
        ("a,b\n1,2\n", {"target": "c"}, r"no column 'c'; its columns: \['a', 'b'\]"),
        ("a,b\n1,2\n", {"target": 2}, "no column 2"),
        ("a\n1\n", {"target": "a"}, "no column to learn from"),
        ("a,a\n1,2\n", {}, "two columns .* one name"),
        ("a,b\n", {}, "no rows beneath its header"),
        ("", {"header": False}, "no rows"),
        ("a,b\n1,x\n2,\n", {"target": "b"}, "line 3 of .*, column 'b': an empty field, no class"),
        ("a,b,c\n1,x,2\n", {"target": ["a", "b"], "is_class": True}, "one column"),
    ],
)
def test_a_table_that_is_wrong_says_where(table: Any, text: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"CSVDataset: .*{said}"):
        CSVDataset(table(text), **options)


def test_features_of_a_table_are_floats(table: Any) -> None:
    with pytest.raises(TypeError, match=r"CSVDataset: dtype .* int64"):
        CSVDataset(table("a\n1\n"), dtype=np.int64)


# -- folders of images


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for kind, brightness in (("night", 51), ("day", 255)):
        (tmp_path / kind / "old").mkdir(parents=True)
        for name in ("b.png", "A.PNG", "old/c.png"):
            Image.new("RGB", (5, 4), (brightness, 0, 0)).save(tmp_path / kind / name)
        (tmp_path / kind / "notes.txt").write_text("no image")
    (tmp_path / "list.txt").write_text("no class")
    return tmp_path


def test_images_have_the_number_of_their_folder(root: Path) -> None:
    images = ImageFolder(root, transform=T.ToTensor())
    assert images.classes == ["day", "night"]
    assert images.class_to_idx == {"day": 0, "night": 1}
    assert images.targets == [0, 0, 0, 1, 1, 1]
    assert [Path(path).relative_to(root).as_posix() for path, _ in images.samples][:3] == [
        "day/A.PNG",
        "day/b.png",
        "day/old/c.png",
    ]
    batch, labels = next(iter(DataLoader(images, batch_size=6)))
    assert (batch.shape, labels.tolist()) == ((6, 3, 4, 5), images.targets)
    np.testing.assert_allclose(batch.numpy()[:, 0, 0, 0], [1, 1, 1, 0.2, 0.2, 0.2])


def test_a_folder_without_images_is_refused(root: Path) -> None:
    (root / "dusk").mkdir()
    with pytest.raises(FileNotFoundError, match=r"ImageFolder: no images in dusk .* \.png"):
        ImageFolder(root)
    assert len(ImageFolder(root, allow_empty=True)) == 6
    only = ImageFolder(root, is_valid_file=lambda path: path.endswith("c.png"), allow_empty=True)
    assert only.targets == [0, 2]
    with pytest.raises(FileNotFoundError, match="no folders"):
        ImageFolder(root / "dusk")


def test_images_and_labels_are_changed_as_asked(root: Path) -> None:
    images = ImageFolder(root, target_transform=lambda label: -label, loader=lambda path: Path(path).name)
    assert images[5] == ("c.png", -1)


def test_images_that_cannot_be_stacked_say_what_to_do(root: Path) -> None:
    with pytest.raises(TypeError, match=r"cannot stack items of type Image; .*ToTensor"):
        next(iter(DataLoader(ImageFolder(root))))


def test_without_pillow_the_line_that_installs_it_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, known = ImageFolder(root), builtins.__import__

    def find(name: str, *args: Any) -> Any:
        if name == "PIL":
            raise ImportError(name)
        return known(name, *args)

    monkeypatch.setattr(builtins, "__import__", find)
    with pytest.raises(ImportError, match="pip install pillow"):
        images[0]


# -- transforms

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_an_image_becomes_a_tensor_with_its_channels_first() -> None:
    expected = PIXELS.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    for image in (PIXELS, Image.fromarray(PIXELS)):
        np.testing.assert_array_equal(T.ToTensor()(image).numpy(), expected)
    assert T.ToTensor()(np.ones((2, 3), np.float64)).dtype == np.float64  # only bytes are scaled
    assert T.ToTensor()(Image.new("L", (3, 2), 255)).tolist() == [[[1.0] * 3] * 2]
    assert T.ToTensor()(Image.new("1", (1, 1), 1)).tolist() == [[[1.0]]]
    assert T.ToTensor()(Image.new("I", (1, 1), 300)).tolist() == [[[300]]]
    with pytest.raises(TypeError, match=r"ToTensor: .* Tensor"):
        T.ToTensor()(ad.ones(2, 2))
    with pytest.raises(ValueError, match=r"ToTensor: .* \(3,\)"):
        T.ToTensor()(np.ones(3))


def test_channels_are_normalized_each_with_its_own() -> None:
    x = ad.tensor(np.arange(8.0, dtype=np.float32).reshape(1, 2, 2, 2))
    found = T.Normalize([1, 2], [2, 4])(x)
    np.testing.assert_allclose(found.numpy(), (x.numpy() - [[[1]], [[2]]]) / [[[2]], [[4]]])
    assert found.dtype == np.float32
    for image, error in ((PIXELS, TypeError), (ad.ones(1, 2, 2).long(), TypeError), (ad.ones(3, 1, 1), ValueError)):
        with pytest.raises(error, match="Normalize"):
            T.Normalize([1, 2], [2, 4])(image)  # type: ignore[arg-type]  # which is the point
    with pytest.raises(ValueError, match="std must not be 0"):
        T.Normalize(0, [1, 0])


@pytest.mark.parametrize(("flip", "axis"), [(T.RandomHorizontalFlip, 1), (T.RandomVerticalFlip, 0)])
def test_pictures_and_tensors_are_mirrored_alike(flip: Any, axis: int) -> None:
    np.testing.assert_array_equal(np.asarray(flip(p=1)(Image.fromarray(PIXELS))), np.flip(PIXELS, axis))
    x = T.ToTensor()(PIXELS)
    np.testing.assert_array_equal(flip(p=1)(x).numpy(), np.flip(x.numpy(), axis + 1))
    np.testing.assert_array_equal(flip(p=1)(x.numpy()), np.flip(x.numpy(), axis + 1))
    assert flip(p=0)(x) is x
    with pytest.raises(ValueError, match="p must be from 0 to 1"):
        flip(1.5)


def test_chance_follows_the_seed() -> None:
    x = ad.tensor([[[1.0, 2.0]]])
    change = T.Compose([T.RandomHorizontalFlip(), T.RandomCrop(1)])

    def drawn() -> list[float]:
        ad.manual_seed(3)
        return [change(x).item() for _ in range(40)]

    assert drawn() == drawn()
    assert 8 < drawn().count(1.0) < 32


def test_a_part_is_cut_out_at_every_place() -> None:
    ad.manual_seed(0)
    x = ad.tensor(np.arange(12).reshape(1, 3, 4))
    seen = {int(T.RandomCrop((2, 3))(x)[0, 0, 0].item()) for _ in range(60)}
    assert seen == {0, 1, 4, 5}
    for picture in (x.numpy()[0].astype(np.uint8), PIXELS):
        assert np.asarray(T.RandomCrop(2)(Image.fromarray(picture))).shape[:2] == (2, 2)
    with pytest.raises(ValueError, match=r"cannot cut \(5, 5\) out of an image of \(3, 4\)"):
        T.RandomCrop(5)(x)


@pytest.mark.parametrize(
    ("padding", "shape", "corner"), [(1, (5, 6), 9), ((1, 2), (7, 6), 9), ((1, 0, 2, 3), (6, 7), 9), (None, (3, 4), 0)]
)
def test_margins_are_around_the_image_before_it_is_cut(padding: Any, shape: tuple[int, int], corner: int) -> None:
    x = ad.tensor(np.arange(12).reshape(1, 3, 4))
    found = T.RandomCrop(shape, padding, fill=9)(x)
    assert found.shape == (1, *shape)
    assert found[0, 0, 0].item() == corner
    picture = T.RandomCrop(shape, padding, fill=9)(Image.fromarray(x.numpy()[0].astype(np.uint8)))
    np.testing.assert_array_equal(np.asarray(picture), found.numpy()[0])
    assert T.RandomCrop(5, pad_if_needed=True)(x).shape == (1, 5, 5)
    assert T.RandomCrop((5, 6), 1, padding_mode="edge")(x)[0, 0].tolist() == [0, 0, 1, 2, 3, 3]


def test_the_middle_is_cut_out_and_smaller_images_get_a_margin() -> None:
    x = ad.tensor(np.arange(12).reshape(1, 3, 4))
    assert T.CenterCrop((1, 2))(x).tolist() == [[[5, 6]]]
    assert T.CenterCrop(4)(x)[0, 3].tolist() == [0] * 4  # (top, bottom) = (0, 1)
    assert np.asarray(T.CenterCrop((1, 2))(Image.fromarray(PIXELS))).tolist() == PIXELS[0:1, 1:3].tolist()


def test_pictures_are_scaled_in_proportion() -> None:
    picture = Image.new("RGB", (40, 30))
    assert T.Resize(15)(picture).size == (20, 15)
    assert T.Resize((10, 20))(picture).size == (20, 10)
    with pytest.raises(TypeError, match=r"Resize: .* before ToTensor"):
        T.Resize(3)(ad.ones(1, 2, 2))


@pytest.mark.parametrize("kind", [T.Resize, T.CenterCrop, T.RandomCrop])
@pytest.mark.parametrize("size", [0, (1, 2, 3), (2, -1), 1.5])
def test_sizes_are_positive_integers(kind: Any, size: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        kind(size)


def test_what_is_no_image_or_no_function_is_refused() -> None:
    for transform in (T.RandomHorizontalFlip(), T.RandomCrop(1), T.CenterCrop(1)):
        with pytest.raises(TypeError, match="expected a Pillow image"):
            transform([[1]])
    with pytest.raises(TypeError, match="callable"):
        T.Compose([3])  # type: ignore[list-item]  # which is the point
    with pytest.raises(TypeError, match="Lambda"):
        T.Lambda(3)  # type: ignore[arg-type]  # which is the point
    with pytest.raises(ValueError, match="padding_mode"):
        T.RandomCrop(1, padding_mode="mirror")
    with pytest.raises(ValueError, match="padding"):
        T.RandomCrop(1, padding=(1, 2, 3))


def test_transforms_say_what_they_are() -> None:
    said = repr(T.Compose([T.Resize(8), T.ToTensor(), T.Normalize(0.5, 0.5), T.RandomHorizontalFlip(0.25)]))
    assert said == (
        "Compose(\n    Resize(size=8)\n    ToTensor()\n    Normalize(mean=0.5, std=0.5)\n"
        "    RandomHorizontalFlip(p=0.25)\n)"
    )


def test_a_first_line_of_numbers_is_asked_about(table: Any) -> None:
    with pytest.warns(UserWarning, match="header=False"):
        assert len(CSVDataset(table("1,2\n3,4\n"))) == 1
    assert len(CSVDataset(table("1,2\n3,4\n"), header=False)) == 2


def test_what_only_python_takes_for_a_number_is_none(table: Any) -> None:
    with pytest.raises(ValueError, match=r"column 'a': '1_000' is no number"):
        CSVDataset(table("a,b\n1_000,2\n"))


def test_a_table_in_another_encoding_is_named(table: Any) -> None:
    path = table("a,b\n1,é\n", "latin-1")
    with pytest.raises(ValueError, match=r"table\.csv is no text in UTF-8"):
        CSVDataset(path, target="b")


def test_images_of_more_than_8_bits_are_not_cut(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((2, 2), 40_000, np.uint16)).save(tmp_path / "a" / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png has more than 8 bits a pixel"):
        ImageFolder(tmp_path)[0]


def test_an_image_that_breaks_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "half.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(OSError, match=r"half\.png"):
        ImageFolder(tmp_path)[0]
