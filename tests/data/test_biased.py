"""The grey square: where it is planted, nowhere else, and in the mask."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real_data import real_data

from xaicf.core import InputError
from xaicf.data import MNIST, BiasedMNIST
from xaicf.data.base import SplitName


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write the IDX format: two zeros, 8 for bytes, the number of dimensions, big-endian sizes, data."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Write 60 training and 20 test images of noise."""
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", 60), ("t10k", 20)):
        write_idx(tmp_path / "MNIST/raw" / f"{prefix}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28)))
        write_idx(tmp_path / "MNIST/raw" / f"{prefix}-labels-idx1-ubyte", np.arange(count) % 10)
    return str(tmp_path)


def check(plain: MNIST, biased: BiasedMNIST, split: SplitName, marked: set[int], side: int, grey: int) -> int:
    """Compare every image with the plain one, pixel by pixel where the square is; give the number of squares."""
    plain.setup()
    biased.setup()
    ids = range(len(plain.splits[split]))
    before, after = (data.splits[split].__getitems__(ids) for data in (plain, biased))
    assert torch.equal(before["label"], after["label"])
    assert after["image"].dtype == torch.uint8
    assert after["mask"].dtype == torch.bool
    assert after["mask"].shape == (len(ids), 28, 28)
    squares = 0
    for image, expected, mask, label in zip(
        after["image"].numpy(), before["image"].numpy(), after["mask"].numpy(), before["label"].tolist(), strict=True
    ):
        expected_mask = np.zeros((28, 28), bool)
        if label in marked:
            squares += 1
            for row in range(1, 1 + side):
                for column in range(1, 1 + side):
                    expected[0, row, column] = grey
                    expected_mask[row, column] = True
        assert np.array_equal(image, expected)
        assert np.array_equal(mask, expected_mask)
    return squares


@pytest.mark.parametrize(("marked_test", "on_test"), [("as_trained", {8}), ("all", set(range(10))), ("none", set())])
def test_the_square_is_planted_where_it_is_said(root: str, marked_test: Any, on_test: set[int]) -> None:
    plain, biased = MNIST(root), BiasedMNIST(root, marked_test=marked_test)
    assert check(plain, biased, "train", {8}, 6, 128) + check(plain, biased, "val", {8}, 6, 128) == 6
    assert check(plain, biased, "test", on_test, 6, 128) == 2 * len(on_test)


@pytest.mark.parametrize(
    ("side", "grey", "stored", "marked_class"), [(1, 0.0, 0, 0), (27, 1.0, 255, 9), (3, 0.2, 51, 5)]
)
def test_options(root: str, side: int, grey: float, stored: int, marked_class: int) -> None:
    biased = BiasedMNIST(root, side=side, grey=grey, marked_class=marked_class, seed=4)
    for split in ("train", "val", "test"):
        check(MNIST(root, seed=4), biased, split, {marked_class}, side, stored)  # type: ignore[arg-type]


def test_samples_and_batches_have_the_mask(root: str) -> None:
    data = BiasedMNIST(root, marked_test="all", batch_size=7)
    sample = data.samples([3, 0], "test")
    assert sample["mask"].sum((1, 2)).tolist() == [36, 36]
    assert torch.equal(sample["image"][:, 0][sample["mask"]], torch.full((72,), 128 / 255))
    assert [len(batch["mask"]) for batch in data.test_dataloader()] == [7, 7, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 0}, r"side must be in \[1, 27\], got 0"),
        ({"side": 28}, r"side must be in \[1, 27\], got 28"),
        ({"grey": -0.1}, r"grey must be in \[0, 1\], got -0.1"),
        ({"grey": 128}, r"grey must be in \[0, 1\], got 128"),
        ({"grey": float("nan")}, r"grey must be in \[0, 1\], got nan"),
        ({"marked_class": 10}, r"marked_class must be in \[0, 10\), got 10"),
        ({"marked_class": -1}, r"marked_class must be in \[0, 10\), got -1"),
        ({"marked_test": "some"}, "marked_test must be one of as_trained, all, none, got some"),
    ],
)
def test_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BiasedMNIST(**options)


def test_the_real_files() -> None:
    data = BiasedMNIST(real_data("MNIST/raw"))
    data.setup()
    masks = [data.splits[name].masks for name in ("train", "val", "test")]
    squares = [int(mask.flatten(1).any(1).sum()) for mask in masks if mask is not None]
    assert squares[0] + squares[1] == 5851
    assert squares[2] == 974
