"""GANMEX: what a translator makes of the image for class foil."""

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import nn

from xaicf.core import (
    FITNESS,
    Images,
    InputError,
    Labels,
    Subject,
    Translator,
    is_out_of_memory,
    network_sha256,
)
from xaicf.explainers.baselines.base import Baseline

LIMITS: dict[str, tuple[Literal["least", "most"], float]] = {
    "validity": ("least", 0.9),
    "second_validity": ("least", 0.7),
    "input_dependence": ("least", 0.5),
    "relative_distance": ("most", 1.0),
    "relative_frechet": ("most", 1.0),
}
"""What a translator's numbers must be, at least or at most, see :mod:`xaicf.evaluation.translation`."""

CHUNK = 256
"""Images that are translated at a time."""


class Ganmex(Baseline):
    """G(x, foil), by the subject's translator: the image redrawn as a member of the foil.

    A translator that does not make members of the foil, or the same one of every image, gives maps that look like
    explanations and are none. So one whose own numbers, taken when it was last validated, are beyond
    :data:`LIMITS` is refused, and so is one whose validity was never measured, or that was trained against another
    classifier than the subject's. Another number that was not measured is let pass, as is a translator that does not
    keep any. How each image fared is in the
    scalar ``foil_probability_baseline`` of an explanation.

    Reference: Shih et al. 2021, "GANMEX", equations 1 and 2.

    Args:
        limits: other limits than :data:`LIMITS`, by name.
        unfit: take a translator whatever its numbers.
        foreign: take one that was trained against another classifier.

    Raises:
        InputError: a limit has no known name.
    """

    needs = ("translator",)

    def __init__(self, limits: Mapping[str, float] | None = None, unfit: bool = False, foreign: bool = False) -> None:
        unknown = set(limits or {}) - set(FITNESS)
        if unknown:
            raise InputError(f"limits are on {', '.join(FITNESS)}, got {', '.join(sorted(unknown))}")
        self.limits = {name: (side, (limits or {}).get(name, limit)) for name, (side, limit) in LIMITS.items()}
        self.unfit = unfit
        self.foreign = foreign

    def check(self, subject: Subject) -> None:
        """Refuse a translator that is unfit, with the number.

        Raises:
            InputError: there is none, it is unfit, or was trained against another classifier.
        """
        super().check(subject)
        translator = subject.translator
        assert isinstance(translator, Translator)
        if translator.fitness is not None and not self.unfit:
            self._check_fitness(translator.fitness)
        trained = translator.classifier_sha256
        if not self.foreign and trained is not None and trained != network_sha256(subject.classifier):
            raise InputError(
                "translator was trained against another classifier than the subject's, so that its images explain that "
                "one; train one against this, or set the baseline's foreign to true"
            )

    def _check_fitness(self, numbers: Mapping[str, float]) -> None:
        if math.isnan(numbers.get("validity", math.nan)):
            raise InputError(
                "translator is unfit as a baseline: its validity was never measured; validate it with LogTranslations, "
                "or set the baseline's unfit to true"
            )
        for name, (side, limit) in self.limits.items():
            value = numbers.get(name, math.nan)
            if value < limit if side == "least" else value > limit:
                raise InputError(
                    f"translator is unfit as a baseline: its {name} is {value:.3g}, and must be at {side} {limit:g}; "
                    "train it further, or set the baseline's limits, or unfit to true"
                )

    def __call__(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Images:
        """Give (B, C, H, W) in [0, 1]."""
        return translated(subject.translator, inputs, foil)


@torch.no_grad()
def translated(translator: nn.Module | None, images: Images, classes: Labels) -> Images:
    """Redraw images (B, C, H, W) as members of classes (B,), some at a time.

    Raises:
        InputError: the translator does not take them.
    """
    assert isinstance(translator, Translator)
    try:
        chunks = zip(torch.split(images, CHUNK), torch.split(classes, CHUNK), strict=True)
        return torch.cat([translator.translate(some, of) for some, of in chunks]).detach()
    except (RuntimeError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        raise InputError(f"translator does not take images of {tuple(images.shape[1:])}: {error}") from error
