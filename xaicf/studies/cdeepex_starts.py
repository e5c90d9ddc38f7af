"""CDeepEx, Fig. 5: do answers agree that begin elsewhere, or in another generator?"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.data import MNIST
from xaicf.evaluation.statistics import bootstrap_mean
from xaicf.explainers import CDeepEx
from xaicf.studies.asking import explain_all
from xaicf.studies.study import Place, Row, Study, kind_of
from xaicf.viz.heatmap import heatmap, picture

DRAWN = 4


@dataclass(frozen=True)
class CDeepExStarts(Study):
    """Compares the maps of CDeepEx, and those of xGEMs, over starts and generators.

    The agreement of an image is the mean correlation of its maps over all pairs of starts and generators, or of those
    where both found a tie.

    Args:
        images: explained, the first of the test split.
        starts: of each search; the first is z0, the others are near it.
        epsilon: how far third classes stay below, in nats.
        classifier: configuration.
        generators: configurations.

    Raises:
        InputError: there are fewer than two answers to compare.
    """

    title: ClassVar[str] = "Agreement of maps over starts and generators"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images"

    images: int = 128
    starts: int = 3
    epsilon: float = 1.0
    classifier: str = "configs/classifier/mnist.yaml"
    generators: Sequence[str] = ("configs/vae/mnist.yaml", "configs/wgan/mnist_penalty.yaml")

    def __post_init__(self) -> None:
        if self.starts * len(self.generators) < 2:
            raise InputError(f"starts times generators must be at least 2, got {self.starts}, {len(self.generators)}")

    def quick(self) -> Self:
        """Give two images, two starts and one generator."""
        return replace(self, images=2, starts=2, generators=self.generators[:1])

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask from every start with every generator."""
        classifier = place.network(self.classifier)
        images = MNIST(place.root).samples(range(self.images), "test")["image"]
        answers: dict[str, dict[str, Explanation]] = {"CDeepEx": {}, "xGEMs": {}}
        for config in self.generators:
            subject = Subject(classifier, place.network(config))
            kind = kind_of(config)
            for start in range(self.starts):
                for name, constrained in (("CDeepEx", True), ("xGEMs", False)):
                    explainer = CDeepEx(self.epsilon, constrain_others=constrained).from_start(start)
                    answers[name][f"{kind}, start {start}"] = explain_all(explainer, subject, images)
        rows = [self._solved(name, title, one) for name, own in answers.items() for title, one in own.items()]
        groups = {"all": "", **{f"{kind_of(config)} alone": kind_of(config) for config in self.generators}}
        for words, kind in groups.items():
            pairs = {
                name: agreement([one for title, one in own.items() if title.startswith(kind)])
                for name, own in answers.items()
            }
            apart = pairs["CDeepEx"] - pairs["xGEMs"]
            for title, values, goal in (
                ("CDeepEx", pairs["CDeepEx"], None),
                ("xGEMs", pairs["xGEMs"], None),
                ("CDeepEx less xGEMs, paired", apart, 0.0),
            ):
                mean = bootstrap_mean(values.numpy())
                rows.append(
                    Row(
                        f"agreement, {words}: {title}",
                        None if mean.n == 0 else mean.mean,
                        None if mean.n == 0 else mean.low,
                        None if mean.n == 0 else mean.high,
                        mean.n,
                        None,
                        goal,
                        "higher",
                    )
                )
        return rows, {"maps": _draw(answers)}

    def _solved(self, name: str, title: str, found: Explanation) -> Row:
        solved = float((found.status == Status.SOLVED).double().mean())
        return Row(f"solved, {name}, {title}", solved, n=len(found), better="higher")


def agreement(answers: Sequence[Explanation]) -> Tensor:
    """Give the mean correlation over pairs of maps (N,), NaN where no two are solved."""
    correlations = []
    for first, second in itertools.combinations(answers, 2):
        assert first.attribution is not None
        assert second.attribution is not None
        pair = torch.stack([first.attribution, second.attribution]).double().sum(2).flatten(2)
        pair = pair - pair.mean(2, keepdim=True)
        value = (pair[0] * pair[1]).sum(1) / pair.square().sum(2).sqrt().prod(0).clamp(min=1e-12)
        both = (first.status == Status.SOLVED) & (second.status == Status.SOLVED)
        correlations.append(value.masked_fill(~both, torch.nan))
    return torch.stack(correlations).nanmean(0)


def _draw(answers: dict[str, dict[str, Explanation]]) -> Figure:
    """Draw the first images, and their maps from every start, a row for each."""
    lines = [(name, title, one) for name, own in answers.items() for title, one in own.items()]
    first = lines[0][2]
    columns = min(DRAWN, len(first))
    figure = Figure(figsize=(1.4 * (len(lines) + 1), 1.75 * columns), layout="constrained")
    grid = figure.subplots(columns, len(lines) + 1, squeeze=False)
    for row in range(columns):
        grid[row, 0].imshow(picture(first.inputs[row]))
        grid[row, 0].set_title(f"{int(first.fact[row])}, not {int(first.foil[row])}?", fontsize=8)
        for axes, (name, title, one) in zip(grid[row, 1:], lines, strict=True):
            assert one.attribution is not None
            axes.imshow(heatmap(one.attribution[row], one.inputs[row]))
            solved = "" if int(one.status[row]) == Status.SOLVED else " (unsolved)"
            axes.set_title(f"{name}\n{title}{solved}", fontsize=7)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    figure.suptitle("red speaks for the fact, blue for the foil; each map has its own scale", fontsize=9)
    return figure
