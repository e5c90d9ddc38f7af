"""Faces that smile or do not, perhaps with a planted confound."""

from typing import Literal

from xaicf.core import SplitName
from xaicf.data.base import LabelledImages
from xaicf.data.folder import ImageFolder
from xaicf.data.planted import Square


class Faces(ImageFolder):
    """A folder of class folders named ``smiles``, such as ``neutral`` and ``smile``, in memory, of one channel each.

    Args:
        root: folder that holds ``smiles``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        square: planted on the images of a class, so that a classifier looks for it; ``mask`` is true on it.
        image_size: side in pixels, of images cut to a centred square.
        channels: 1 for grey, 3 for colour.
        batch_size: images in a batch, for each process.
        seed: of the split, a tenth for validation and a tenth for the test.

    Raises:
        DataError: the folder is missing, or holds fewer than two classes.
        InputError: an option is out of its range, or the square does not fit.
    """

    def __init__(
        self,
        root: str | None = None,
        square: Square | None = None,
        image_size: int = 64,
        channels: Literal[1, 3] = 1,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(root, image_size, channels, batch_size=batch_size, seed=seed, folder="smiles")
        self.square = square
        if square is not None:
            square.check(self.image_shape, self.num_classes)

    def load(self) -> dict[SplitName, LabelledImages]:
        """Decode the images, and plant the square.

        Raises:
            DataError: a class has no image, or an image cannot be read.
        """
        splits = super().load()
        if self.square is None:
            return splits
        return {name: self.square.planted(data, name != "test") for name, data in splits.items()}
