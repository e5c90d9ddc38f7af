"""The handwritten digits that scikit-learn bundles: no download."""

import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from xaicf.core import SplitName
from xaicf.data.base import ImageData, LabelledImages, divide


class Digits(ImageData):
    """1,797 handwritten digits of 8 × 8 pixels, upsampled to 32 × 32 by bilinear interpolation.

    A fifth of the images is the test split, a tenth the validation split.

    Reference: Alpaydin and Kaynak 1998, UCI; scikit-learn's ``load_digits``.

    Args:
        batch_size: images in a batch, for each process.
        seed: of the split.
    """

    def __init__(self, batch_size: int = 64, seed: int = 0) -> None:
        super().__init__(batch_size, seed)
        self.class_names = tuple("0123456789")
        self.image_shape = (1, 32, 32)

    def load(self) -> dict[SplitName, LabelledImages]:
        """Read and upsample the bundled images."""
        bundled = load_digits()
        grey = torch.from_numpy(bundled.images).float()[:, None] / 16
        images = functional.interpolate(grey, self.image_shape[1:], mode="bilinear", align_corners=False)
        data = LabelledImages(images.mul(255).round().to(torch.uint8), torch.from_numpy(bundled.target).to(torch.int64))
        test, val, train = divide(data, (0.2, 0.1), self.seed)
        return {"train": train, "val": val, "test": test}
