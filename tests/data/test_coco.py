"""Objects cut out of a small MS-COCO: which, along which outline, and that BAM takes them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_data import write_scenes

from xaicf.core import DataError, InputError
from xaicf.data import BAM
from xaicf.data.coco import cut_out, main


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Write 24 photographs of 40 × 30 with a dog of 20 × 10, a truck that is a triangle, and a crowd of dogs."""
    (tmp_path / "train2017").mkdir()
    images, annotations = [], []
    for number in range(24):
        name = f"{number:012}.jpg"
        Image.new("RGB", (40, 30), (number, 100, 200)).save(tmp_path / "train2017" / name, quality=95)
        images.append({"id": number, "file_name": name, "width": 40, "height": 30})
        dog = [5, 6, 25, 6, 25, 16, 5, 16]
        truck = [10, 10, 30, 10, 10, 25]
        for kind, outline, box, area in ((18, dog, [5, 6, 20, 10], 200), (8, truck, [10, 10, 20, 15], 150)):
            entry = {"id": 2 * number + (kind == 8), "image_id": number, "category_id": kind, "iscrowd": 0}
            annotations.append({**entry, "segmentation": [outline], "bbox": box, "area": area})
        crowd = {"counts": [1, 1199], "size": [30, 40]}
        entry = {"id": 100 + number, "image_id": number, "category_id": 18, "iscrowd": 1, "area": 1199}
        annotations.append({**entry, "segmentation": crowd, "bbox": [0, 0, 40, 30]})
    categories = [{"id": 8, "name": "truck"}, {"id": 18, "name": "dog"}, {"id": 13, "name": "stop sign"}]
    written = {"images": images, "annotations": annotations[::-1], "categories": categories}
    (tmp_path / "instances.json").write_text(json.dumps(written))
    return tmp_path


def test_bam_takes_what_was_cut_out(coco: Path) -> None:
    paths = (str(coco / name) for name in ("instances.json", "train2017", "bam/objects"))
    cut_out(*paths, categories=["dog", "truck"], most=20)
    files = {name: sorted((coco / "bam/objects" / name).iterdir()) for name in ("dog", "truck")}
    assert {name: len(found) for name, found in files.items()} == {"dog": 20, "truck": 20}
    with Image.open(files["dog"][3]) as image:
        assert (image.mode, image.size) == ("RGBA", (20, 10))
        pixels = np.asarray(image)
        assert (pixels[..., 3] == 255).all()
        assert abs(int(pixels[5, 5, 0]) - 3) <= 2
    with Image.open(files["truck"][0]) as image:
        opaque = np.asarray(image)[..., 3] == 255
    across, down = np.meshgrid(np.arange(20) + 0.5, np.arange(15) + 0.5)
    inside = across / 20 + down / 15 < 1
    assert (opaque != inside).mean() < 0.1
    write_scenes(coco)
    data = BAM(str(coco), objects="bam/objects", image_size=32, images_per_class=10)
    mask = data.samples(range(10), "train")["mask"]
    assert mask.any((1, 2)).all()


def test_mistakes_are_told_in_one_line(coco: Path) -> None:
    paths = [str(coco / name) for name in ("instances.json", "train2017", "out")]
    with pytest.raises(InputError, match="has no category cow, only dog, stop sign, truck"):
        cut_out(*paths, categories=["cow"])
    with pytest.raises(InputError, match=r"most must be at least 1 and smallest in \[0, 1\], got 0 and 0.05"):
        cut_out(*paths, most=0)
    with pytest.raises(DataError, match=r"has no stop sign that covers 0\.05 of its photograph"):
        cut_out(*paths, categories=["stop sign"])
    with pytest.raises(DataError, match=r"image cannot be read: .*none/000000000000\.jpg"):
        cut_out(paths[0], str(coco / "none"), paths[2], categories=["dog"])
    with pytest.raises(DataError, match=r"annotations cannot be read: .*none\.json"):
        cut_out(str(coco / "none.json"), *paths[1:])
    (coco / "other.json").write_text("[1]")
    with pytest.raises(DataError, match=r"other\.json must hold MS-COCO's annotations, categories and images"):
        cut_out(str(coco / "other.json"), *paths[1:])


def test_outlines_of_run_lengths_are_left_out_and_counted(coco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = json.loads((coco / "instances.json").read_text())
    for entry in given["annotations"]:
        if entry["category_id"] == 18 and entry["image_id"] < 3:
            entry["segmentation"] = {"counts": [1, 1199], "size": [30, 40]}
    (coco / "instances.json").write_text(json.dumps(given))
    cut_out(*(str(coco / name) for name in ("instances.json", "train2017", "out")), categories=["dog"])
    assert len(list((coco / "out/dog").iterdir())) == 21
    assert capsys.readouterr().out.startswith("3 objects are left out, whose outlines are no polygons")


@pytest.mark.parametrize("kind", ["image", "category"])
def test_an_object_of_nothing_that_is_listed(coco: Path, kind: str) -> None:
    given = json.loads((coco / "instances.json").read_text())
    given["annotations"][0][f"{kind}_id"] = 999
    (coco / "instances.json").write_text(json.dumps(given))
    number = given["annotations"][0]["id"]
    with pytest.raises(DataError, match=rf"lists no {kind} 999, which annotation {number} is of$"):
        cut_out(*(str(coco / name) for name in ("instances.json", "train2017", "out")), categories=["truck"])


def test_the_command(coco: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"annotations": "instances.json", "images": "train2017", "output": "out"}
    given = [f"--{name}={coco / path}" for name, path in options.items()]
    monkeypatch.setattr("sys.argv", ["coco", *given, "--categories=[truck]", "--most=2"])
    assert main() == 0
    assert len(list((coco / "out/truck").iterdir())) == 2
    (coco / "instances.json").unlink()
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith("xaicf: error: annotations cannot be read: ")
    assert said.count("\n") == 1
