"""A table of images: the same set as CSV and as Parquet, and what is wrong in it told in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from small_data import write

from xaicf.core import DataError, InputError
from xaicf.data import AttributeFolder, ImageTable, Split

KINDS = ("ape", "bee", "cow")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write 30 images of grey 0 to 29, and masks of those of even grey, which begin at the row of that number."""
    write(tmp_path / "pictures", range(30))
    (tmp_path / "masks").mkdir()
    for grey in range(0, 30, 2):
        pixels = np.zeros((8, 8), np.uint8)
        pixels[grey % 8 :] = 255
        Image.fromarray(pixels).save(tmp_path / "masks" / f"{grey}.png")
    return tmp_path


def columns(**others: list[Any]) -> dict[str, list[Any]]:
    return {
        "path": [f"pictures/{grey:03}.png" for grey in range(30)],
        "label": [KINDS[i % 3] for i in range(30)],
        **others,
    }


def put(root: Path, kind: str, given: dict[str, list[Any]]) -> str:
    """Write a table, and give its path."""
    path = root / f"table.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(given), path, row_group_size=7)
    else:
        between = "\t" if kind == "tsv" else ","
        rows = [given.keys(), *zip(*given.values(), strict=True)]
        cells = [
            ["" if cell is None else str(int(cell) if isinstance(cell, bool) else cell) for cell in row] for row in rows
        ]
        path.write_text("\n".join(between.join(row) for row in cells) + "\n", encoding="utf-8")
    return str(path)


def all_of(split: Split) -> Any:
    return split.__getitems__(range(len(split)))


