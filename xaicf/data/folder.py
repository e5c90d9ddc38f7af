"""Anybody's own images: a folder of class folders."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch
from torchvision.datasets.folder import IMG_EXTENSIONS

from xaicf.core import DataError, InputError, SplitName
from xaicf.data.base import LabelledImages, data_root
from xaicf.data.files import ImageFiles
from xaicf.data.listed import ListedImages, OnError, Storage
from xaicf.data.stratified import cut_every_class

SUFFIXES = (*IMG_EXTENSIONS, ".gif", ".jfif")
"""Of files that are taken for images, in any case of letters."""

SPLIT_NAMES = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
SPLIT_NAMES |= {name: name for name in ("train", "val", "test")}
"""What the folders of splits are called, in any case of letters, and how they must be named."""


class ImageFolder(ListedImages):
    """Images sorted into one folder a class, each turned upright and cut to a centred square.

    Where ``root`` has a folder ``train``, the folders ``train``, ``val`` and ``test`` are the splits, and one that is
    missing is cut from ``train``; otherwise all splits are cut from ``root``. A class folder there is not named like a
    split, in any case of letters: ``train``, ``val``, ``test``, ``training``, ``valid``, ``validation`` or ``testing``;
    unless ``classes`` names it, and there is no ``train``. Where a cut at random would leave a small class out of a
    split, each class is cut for itself, see :func:`~xaicf.data.stratified.cut_every_class`. Images may lie in folders
    within a class folder. Files and folders whose name starts with a dot are left out, and so are links to folders
    within a class folder, which may lead in a circle.

    Args:
        root: the folder; the environment's ``XAICF_DATA`` or ``data`` if left out, and then ``folder`` is needed.
        image_size: side of the square in pixels.
        channels: 1 for grey, 3 for colour.
        val_fraction: share of images for validation, where it is cut.
        test_fraction: share of images for the test, where it is cut; 1 for a folder that is only to be explained,
            which then has no other split.
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of caches; the environment's ``XAICF_CACHE``, or ``.xaicf`` beside the images if left out.
        batch_size: images in a batch, for each process.
        seed: of the split.
        folder: within ``root``, where that holds several sets.
        classes: names of the class folders to read; all if left out.

    Raises:
        DataError: the folder is missing, has no such class, holds fewer than two classes, or has folders of splits
            under other names or where classes are expected.
        InputError: neither root nor folder is given, or a size, fraction or number of channels is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        image_size: int = 64,
        channels: Literal[1, 3] = 3,
        val_fraction: float = 0.1,
        test_fraction: float = 0.1,
        storage: Storage = "memory",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 128,
        seed: int = 0,
        folder: str = "",
        classes: Sequence[str] | None = None,
    ) -> None:
        super().__init__((channels, image_size, image_size), storage, on_error, workers, cache, batch_size, seed)
        check_fractions(val_fraction, test_fraction)
        if root is None and not folder:
            raise InputError("root must name the folder of images")
        self.root = data_root(root) / folder
        self.fractions: dict[SplitName, float] = {"val": val_fraction, "test": test_fraction}
        cut = test_fraction < 1
        _check_splits(self.root, cut, classes)
        self.train_root = self.root / "train" if cut and (self.root / "train").is_dir() else self.root
        self.class_names = _class_names(self.train_root, classes)
        self.chosen = classes is not None

    def listed(self) -> dict[SplitName, LabelledImages]:
        """List the images.

        Raises:
            DataError: a class has no image, or none for training.
        """
        if self.fractions["test"] == 1:
            return {"test": self._read(self.root)}
        splits: dict[SplitName, LabelledImages] = {"train": self._read(self.train_root)}
        given = [name for name in self.fractions if (self.root / name).is_dir()]
        if self.train_root != self.root:
            splits |= {name: self._read(self.root / name) for name in given}
        return cut_every_class(splits, self.fractions, self.seed, self.class_names)

    def left_out(self) -> Counter[str]:
        """Count the files in class folders that are not read, by their suffix in small letters."""
        folders = [self.root]
        if self.train_root != self.root:
            folders = [self.root / name for name in ("train", *self.fractions) if (self.root / name).is_dir()]
        own = [folder / name for folder in folders for name in self.class_names if (folder / name).is_dir()]
        suffixes = (Path(path).suffix.lower() for folder in own for path in _files(folder))
        return Counter(suffix or "no suffix" for suffix in suffixes if suffix not in SUFFIXES)

    def _read(self, folder: Path) -> LabelledImages:
        unknown = [name for name in class_folders(folder) if not (self.chosen or name in self.class_names)]
        if unknown:
            raise DataError(f"class folder {folder / unknown[0]} has no counterpart in {self.train_root}")
        paths: list[str] = []
        labels: list[int] = []
        for label, name in enumerate(self.class_names):
            found = list(image_files(folder / name)) if (folder / name).is_dir() else []
            if not found:
                allowed = ", ".join(SUFFIXES)
                raise DataError(f"class folder {folder / name} holds no image, no file that ends with {allowed}")
            paths += found
            labels += [label] * len(found)
        return LabelledImages(ImageFiles(paths, self.image_shape), torch.tensor(labels))


