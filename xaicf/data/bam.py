"""Objects pasted on scenes: it is known where two classes differ."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from xaicf.core import DataError, InputError, Labels, SplitName
from xaicf.data.base import ImageData, LabelledImages, data_root, divide
from xaicf.data.files import UNREADABLE, ImageFiles
from xaicf.data.folder import ImageFolder, class_folders, image_files
from xaicf.data.mnist import FashionMNIST
from xaicf.data.published import demand, first_missing

CLOTHES = "FashionMNIST"
"""In place of a folder of objects."""

ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
"""Modes of images that say how opaque a pixel is."""

VISIBLE = 26
"""Grey value, of 255, from which a pixel of Fashion-MNIST is of the object."""

OBJECTS = "put cut-out objects into a folder for each class there, such as python -m xaicf.data.coco writes"
"""How to get objects."""

SCENES = "put scenes into a folder for each class there, such as those of Places; there is no download option"
"""How to get scenes."""

FETCH = f"set root, or fetch it by python -m xaicf data {CLOTHES} --data.download true"
"""How to get what stands in place of objects."""

FRACTIONS = (0.1, 0.1)
"""Of the objects, for validation and test."""


class Cutouts(NamedTuple):
    """Objects (N, 4, H, W) uint8, red, green, blue and how opaque, and their classes (N,)."""

    images: Tensor | ImageFiles
    labels: Labels


class BAM(ImageData):
    """Objects pasted at random places on scenes; each pair of object and scene is a class, ``<object> on <scene>``.

    Two classes that share the scene differ in the area of the object, two that share the object everywhere else, so
    that an explanation of one against the other is known to be right or wrong. ``mask`` is true on the object.

    Objects come from a folder of class folders of images with an alpha channel, such as those of BAM, which
    :func:`~xaicf.data.coco.cut_out` cuts out of MS-COCO; or from Fashion-MNIST, cut out where brighter than a tenth and
    each in a colour of its own, so that the shape tells the class. All of an object is pasted: one that is not square
    is put in the middle of a transparent square. Scenes come from a folder as :class:`ImageFolder`
    reads it. No object or scene is in two splits.

    Reference: Yang and Kim 2019, "Benchmarking attribution methods with relative feature importance" (BAM); as GANMEX
    uses it, §4.1.

    Args:
        root: folder that holds the others; the environment's ``XAICF_DATA`` or ``data`` if left out.
        objects: folder within ``root``, or ``FashionMNIST``.
        scenes: folder within ``root``.
        object_classes: names of class folders or of Fashion-MNIST's classes; all, or ``Trouser``, ``Bag`` and
            ``Ankle boot`` of these, if left out.
        scene_classes: names of class folders; all if left out.
        image_size: side in pixels.
        object_size: side of the square that an object is in, as a share of the image's, in (0, 1].
        images_per_class: for training; a tenth as many each for validation and test.
        batch_size: images in a batch, for each process.
        seed: of everything that is drawn.

    Raises:
        DataError: a folder is missing, or has no such class.
        InputError: a number is out of its range, or there are not two classes.
    """

    def __init__(
        self,
        root: str | None = None,
        objects: str = CLOTHES,
        scenes: str = "scenes",
        object_classes: Sequence[str] | None = None,
        scene_classes: Sequence[str] | None = None,
        image_size: int = 64,
        object_size: float = 0.5,
        images_per_class: int = 900,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(batch_size, seed)
        if not 0 < object_size <= 1 or round(object_size * image_size) < 1:
            raise InputError(f"object_size must be in (0, 1] and a pixel or more, got {object_size} of {image_size}")
        if images_per_class < 10:
            raise InputError(f"images_per_class must be at least 10, got {images_per_class}")
        self.root = data_root(root)
        self.clothes = FashionMNIST(root, seed=seed) if objects == CLOTHES else None
        self.objects = self.root / objects
        if self.clothes is None:
            demand("BAM's objects", first_missing([self.objects]), f"{OBJECTS}, or set objects to {CLOTHES}")
        demand("BAM's scenes", first_missing([self.root / scenes]), SCENES)
        self.scenes = ImageFolder(root, image_size, folder=scenes, seed=seed)
        known = class_folders(self.objects) if self.clothes is None else self.clothes.class_names
        usual = known if self.clothes is None else ("Trouser", "Bag", "Ankle boot")
        self.object_names = _chosen(object_classes or usual, known, self.objects)
        self.scene_names = _chosen(scene_classes or self.scenes.class_names, self.scenes.class_names, self.scenes.root)
        self.class_names = tuple(
            f"{one} on {plain_name(scene)}" for one in self.object_names for scene in self.scene_names
        )
        if self.num_classes < 2:
            raise InputError(f"BAM needs two classes or more, got {', '.join(self.class_names)}")
        self.image_shape = self.scenes.image_shape
        self.side = round(object_size * image_size)
        self.counts: dict[SplitName, int] = dict.fromkeys(("val", "test"), images_per_class // 10)
        self.counts["train"] = images_per_class

    def object_of(self, labels: Labels) -> Labels:
        """Give the object's number for classes (B,)."""
        return labels // len(self.scene_names)

    def scene_of(self, labels: Labels) -> Labels:
        """Give the scene's number for classes (B,)."""
        return labels % len(self.scene_names)

    def prepare_data(self) -> None:
        """Check Fashion-MNIST, where it is used, on one process."""
        if self.clothes is not None:
            self.clothes.prepare_data()

    def load(self) -> dict[SplitName, LabelledImages]:
        """Paste.

        Raises:
            DataError: a file is missing or cannot be read, or a class has too few images to divide.
        """
        if self.clothes is not None:
            demand(CLOTHES, first_missing(self.clothes.files()), FETCH)
        scenes = self.scenes.load()
        objects = self._folder() if self.clothes is None else self._clothes(self.clothes)
        source = torch.Generator().manual_seed(self.seed)
        return {name: self._pasted(objects[name], scenes[name], self.counts[name], source) for name in sorted(scenes)}

    def _folder(self) -> dict[SplitName, Cutouts]:
        paths, labels = list[str](), list[int]()
        for label, name in enumerate(self.object_names):
            found = list(image_files(self.objects / name))
            paths += found
            labels += [label] * len(found)
        for path in paths:
            try:
                with Image.open(path) as image:
                    is_cut_out = image.mode in ALPHA or "transparency" in image.info
            except UNREADABLE as error:
                raise DataError(f"image cannot be read: {path}") from error
            if not is_cut_out:
                raise DataError(f"{path} is not cut out: it has no alpha channel")
        files = ImageFiles(paths, (4, self.side, self.side))
        val, test, train = divide(LabelledImages(files, torch.tensor(labels)), FRACTIONS, self.seed)
        return {"train": Cutouts(*train[:2]), "val": Cutouts(*val[:2]), "test": Cutouts(*test[:2])}

    def _clothes(self, data: FashionMNIST) -> dict[SplitName, Cutouts]:
        source = torch.Generator().manual_seed(self.seed)
        cut: dict[SplitName, Cutouts] = {}
        for split, given in data.load().items():
            images, labels = given.images, given.labels
            assert isinstance(images, Tensor)
            numbers = torch.full((data.num_classes,), -1)
            for number, name in enumerate(self.object_names):
                numbers[data.class_names.index(name)] = number
            known = numbers[labels] >= 0
            grey = images[known].float()
            colours = torch.rand(len(grey), 3, 1, 1, generator=source)
            colours /= colours.amax(1, keepdim=True)
            opaque = 255 * (grey >= VISIBLE)
            cut[split] = Cutouts(torch.cat([grey * colours, opaque], 1).byte(), numbers[labels[known]])
        return cut

    def _pasted(self, objects: Cutouts, scenes: LabelledImages, count: int, source: torch.Generator) -> LabelledImages:
        """Paste for each class as many randomly chosen objects on as many randomly chosen scenes."""
        images, masks = list[Tensor](), list[Tensor]()
        room = self.image_shape[1] - self.side + 1
        for number, name in enumerate(self.object_names):
            for scene in self.scene_names:
                own = self.scenes.class_names.index(scene)
                behind = scenes.images[_drawn(scenes.labels == own, count, f"scene {scene}", source)].clone()
                before = objects.images[_drawn(objects.labels == number, count, f"object {name}", source)].float()
                opaque = functional.interpolate(before[:, 3:] / 255, (self.side, self.side), mode="bilinear")
                # Colours weighed by how opaque they are, so that what is cut away does not shine through the edge.
                colours = functional.interpolate(
                    before[:, :3] * before[:, 3:] / 255, (self.side, self.side), mode="bilinear"
                )
                mask = torch.zeros(count, *behind.shape[2:], dtype=torch.bool)
                places = torch.randint(room, (count, 2), generator=source).tolist()
                for row, (top, left) in enumerate(places):
                    window = slice(top, top + self.side), slice(left, left + self.side)
                    under = behind[row, :, *window].float() * (1 - opaque[row])
                    behind[row, :, *window] = (under + colours[row]).round().byte()
                    mask[row, *window] = opaque[row, 0] > 0.5
                images.append(behind)
                masks.append(mask)
        labels = torch.arange(self.num_classes).repeat_interleave(count)
        return LabelledImages(torch.cat(images), labels, torch.cat(masks))


def plain_name(folder: str) -> str:
    """Give a class folder's name without WordNet's number.

    >>> plain_name("n09193705_alp")
    'alp'
    """
    return re.sub(r"^n\d{8}_", "", folder)


def _chosen(names: Sequence[str], known: Sequence[str], where: Path) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise DataError(f"class names must differ, got {', '.join(names)}")
    for name in names:
        if name not in known:
            raise DataError(f"{where} has no class {name}, only {', '.join(known)}")
    return tuple(names)


def _drawn(of_class: Tensor, count: int, what: str, source: torch.Generator) -> Tensor:
    pool = of_class.nonzero().flatten()
    if not len(pool):
        raise DataError(f"no image of {what} is left for one of train, val and test; each needs one")
    return pool[torch.randint(len(pool), (count,), generator=source)]
