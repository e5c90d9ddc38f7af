"""Baselines that are training images: the nearest of the foil, or some at random."""

import hashlib

import torch
from torch import Tensor

from xaicf.core import Batch, Images, InputError, Labels, Subject
from xaicf.explainers.baselines.base import Baseline

SAMPLES = 16
"""Images that each image is compared with, where it is with some."""

FEW = 2000
"""Training images to sample from, evenly from all that are at hand."""

BLOCK = 1024
"""Images whose distances to all of a class are in memory together: 25 MB for 6,000 of a class."""

CLOSE = 8
"""Images that may be the nearest by the product of matrices, whose differences cancel, and are measured once more."""


class NearestSample(Baseline):
    """MDTS: the training image of class foil that is nearest to the input, by Euclidean distance of pixels.

    It is looked for among all images of the subject's reference, exactly.

    Reference: Shih et al. 2021, "GANMEX", §2.2, minimum distance training sample.
    """

    needs = ("reference",)
    whole_reference = True

    @property
    def name(self) -> str:
        """Name it as the paper does."""
        return "mdts"

    def __call__(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Images:
        """Give (B, C, H, W).

        Raises:
            InputError: the reference has no image of a foil.
        """
        assert subject.reference is not None
        return nearest(inputs, foil, subject.reference)


class Samples(Baseline):
    """Some training images for each image, drawn by a seed that is made of the image: of every class, or of its foil.

    With ``gradient_shap`` these are expected gradients, with ``deeplift`` they make DeepSHAP. What is drawn for an
    image depends on its pixels alone, and on its foil where only that is drawn from, not on the batch.

    Reference: Erion et al. 2021, "Improving performance of deep learning models with axiomatic attribution priors and
    expected gradients"; of the foil alone: Shih et al. 2021, "GANMEX", §2.3.

    Args:
        of_foil: whether only images of the foil are drawn.
        count: n, how many for each image; as many as the smallest class has, where these are fewer.

    Raises:
        InputError: ``count`` is below 1.
    """

    needs = ("reference",)

    def __init__(self, of_foil: bool = False, count: int = SAMPLES) -> None:
        if count < 1:
            raise InputError(f"count must be at least 1, got {count}")
        self.of_foil = of_foil
        self.count = count

    @property
    def name(self) -> str:
        """Name it by what is drawn from."""
        return "foil_samples" if self.of_foil else "samples"

    def __call__(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Tensor:
        """Give (B, n, C, H, W).

        Raises:
            InputError: the reference has no image of a foil, or none at all.
        """
        assert subject.reference is not None
        images, labels = subject.reference["image"], subject.reference["label"]
        if not len(labels):
            raise InputError("reference has no images")
        thinned = torch.arange(0, len(labels), -(-len(labels) // FEW))
        of = labels.cpu()[thinned] if self.of_foil else torch.zeros_like(thinned)
        pools = [thinned[of == one] for one in (foil.tolist() if self.of_foil else [0] * len(foil))]
        for one, pool in zip(foil.tolist(), pools, strict=True):
            if not len(pool):
                _refuse(one)
        sizes = of.bincount()
        count = min(self.count, int(sizes[sizes > 0].min()))
        chosen = [
            pool[torch.randperm(len(pool), generator=_seeded(image))[:count]]
            for pool, image in zip(pools, inputs, strict=True)
        ]
        return images[torch.stack(chosen).to(images.device)].to(inputs)


def nearest(inputs: Images, classes: Labels, training: Batch) -> Images:
    """Give for each image the training image of a class that is nearest to it, by Euclidean distance.

    Args:
        inputs: (B, C, H, W).
        classes: (B,).
        training: to look among.

    Returns:
        (B, C, H, W).

    Raises:
        InputError: there is no image of a class.
    """
    found = torch.empty_like(inputs)
    for one in sorted(set(classes.tolist())):
        pool = training["image"][training["label"] == one].to(inputs)
        if not len(pool):
            _refuse(one)
        flat = pool.flatten(1)
        lengths = flat.square().sum(1)
        for rows in torch.split((classes == one).nonzero().flatten(), BLOCK):
            # The square of the input's own length is the same for all, and left out.
            own = inputs[rows].flatten(1)
            close = (lengths - 2 * own @ flat.T).topk(min(CLOSE, len(pool)), largest=False).indices
            exact = [(flat[some].double() - own.double()).square().sum(1) for some in close.T]
            found[rows] = pool[close.gather(1, torch.stack(exact, 1).argmin(1, keepdim=True))[:, 0]]
    return found


def _seeded(image: Tensor) -> torch.Generator:
    told = hashlib.sha256(image.detach().cpu().contiguous().numpy().tobytes()).digest()
    return torch.Generator().manual_seed(int.from_bytes(told[:7], "big"))


def _refuse(foil: int) -> None:
    raise InputError(f"reference has no image of the foil {foil}")
