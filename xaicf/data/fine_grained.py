"""Sets whose classes are hard to tell apart: aircraft, food, flowers and cars."""

import json
from pathlib import Path
from typing import ClassVar

from torchvision import datasets

from xaicf.core import SplitName
from xaicf.data.base import data_root
from xaicf.data.listed import OnError, Storage
from xaicf.data.official import Listing, OfficialImages, boxes, matlab, words

FLOWERS = (
    "pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold, tiger lily, moon orchid, "
    "bird of paradise, monkshood, globe thistle, snapdragon, colt's foot, king protea, spear thistle, yellow iris, "
    "globe-flower, purple coneflower, peruvian lily, balloon flower, giant white arum lily, fire lily, "
    "pincushion flower, fritillary, red ginger, grape hyacinth, corn poppy, prince of wales feathers, "
    "stemless gentian, artichoke, sweet william, carnation, garden phlox, love in the mist, mexican aster, "
    "alpine sea holly, ruby-lipped cattleya, cape flower, great masterwort, siam tulip, lenten rose, barbeton daisy, "
    "daffodil, sword lily, poinsettia, bolero deep blue, wallflower, marigold, buttercup, oxeye daisy, "
    "common dandelion, petunia, wild pansy, primula, sunflower, pelargonium, bishop of llandaff, gaura, geranium, "
    "orange dahlia, pink-yellow dahlia?, cautleya spicata, japanese anemone, black-eyed susan, silverbush, "
    "californian poppy, osteospermum, spring crocus, bearded iris, windflower, tree poppy, gazania, azalea, "
    "water lily, rose, thorn apple, morning glory, passion flower, lotus, toad lily, anthurium, frangipani, clematis, "
    "hibiscus, columbine, desert-rose, tree mallow, magnolia, cyclamen, watercress, canna lily, hippeastrum, bee balm, "
    "ball moss, foxglove, bougainvillea, camellia, mallow, mexican petunia, bromelia, blanket flower, "
    "trumpet creeper, blackberry lily"
)
"""The classes of Flowers102 in order, which are in none of its files."""


class FineGrained(OfficialImages):
    """What the four sets share: each in a folder of its own, as torchvision has it.

    The splits are the official ones; a part of the training images is cut for validation where none is given.

    Args:
        root: folder that holds the set's own; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files, by torchvision.
        image_size: side of the square in pixels.
        val_fraction: share of the training images for validation, in (0, 1), where none is given.
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of the cache.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        DataError: a file is missing or damaged.
        InputError: an option is out of its range.
    """

    within: ClassVar[str]

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        image_size: int = 224,
        val_fraction: float = 0.1,
        storage: Storage = "stream",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        folder = data_root(root) / self.within
        super().__init__(
            folder, download, image_size, val_fraction, storage, on_error, workers, cache, batch_size, seed
        )


class FGVCAircraft(FineGrained):
    """10,000 photographs of 100 variants of aircraft, a third each for training, validation and test.

    ``mask`` is true within the aircraft's bounding box. The last 20 rows of each file name the photographer; they are
    kept, as in torchvision.

    Reference: Maji et al. 2013, "Fine-grained visual classification of aircraft"; as weighted contrast uses it, §5.2.
    The arguments are those of :class:`FineGrained`; the folder is ``fgvc-aircraft-2013b``.
    """

    title = "FGVC-Aircraft"
    within = "fgvc-aircraft-2013b"
    needs = (
        "data/variants.txt",
        *(f"data/images_variant_{split}.txt" for split in ("train", "val", "test")),
        "data/images_box.txt",
        "data/images",
    )

    def fetch(self) -> None:
        """Download and unpack the archive, 2.8 GB."""
        datasets.FGVCAircraft(str(self.folder.parent), download=True)

    def read_classes(self) -> tuple[str, ...]:
        """Read the names of the variants."""
        return tuple((self.folder / "data/variants.txt").read_text(encoding="utf-8").splitlines())

    def read_split(self, name: SplitName) -> Listing | None:
        """List the images that the split's file names."""
        rows = list(words(self.folder / f"data/images_variant_{name}.txt", 2))
        edges = {row[0]: tuple(map(float, row[1:])) for row in words(self.folder / "data/images_box.txt", 5)}
        found = [edges[number] for number, _ in rows]
        return Listing(
            [str(self.folder / f"data/images/{number}.jpg") for number, _ in rows],
            [self.class_names.index(variant) for _, variant in rows],
            boxes([(left - 1, top - 1, right, bottom) for left, top, right, bottom in found]),  # their first pixel is 1
        )


