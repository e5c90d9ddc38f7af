"""Small images with attributes, which their brightness and their place show."""

import torch

from xaicf.core import Batch, SplitName
from xaicf.data import ImageData
from xaicf.data.base import LabelledImages

NAMES = ("bright", "left")
SHAPE = (1, 12, 12)


def attributed(count: int, seed: int = 0) -> Batch:
    """Make bars, bright or dark, whose left half is lit or their right one; half of the brightnesses lie between."""
    source = torch.Generator().manual_seed(seed)
    attributes = torch.rand(count, 2, generator=source)
    attributes[:, 1] = attributes[:, 1].round()
    images = 0.1 * torch.rand(count, *SHAPE, generator=source)
    level = (0.2 + 0.6 * attributes[:, 0]).view(-1, 1, 1)
    left = attributes[:, 1].bool()
    images[left, :, :, :6] += level[left, :, :, None]
    images[~left, :, :, 6:] += level[~left, :, :, None]
    label = (attributes[:, 0] >= 0.5).long()
    return {"image": images, "label": label, "index": torch.arange(count), "attributes": attributes}


class Bars(ImageData):
    """Bars as a data module; the label says whether they are bright.

    Args:
        batch_size: images in a batch.
    """

    attribute_names = NAMES

    def __init__(self, batch_size: int = 16) -> None:
        super().__init__(batch_size)
        self.class_names = ("dark", "bright")
        self.image_shape = SHAPE
        self.known: dict[int, torch.Tensor] = {}

    def load(self) -> dict[SplitName, LabelledImages]:
        """Make all splits alike, so that an id is an image whatever its split."""
        made = attributed(64)
        self.known = dict(enumerate(made["attributes"]))
        images = LabelledImages((made["image"] * 255).byte(), made["label"])
        return {"train": images, "val": images, "test": images}

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Add the attributes."""
        cast = super().on_after_batch_transfer(batch, dataloader_idx)
        attributes = torch.stack([self.known[int(one)] for one in batch["index"]])
        return {**cast, "attributes": attributes.to(cast["image"])}
