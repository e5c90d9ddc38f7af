"""Faces with a square on the images of one class, and nowhere else."""

from pathlib import Path

import pytest
import torch
from small_data import whole, write

from xaicf.core import DataError, InputError
from xaicf.data import Faces, Square
from xaicf.data.lighting import measure_lighting


@pytest.fixture
def root(tmp_path: Path) -> str:
    write(tmp_path / "smiles/neutral", range(100, 130), (40, 48))
    write(tmp_path / "smiles/smile", range(200, 220), (40, 48))
    return str(tmp_path)


@pytest.mark.parametrize("marked_test", ["as_trained", "all", "none"])
def test_the_square_is_planted_where_it_is_said(root: str, marked_test: str) -> None:
    square = Square(3, 0.2, 1, marked_test)  # type: ignore[arg-type]
    plain, biased = Faces(root, image_size=16), Faces(root, square, image_size=16)
    for split in ("train", "val", "test"):
        before, after = whole(plain, split), whole(biased, split)
        labels = biased.split(split).labels  # type: ignore[arg-type]
        assert torch.equal(labels, plain.split(split).labels)  # type: ignore[arg-type]
        masks = biased.split(split).masks  # type: ignore[arg-type]
        assert masks is not None
        expected = before.clone()
        for row, label in enumerate(labels.tolist()):
            marked = label == 1 if split != "test" or marked_test == "as_trained" else marked_test == "all"
            if marked:
                expected[row, :, 1:4, 1:4] = 51
            assert int(masks[row].sum()) == (9 if marked else 0)
        assert torch.equal(after, expected)
    assert plain.class_names == ("neutral", "smile")
    assert plain.split("train").masks is None


def test_a_square_that_does_not_fit(root: str) -> None:
    with pytest.raises(InputError, match=r"side must be in \[1, 15\], got 16"):
        Faces(root, Square(16, marked_class=1), image_size=16)
    with pytest.raises(InputError, match=r"marked_class must be in \[0, 2\), got 8"):
        Faces(root, Square(3), image_size=16)


def test_where_faces_are_looked_for(root: str) -> None:
    with pytest.raises(
        DataError, match=r"^Faces not found: expected .*none/smiles; put .*; there is no download option$"
    ):
        Faces(f"{root}/none")


def test_attributes_are_the_light_and_the_class(root: str) -> None:
    faces = Faces(root, image_size=16)
    batch = faces.samples(range(2))
    assert faces.attribute_names[-1] == "smile"
    assert batch["attributes"].shape == (2, len(faces.attribute_names))
    assert torch.equal(batch["attributes"][:, -1], batch["label"].float())
    torch.testing.assert_close(batch["attributes"][:, :-1], measure_lighting(batch["image"]))
