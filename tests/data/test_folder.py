"""Anybody's images: sizes, modes and orientations as they come."""

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_data import whole, write

from xaicf.core import DataError, InputError
from xaicf.data import ImageFolder

ORIENTATION = 0x0112


def greys(data: ImageFolder, split: str) -> list[int]:
    """Give the grey of every image of a split, in the order of their ids."""
    images = whole(data, split)
    assert images.dtype == torch.uint8
    assert (images == images[:, :1, :1, :1]).all()
    return [int(value) for value in images[:, 0, 0, 0]]


def only_image(root: Path, image_size: int, channels: Any = 3) -> np.ndarray:
    """Read the first image of the test split as (H, W, C)."""
    return np.asarray(whole(ImageFolder(str(root), image_size, channels), "test")[0].permute(1, 2, 0))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write cats of grey 0 to 19 and dogs of grey 100 to 119."""
    write(tmp_path / "cat", range(20))
    write(tmp_path / "dog", range(100, 120))
    return tmp_path


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """Write training and validation images, and leave one test image of class ``b`` to be added."""
    for split in ("train", "val"):
        for name in "ab":
            write(tmp_path / split / name, range(3))
    return tmp_path


def put(root: Path, image: Image.Image, suffix: str, **options: Any) -> None:
    """Make ``image`` the first of the test split."""
    for name in "ab":
        (root / "test" / name).mkdir(parents=True, exist_ok=True)
    image.save(root / "test" / "a" / f"image{suffix}", **options)
    image.save(root / "test" / "b" / f"image{suffix}", **options)


@pytest.mark.parametrize("channels", [1, 3])
def test_splits_are_cut_from_the_root(root: Path, channels: Any) -> None:
    data = ImageFolder(str(root), 4, channels, val_fraction=0.2, test_fraction=0.1)
    found = {split: greys(data, split) for split in ("train", "val", "test")}
    assert {split: len(values) for split, values in found.items()} == {"train": 28, "val": 8, "test": 4}
    assert sorted(itertools.chain(*found.values())) == [*range(20), *range(100, 120)]
    assert data.class_names == ("cat", "dog")
    for split, values in found.items():
        assert whole(data, split).shape[1:] == data.image_shape == (channels, 4, 4)
        labels = data.splits[split].labels
        assert labels.dtype == torch.int64
        assert labels.tolist() == [int(value >= 100) for value in values]


def test_ids_are_stable(root: Path) -> None:
    first, second, other = (ImageFolder(str(root), 4, seed=seed) for seed in (0, 0, 1))
    for split in ("train", "val", "test"):
        assert greys(first, split) == greys(second, split)
    assert greys(first, "train") != greys(other, "train")
    ids = [3, 0, 2]
    assert (255 * first.samples(ids)["image"][:, 0, 0, 0]).round().tolist() == [greys(first, "val")[i] for i in ids]


def test_given_splits_are_kept_in_order(tmp_path: Path) -> None:
    for first, split in ((0, "train"), (100, "val"), (200, "test")):
        write(tmp_path / split / "a", range(first, first + 5))
        write(tmp_path / split / "b", range(first + 10, first + 13))
    data = ImageFolder(str(tmp_path), 4)
    for first, split in ((100, "val"), (200, "test")):
        assert greys(data, split) == [*range(first, first + 5), *range(first + 10, first + 13)]
    assert sorted(greys(data, "train")) == [*range(5), *range(10, 13)]


@pytest.mark.parametrize("given", ["val", "test"])
def test_missing_split_is_cut_from_train(tmp_path: Path, given: str) -> None:
    for first, split in ((0, "train"), (100, given)):
        write(tmp_path / split / "a", range(first, first + 10))
        write(tmp_path / split / "b", range(first + 10, first + 20))
    data = ImageFolder(str(tmp_path), 4, val_fraction=0.25, test_fraction=0.25)
    assert greys(data, given) == list(range(100, 120))
    cut = greys(data, "test" if given == "val" else "val")
    assert len(cut) == 5
    assert sorted(cut + greys(data, "train")) == list(range(20))


def test_class_missing_from_a_given_split_is_named(one: Path) -> None:
    write(one / "test" / "a", range(2))
    with pytest.raises(DataError, match=r"test.b holds no image"):
        ImageFolder(str(one), 4).setup()


@pytest.mark.parametrize("size", [(8, 8), (5, 40), (40, 5), (3, 2), (1, 200), (1, 1), (2, 9000)])
@pytest.mark.parametrize(
    ("mode", "colour", "suffix", "expected"),
    [
        ("RGB", (200, 100, 50), ".png", (200, 100, 50)),
        ("RGBA", (200, 100, 50, 255), ".png", (200, 100, 50)),
        ("P", (200, 100, 50), ".png", (200, 100, 50)),
        ("L", 77, ".PNG", (77, 77, 77)),
        ("LA", (77, 255), ".png", (77, 77, 77)),
        ("1", 1, ".png", (255, 255, 255)),
        ("CMYK", (0, 0, 0, 155), ".jpg", (100, 100, 100)),
    ],
)
def test_modes_and_sizes(one: Path, mode: str, colour: Any, suffix: str, expected: Any, size: Any) -> None:
    image = Image.new("RGB", size, colour).quantize(4) if mode == "P" else Image.new(mode, size, colour)
    put(one, image, suffix)
    assert np.abs(only_image(one, 6).astype(int) - expected).max() <= (2 if mode == "CMYK" else 0)
    red, green, blue = expected
    grey = only_image(one, 6, channels=1)
    assert grey.shape == (6, 6, 1)
    assert np.abs(grey - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= (2 if mode == "CMYK" else 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_grey_is_scaled(one: Path, channels: Any) -> None:
    """Medical and scientific images come so; cut off at 255 they would be white."""
    put(one, Image.fromarray(np.full((8, 8), 25700, np.uint16)), ".png")
    assert np.abs(only_image(one, 4, channels).astype(int) - 100).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_in_either_order_of_bytes(one: Path, order: str) -> None:
    """Microscopes and scanners write TIFF in both."""
    pixels = np.linspace(0, 65535, 64).round().reshape(8, 8)
    mode = "I;16" if order == "<" else "I;16B"
    put(one, Image.frombytes(mode, (8, 8), pixels.astype(f"{order}u2").tobytes()), ".tif")
    assert np.abs(only_image(one, 8, channels=1)[..., 0] - pixels / 257).max() <= 0.5


def test_floating_point_is_refused_with_the_reason(one: Path) -> None:
    """Cut off to whole numbers, values in [0, 1] would be black without a word."""
    put(one, Image.fromarray(np.full((8, 8), 0.5, np.float32)), ".tif")
    with pytest.raises(DataError, match=r"a.image\.tif \(grey values must be whole numbers"):
        only_image(one, 4)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_transparent_is_white(one: Path, mode: str, channels: Any) -> None:
    """The colours beneath, here a dark grey, are what a drawing program happened to leave there."""
    pixels = np.full((8, 8), 30, np.uint8)
    pixels[:, 4:] = 90
    options: dict[str, Any] = {}
    if mode in {"RGBA", "LA"}:
        opaque = np.where(pixels == 30, 0, 255).astype(np.uint8)
        opaque[0, 4:] = 102  # two fifths
        layers = [Image.fromarray(pixels)] * (len(mode) - 1) + [Image.fromarray(opaque)]
        image = Image.merge(mode, layers)
    elif mode == "P":
        image = Image.fromarray(pixels // 60, "P")
        image.putpalette([30, 30, 30, 90, 90, 90])
        options["transparency"] = 0
    else:
        image = Image.fromarray(pixels).convert("RGB")
        options["transparency"] = (30, 30, 30)
    put(one, image, ".png", **options)
    expected = np.where(pixels == 30, 255, pixels).astype(float)
    if mode in {"RGBA", "LA"}:
        expected[0, 4:] = 0.4 * 90 + 0.6 * 255
    assert np.abs(only_image(one, 8, channels) - expected[..., None]).max() <= 1


def test_the_first_picture_of_an_animation(one: Path) -> None:
    first, second = (Image.fromarray(np.full((8, 8), grey, np.uint8)) for grey in (50, 150))
    put(one, first, ".gif", save_all=True, append_images=[second])
    assert (only_image(one, 4) == 50).all()


def test_names_in_any_language_suffixes_in_any_case_and_links(tmp_path: Path) -> None:
    elsewhere, names = tmp_path / "elsewhere", ("日本 – Käse 🧀", "a, b; 'c' [d]*")
    for number, name in enumerate(names):
        write(elsewhere / name, range(50 * number, 50 * number + 3))
    own = elsewhere / names[1]
    (own / "050.png").rename(own / "Ünïcode und 🐈.PNG")
    # Of JPEG even greys, which it keeps.
    suffixes = {10: "JPG", 12: "Jpeg", 14: "JFIF", 15: "GIF", 17: "TIFF", 19: "WebP", 21: "bmp"}
    for grey, suffix in suffixes.items():
        form = {"JPG": "JPEG", "JFIF": "JPEG"}.get(suffix, suffix)
        Image.new("L", (8, 8), grey).save(elsewhere / names[0] / f"{grey}.{suffix}", form, lossless=True)
    root = tmp_path / "root"
    root.mkdir()
    for name in names:
        (root / name).symlink_to(elsewhere / name)
    (elsewhere / names[1] / "link.png").symlink_to(elsewhere / names[0] / "001.png")
    data = ImageFolder(str(root), 4, test_fraction=1, storage="stream")
    found = greys(data, "test")
    assert data.class_names == tuple(sorted(names))
    assert sorted(found) == [0, 1, 1, 2, *suffixes, 50, 51, 52]
    assert data.split("test").labels.sum() == 10  # of the cheese, which sorts last


def test_a_name_that_is_no_unicode(root: Path) -> None:
    """As old archives have them."""
    path = root / "cat" / os.fsdecode(b"caf\xe9.png")
    try:
        path.write_bytes((root / "cat" / "003.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    data = ImageFolder(str(root), 4, test_fraction=1, storage="stream")
    assert greys(data, "test").count(3) == 2
    assert len(data.split("test").digest()) == 64


def test_a_link_to_nowhere_is_named(root: Path) -> None:
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    with pytest.raises(DataError, match=r"image cannot be read: .*gone\.png"):
        ImageFolder(str(root), 4).setup()


@pytest.mark.parametrize("name", ["valid", "validation"])
def test_another_name_for_val_is_told(one: Path, name: str) -> None:
    (one / "val").rename(one / name)
    with pytest.raises(DataError, match=f"has a folder {name}, which must be named val"):
        ImageFolder(str(one), 4)


def test_cut_is_the_centred_square(one: Path) -> None:
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = np.random.default_rng(0).integers(0, 255, (4, 4, 3))
    put(one, Image.fromarray(pixels), ".png")
    assert np.array_equal(only_image(one, 4), pixels[:, 4:8])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(one: Path, orientation: int) -> None:
    """Each stored form is written out from the table of the EXIF standard (tag 274)."""
    upright = np.arange(64, dtype=np.uint8).reshape(8, 8)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright[:, ::-1].T,
        7: upright[::-1, ::-1].T,
        8: upright[::-1].T,
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    put(one, Image.fromarray(np.ascontiguousarray(stored)), ".png", exif=exif)
    assert np.array_equal(only_image(one, 8, channels=1)[..., 0], upright)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"image folder not found: .*nowhere"):
        ImageFolder(str(tmp_path / "nowhere"))


def test_a_set_within_the_folder_of_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = ImageFolder(str(root.parent), 4, folder=root.name)
    assert torch.equal(whole(named, "test"), whole(ImageFolder(str(root), 4), "test"))
    monkeypatch.setenv("XAICF_DATA", str(root.parent))
    assert ImageFolder(image_size=4, folder=root.name).class_names == named.class_names
    with pytest.raises(InputError, match="root must name the folder of images"):
        ImageFolder(image_size=4)


def test_one_class(tmp_path: Path) -> None:
    write(tmp_path / "cat", range(9))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match="at least two class folders, found 1"):
        ImageFolder(str(tmp_path))


def test_empty_class_is_named(root: Path) -> None:
    (root / "emu").mkdir()
    (root / "emu" / "notes.txt").touch()
    with pytest.raises(DataError, match=r"emu holds no image"):
        ImageFolder(str(root)).setup()


def test_folders_in_folders_are_searched_in_order(root: Path) -> None:
    """The order is that of path objects, so ``b.png`` comes before ``b/0.png`` and ``b-c`` after both."""
    noise = np.random.default_rng(0).integers(0, 255, (5, 6, 6), np.uint8)
    names = ["a/z/1.png", "a/z-y.png", "a.png", "b-c/0.png", "b/0.png"]
    for name, pixels in zip(names, noise, strict=True):
        (root / "emu" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / "emu" / name)
    for name in (".hidden/0.png", "b/.0.png", "notes.txt"):
        (root / "emu" / name).parent.mkdir(exist_ok=True)
        (root / "emu" / name).write_bytes(b"no image")
    (root / "emu" / "loop").symlink_to(root)
    found = whole(ImageFolder(str(root), 6, channels=1, test_fraction=1), "test")[-5:, 0]
    order = [names.index(str(path)) for path in sorted(map(Path, names))]
    assert np.array_equal(found.numpy(), noise[order])


def test_folder_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path) -> None:
        raise PermissionError(folder)

    data = ImageFolder(str(root))
    monkeypatch.setattr("os.scandir", refused)
    monkeypatch.setattr("xaicf.data.folder.class_folders", lambda folder: ("cat", "dog"))
    with pytest.raises(DataError, match=r"folder cannot be read: .*cat"):
        data.setup()


@pytest.mark.parametrize("storage", ["memory", "stream"])
@pytest.mark.parametrize("content", [b"", b"no image", "cut", "bomb"])
def test_unreadable_image_is_named(root: Path, content: Any, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "dog" / "broken.png"
    if content == "cut":
        noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[:2000]
    if content == "bomb":
        Image.new("1", (100, 100)).save(path)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"image cannot be read: .*broken\.png"):
        whole(ImageFolder(str(root), test_fraction=1, storage=storage), "test")


@pytest.mark.parametrize(("val", "test"), [(0.0, 0.1), (0.1, 0.0), (1.0, 0.1), (-0.1, 0.1), (0.5, 0.5), (0.1, 1.5)])
def test_bad_fractions(root: Path, val: float, test: float) -> None:
    with pytest.raises(InputError, match=f"got {val} and {test}"):
        ImageFolder(str(root), val_fraction=val, test_fraction=test)


def test_bad_sizes(root: Path) -> None:
    with pytest.raises(InputError, match="image_size must be at least 1, got 0"):
        ImageFolder(str(root), image_size=0)
    with pytest.raises(InputError, match="channels must be 1 or 3, got 2"):
        ImageFolder(str(root), channels=2)  # type: ignore[arg-type]


def test_too_few_images_to_divide(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name, range(1))
    with pytest.raises(DataError, match="2 images are too few"):
        ImageFolder(str(tmp_path)).setup()


def test_a_folder_that_is_only_to_be_explained(root: Path) -> None:
    data = ImageFolder(str(root), 4, test_fraction=1)
    assert greys(data, "test") == [*range(20), *range(100, 120)]
    assert data.class_names == ("cat", "dog")
    with pytest.raises(InputError, match="data has no train split, only test"):
        data.train_dataloader()


def renamed(root: Path, cat: str, dog: str) -> None:
    (root / "cat").rename(root / cat)
    (root / "dog").rename(root / dog)


@pytest.mark.parametrize(("first", "second"), [("Train", "Validation"), ("training", "valid"), ("TEST", "TRAIN")])
def test_splits_under_other_names_are_no_classes(root: Path, first: str, second: str) -> None:
    renamed(root, first, second)
    with pytest.raises(DataError, match=r"has a folder \w+, which must be named \w+, and a folder \w+, which must be"):
        ImageFolder(str(root), 4)
    with pytest.raises(DataError, match=rf"has folders of splits, .*such as {root}/{min(first, second)}"):
        ImageFolder(str(root), 4, test_fraction=1)


def test_a_class_named_like_a_split_is_told(root: Path) -> None:
    renamed(root, "train", "bus")
    write(root / "car", range(3))
    with pytest.raises(DataError, match=r"has a folder train, which must hold .*if it is a class as bus is, rename it"):
        ImageFolder(str(root), 4)
    with pytest.raises(DataError, match="train is named like a split; rename it, or name all classes"):
        ImageFolder(str(root), 4, test_fraction=1)
    named = ImageFolder(str(root), 4, test_fraction=1, classes=["bus", "train"])
    assert greys(named, "test") == [*range(100, 120), *range(20)]


@pytest.mark.parametrize("name", ["Testing", "val", "test", "validation"])
def test_a_lone_folder_named_like_a_split_is_no_class_unless_classes_name_it(root: Path, name: str) -> None:
    write(root / name, range(50, 60))
    with pytest.raises(DataError, match=f"has a folder {name} but none named train; if it is a class, rename it, or"):
        ImageFolder(str(root), 4)
    with pytest.raises(DataError, match=f"{name} is named like a split; rename it, or name all classes"):
        ImageFolder(str(root), 4, test_fraction=1)
    data = ImageFolder(str(root), 4, classes=["cat", name])
    assert sorted(itertools.chain(*(greys(data, split) for split in ("train", "val", "test")))) == [
        *range(20),
        *range(50, 60),
    ]


def test_files_that_are_not_read_are_counted(root: Path) -> None:
    for name in ("cat/a.heic", "cat/within/b.HEIC", "dog/c.avif", "dog/notes", "dog/.hidden.txt", "beside.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    assert ImageFolder(str(root)).left_out() == {".heic": 2, ".avif": 1, "no suffix": 1}
