"""Whether a translator makes realistic members of a class that stay near the image and depend on it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from xaicf.core import FITNESS, Batch, Images, InputError, Labels, as_found, other_classes
from xaicf.evaluation.realism import frechet_metric
from xaicf.explainers.baselines.plain import blurred, mean
from xaicf.explainers.baselines.training import nearest

CHUNK = 256
"""Images at a time."""

Translate = Callable[[Images, Labels], Images]
"""Images (B, C, H, W) and target classes (B,) to images."""


@dataclass(frozen=True)
class Translations:
    """What was measured of a translator.

    Attributes:
        numbers: :data:`~xaicf.core.FITNESS` by name: ``validity``, the share of made images that the classifier calls
            what they were to be; ``second_validity``, that a second classifier does, NaN without one;
            ``input_dependence``, their pixels' standard deviation over inputs at one target class by that of the
            inputs, 0 where every input gives the same image; ``relative_distance``, their mean L1 distance to the input
            by that of the nearest training images of the class (MDTS); ``relative_frechet``, their Fréchet distance to
            real images in the classifier's features by that of blurred images or images of their mean, whichever is
            nearer. Beside these ``distance``, ``nearest_distance``, ``made_distance`` (to the nearest training image of
            the class), each a mean over pixels, ``frechet_distance`` and ``images``, how many were made.
        validity_by_class: (classes,), NaN for one that no image was to be.
    """

    numbers: dict[str, float]
    validity_by_class: Tensor

    @property
    def fitness(self) -> dict[str, float]:
        """The five numbers that decide whether a translator may serve."""
        return {name: self.numbers[name] for name in FITNESS}


def measure_translations(
    translate: Translate,
    classifier: nn.Module,
    batch: Batch,
    training: Batch,
    num_classes: int,
    second: nn.Module | None = None,
    foils: int | None = None,
) -> Translations:
    """Translate labelled images to other classes, and measure what comes out.

    Args:
        translate: images and classes to images, see :class:`~xaicf.core.Translator`.
        classifier: that is explained; ends in a linear layer.
        batch: N images with labels and ids, on the device of the networks.
        training: images among which the nearest of a class is looked for, likewise.
        num_classes: of the classifier.
        second: another classifier, trained independently.
        foils: classes that each image is translated to, in turn from one that depends on its id; all others if left
            out.

    Raises:
        InputError: ``foils`` is out of its range, the classifier has no linear layer, or a class no training image.
    """
    others = num_classes - 1
    if foils is not None and not 1 <= foils <= others:
        raise InputError(f"foils must be in [1, {others}], got {foils}")
    images, labels = batch["image"], batch["label"]
    tally = _Tally(num_classes, images)
    with as_found(*(network for network in (classifier, second) if network is not None)), torch.no_grad():
        real = frechet_metric(classifier, images)
        for step in range(foils or others):
            classes = other_classes(labels, batch["index"].to(labels) + step, num_classes)
            for rows in torch.split(torch.arange(len(images), device=images.device), CHUNK):
                some, targets = images[rows], classes[rows]
                made = translate(some, targets)
                real.update(made, real=False)
                tally.add(some, made, targets)
                tally.valid.index_add_(0, targets, (classifier(made).argmax(1) == targets).to(tally.valid))
                tally.second += 0 if second is None else int((second(made).argmax(1) == targets).sum())
                for which, image in (("image", some), ("made", made)):
                    tally.nearest[which] += _apart(image, nearest(image, targets, training))
        frechet = float(real.compute())
        known = [_frechet_of(real, images, baseline) for baseline in (blurred, mean)]
    distance, beside, own = (
        total / tally.count for total in (tally.distance, tally.nearest["image"], tally.nearest["made"])
    )
    return Translations(
        {
            "validity": float(tally.valid.sum()) / tally.count,
            "second_validity": torch.nan if second is None else tally.second / tally.count,
            "input_dependence": tally.dependence(images),
            "relative_distance": distance / beside,
            "relative_frechet": frechet / min(known),
            "distance": distance,
            "nearest_distance": beside,
            "made_distance": own,
            "frechet_distance": frechet,
            "images": float(tally.count),
        },
        tally.valid / tally.asked,
    )


class _Tally:
    """Sums over made images."""

    def __init__(self, num_classes: int, images: Images) -> None:
        self.valid, self.asked = (torch.zeros(num_classes, device=images.device) for _ in range(2))
        shape = num_classes, *images.shape[1:]
        self.sums, self.squares = (images.new_zeros(shape, dtype=torch.float64) for _ in range(2))
        self.second = 0
        self.distance = 0.0
        self.nearest = {"image": 0.0, "made": 0.0}

    @property
    def count(self) -> int:
        return int(self.asked.sum())

    def add(self, images: Images, made: Images, classes: Labels) -> None:
        self.asked.index_add_(0, classes, torch.ones_like(classes, dtype=self.asked.dtype))
        self.sums.index_add_(0, classes, made.double())
        self.squares.index_add_(0, classes, made.double().square())
        self.distance += _apart(images, made)

    def dependence(self, images: Images) -> float:
        """Give the made pixels' deviation over inputs at one class, by the inputs' own, each a mean over pixels."""
        known = self.asked > 1
        counts = self.asked[known].double().view(-1, 1, 1, 1)
        variance = self.squares[known] / counts - (self.sums[known] / counts).square()
        deviation = variance.clamp(min=0).sqrt().mean()
        return float(deviation / images.double().std(0, correction=0).mean())


def _apart(first: Images, second: Images) -> float:
    """Give the sum over images of the mean over pixels of their distance."""
    return float((first - second).abs().mean((1, 2, 3)).sum())


def _frechet_of(metric: FrechetInceptionDistance, images: Images, change: Callable[[Images], Images]) -> float:
    metric.reset()
    for some in torch.split(images, CHUNK):
        metric.update(change(some), real=False)
    return float(metric.compute())
