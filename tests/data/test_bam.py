"""Objects on scenes: what is pasted where, which class it is, and the mask."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_data import write_scenes, write_small

from xaicf.core import DataError, InputError
from xaicf.data import BAM


def write_objects(root: Path) -> None:
    """Write opaque squares in a transparent frame, in a colour for each class."""
    for name, colour in (("cup", (200, 0, 0)), ("cat", (0, 200, 0))):
        (root / "objects" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.zeros((16, 16, 4), np.uint8)
            pixels[4:12, 4:12] = (*colour, 255)
            Image.fromarray(pixels).save(root / "objects" / name / f"{number}.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_objects(tmp_path)
    write_scenes(tmp_path)
    write_small(tmp_path, "FashionMNIST")
    return tmp_path


def test_objects_lie_on_scenes_where_the_mask_says(root: Path) -> None:
    data = BAM(str(root), objects="objects", image_size=32, images_per_class=10)
    data.setup()
    assert data.class_names == tuple(
        f"{one} on {scene}" for one in ("cat", "cup") for scene in ("barn", "alp", "coral_reef", "sea")
    )
    assert [len(data.split(name)) for name in ("train", "val", "test")] == [80, 8, 8]  # type: ignore[arg-type]
    batch = data.samples(range(80), "train")
    for image, label, mask in zip(batch["image"], batch["label"], batch["mask"], strict=True):
        one, scene = int(data.object_of(label)), int(data.scene_of(label))
        assert data.class_names[int(label)].startswith(("cat", "cup")[one])
        assert data.class_names[int(label)].endswith(("barn", "alp", "coral_reef", "sea")[scene])
        assert mask.sum() == 64  # half of a square of 16 pixels, in each direction
        rows, columns = mask.nonzero().unbind(1)
        assert rows.max() - rows.min() == columns.max() - columns.min() == 7
        inside = image[:, rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()]  # edges are mixed
        expected = torch.tensor([[0, 200, 0], [200, 0, 0]])[one].float() / 255
        torch.testing.assert_close(inside, expected.view(3, 1, 1).expand_as(inside), atol=2 / 255, rtol=0)
        grey = image[:, ~mask]
        assert ((grey - grey[:1]).abs() < 0.02).float().mean() > 0.9
    places = {tuple(mask.nonzero()[0].tolist()) for mask in batch["mask"]}
    assert len(places) > 10


def test_no_scene_and_no_object_is_in_two_splits(root: Path) -> None:
    data = BAM(str(root), objects="objects", image_size=32, images_per_class=10)
    scenes = data.scenes.load()
    greys = {name: set(scenes[name].images[:, 0, 0, 0].tolist()) for name in scenes}  # type: ignore[call-overload]
    assert not greys["train"] & greys["test"]
    assert not greys["train"] & greys["val"]
    objects = data._folder()
    paths = {name: set(one.images.paths) for name, one in objects.items()}  # type: ignore[union-attr]
    assert not paths["train"] & paths["test"]
    assert not paths["train"] & paths["val"]


def test_clothes_are_cut_out_and_coloured(root: Path) -> None:
    given = {"object_classes": ("Bag", "Coat"), "scene_classes": ("n09193705_alp", "n02793495_barn")}
    data = BAM(str(root), image_size=32, images_per_class=20, **given)  # type: ignore[arg-type]
    assert data.class_names == ("Bag on alp", "Bag on barn", "Coat on alp", "Coat on barn")
    first = data.samples(range(20), "train")
    again = BAM(str(root), image_size=32, images_per_class=20, **given).samples(range(20), "train")  # type: ignore[arg-type]
    torch.testing.assert_close(first["image"], again["image"])
    other = BAM(str(root), image_size=32, images_per_class=20, seed=1, **given).samples(range(20), "train")  # type: ignore[arg-type]
    assert not torch.equal(first["image"], other["image"])
    assert first["mask"].any((1, 2)).all()


def test_all_of_an_object_is_pasted(root: Path) -> None:
    """Even of one that is four times as wide as high: at half the size, 16 × 4 pixels of it."""
    for path in (root / "objects").rglob("*.png"):
        Image.new("RGBA", (32, 8), (200, 0, 0, 255)).save(path)
    masks = BAM(str(root), objects="objects", image_size=32, images_per_class=10).samples(range(80), "train")["mask"]
    for mask in masks:
        rows, columns = mask.nonzero().unbind(1)
        assert (int(rows.max() - rows.min()), int(columns.max() - columns.min())) == (3, 15)
        assert int(mask.sum()) == 64


def test_a_broken_object_is_named(root: Path) -> None:
    (root / "objects" / "cat" / "3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"^image cannot be read: .*objects/cat/3\.png$"):
        BAM(str(root), objects="objects", images_per_class=10).samples([0])


def test_wrong_options(root: Path) -> None:
    with pytest.raises(InputError, match=r"object_size must be in \(0, 1\] and a pixel or more, got 0 of 64"):
        BAM(str(root), object_size=0)
    with pytest.raises(InputError, match="images_per_class must be at least 10, got 5"):
        BAM(str(root), images_per_class=5)
    with pytest.raises(DataError, match="has no class Hat, only T-shirt/top"):
        BAM(str(root), object_classes=["Hat"])
    with pytest.raises(DataError, match="has no class moon, only n02793495_barn"):
        BAM(str(root), scene_classes=["moon"])
    with pytest.raises(DataError, match="class names must differ, got Bag, Bag"):
        BAM(str(root), object_classes=["Bag", "Bag"])
    Image.new("RGB", (16, 16)).save(root / "objects" / "cat" / "photo.png")
    with pytest.raises(DataError, match=r"cat/photo\.png is not cut out: it has no alpha channel"):
        BAM(str(root), objects="objects", images_per_class=10).samples([0])
    with pytest.raises(
        DataError,
        match=r"BAM's objects not found: expected .*nothing; put .*xaicf\.data\.coco.*, or set objects to Fas",
    ):
        BAM(str(root), objects="nothing")
    with pytest.raises(
        DataError, match=r"BAM's scenes not found: expected .*nothing; put .*; there is no download option"
    ):
        BAM(str(root), scenes="nothing")
    for path in (root / "FashionMNIST").rglob("*-ubyte"):
        path.unlink()
    with pytest.raises(DataError, match=r"^FashionMNIST not found: expected .*ubyte; set root, or fetch it by python"):
        BAM(str(root)).setup()
    with pytest.raises(InputError, match="BAM needs two classes or more, got Bag on alp"):
        BAM(str(root), object_classes=["Bag"], scene_classes=["n09193705_alp"])
