"""Two kinds of pictures without pairs: apples and oranges, horses and zebras."""

from collections.abc import Sequence

from xaicf.core import DataError, InputError, SplitName
from xaicf.data.base import data_root
from xaicf.data.folder import image_files
from xaicf.data.listed import OnError, Storage
from xaicf.data.official import Listing, OfficialImages

SITE = "http://efrosgans.eecs.berkeley.edu/cyclegan/datasets"
"""Where the archives of CycleGAN's sets are."""


class TwoDomains(OfficialImages):
    """Photographs of two kinds, a folder for each kind and split: ``trainA``, ``trainB``, ``testA`` and ``testB``.

    A part of the training images is cut for validation. apple2orange has 995 and 1,019 to train and 266 and 248 to
    test.

    Reference: Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks"; as
    GANMEX uses it, §4.

    Args:
        root: folder that holds the set's own; the environment's ``XAICF_DATA`` or ``data`` if left out.
        folder: name of the set and of its folder, such as ``apple2orange`` or ``horse2zebra``.
        classes: names of the two; the two that ``folder`` names if left out, or ``A`` and ``B`` where it names none.
        image_size: side of the square in pixels.
        val_fraction: share of the training images for validation, in (0, 1).
        storage: of decoded images: ``memory``, ``cache`` or ``stream``; see :class:`~xaicf.data.listed.ListedImages`.
        on_error: ``stop`` at an image that cannot be read, or ``skip`` it.
        workers: processes that read the next batches meanwhile, where images are not in memory.
        cache: folder of the cache.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        DataError: a folder is missing.
        InputError: an option is out of its range.
    """

    title = "TwoDomains"
    needs = ("trainA", "trainB", "testA", "testB")

    def __init__(
        self,
        root: str | None = None,
        folder: str = "apple2orange",
        classes: Sequence[str] | None = None,
        image_size: int = 256,
        val_fraction: float = 0.1,
        storage: Storage = "memory",
        on_error: OnError = "stop",
        workers: int = 0,
        cache: str | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        named = folder.split("2") if folder.count("2") == 1 and folder.strip("2") == folder else ("A", "B")
        self.classes = tuple(named if classes is None else classes)
        if len(set(self.classes)) != 2 or len(self.classes) != 2:
            raise InputError(f"classes must be two different names, got {', '.join(self.classes)}")
        where = data_root(root)
        self.how = f"unpack {SITE}/{folder}.zip in {where}; there is no download option"
        super().__init__(
            where / folder, False, image_size, val_fraction, storage, on_error, workers, cache, batch_size, seed
        )

    def read_classes(self) -> tuple[str, ...]:
        """Give the names of the two."""
        return self.classes

    def read_split(self, name: SplitName) -> Listing | None:
        """List the two folders of a split."""
        if name == "val":
            return None
        found = [list(image_files(self.folder / f"{name}{letter}")) for letter in "AB"]
        for letter, paths in zip("AB", found, strict=True):
            if not paths:
                raise DataError(f"folder {self.folder / f'{name}{letter}'} holds no image")
        return Listing([*found[0], *found[1]], [0] * len(found[0]) + [1] * len(found[1]))
