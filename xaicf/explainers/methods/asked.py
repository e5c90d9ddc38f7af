"""What a method is asked: one number of a classifier's output for each image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from xaicf.core import Images, InputError, Labels, Logits, PerImage
from xaicf.explainers.contrast import ContrastFunction

POINTS = 64
"""On the straight line between two images' logits, by Gauss and Legendre."""


@dataclass(frozen=True)
class Asked:
    """Images, and the contrast that is explained at them.

    Attributes:
        classifier: images to logits, such as the method needs it.
        inputs: (B, C, H, W).
        fact: (B,).
        foil: (B,).
        contrast: the number that is explained, S, of logits, fact and foil.
        along: whether S is followed away from the images, rather than its class weights fixed at them.
        baselines: images that the method compares with, one for each (B, C, H, W) or n for each (B, n, C, H, W).
        layers: dotted names, for methods that read layers; empty for the one that the method finds.
        tolerance: relative, of the sum that a map promises; None for the method's own.
    """

    classifier: nn.Module
    inputs: Images
    fact: Labels
    foil: Labels
    contrast: ContrastFunction
    along: bool
    baselines: Tensor
    layers: tuple[str, ...] = ()
    tolerance: float | None = None

    def __len__(self) -> int:
        """Give the number of images."""
        return len(self.inputs)

    def __getitem__(self, rows: slice) -> Self:
        """Ask about some of the images."""
        return replace(
            self,
            inputs=self.inputs[rows],
            fact=self.fact[rows],
            foil=self.foil[rows],
            baselines=self.baselines[rows],
        )

    @property
    def baseline(self) -> Images | None:
        """The baselines (B, C, H, W) where there is one for each image."""
        return self.baselines if self.baselines.ndim == self.inputs.ndim else None

    def each_baseline(self) -> Iterator[Self]:
        """Ask the same with one baseline for each image, n times."""
        if self.baseline is not None:
            yield self
            return
        for baselines in self.baselines.unbind(1):
            yield replace(self, baselines=baselines)

    def rise(self) -> PerImage:
        """Give the mean over baselines b of S(x) - S(b) (B,), by the class weights that are fixed at x or S itself."""
        score, told = self.elsewhere()
        with torch.no_grad():
            begins = [score(one.baselines, *told) for one in self.each_baseline()]
            rise: PerImage = score(self.inputs, *told) - torch.stack(begins).mean(0)
        return rise

    def score(self, logits: Logits) -> PerImage:
        """Give S (B,) of logits (B, classes)."""
        return self.contrast(logits, self.fact, self.foil)

    def logits_and_weights(self) -> tuple[Logits, Logits]:
        """Give the logits at the images, and the derivative of S by each, both (B, classes)."""
        with torch.no_grad():
            found: Logits = self.classifier(self.inputs)
        return found, self._weights(found)

    def elsewhere(self) -> tuple["Contrasted", tuple[Tensor, ...]]:
        """Give S as a function of other images, its class weights fixed at these, and what it is to be told of each.

        ``probability`` and ``log_odds`` have no weights, and are those of the other images.
        """
        if self.along:
            return Contrasted(self.classifier, self.contrast), (self.fact, self.foil)
        return Contrasted(self.classifier), (self.logits_and_weights()[1],)

    def between(self, baselines: Images) -> Logits:
        """Give class weights w (B, classes) with S(x) - S(b) = Σ w_s (y_s(x) - y_s(b)) for baselines b (B, C, H, W).

        Those of ``probability`` and ``log_odds`` are the mean of the derivative on the straight line between the
        logits, after Aumann and Shapley; those of others are fixed at x.
        """
        at, weights = self.logits_and_weights()
        if not self.along:
            return weights
        with torch.no_grad():
            begin: Logits = self.classifier(baselines)
        weights = torch.zeros_like(weights)
        for point, share in zip(*np.polynomial.legendre.leggauss(POINTS), strict=True):
            weights += share / 2 * self._weights(begin + (point + 1) / 2 * (at - begin))
        # What the sum over points misses of the integral is laid on the logits that differ most; what all logits have
        # in common changes no probability and gets none.
        with torch.no_grad():
            rise = self.score(at) - self.score(begin)
            step = at - begin
            step -= step.mean(1, keepdim=True)
            missing = rise - (weights * step).sum(1)
            return weights + missing[:, None] * step / step.square().sum(1, keepdim=True).clamp(min=1e-30)

    def _weights(self, logits: Logits) -> Logits:
        logits = logits.detach().requires_grad_()
        weights: Logits
        (weights,) = torch.autograd.grad(self.score(logits).sum(), logits)
        return weights


class Contrasted(nn.Module):
    """Maps images to a contrast of their own, or to logits weighted by what it is told.

    Args:
        classifier: images to logits.
        contrast: of logits, fact and foil; left out, it is told the class weights.
    """

    def __init__(self, classifier: nn.Module, contrast: ContrastFunction | None = None) -> None:
        super().__init__()
        self.classifier = classifier
        self.contrast = contrast

    def forward(self, images: Images, *told: Tensor) -> PerImage:
        """Give a number for each image (B, C, H, W), told class weights (B, classes), or fact and foil (B,)."""
        logits: Logits = self.classifier(images)
        if self.contrast is None:
            return (logits * told[0]).sum(1)
        return self.contrast(logits, told[0], told[1])


@dataclass(frozen=True)
class Answer:
    """What a method gives.

    Attributes:
        attribution: (B, C or 1, H, W).
        baseline: that it compares with (B, C, H, W), where it is one for each.
        scalars: of each image (B,).
        complete: whether the map of each image sums to what the method promises (B,); None where it promises nothing.
        trace: what the map was made of, by name, each (B, ...).
    """

    attribution: Images
    baseline: Images | None = None
    scalars: dict[str, PerImage] = field(default_factory=dict)
    complete: Tensor | None = None
    trace: dict[str, Tensor] = field(default_factory=dict)


def completeness(maps: Images, rise: PerImage, tolerance: float = torch.inf) -> tuple[dict[str, PerImage], Tensor]:
    """Give ``completeness_error``, absolute and relative to the rise, and whether that is within the tolerance.

    Args:
        maps: (B, C, H, W).
        rise: S(x) - S(baseline), that a map is to sum to (B,).
        tolerance: relative.
    """
    error = (maps.flatten(1).sum(1) - rise).abs()
    relative = error / rise.abs().clamp(min=1e-12)
    scalars = {"completeness_error": error, "relative_completeness_error": relative}
    return scalars, relative <= tolerance


def squares(inputs: Images, count: int) -> int:
    """Give the side in pixels of squares of which ``count`` fill the shorter side of images (B, C, H, W).

    Raises:
        InputError: the images are smaller than that.
    """
    shorter = min(inputs.shape[2:])
    if shorter < count:
        raise InputError(f"images must be at least {count} pixels wide and high, got {tuple(inputs.shape[2:])}")
    return shorter // count


def mean_over_baselines(method: Callable[[Asked], Images], asked: Asked) -> Images:
    """Give the mean of a method's maps (B, C or 1, H, W) over the baselines of each image."""
    return torch.stack([method(one) for one in asked.each_baseline()]).mean(0)
