"""CDeepEx, Fig. 5: do answers agree that begin elsewhere, or in another generator?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from matplotlib.figure import Figure

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.data import MNIST
from xaicf.explainers import CDeepEx
from xaicf.studies.agreement import agreement
from xaicf.studies.asking import explain_all
from xaicf.studies.study import Place, Row, Study, kinds_of
from xaicf.viz import draw_maps

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
        kinds = kinds_of(self.generators)
        for kind, config in zip(kinds, self.generators, strict=True):
            subject = Subject(classifier, place.network(config))
            for start in range(self.starts):
                for name, constrained in (("CDeepEx", True), ("xGEMs", False)):
                    explainer = CDeepEx(self.epsilon, constrain_others=constrained).from_start(start)
                    answers[name][f"{kind}, start {start}"] = explain_all(explainer, subject, images)
        rows = [self._solved(name, title, one) for name, own in answers.items() for title, one in own.items()]
        groups = {"all": "", **{f"{kind} alone": f"{kind}, " for kind in kinds}}
        for words, kind in groups.items():
            pairs = {
                name: agreement([one for title, one in own.items() if title.startswith(kind)])
                for name, own in answers.items()
            }
            apart = pairs["CDeepEx"] - pairs["xGEMs"]
            for title, values in (*pairs.items(), ("CDeepEx less xGEMs, paired", apart)):
                rows.append(Row.mean(f"agreement, {words}: {title}", values, better="higher"))
            lowest = rows[-1]
            rows.append(Row(f"{lowest.measure}: lower end", lowest.low, n=lowest.n, goal=0.0, better="higher"))
        titled = {f"{name}\n{title}": one for name, own in answers.items() for title, one in own.items()}
        return rows, {"maps": draw_maps(titled, range(min(DRAWN, self.images)))}

    def _solved(self, name: str, title: str, found: Explanation) -> Row:
        solved = float((found.status == Status.SOLVED).double().mean())
        return Row(f"solved, {name}, {title}", solved, n=len(found), better="higher")
