"""What a method is asked: one number of a classifier's output for each image."""

from dataclasses import dataclass, field

import torch
from torch import nn

from xaicf.core import Images, InputError, Labels, Logits, PerImage
from xaicf.explainers.contrast import CONTRASTS, Contrast

ALONG = {"probability", "log_odds"}
"""Contrasts that have no constant class weights: away from the explained images they are taken as they are there."""


@dataclass(frozen=True)
class Asked:
    """Images, and the contrast that is explained at them.

    Attributes:
        classifier: images to logits.
        inputs: (B, C, H, W).
        fact: (B,).
        foil: (B,).
        contrast: the number that is explained, S.
        layer: dotted name, for methods that read a layer.
    """

    classifier: nn.Module
    inputs: Images
    fact: Labels
    foil: Labels
    contrast: Contrast
    layer: str | None = None

    def score(self, logits: Logits) -> PerImage:
        """Give S (B,) of logits (B, classes)."""
        return CONTRASTS[self.contrast](logits, self.fact, self.foil)

    def logits_and_weights(self) -> tuple[Logits, Logits]:
        """Give the logits at the images, and the derivative of S by each, both (B, classes)."""
        with torch.no_grad():
            found: Logits = self.classifier(self.inputs)
        logits = found.detach().requires_grad_()
        weights: Logits
        (weights,) = torch.autograd.grad(self.score(logits).sum(), logits)
        return logits.detach(), weights

    def elsewhere(self) -> tuple["Contrasted", tuple[Logits, Labels, Labels]]:
        """Give S as a function of other images, its class weights fixed at these, and what it is to be told of each.

        ``probability`` and ``log_odds`` have no weights, and are those of the other images.
        """
        score = Contrasted(self.classifier, self.contrast)
        return score, (self.logits_and_weights()[1], self.fact, self.foil)


class Contrasted(nn.Module):
    """Maps images to a contrast whose class weights are given.

    Args:
        classifier: images to logits.
        contrast: what is explained.
    """

    def __init__(self, classifier: nn.Module, contrast: Contrast) -> None:
        super().__init__()
        self.classifier = classifier
        self.contrast: Contrast = contrast

    def forward(self, images: Images, weights: Logits, fact: Labels, foil: Labels) -> PerImage:
        """Give the contrast (B,)."""
        logits: Logits = self.classifier(images)
        if self.contrast in ALONG:
            return CONTRASTS[self.contrast](logits, fact, foil)
        return (logits * weights).sum(1)


@dataclass(frozen=True)
class Answer:
    """What a method gives.

    Attributes:
        attribution: (B, C or 1, H, W).
        baseline: that it compares with (B, C, H, W).
        scalars: of each image (B,).
    """

    attribution: Images
    baseline: Images | None = None
    scalars: dict[str, PerImage] = field(default_factory=dict)


def squares(inputs: Images, count: int) -> int:
    """Give the side in pixels of squares of which ``count`` fill the shorter side of images (B, C, H, W).

    Raises:
        InputError: the images are smaller than that.
    """
    shorter = min(inputs.shape[2:])
    if shorter < count:
        raise InputError(f"images must be at least {count} pixels wide and high, got {tuple(inputs.shape[2:])}")
    return shorter // count