def check_fractions(val_fraction: float, test_fraction: float) -> None:
    """Raise :class:`InputError` where a set cannot be cut by these shares, nor is all of it for the test."""
    within = 0 < val_fraction < 1 and 0 < test_fraction < 1 and val_fraction + test_fraction < 1
    if not (within or test_fraction == 1):
        raise InputError(
            f"val_fraction and test_fraction must be in (0, 1) and sum to less than 1, or test_fraction be 1, "
            f"got {val_fraction} and {test_fraction}"
        )


def _check_splits(root: Path, cut: bool, classes: Sequence[str] | None) -> None:
    """Raise :class:`DataError` where folders of splits would be taken for classes, or a class for a split."""
    found = class_folders(root)
    alike = [name for name in found if name.lower() in SPLIT_NAMES]
    exact = [name for name in alike if name in SPLIT_NAMES.values()]
    most = 2 * len(alike) >= len(found) > 0
    if set(classes or ()) & set(found) and not (cut and "train" in exact):
        return
    if not cut:
        if alike and most:
            raise DataError(
                f"image folder {root} has folders of splits, {', '.join(alike)}; name the one whose images are to be "
                f"explained, such as {root / alike[0]}"
            )
        if alike:
            raise DataError(
                f"class folder {root / alike[0]} is named like a split; rename it, or name all classes by "
                "--data.classes"
            )
        return
    wrong = [name for name in alike if name not in exact]
    if wrong and (most or "train" in exact):
        told = ", and ".join(f"a folder {name}, which must be named {SPLIT_NAMES[name.lower()]}" for name in wrong)
        raise DataError(f"image folder {root} has {told}")
    if alike and "train" not in exact:
        raise DataError(
            f"image folder {root} has a folder {alike[0]} but none named train; if it is a class, rename it, or name "
            "all classes by --data.classes"
        )
    others = [name for name in found if name not in alike]
    if "train" in exact and others and len(class_folders(root / "train")) < 2:
        raise DataError(
            f"image folder {root} has a folder train, which must hold the class folders of the training images; "
            f"if it is a class as {others[0]} is, rename it"
        )


def _class_names(folder: Path, chosen: Sequence[str] | None) -> tuple[str, ...]:
    names = class_folders(folder)
    for name in chosen or ():
        if name not in names:
            raise DataError(f"image folder {folder} has no class folder {name}, only {', '.join(names)}")
    names = names if chosen is None else tuple(chosen)
    if len(set(names)) < 2:
        raise DataError(f"image folder {folder} must hold at least two class folders, found {len(names)}")
    return names


def class_folders(folder: Path) -> tuple[str, ...]:
    """Give the names of the folders within one, sorted, but for hidden ones.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"image folder not found: {folder}")
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))


def image_files(folder: Path) -> Iterator[str]:
    """Find images at any depth, sorted, as strings, of which a million fit well into memory."""
    return (path for path in _files(folder) if path.lower().endswith(SUFFIXES))


def _files(folder: Path) -> Iterator[str]:
    """Find all files but hidden ones."""
    try:
        with os.scandir(folder) as found:
            names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
    except OSError as error:
        raise DataError(f"folder cannot be read: {folder}") from error
    for name, is_folder in names:
        if name[0] == ".":
            continue
        if is_folder:
            yield from _files(folder / name)
        else:
            yield os.path.join(folder, name)  # noqa: PTH118  (paths stay strings, a tenth of the memory of path objects)
