"""CDeepEx, §4.1.1 and Fig. 2: beside methods that say why a class, bent into contrasts."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.core import Explanation, Status, Subject
from xaicf.data import MNIST
from xaicf.explainers import Attribution, Bent, CDeepEx, Explainer, PredictionDifference
from xaicf.studies.asking import explain_all
from xaicf.studies.imposing import imposed
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

QUESTIONS = ((4, 9), (0, 6), (5, 6), (3, 8))
"""Fact and foil of the paper's figure."""


def bent_rivals() -> dict[str, Explainer]:
    """Name the paper's rivals, and occlusion."""
    whys: dict[str, Explainer] = {
        "PDA": PredictionDifference(),
        "GradCAM": Attribution("gradcam", "logit"),
        "LIME": Attribution("lime", "logit"),
        "LRP": Attribution("lrp", "logit"),
        "occlusion": Attribution("occlusion", "logit"),
    }
    return {name: Bent(why) for name, why in whys.items()}


@dataclass(frozen=True)
class CDeepExRivals(Study):
    """Asks CDeepEx and its rivals why not the second class, and imposes what they answer.

    Each map is taken off the image, so many times that pixels change as much in all as from the image to CDeepEx's tie:
    then every method has the same means. What is to be seen is whether the foil gains on the fact, and whether it is
    the foil that gains and not a third class.

    Args:
        images: explained, the first of the test split.
        epsilon: of CDeepEx, in nats.
        classifier: configuration.
        generator: configuration.
    """

    title: ClassVar[str] = "Maps of rivals, bent into contrasts and imposed on the image"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles for gains"

    images: int = 256
    epsilon: float = 1.0
    classifier: str = "configs/classifier/mnist.yaml"
    generator: str = "configs/vae/mnist.yaml"

    def quick(self) -> Self:
        """Give two images."""
        return replace(self, images=2)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask every explainer."""
        data = MNIST(place.root)
        subject = Subject(place.network(self.classifier), place.network(self.generator), reference=data.reference())
        inputs = data.samples(range(self.images), "test")["image"]
        explainers: dict[str, Explainer] = {
            "CDeepEx": CDeepEx(self.epsilon),
            "xGEMs": CDeepEx(self.epsilon, constrain_others=False),
            **bent_rivals(),
        }
        answers = {name: explain_all(one, subject, inputs) for name, one in explainers.items()}
        tie = answers["CDeepEx"].counterfactual
        assert tie is not None
        size = (tie - inputs).abs().sum((1, 2, 3))
        rows: list[Row] = []
        for name, answer in answers.items():
            rows += self._rows(name, subject, answer, size)
        return rows, {"maps": draw_maps(answers, _chosen(answers["CDeepEx"]))}

    def _rows(self, name: str, subject: Subject, answer: Explanation, size: torch.Tensor) -> list[Row]:
        assert answer.attribution is not None
        changed = imposed(answer.inputs, answer.attribution, size)
        with torch.no_grad():
            before, after = (subject.classifier(images).log_softmax(1) for images in (answer.inputs, changed))
        pair = torch.stack([answer.fact, answer.foil], 1)
        gaps = [llh.gather(1, pair) for llh in (before, after)]
        gain = (gaps[1][:, 1] - gaps[1][:, 0]) - (gaps[0][:, 1] - gaps[0][:, 0])
        others = after.scatter(1, pair, -torch.inf).amax(1)
        way = gain / (gaps[0][:, 0] - gaps[0][:, 1])
        third = others > gaps[1][:, 1]
        return [
            Row.share(f"{name}: solved", answer.status == Status.SOLVED, better="higher"),
            Row.median(f"{name}: share of the way to the tie that its map goes, in nats", way, None, "higher"),
            Row.share(f"{name}: a third class is more likely than the foil then", third, None, "lower"),
            Row.share(f"{name}: fact falls and foil rises", _both(gaps), None, "higher"),
        ]


def _both(gaps: list[torch.Tensor]) -> torch.Tensor:
    before, after = gaps
    return (after[:, 0] < before[:, 0]) & (after[:, 1] > before[:, 1])


def _chosen(answer: Explanation) -> list[int]:
    """Give the first image of each of the paper's questions, and the first images where there are none."""
    found = []
    for fact, foil in QUESTIONS:
        own = ((answer.fact == fact) & (answer.foil == foil)).nonzero().flatten()
        found += own[:1].tolist()
    return found or list(range(min(len(answer), len(QUESTIONS))))