class Food101(FineGrained):
    """101,000 photographs of 101 dishes: for each 750 for training, some with wrong labels, and 250 for the test.

    Reference: Bossard, Guillaumin and Van Gool 2014, "Food-101 - mining discriminative components with random
    forests"; as weighted contrast uses it, §5.2. The arguments are those of :class:`FineGrained`; the folder is
    ``food-101``.
    """

    title = "Food-101"
    within = "food-101"
    needs = ("meta/train.json", "meta/test.json", "images")

    def fetch(self) -> None:
        """Download and unpack the archive, 5 GB."""
        datasets.Food101(str(self.folder.parent), download=True)

    def read_classes(self) -> tuple[str, ...]:
        """Give the names of the dishes, in the order of their folders."""
        return tuple(dish.replace("_", " ") for dish in sorted(self._listed("train")))

    def read_split(self, name: SplitName) -> Listing | None:
        """List the images that the split's file names, dish by dish."""
        if name == "val":
            return None
        paths, labels = list[str](), list[int]()
        for dish, files in sorted(self._listed(name).items()):
            paths += [str(self.folder / f"images/{file}.jpg") for file in files]
            labels += [self.class_names.index(dish.replace("_", " "))] * len(files)
        return Listing(paths, labels)

    def _listed(self, name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = json.loads((self.folder / f"meta/{name}.json").read_text(encoding="utf-8"))
        return found


class Flowers102(FineGrained):
    """8,189 photographs of 102 kinds of flowers: for each 10 for training, 10 for validation, and 20 or more to test.

    Reference: Nilsback and Zisserman 2008, "Automated flower classification over a large number of classes"; as
    weighted contrast uses it, §5.2. The arguments are those of :class:`FineGrained`; the folder is ``flowers-102``.
    """

    title = "Flowers-102"
    within = "flowers-102"
    needs = ("imagelabels.mat", "setid.mat", "jpg")

    def fetch(self) -> None:
        """Download and unpack the files, 350 MB."""
        datasets.Flowers102(str(self.folder.parent), download=True)

    def read_classes(self) -> tuple[str, ...]:
        """Give the names of the flowers."""
        return tuple(FLOWERS.split(", "))

    def read_split(self, name: SplitName) -> Listing | None:
        """List the images whose numbers the split has."""
        numbers = matlab(self.folder / "setid.mat", {"train": "trnid", "val": "valid", "test": "tstid"}[name]).tolist()
        labels = matlab(self.folder / "imagelabels.mat", "labels").tolist()
        return Listing(
            [str(self.folder / f"jpg/image_{number:05d}.jpg") for number in numbers],
            [labels[number - 1] - 1 for number in numbers],
        )


class StanfordCars(FineGrained):
    """8,144 training and 8,041 test photographs of 196 models of cars.

    ``mask`` is true within the car's bounding box. The set's own site is gone, and nothing fetches it.

    Reference: Krause et al. 2013, "3D object representations for fine-grained categorization"; as weighted contrast
    uses it, §5.2. The arguments are those of :class:`FineGrained`; the folder is ``stanford_cars``.
    """

    title = "Stanford Cars"
    within = "stanford_cars"
    needs = (
        "devkit/cars_meta.mat",
        "devkit/cars_train_annos.mat",
        "cars_test_annos_withlabels.mat",
        "cars_train",
        "cars_test",
    )
    how = "its site is gone, so that nothing can download it: set root to a folder that has a copy"

    def read_classes(self) -> tuple[str, ...]:
        """Read the names of the models."""
        return tuple(str(name) for name in matlab(self.folder / "devkit/cars_meta.mat", "class_names"))

    def read_split(self, name: SplitName) -> Listing | None:
        """List the images that the split's file names."""
        if name == "val":
            return None
        file = "devkit/cars_train_annos.mat" if name == "train" else "cars_test_annos_withlabels.mat"
        rows = matlab(self.folder / file, "annotations")
        edges = [[float(row[f"bbox_{edge}"]) for edge in ("x1", "y1", "x2", "y2")] for row in rows]
        return Listing(
            [str(Path(self.folder, f"cars_{name}", str(row["fname"]))) for row in rows],
            [int(row["class"]) - 1 for row in rows],
            boxes([(left - 1, top - 1, right, bottom) for left, top, right, bottom in edges]),  # their first pixel is 1
        )
