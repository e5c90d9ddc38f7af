"""The command that looks at a data set, on sets of the package and on a folder with everything in it."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_data import write, write_faces, write_photos, write_small

from xaicf.cli import main
from xaicf.commands.data import KNOWN


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XAICF_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> "Said":
    return Said(capsys)


class Said:
    """Runs the command; gives what it says on stdout, or the one line of a mistake."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        assert main(["data", *arguments]) == code
        out, err = self.capsys.readouterr()
        if code:
            assert err.startswith("xaicf: error: ")
            assert err.count("\n") == 1
            return err.removeprefix("xaicf: error: ").strip()
        return out


def row(text: str, name: str) -> list[str]:
    """Give the cells of a table's row."""
    (line,) = re.findall(rf"^\| {re.escape(name)} +\|(.*)\|$", text, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def images(root: str) -> None:
    """Write two classes in three splits, of one grey each: a leak, a file twice, and three files that are broken."""
    for split, first in (("train", 0), ("val", 60), ("test", 120)):
        write(Path(root, split, "cat"), range(first, first + 12))
        write(Path(root, split, "a dog"), range(first + 12, first + 16))
    Path(root, "test/cat/leak.png").write_bytes(Path(root, "train/cat/003.png").read_bytes())
    Path(root, "train/a dog/twice.png").write_bytes(Path(root, "train/cat/005.png").read_bytes())
    Path(root, "train/cat/empty.png").touch()
    Path(root, "train/cat/text.jpg").write_text("no image")
    Path(root, "val/a dog/cut.png").write_bytes(Path(root, "train/cat/003.png").read_bytes()[:50])


def test_everything_is_told_of_a_folder(said: Said) -> None:
    images("own")
    for name in ("1.heic", "2.HEIC", "3.avif"):
        Path("own/test/cat", name).touch()
    text = said("ImageFolder", "--data.root=own", "--data.image_size=8", "--output=sheets/own.png")
    assert "2 classes, images of 3 × 8 × 8" in text
    assert row(text, "class") == ["train", "val", "test"]
    assert row(text, "a dog") == ["5", "5", "4"]
    assert row(text, "cat") == ["14", "12", "13"]
    assert row(text, "all") == ["19", "17", "17"]
    assert "train: 19 images, from 5 (a dog) to 14 (cat) in a class" in text
    greys = [*range(12), *range(12, 16), 5]
    assert row(text, "mean of each channel")[0] == " ".join([f"{np.mean(greys) / 255:.3f}"] * 3)
    assert row(text, "standard deviation")[0] == " ".join([f"{np.std(greys) / 255:.3f}"] * 3)
    assert row(text, "cannot be read") == ["2", "1", "0"]
    for broken in ("train/cat/empty.png", "train/cat/text.jpg", "val/a dog/cut.png"):
        assert f"{broken.split('/')[0]}: image cannot be read: own/{broken}" in text
    assert "with --data.on_error skip" in text
    assert "Leak: 1 of test also in train\n  own/test/cat/leak.png = own/train/cat/003.png\n" in text
    assert "Duplicates: 1 within train; 1 of them with another class there\n" in text
    assert "own/train/cat/005.png = own/train/a dog/twice.png" in text
    assert "\nLeft out, by their endings: .heic 2, .avif 1; read are .jpg" in text
    assert Path("sheets/own.png").is_file()


def test_the_sheet_shows_images_of_each_class(said: Said) -> None:
    for name, grey in (("cat", 40), ("dog", 200)):
        write(Path("own", name), range(grey, grey + 20))
    said("ImageFolder", "--data.root=own", "--data.image_size=8")
    greys, counts = np.unique(np.asarray(Image.open("runs/data/ImageFolder.png").convert("L")), return_counts=True)
    found = set(greys[counts >= 2000].tolist()) - {255}  # not those of the edges of letters
    assert len(found & set(range(40, 60))) == 8
    assert len(found & set(range(200, 220))) == 8
    assert len(found) == 16


def test_classes_that_a_split_lacks_are_told(said: Said) -> None:
    for name, count in (("cat", 30), ("dog", 30), ("emu", 2)):
        write(Path("own", name), range(count))
    text = said("ImageFolder", "--data.root=own", "--data.image_size=8", "--data.seed=1")
    lacked = [name for name, count in zip(("train", "val", "test"), row(text, "emu"), strict=True) if count == "0"]
    assert lacked
    assert re.findall(r"^class emu has no (\w+) image: no number", text, re.MULTILINE) == lacked


def test_pictures_of_twelve_bits_in_sixteen_are_named(said: Said) -> None:
    for number, name in enumerate(("cat", "dog")):
        Path("own", name).mkdir(parents=True)
        for most in (255, 4095, 8191, 8192, 65535):
            pixels = np.full((8, 8), number, np.uint16)
            pixels[0, 0] = most
            Image.fromarray(pixels).save(f"own/{name}/{most}.png")
        Image.new("L", (8, 8), 1 + number).save(f"own/{name}/8.png")  # black too, but of 8 bits
    text = said("ImageFolder", "--data.root=own", "--data.test_fraction=1", "--data.image_size=8")
    (line,) = [line for line in text.splitlines() if "nearly black" in line]
    assert line.startswith("test: 6 images of 16 bits are nearly black, below an eighth of white, as where 12 bits")
    assert line.endswith(": own/cat/255.png, own/cat/4095.png, own/cat/8191.png and 3 more")


def test_many_classes_are_folded(said: Said) -> None:
    for number in range(9):
        write(Path("own", f"class {number}"), range(1 + (number * 4) % 9), (2, 2))
    text = said("ImageFolder", "--data.root=own", "--data.test_fraction=1", "--rows=4")
    shown = re.findall(r"^\| (class \d|\d classes between) +\| +(.*?) \|$", text, re.MULTILINE)
    assert shown == [
        ("class 0", "1"),
        ("class 7", "2"),
        ("5 classes between", "3 to 7 each"),
        ("class 4", "8"),
        ("class 2", "9"),
    ]
    assert row(text, "all") == ["45"]


def test_attributes_and_masks_are_told(said: Said) -> None:
    write_faces(Path("data"))
    square = '--data.square={"side": 8, "marked_class": 1}'
    text = said("Faces", "--data.root=data", "--data.image_size=32", square)
    share = row(text, "mean of smile")[0]
    assert row(text, "images with a mask")[0] == f"{float(share):.1%}"
    assert row(text, "their pixels in it")[0] == f"{64 / 1024:.1%}"


def test_sets_in_memory_and_configurations(said: Said) -> None:
    write_small(Path("data"), "MNIST")
    text = said("MNIST", "--data.root=data", "--images=20")
    assert row(text, "all") == ["360", "40", "10"]
    assert "looked at 20 of them" in text
    write_photos(Path("data"))
    Path("given.yaml").write_text(
        "data: {class_path: ImageFolder, init_args: {folder: cifar10_lossless, image_size: 32}}\nmodel: {other: 1}\n"
    )
    text = said("given.yaml", "--data.root=data")
    assert row(text, "all") == ["30", "10", "20"]  # of each class of 4 one is for the validation
    assert Path("runs/data/given.png").is_file()


def test_bundled_digits_have_no_duplicate(said: Said) -> None:
    assert "No image is there twice" in said("Digits", "--output=digits.png")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "name a data set or a YAML file first"),
        (["--data.root=x"], "name a data set or a YAML file first"),
        (["MNISTT"], "must be one of AttributeFolder, BAM, BiasedMNIST, "),
        (["MNIST", "--data.root=nowhere"], "MNIST not found: expected nowhere"),
        (["ImageFolder", "--data.root=nowhere"], "image folder not found: nowhere"),
        (["MNIST", "--data.rot=x"], "rot"),
        (["MNIST", "--data.batch_size=0"], "batch_size must be at least 1, got 0"),
        (["Digits", "--images=0"], "images must be at least 1, got 0"),
        (["Digits", "--rows=1"], "rows must be at least 2, got 1"),
        (["Digits", "--output=x.jpg"], "output must end with .png, got x.jpg"),
        (["nowhere.yaml"], "cannot read nowhere.yaml"),
        (["empty.yaml"], "empty.yaml has no section data with a class_path"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], expected: str, said: Said) -> None:
    Path("empty.yaml").write_text("model: {}\n")
    assert expected in said(*arguments, code=2)


def test_a_split_of_which_nothing_can_be_read(said: Said) -> None:
    for name in ("cat", "dog"):
        write(Path("own", name), range(3))
        for path in Path("own", name).iterdir():
            path.write_bytes(b"no image")
    assert "no image of the test split can be read" in said(
        "ImageFolder", "--data.root=own", "--data.test_fraction=1", code=2
    )


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "--help"]) == 0
    usage = capsys.readouterr().out
    assert {"MNIST", "ImageFolder", "Digits"} < set(KNOWN)
    assert all(name in usage for name in KNOWN)
    with pytest.raises(SystemExit) as stop:
        main(["data", "ImageFolder", "--help"])
    assert stop.value.code == 0
    assert "image_size" in capsys.readouterr().out
