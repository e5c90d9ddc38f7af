"""CDeepEx, §4.2 and Fig. 6: maps change with the classifier, and not with the generator."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.data import MNIST
from xaicf.evaluation.statistics import compare
from xaicf.explainers import CDeepEx
from xaicf.studies.agreement import agreement
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.study import Place, Row, Study, kinds_of
from xaicf.viz import draw_maps

NEAR = 0.05
"""How far a classifier's accuracy may be from the wanted one."""

DRAWN = 3


@dataclass(frozen=True)
class CDeepExStaged(Study):
    """Asks "why not 8?" of one classifier as it learns the 8, in two generators.

    The agreement of an image over classifiers is the mean correlation of its maps over all pairs of stages, in one
    generator; that over generators is the mean correlation over pairs of generators, at one stage. If maps told of the
    generator and not of the classifier, the first would be the larger. Generators decode one digit differently, which
    lowers the second whatever the classifier does; so maps of two generators are compared once more, where both tell
    of one classifier and where they tell of two. Were the classifier not in them, these two were equal.

    Args:
        images: explained, the first of the test split that all stages give the same class, and not 8.
        epsilon: of CDeepEx, in nats.
        accuracies: of the stages between the first, which has seen no 8, and the trained classifier.
        last: accuracy that the trained classifier is to have.
        classifier: configuration of one that keeps its stages.
        generators: configurations, of two or more.

    Raises:
        InputError: there are fewer than two generators.
    """

    title: ClassVar[str] = 'Do maps of "why not 8?" change with the classifier, and not with the generator'
    spread: ClassVar[str] = "Wilson's interval of 95 % for accuracies, bootstrap over images for agreements"

    images: int = 256
    epsilon: float = 1.0
    accuracies: Sequence[float] = (0.3, 0.6)
    last: float = 0.99
    foil: int = 8
    classifier: str = "configs/classifier/late_mnist.yaml"
    generators: Sequence[str] = ("configs/vae/mnist.yaml", "configs/ae/mnist.yaml")

    def __post_init__(self) -> None:
        if len(self.generators) < 2:
            raise InputError(f"generators must be two or more, got {list(self.generators)}")

    def quick(self) -> Self:
        """Give two images and no stage but the first and the last."""
        return replace(self, images=2, accuracies=())

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask every stage in every generator."""
        stages = {0.0: f"class_{self.foil}_unseen.ckpt"}
        stages |= {one: f"class_{self.foil}_at_{one:g}.ckpt" for one in self.accuracies}
        # A training of one epoch meets the class at once.
        early = {"late_epoch": 0} if place.quick else {}
        classifiers = {at: place.network(self.classifier, 0, name, early) for at, name in stages.items()}
        classifiers[self.last] = place.network(self.classifier, 0, None, early)
        data = MNIST(place.root)
        data.setup()
        labels = data.split("test").labels
        digits = data.samples(range(len(labels)), "test")["image"]
        rows, answered = [], []
        for at, classifier in classifiers.items():
            answered.append(predicted(classifier, digits))
            right = (answered[-1] == self.foil)[labels == self.foil]
            rows.append(Row.share(f"accuracy on {self.foil}, wanted {at:g}", right))
            apart = abs(float(right.double().mean()) - at)
            rows.append(Row(f"its distance from {at:g}", apart, n=len(right), goal=NEAR, better="lower"))
        same = torch.stack(answered).eq(answered[0]).all(0) & (answered[0] != self.foil)
        shown = digits[same][: self.images]
        maps: dict[tuple[float, str], Explanation] = {}
        kinds = kinds_of(self.generators)
        for kind, config in zip(kinds, self.generators, strict=True):
            generator = place.network(config)
            for at, classifier in classifiers.items():
                found = explain_all(CDeepEx(self.epsilon), Subject(classifier, generator), shown, foil=self.foil)
                maps[at, kind] = found
                solved = found.status == Status.SOLVED
                rows.append(Row.share(f"solved, {kind}, accuracy {at:g}", solved, better="higher"))
        rows += self._agreements(maps, list(classifiers))
        titled = {f"{kind}\naccuracy {at:g}": one for (at, kind), one in maps.items()}
        return rows, {"maps": draw_maps(titled, range(min(DRAWN, len(shown))))}

    def _agreements(self, maps: dict[tuple[float, str], Explanation], stages: Sequence[float]) -> list[Row]:
        kinds = kinds_of(self.generators)
        over_classifiers = _mean([agreement([maps[at, kind] for at in stages]) for kind in kinds])
        over_generators = _mean([agreement([maps[at, kind] for kind in kinds]) for at in stages])
        over_both = _mean(
            [
                agreement([maps[one, kind], maps[other, another]])
                for one, other in permutations(stages, 2)
                for kind, another in combinations(kinds, 2)
            ]
        )
        rows = [
            Row.mean("agreement over classifiers, in one generator", over_classifiers, better="lower"),
            Row.mean("agreement over generators, of one classifier", over_generators, better="higher"),
            Row.mean("agreement over generators, of two classifiers", over_both, better="lower"),
        ]
        for words, other in (("in one generator", over_classifiers), ("of two classifiers", over_both)):
            test = compare(over_generators.numpy(), other.numpy())
            rows.append(Row.mean(f"over generators, of one classifier, less {words}", over_generators - other))
            rows.append(Row(f"its rank-biserial effect, {words}", test.effect, n=test.n, goal=0.0, better="higher"))
            rows.append(Row(f"its p by Wilcoxon, two-sided, {words}", test.p, n=test.n))
        for at in stages[:-1]:
            nearer = _mean([agreement([maps[at, kind], maps[stages[-1], kind]]) for kind in kinds])
            rows.append(Row.mean(f"agreement of accuracy {at:g} with the trained one", nearer))
        return rows


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).nanmean(0)
