"""The bundled digits, against scipy's interpolation."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits

from xaicf.data import Digits


@pytest.fixture(scope="module")
def digits() -> Digits:
    data = Digits()
    data.setup()
    return data


def test_splits_hold_every_digit_once(digits: Digits) -> None:
    assert {name: len(split) for name, split in digits.splits.items()} == {
        "train": 1258,
        "val": 180,
        "test": 359,
    }
    labels = torch.cat([split.labels for split in digits.splits.values()])
    assert labels.bincount().tolist() == np.bincount(load_digits().target).tolist()
    images = torch.cat([split.images for split in digits.splits.values()])
    assert images.dtype == torch.uint8
    assert images.shape[1:] == digits.image_shape
    assert len(images.flatten(1).unique(dim=0)) == len(np.unique(load_digits().data, axis=0))


def test_images_are_the_bundled_ones_upsampled(digits: Digits) -> None:
    bundled = load_digits()
    # Pixel centres of the large image in coordinates of the small one; beyond its centres the edge goes on.
    centres = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"))
    large = np.stack([map_coordinates(image / 16 * 255, grid, order=1) for image in bundled.images])
    batch = digits.samples(range(40), "test")
    for image, label in zip(batch["image"].numpy(), batch["label"], strict=True):
        distance = np.abs(large - 255 * image).max(axis=(1, 2))
        assert distance.min() < 0.501
        assert bundled.target[distance.argmin()] == label


def test_split_depends_on_the_seed(digits: Digits) -> None:
    again, other = Digits(), Digits(seed=1)
    assert torch.equal(again.samples([0, 7])["image"], digits.samples([0, 7])["image"])
    assert not torch.equal(other.samples([0, 7])["image"], digits.samples([0, 7])["image"])


def test_images_fill_the_range(digits: Digits) -> None:
    image = digits.samples(range(180))["image"]
    assert image.min() == 0
    assert image.max() == 1
    assert digits.class_names == tuple("0123456789")
