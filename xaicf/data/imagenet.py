"""ImageNet's challenge of 2012."""

from collections import Counter
from pathlib import Path

from xaicf.core import DataError, SplitName
from xaicf.data.base import data_root
from xaicf.data.folder import class_folders, image_files
from xaicf.data.listed import OnError, Storage
from xaicf.data.official import Listing, OfficialImages, matlab, words

DEVKIT = "ILSVRC2012_devkit_t12/data"

TRUTH = f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt"


class ILSVRC2012(OfficialImages):
    """1,281,167 training photographs and 50,000 to test, of 1,000 classes.

    The test split is the official validation set, since the labels of the test set are not public; a part of the
    training images is cut for validation. Where the training images are not there, the test is the only split.

    The classes are in the order of their WordNet numbers, as in torchvision's weights, and named by the first of the
    synonyms that the development kit gives, with the number where two would have one name.

    In the set's folder are ``val``, with all images as the archive has them or sorted into a folder for each WordNet
    number; the kit, ``ILSVRC2012_devkit_t12``; and perhaps ``train``, with a folder for each WordNet number.

    Reference: Russakovsky et al. 2015, "ImageNet large scale visual recognition challenge"; as weighted contrast uses
    it, §5.1.

    Args:
        root: folder that holds the set's own; the environment's ``XAICF_DATA`` or ``data`` if left out.
        folder: name of the set's folder.
        image_size: side of the square in pixels.
        val_fraction: share of the training images for validation, in (0, 1).
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

    title = "ILSVRC2012"
    needs = ("val", f"{DEVKIT}/meta.mat")
    how = (
        "unpack ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz, which https://image-net.org gives to those "
        "who sign in; there is no download option"
    )

    def __init__(
        self,
        root: str | None = None,
        folder: str = "imagenet",
        image_size: int = 224,
        val_fraction: float = 0.02,
        storage: Storage = "stream",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        where = data_root(root) / folder
        self.numbers: dict[int, str] = {}
        super().__init__(where, False, image_size, val_fraction, storage, on_error, workers, cache, batch_size, seed)

    def read_classes(self) -> tuple[str, ...]:
        """Read which of the kit's synsets are classes, and what they are called."""
        synsets = matlab(self.folder / DEVKIT / "meta.mat", "synsets")
        classes = [row for row in synsets if int(row["num_children"]) == 0]
        self.numbers = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in classes}
        names = {str(row["WNID"]): str(row["words"]).split(", ")[0] for row in classes}
        count = Counter(names.values())
        self.wordnet = tuple(sorted(names))
        return tuple(names[wnid] if count[names[wnid]] == 1 else f"{names[wnid]} ({wnid})" for wnid in self.wordnet)

    def read_split(self, name: SplitName) -> Listing | None:
        """List the images of a folder for each class, or those that the kit's list of classes goes with."""
        if name == "val" or (name == "train" and not (self.folder / "train").is_dir()):
            return None
        folder = self.folder / {"train": "train", "test": "val"}[name]
        if name == "test" and not class_folders(folder):
            return self._flat(folder)
        paths, labels = list[str](), list[int]()
        for label, wnid in enumerate(self.wordnet):
            found = list(image_files(folder / wnid))
            if not found:
                raise DataError(f"class folder {folder / wnid} holds no image")
            paths += found
            labels += [label] * len(found)
        return Listing(paths, labels)

    def _flat(self, folder: Path) -> Listing:
        paths = list(image_files(folder))
        truth = [int(row[0]) for row in words(self.folder / TRUTH, 1)]
        if len(paths) != len(truth):
            raise DataError(f"{self.title} is damaged: {folder} has {len(paths)} images, {TRUTH} has {len(truth)} rows")
        return Listing(paths, [self.wordnet.index(self.numbers[number]) for number in truth])
