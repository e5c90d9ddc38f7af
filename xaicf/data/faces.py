"""Faces that smile or do not, perhaps with a planted confound."""

from typing import Literal

import torch
from torch import Tensor

from xaicf.core import SplitName
from xaicf.data.base import LabelledImages, data_root
from xaicf.data.folder import ImageFolder
from xaicf.data.lighting import RANGES, measure_lighting
from xaicf.data.listed import OnError
from xaicf.data.planted import Square
from xaicf.data.published import demand, first_missing

HOW = "put pictures there in a folder for each class, neutral and smile, or set root; there is no download option"
"""How to get faces."""


class Faces(ImageFolder):
    """A folder of class folders named ``smiles``, such as ``neutral`` and ``smile``, in memory, of one channel each.

    ``attributes`` are how each picture is lit (:func:`~xaicf.data.lighting.measure_lighting`) and, last and where there
    are two classes, the second class itself, 0 or 1, so that it can be held like the others.

    Args:
        root: folder that holds ``smiles``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        square: planted on the images of a class, so that a classifier looks for it; ``mask`` is true on it.
        image_size: side in pixels, of images cut to a centred square.
        channels: 1 for grey, 3 for colour.
        on_error: ``stop`` at an image that cannot be read, or ``skip`` it.
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
        on_error: OnError = "stop",
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        demand("Faces", first_missing([data_root(root) / "smiles"]), HOW)
        super().__init__(
            root, image_size, channels, on_error=on_error, batch_size=batch_size, seed=seed, folder="smiles"
        )
        self.square = square
        self.attribute_names = (*RANGES, *self.class_names[1:][: self.num_classes == 2])
        if square is not None:
            square.check(self.image_shape, self.num_classes)

    def load(self) -> dict[SplitName, LabelledImages]:
        """Decode the images, and plant the square.

        Raises:
            DataError: a class has no image, or an image cannot be read.
        """
        splits = super().load()
        if self.square is not None:
            splits = {name: self.square.planted(data, name != "test") for name, data in splits.items()}
        return {name: data._replace(attributes=self._measured(data)) for name, data in splits.items()}

    def _measured(self, data: LabelledImages) -> Tensor:
        assert isinstance(data.images, Tensor)
        lit = torch.cat([measure_lighting(some.float() / 255) for some in torch.split(data.images, 1024)])
        return torch.cat([lit, data.labels[:, None].float()], 1) if self.num_classes == 2 else lit
