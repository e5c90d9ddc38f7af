"""CDeepEx, §4.5 and Fig. 10: what classifiers of different architectures have learned of clothes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import ClassVar, Self

from matplotlib.figure import Figure

from xaicf.core import Explanation, Status, Subject
from xaicf.data import FashionMNIST
from xaicf.explainers import CDeepEx
from xaicf.studies.agreement import agreement
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

QUESTIONS = (("T-shirt/top", "Shirt"), ("Trouser", "Coat"))
"""Fact and foil of the paper's figure."""

DRAWN = 3

QUICK = 200
"""Of the test images, those that a quick run looks at."""


@dataclass(frozen=True)
class CDeepExArchitectures(Study):
    """Asks several classifiers of Fashion-MNIST two questions in one generator.

    Each is asked with other classes held back, and without.

    Args:
        images: for each question, the first of the test split that all classifiers get right.
        epsilon: of CDeepEx, in nats.
        classifiers: configurations.
        generator: configuration.
    """

    title: ClassVar[str] = "Classifiers of different architectures, asked the same"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles for distances, bootstrap for agreements"

    images: int = 128
    epsilon: float = 1.0
    classifiers: Sequence[str] = (
        "configs/classifier/fashion_mnist_vgg.yaml",
        "configs/classifier/fashion_mnist_resnet.yaml",
    )
    generator: str = "configs/vae/fashion_mnist.yaml"

    def quick(self) -> Self:
        """Give two images."""
        return replace(self, images=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask each classifier both questions, in both ways."""
        data = FashionMNIST(place.root)
        data.setup()
        labels = data.split("test").labels[: QUICK if place.quick else None]
        clothes = data.samples(range(len(labels)), "test")["image"]
        generator = place.network(self.generator)
        networks = {Path(config).stem.rpartition("_")[2]: place.network(config) for config in self.classifiers}
        rows: list[Row] = []
        right = labels >= 0
        for name, network in networks.items():
            correct = predicted(network, clothes) == labels
            rows.append(Row.share(f"{name}: accuracy", correct, better="higher"))
            right &= correct
        figures: dict[str, Figure] = {}
        for number, (fact, foil) in enumerate(QUESTIONS):
            words = f"{fact}, not {foil}?"
            asked = labels == data.class_names.index(fact)
            shown = clothes[asked & (right | place.quick)][: self.images]
            answers: dict[tuple[str, str], Explanation] = {}
            for (name, network), constrained in product(networks.items(), (True, False)):
                explainer = CDeepEx(self.epsilon, constrain_others=constrained)
                classes = data.class_names.index(fact), data.class_names.index(foil)
                found = explain_all(explainer, Subject(network, generator), shown, *classes)
                how = "CDeepEx" if constrained else "xGEMs"
                answers[name, how] = found
                solved = found.status == Status.SOLVED
                third = (found.scalars["third_class_margin"] < 0)[solved]
                distance = found.scalars["latent_distance"].masked_fill(~solved, float("nan"))
                rows += [
                    Row.share(f"{words} {how}, {name}: solved", solved, better="higher"),
                    Row.share(f"{words} {how}, {name}: a third class is above the tie", third, better="lower"),
                    Row.median(f"{words} {how}, {name}: squared latent distance", distance),
                ]
            for how in ("CDeepEx", "xGEMs"):
                together = agreement([answers[name, how] for name in networks])
                rows.append(Row.mean(f"{words} {how}: agreement over classifiers", together))
            titled = {f"{name}\n{how}": one for (name, how), one in answers.items()}
            drawn = range(min(DRAWN, len(shown)))
            figures[f"question_{number + 1}"] = draw_maps(titled, drawn, data.class_names, ties=True)
        return rows, figures
