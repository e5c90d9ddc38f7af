"""Prototypes of digits: edits that firm the classifier up (Fig. 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Images, InputError, Labels, Subject
from xaicf.data import MNIST
from xaicf.explainers import Prototype
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.inverting import RememberedInversion
from xaicf.studies.paths import draw_paths
from xaicf.studies.study import Place, Row, Study, kinds_of


@dataclass(frozen=True)
class GCIPrototype(Study):
    """Firms test images up, and measures how far they are from the mean of their class in the training split.

    Args:
        classifier: its configuration.
        generators: theirs.
        pulls: of the step back, the first of which is the one to judge by.
        images: of the test, the first.
        frames: of each way.
    """

    title: ClassVar[str] = "Prototypes: surer, and nearer to the mean of their class"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles for medians"

    classifier: str = "configs/classifier/mnist.yaml"
    generators: Sequence[str] = ("configs/vae/mnist.yaml", "configs/wgan/mnist_latent10.yaml")
    pulls: Sequence[float] = (0.5, 0.0, 0.8)
    images: int = 300
    frames: int = 9

    def __post_init__(self) -> None:
        if not self.pulls or not all(0 <= pull < 1 for pull in self.pulls):
            raise InputError(f"pulls must be one or more numbers in [0, 1), got {list(self.pulls)}")
        if self.frames < 2:
            raise InputError(f"frames must be at least 2, got {self.frames}")

    def quick(self) -> Self:
        """Give two images, one generator and one pull."""
        return replace(self, generators=self.generators[:1], pulls=self.pulls[:1], images=2, frames=3)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask, measure and draw one way for each digit."""
        classifier, data = place.network(self.classifier), MNIST(place.root)
        images = data.samples(range(self.images), "test")["image"]
        known = data.reference(count=10000)
        means = _means(known["image"], known["label"], data.num_classes)
        answers = predicted(classifier, images)
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for kind, config in zip(kinds_of(self.generators), self.generators, strict=True):
            subject, inversion = Subject(classifier, place.network(config)), RememberedInversion()
            for pull in self.pulls:
                first = pull == self.pulls[0]
                explainer = Prototype(
                    pull=pull, frames=self.frames if first else 0, precision="single", inversion=inversion
                )
                found = explain_all(explainer, subject, images)
                words = f"{kind}, pull {pull:g}"
                assert found.counterfactual is not None
                surer = found.scalars["log_odds_after"] > found.scalars["log_odds"]
                rise = found.scalars["log_odds_after"] - found.scalars["log_odds"]
                before, after = (_apart(some, means[answers]) for some in (images, found.counterfactual))
                rows += [
                    Row.share(f"{words}: surer", surer, 0.99 if first else None, "higher"),
                    Row.median(f"{words}: rise of the log-odds, nats", rise, better="higher"),
                    Row.median(f"{words}: L1 change, sum over pixels", found.scalars["distance"], better="lower"),
                    Row.median(f"{words}: distance to the class mean, after / before", after / before, better="lower"),
                    Row.share(f"{words}: nearer to the class mean", after < before, better="higher"),
                ]
                if first:
                    shown = [int((answers == digit).nonzero()[0]) for digit in sorted(set(answers.tolist()))]
                    name = f"{kind.lower()}_prototypes".replace(" ", "_")
                    figures[name] = draw_paths(found, shown, self.frames, data.class_names)
        return rows, figures


def _means(images: Images, labels: Labels, num_classes: int) -> Images:
    """Give the mean image of each class (classes, C, H, W)."""
    return torch.stack([images[labels == label].mean(0) for label in range(num_classes)])


def _apart(images: Images, others: Images) -> Tensor:
    apart: Tensor = torch.linalg.vector_norm((images - others).flatten(1), dim=1)
    return apart