@pytest.mark.parametrize("storage", ["memory", "stream"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_everything_goes_with_its_image(root: Path, kind: str, storage: Any) -> None:
    given = columns(
        size=[grey / 29 for grey in range(30)],
        other=["word"] * 30,
        odd=[grey % 2 == 1 for grey in range(30)],
        mask=[None if grey % 2 else f"masks/{grey}.png" for grey in range(30)],
        split=["test" if grey >= 25 else "val" if grey >= 20 else "train" for grey in range(30)],
    )
    table = put(root, kind, given)
    data = ImageTable(table, attributes=["odd", "size"], image_size=8, channels=1, storage=storage)
    assert data.class_names == KINDS
    assert data.attribute_names == ("odd", "size")
    data.setup()
    seen = []
    for name, greys in (("train", range(20)), ("val", range(20, 25)), ("test", range(25, 30))):
        batch = all_of(data.split(name))  # type: ignore[arg-type]
        assert batch["image"][:, 0, 0, 0].tolist() == list(greys)
        assert batch["label"].tolist() == [grey % 3 for grey in greys]
        expected = torch.tensor([[grey % 2, grey / 29] for grey in greys])
        torch.testing.assert_close(batch["attributes"], expected)
        for grey, mask in zip(greys, batch["mask"], strict=True):
            rows = torch.arange(8)[:, None].expand(8, 8)
            assert torch.equal(mask, (rows >= grey % 8) & (grey % 2 == 0))
        seen += greys
    assert seen == list(range(30))


def test_splits_are_cut_where_no_column_names_them(root: Path) -> None:
    data = ImageTable(put(root, "csv", columns()), image_size=4, val_fraction=0.2, test_fraction=0.1)
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 21, "val": 6, "test": 3}
    greys = [grey for split in data.splits.values() for grey in all_of(split)["image"][:, 0, 0, 0].tolist()]
    assert sorted(greys) == list(range(30))
    for split in data.splits.values():
        batch = all_of(split)
        assert torch.equal(batch["image"][:, 0, 0, 0] % 3, batch["label"])
        assert "mask" not in batch
        assert "attributes" not in batch
    whole = ImageTable(put(root, "csv", columns()), image_size=4, test_fraction=1)
    whole.setup()
    assert list(whole.splits) == ["test"]


def test_numbers_are_sorted_as_such_and_columns_have_any_name(root: Path) -> None:
    """Where Parquet counts from a dictionary, too; and paths are relative to the root that is given."""
    (root / "lists").mkdir()
    labels = [(2, 10, 1)[grey % 3] for grey in range(30)]
    files = [f"{grey:03}.png" for grey in range(30)]
    given = {
        "kind": pa.array(labels),
        "part": ["train"] * 15 + ["val"] * 15,
        "file": pa.array(files).dictionary_encode(),
    }
    put(root / "lists", "parquet", given)  # type: ignore[arg-type]
    data = ImageTable("../lists/table.parquet", str(root / "pictures"), "file", "kind", "part", image_size=4)
    assert data.class_names == ("1", "2", "10")
    data.setup()
    assert set(data.splits) == {"train", "val", "test"}
    assert all_of(data.split("val"))["label"].tolist() == [1, 2, 0] * 5
    some = ImageTable(
        "../lists/table.parquet", str(root / "pictures"), "file", "kind", "", classes=["10", "1"], image_size=4
    )
    assert some.class_names == ("10", "1")
    some.setup()
    assert sum(len(split) for split in some.splits.values()) == 20


def test_attributes_in_parquet(root: Path) -> None:
    """A folder with a table of attributes reads it too, and what pandas adds for itself is no attribute."""
    given = {
        "image": [f"pictures/{grey:03}.png" for grey in range(30)],
        "odd": [grey % 2 for grey in range(30)],
        "__index_level_0__": list(range(30)),
    }
    put(root, "parquet", given)
    data = AttributeFolder("odd", str(root), "table.parquet", image_size=4)
    assert data.attribute_names == ("odd",)
    batch = data.samples([0, 1, 2])
    assert torch.equal((255 * batch["image"][:, 0, 0, 0]).round() % 2, batch["label"].float())


def test_masks_are_scaled_with_their_images(root: Path) -> None:
    """A mask of zeros and ones, of half the size, of a wide picture of which the middle is cut out."""
    Image.new("L", (24, 8), 40).save(root / "pictures" / "000.png")
    pixels = np.zeros((4, 12), np.uint8)
    pixels[1, 5] = 1
    Image.fromarray(pixels).save(root / "masks" / "0.png")
    given = columns(mask=["masks/0.png", *[None] * 29])
    data = ImageTable(put(root, "csv", given), image_size=8, test_fraction=1)
    data.setup()
    mask = all_of(data.split("test"))["mask"]
    expected = torch.zeros(8, 8, dtype=torch.bool)
    expected[2:4, 2:4] = True
    assert torch.equal(mask[0], expected)
    assert not mask[1:].any()
    Image.new("L", (8, 8), 255).save(root / "masks" / "0.png")
    with pytest.raises(DataError, match=r"of its image's proportions, 24 × 8, got 8 × 8: .*0\.png"):
        all_of(data.split("test"))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"label": "kind"}, r"has no column kind, only path, label$"),
        ({}, {"attributes": ["size"]}, r"has no column size, only path, label$"),
        ({}, {"classes": ["ape", "dog"]}, r"has no class dog, only ape, bee, cow$"),
        ({"label": ["ape"] * 30}, {}, r"must name at least two classes, got ape$"),
        ({"label": ["ape", ""] * 15}, {}, r"has a row without a class$"),
        ({"path": ["gone.png", *columns()["path"][1:]]}, {}, r"names 1 images that are not in .*, the first gone\.png"),
        ({"mask": ["gone.png", *[""] * 29]}, {}, r"names 1 masks that are not in .*, the first gone\.png"),
        ({"path": ["pictures/001.png"] * 30}, {}, r"must have one row for each image, got 30 for pictures/001\.png"),
        ({"split": ["dev"] * 30}, {}, r"split must be one of train, val, test, 0, 1, 2, got 'dev'"),
        ({"split": ["val"] * 30}, {}, r"names no image of the split train"),
        ({"size": [7] * 30}, {"attributes": ["size"]}, r"size must be 0 or 1, -1 or 1, or in \[0, 1\], got 7 for"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_is_wrong_is_told(root: Path, kind: str, change: Any, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageTable(put(root, kind, columns(**change)), image_size=4, **options).setup()


def test_tables_that_cannot_be_read(root: Path) -> None:
    with pytest.raises(DataError, match=r"table not found: .*nowhere\.csv"):
        ImageTable(str(root / "nowhere.csv"))
    for name in ("broken.parquet", "broken.csv"):
        (root / name).write_bytes(b"\xff\xfe\x00no table\n")
        with pytest.raises(DataError, match=f"table cannot be read: .*{name}"):
            ImageTable(str(root / name))
    pq.write_table(pa.table({"path": ["a", "b"], "label": [[1], [2]]}), root / "nested.parquet")
    with pytest.raises(DataError, match=r"nested\.parquet: label must hold text or numbers, got list<"):
        ImageTable(str(root / "nested.parquet"))
    (root / "short.csv").write_text("path,label\na.png,ape\nb.png\n")
    with pytest.raises(DataError, match=r"must have 2 cells in each row, got 1 for b\.png"):
        ImageTable(str(root / "short.csv"))


@pytest.mark.parametrize("odd", [[[1, 2]] * 30, [b"\xff"] * 30])
def test_columns_that_nobody_asked_for_may_hold_anything(root: Path, odd: list[Any]) -> None:
    given = columns(odd=odd, size=[grey / 29 for grey in range(30)])
    data = ImageTable(put(root, "parquet", given), attributes=["size"], image_size=4, test_fraction=1)
    assert data.samples(range(30), "test")["label"].tolist() == [grey % 3 for grey in range(30)]
    put(root, "parquet", {**given, "label": [grey % 2 for grey in range(30)]})
    folder = AttributeFolder("label", str(root), "table.parquet", ["size"], image_size=4, test_fraction=1)
    assert folder.samples(range(30), "test")["label"].tolist() == [grey % 2 for grey in range(30)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_spaces_around_a_class_do_not_count(root: Path, kind: str) -> None:
    given = columns(label=[KINDS[i % 3] + " " * (i % 2) for i in range(30)])
    data = ImageTable(put(root, kind, given), image_size=4, test_fraction=1)
    assert data.class_names == KINDS
    assert data.samples(range(30), "test")["label"].tolist() == [grey % 3 for grey in range(30)]


def test_classes_of_the_same_number_have_an_order(root: Path) -> None:
    names = [("1", "01", "001", "2", "02")[grey % 5] for grey in range(30)]
    assert ImageTable(put(root, "csv", columns(label=names))).class_names == ("001", "01", "1", "02", "2")


@pytest.mark.parametrize("storage", ["memory", "cache", "stream"])
def test_a_missing_image_is_skipped_like_a_broken_one(
    root: Path, storage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    table = put(root, "csv", columns(odd=[grey % 2 for grey in range(30)]))
    (root / "pictures/004.png").unlink()
    (root / "pictures/007.png").write_bytes(b"no image")
    options: Any = {"image_size": 4, "test_fraction": 1, "storage": storage, "on_error": "skip"}
    data = ImageTable(table, **options)
    left = [grey for grey in range(30) if grey not in {4, 7}]
    assert data.samples(range(28), "test")["label"].tolist() == [grey % 3 for grey in left]
    said = capsys.readouterr().out
    assert "2 of 30 images cannot be read and are left out" in said
    assert "004.png" in said
    (listed,) = root.rglob("broken.txt")
    assert [Path(line).name for line in listed.read_text().splitlines()] == ["004.png", "007.png"]
    folder = AttributeFolder("odd", str(root), "table.csv", ["odd"], **options)
    with pytest.raises(DataError, match=r"names 1 images that are not in .*, the first pictures/004\.png"):
        ImageTable(table).setup()
    assert folder.samples(range(28), "test")["label"].tolist() == [grey % 2 for grey in left]


def test_a_broken_mask_is_never_skipped(root: Path) -> None:
    (root / "masks/4.png").write_bytes(b"no image")
    given = columns(mask=[None if grey % 2 else f"masks/{grey}.png" for grey in range(30)])
    data = ImageTable(put(root, "csv", given), image_size=4, test_fraction=1, on_error="skip")
    data.setup()
    with pytest.raises(
        DataError, match=r"^mask cannot be read: .*masks/4\.png; mend it or empty its cell, on_error skips"
    ):
        all_of(data.split("test"))


def test_names_must_differ(root: Path) -> None:
    with pytest.raises(InputError, match="columns must differ"):
        ImageTable(put(root, "csv", columns()), path="label")
    with pytest.raises(InputError, match="classes must differ, got ape, ape"):
        ImageTable(put(root, "csv", columns()), classes=["ape", "ape"])


def test_a_class_without_a_training_image_is_named(root: Path) -> None:
    table = put(root, "csv", columns(split=["train", "val", "train"] * 10))
    with pytest.raises(DataError, match="class bee has no training image"):
        ImageTable(table, image_size=4).setup()
