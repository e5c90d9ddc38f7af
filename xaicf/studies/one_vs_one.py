"""What studies of one class against another share: a case with its translator, and attributions by baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from xaicf.core import Explanation, Subject
from xaicf.explainers import Attribution
from xaicf.explainers.baselines import Baseline, BaselineName, Ganmex
from xaicf.studies.asking import predicted
from xaicf.studies.case import CASES, Case, Examined, Foreign
from xaicf.studies.study import Place, Row


@dataclass(frozen=True)
class Second:
    """A classifier that had no part in a translator's training.

    Args:
        config: file for ``python -m xaicf fit``.
        seed: of its training.
        foreign: a classifier made elsewhere in its place.
    """

    config: str = ""
    seed: int = 1
    foreign: Foreign | None = None

    def network(self, place: Place) -> nn.Module:
        """Train it, or make it."""
        return place.network(self.config, self.seed) if self.foreign is None else self.foreign.make(place.root)


@dataclass(frozen=True)
class TranslatedCase:
    """A classifier, its images, and a translator that was trained against it.

    Args:
        case: classifier and images.
        translator: file for ``python -m xaicf fit``.
        second: another classifier of the same data, trained independently.
    """

    case: Case
    translator: str
    second: Second | None = None

    def subject(self, place: Place, model: Mapping[str, Any] | None = None, seed: int = 0) -> tuple[Examined, Subject]:
        """Give what is examined, and the subject with translator and all training images, training what is missing.

        Args:
            place: where the study works.
            model: arguments of the translator that differ from its file's.
            seed: of its training.
        """
        examined = self.case.examined(place)
        translator = place.network(self.translator, seed, model=model)
        return examined, Subject(examined.network, translator=translator, reference=examined.data.reference(whole=True))

    def second_network(self, place: Place) -> nn.Module | None:
        """Give the second classifier, if there is one."""
        return None if self.second is None else self.second.network(place)


MNIST_CASE = TranslatedCase(
    Case("MNIST", "configs/classifier/mnist.yaml"), "configs/ganmex/mnist.yaml", Second("configs/classifier/mnist.yaml")
)
FASHION_CASE = TranslatedCase(
    Case("Fashion-MNIST", "configs/classifier/fashion_mnist.yaml"), "configs/ganmex/fashion_mnist.yaml"
)
BAM_CASE = TranslatedCase(Case("BAM", "configs/classifier/bam.yaml"), "configs/ganmex/bam.yaml")
COLOURED_CASE = TranslatedCase(
    Case("coloured MNIST", "configs/classifier/coloured_mnist.yaml"), "configs/ganmex/coloured_mnist.yaml"
)
FRUIT_CASE = TranslatedCase(Case("fruit", "configs/classifier/fruit.yaml"), "configs/ganmex/fruit.yaml")
CIFAR_CASE = TranslatedCase(CASES[0], "configs/ganmex/cifar10.yaml", Second(foreign=CASES[1].foreign))


TOLERANCE = 0.05
"""Of completeness, for integrated gradients: where a map lies is known long before its sum."""


def of_batches(count: int) -> dict[str, Any]:
    """Give a trainer's settings for a training of so many batches, which a few others validate."""
    return {"max_epochs": 1, "limit_train_batches": count, "limit_val_batches": 10}


def attributions(unfit: bool = False) -> dict[str, Attribution]:
    """Give integrated gradients of S_fact - S_foil from the paper's baselines, by the paper's names.

    Args:
        unfit: take any translator, fit or not.
    """
    baselines: dict[str, BaselineName | Baseline] = {"zero": "zero", "MDTS": "mdts", "GANMEX": Ganmex(unfit=unfit)}
    integrated = {
        name: Attribution("integrated_gradients", "pair", baseline=baseline, tolerance=TOLERANCE)
        for name, baseline in baselines.items()
    }
    integrated["EG"] = Attribution("gradient_shap", "pair", baseline="foil_samples")
    return {name: integrated[name] for name in ("zero", "MDTS", "EG", "GANMEX")}


def of_baselines(words: str, found: Explanation, classifier: nn.Module) -> list[Row]:
    """Say whether baselines are members of the foil near the image; nothing where there are several for each.

    Args:
        words: what the rows' names begin with.
        found: with a baseline for each image.
        classifier: that was asked.
    """
    if found.baseline is None:
        return []
    valid = predicted(classifier, found.baseline) == found.foil
    distance = (found.baseline - found.inputs).abs().mean((1, 2, 3))
    return [
        Row.share(f"{words}: baselines that the classifier calls the foil", valid, better="higher"),
        Row.mean(f"{words}: L1 distance of the baseline", distance, better="lower"),
    ]
