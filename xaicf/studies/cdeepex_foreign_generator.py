"""CDeepEx, §4.6 and Fig. 11: a generator that was trained on other data than the classifier."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from matplotlib.figure import Figure

from xaicf.core import Explanation, Status, Subject
from xaicf.data import MNIST
from xaicf.evaluation.counterfactual import l1
from xaicf.explainers import CDeepEx
from xaicf.studies.agreement import agreement
from xaicf.studies.asking import explain_all
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

DRAWN = 4


@dataclass(frozen=True)
class CDeepExForeignGenerator(Study):
    """Explains digits in a generator of digits, and in one of clothes that never saw a digit.

    Args:
        images: explained, the first of the test split.
        epsilon: of CDeepEx, in nats.
        classifier: configuration.
        generator: configuration of one of the same data.
        foreign: of one of other data.
    """

    title: ClassVar[str] = "A generator of the classifier's data, and one of other data"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles, bootstrap for agreements"

    images: int = 256
    epsilon: float = 1.0
    classifier: str = "configs/classifier/mnist.yaml"
    generator: str = "configs/vae/mnist.yaml"
    foreign: str = "configs/vae/fashion_mnist.yaml"

    def quick(self) -> Self:
        """Give two images."""
        return replace(self, images=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask in both generators, with and without other classes held back."""
        classifier = place.network(self.classifier)
        inputs = MNIST(place.root).samples(range(self.images), "test")["image"]
        answers: dict[tuple[str, str], Explanation] = {}
        rows: list[Row] = []
        for name, config in (("own", self.generator), ("foreign", self.foreign)):
            subject = Subject(classifier, place.network(config))
            for how, constrained in (("CDeepEx", True), ("xGEMs", False)):
                found = explain_all(CDeepEx(self.epsilon, constrain_others=constrained), subject, inputs)
                answers[how, name] = found
                solved = found.status == Status.SOLVED
                third = (found.scalars["third_class_margin"] < 0)[solved]
                rows += [
                    Row.share(f"{how}, {name} generator: solved", solved, better="higher"),
                    Row.share(f"{how}, {name} generator: a third class is above the tie", third, better="lower"),
                    Row.median(f"{how}, {name} generator: mean change of a pixel", l1(subject, found), None, "lower"),
                ]
            missed = answers["CDeepEx", name].scalars["reconstruction_error"]
            words = f"{name} generator: root mean square of what it cannot draw"
            rows.append(Row.median(words, missed, better="lower"))
        for how in ("CDeepEx", "xGEMs"):
            together = agreement([answers[how, name] for name in ("own", "foreign")])
            rows.append(Row.mean(f"{how}: agreement of the maps in both generators", together, better="higher"))
        titled = {f"{how}\n{name} generator": one for (how, name), one in answers.items()}
        return rows, {"maps": draw_maps(titled, range(min(DRAWN, self.images)), ties=True)}
