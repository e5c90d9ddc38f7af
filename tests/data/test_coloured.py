"""Digits in one of three colours that say nothing of the class."""

from pathlib import Path

import torch
from small_data import write_small

from xaicf.data import MNIST, ColouredMNIST
from xaicf.data.coloured import colours_of


def test_one_channel_holds_the_digit(tmp_path: Path) -> None:
    write_small(tmp_path, "MNIST")
    plain, data = MNIST(str(tmp_path)), ColouredMNIST(str(tmp_path))
    assert data.image_shape == (3, 28, 28)
    grey, coloured = plain.samples(range(100), "train"), data.samples(range(100), "train")
    assert torch.equal(grey["label"], coloured["label"])
    torch.testing.assert_close(coloured["image"].sum(1, keepdim=True), grey["image"])
    assert ((coloured["image"].sum((2, 3)) > 0).sum(1) == 1).all()
    colours = colours_of(coloured["image"])
    assert colours.bincount().min() > 15
    again = ColouredMNIST(str(tmp_path)).samples(range(100), "train")
    assert torch.equal(again["image"], coloured["image"])
    tests = colours_of(data.samples(range(len(data.split("test"))), "test")["image"])
    trains = colours_of(data.samples(range(len(data.split("train"))), "train")["image"])
    assert not torch.equal(tests, trains[: len(tests)])
    other = ColouredMNIST(str(tmp_path), seed=1).samples(range(100), "train")
    assert not torch.equal(colours_of(other["image"]), colours)
