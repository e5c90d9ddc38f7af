"""Small files in the formats of data sets that are not bundled."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from xaicf.data import ImageFolder
from xaicf.nn import CifarResNet

FRUIT = ("n07747607_orange", "n07749582_lemon")

SCENES = ("n02793495_barn", "n09193705_alp", "n09256479_coral_reef", "sea")


def write_small(root: Path, family: str, test: int = 10) -> None:
    """Write 400 training and a few test images of ten classes that can be told apart, as MNIST's files."""
    folder = root / family / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", 400), ("t10k", test)):
        labels = np.arange(count) % 10
        images = random.integers(0, 128, (count, 28, 28)) + 12 * labels[:, None, None]
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write the IDX format: two zeros, 8 for bytes, the number of dimensions, big-endian sizes, data."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_faces(root: Path) -> None:
    """Write 60 pictures of two classes, in the folders of :class:`~xaicf.data.Faces`."""
    write(root / "smiles/neutral", range(60, 100), (48, 56))
    write(root / "smiles/smile", range(160, 180), (48, 56))


def write_photos(root: Path) -> None:
    """Write pictures in the folders that configurations name, and a residual network's random weights."""
    for split, count in (("train", 4), ("test", 2)):
        for label in range(10):
            write(root / "cifar10_lossless" / split / f"class {label}", range(20 * label, 20 * label + count), (32, 32))
    for split, count in (("train", 8), ("val", 2)):
        for label, name in enumerate(("class 0", "class 1", "class 2", *FRUIT)):
            write(root / "tiny_imagenet_28" / split / name, range(40 * label, 40 * label + count), (64, 64))
    (root / "weights").mkdir(parents=True, exist_ok=True)
    for depth, name in ((20, "resnet20-12fca82f.th"), (56, "resnet56-4bfd9763.th")):
        state = CifarResNet((3, 32, 32), 10, depth).state_dict()
        torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, root / "weights" / name)


def write_scenes(root: Path) -> None:
    """Write 40 + 10 pictures of each of four scenes, each of one grey."""
    for label, name in enumerate(SCENES):
        write(root / "scenes/train" / name, range(60 * label, 60 * label + 40), (64, 64))
        write(root / "scenes/val" / name, range(60 * label + 40, 60 * label + 50), (64, 64))


def write(folder: Path, values: range, size: tuple[int, int] = (8, 8)) -> None:
    """Write one image of a single grey for each value, named so that they sort in that order."""
    folder.mkdir(parents=True, exist_ok=True)
    for value in values:
        Image.new("L", size, value).save(folder / f"{value:03}.png")


def whole(data: ImageFolder, split: Any) -> torch.Tensor:
    """Give all images of a split, in the order of their ids."""
    data.setup()
    return data.split(split).__getitems__(range(len(data.split(split))))["image"]
