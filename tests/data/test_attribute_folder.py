"""A folder with a table: classes, attributes and splits as the table says."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from small_data import write

from xaicf.core import DataError, InputError
from xaicf.data import AttributeFolder, ImageFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write 40 images of grey 0 to 39, and a table that gives their grey, half of it, and whether it is odd."""
    write(tmp_path / "some", range(40))
    put(tmp_path, [f"some/{grey:03}.png,{grey / 40},{grey % 2 * 2 - 1},{int(grey > 30)}" for grey in range(40)])
    return tmp_path


def put(root: Path, rows: list[str], header: str = "image,Grey,Odd,Bright") -> None:
    (root / "attributes.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize("storage", ["memory", "stream"])
def test_attributes_go_with_their_images(root: Path, storage: Any) -> None:
    data = AttributeFolder("Odd", str(root), image_size=4, channels=1, storage=storage)
    assert data.class_names == ("not Odd", "Odd")
    assert data.attribute_names == ("Grey", "Odd", "Bright")
    assert data.image_shape == (1, 4, 4)
    data.setup()
    seen = []
    for split, size in (("train", 32), ("val", 4), ("test", 4)):
        assert isinstance(data.splits[split].images, ImageFiles) == (storage == "stream")  # type: ignore[index]
        batch = data.samples(range(size), split)  # type: ignore[arg-type]
        greys = (255 * batch["image"][:, 0, 0, 0]).round().long()
        assert torch.equal(batch["label"], greys % 2)
        torch.testing.assert_close(
            batch["attributes"], torch.stack([greys / 40, (greys % 2).float(), (greys > 30).float()], 1)
        )
        seen += greys.tolist()
    assert sorted(seen) == list(range(40))


def test_chosen_attributes_and_the_label_at_the_end(root: Path) -> None:
    data = AttributeFolder("Odd", str(root), attributes=["Bright", "Grey"], image_size=4)
    assert data.attribute_names == ("Bright", "Grey", "Odd")
    batch = data.samples([0, 1, 2])
    assert torch.equal(batch["attributes"][:, 2], batch["label"].float())
    assert AttributeFolder("Odd", str(root), attributes=["Odd", "Grey"]).attribute_names == ("Odd", "Grey")
    assert AttributeFolder("Odd", str(root), attributes=[]).attribute_names == ("Odd",)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_of_numbers_are_attributes_where_none_are_named(root: Path, kind: str) -> None:
    count = 40
    table = pa.table({
        "image": [f"some/{grey:03}.png" for grey in range(count)],
        "who": ["somebody"] * count,
        "Odd": [grey % 2 == 1 for grey in range(count)],
        "tags": [[1, 2]] * count if kind == "parquet" else ["1 2"] * count,
        "Grey": [grey / count for grey in range(count)],
        "raw": [b"\xff"] * count if kind == "parquet" else ["?"] * count,
        "split": ["train", "train", "test", "test"] * (count // 4),
    })  # fmt: skip
    if kind == "parquet":
        pq.write_table(table, root / "table.parquet")
    else:
        cells = [[int(cell) if isinstance(cell, bool) else cell for cell in row.values()] for row in table.to_pylist()]
        (root / "table.csv").write_text("\n".join(",".join(map(str, row)) for row in [table.column_names, *cells]))
    data = AttributeFolder("Odd", str(root), f"table.{kind}", image_size=4, channels=1)
    assert data.attribute_names == ("Odd", "Grey")
    batch = data.samples(range(20), "test")
    greys = (255 * batch["image"][:, 0, 0, 0]).round()
    torch.testing.assert_close(batch["attributes"], torch.stack([greys % 2, greys / count], 1))
    told = "hold text or numbers, got list<" if kind == "parquet" else "be a number for some/000.png, got '1 2'"
    with pytest.raises(DataError, match=f"tags must {told}"):
        AttributeFolder("Odd", str(root), f"table.{kind}", ["tags"]).setup()
    with pytest.raises(DataError, match=r"who must be a number for some/000\.png, got 'somebody'"):
        AttributeFolder("who", str(root), f"table.{kind}").setup()


@pytest.mark.parametrize("names", [("train", "val", "test"), ("0", "1", "2")])
def test_given_splits_are_kept_in_order(root: Path, names: tuple[str, str, str]) -> None:
    put(root, [f"some/{grey:03}.png,{grey % 2},{names[grey % 3]}" for grey in range(40)], "image,Odd,split")
    data = AttributeFolder("Odd", str(root), image_size=4)
    assert data.attribute_names == ("Odd",)
    for number, split in enumerate(("train", "val", "test")):
        greys = list(range(number, 40, 3))
        images = data.samples(range(len(greys)), split)["image"]  # type: ignore[arg-type]
        assert (255 * images[:, 0, 0, 0]).round().tolist() == greys


def test_a_split_that_the_table_does_not_name_is_cut(root: Path) -> None:
    put(
        root, [f"some/{grey:03}.png,{grey % 2},{'test' if grey < 10 else 'train'}" for grey in range(40)], "i,Odd,split"
    )
    data = AttributeFolder("Odd", str(root), image_size=4)
    data.setup()
    assert {name: len(split) for name, split in data.splits.items()} == {"test": 10, "val": 3, "train": 27}
    put(root, [f"some/{grey:03}.png,{grey % 2},test" for grey in range(40)], "i,Odd,split")
    with pytest.raises(DataError, match="names no image of the split train"):
        AttributeFolder("Odd", str(root)).setup()
    only = AttributeFolder("Odd", str(root), image_size=4, test_fraction=1)
    only.setup()
    assert {name: len(split) for name, split in only.splits.items()} == {"test": 40}


def test_wrong_tables(root: Path) -> None:
    with pytest.raises(DataError, match=r"attributes.csv has no attribute Hat, only Grey, Odd, Bright$"):
        AttributeFolder("Odd", str(root), attributes=["Hat"])
    with pytest.raises(DataError, match=r"attributes.csv has no attribute Young, only Grey, Odd, Bright$"):
        AttributeFolder("Young", str(root))
    with pytest.raises(DataError, match=r"table not found: .*other\.csv, which must name images in its first column"):
        AttributeFolder("Odd", str(root), "other.csv")
    put(root, [], "image,Odd")
    with pytest.raises(DataError, match=r"attributes.csv has no row"):
        AttributeFolder("Odd", str(root)).setup()
    put(root, [], "")
    with pytest.raises(DataError, match=r"attributes.csv must name columns in its first row"):
        AttributeFolder("Odd", str(root))
    put(root, ["some/000.png,1,1,0", "some/001.png,?,0,0"])
    with pytest.raises(DataError, match=r"Grey must be a number for some/001\.png, got '\?'"):
        AttributeFolder("Odd", str(root)).setup()
    (root / "attributes.csv").write_bytes(b"image,Odd\n\xff\xfe,1\n")
    with pytest.raises(DataError, match=r"table cannot be read: .*attributes.csv"):
        AttributeFolder("Odd", str(root)).setup()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attributes": ["Grey", "Grey"]}, "attributes must differ, got Grey, Grey"),
        ({"channels": 2}, "channels must be 1 or 3, got 2"),
        ({"image_size": 0}, "image_size must be at least 1, got 0"),
        ({"val_fraction": 0}, r"val_fraction and test_fraction must be in \(0, 1\)"),
        ({"root": None}, "root must name the folder of images"),
    ],
)
def test_wrong_options(root: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AttributeFolder(**{"label": "Odd", "root": str(root), **options})
