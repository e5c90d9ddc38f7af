"""CDeepEx's ties, certified from the networks and the pictures alone, beside xGEMs' (§3, Fig. 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from xaicf.core import Explanation, Images, Status, Subject
from xaicf.data import MNIST, FashionMNIST
from xaicf.explainers import CDeepEx
from xaicf.explainers.precision import Precision
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.study import Better, Place, Row, Study, kinds_of

FIXED = 8
"""The foil of "why not 8?"."""

Data = Literal["MNIST", "FashionMNIST"]

DATA: dict[Data, type[MNIST]] = {"MNIST": MNIST, "FashionMNIST": FashionMNIST}


@dataclass(frozen=True)
class Networks:
    """What ties are searched with.

    Attributes:
        data: that both are of.
        classifier: its configuration.
        generator: its configuration.
        goal: for the share of ties that hold.
        precision: of the networks in the search; ``single`` for a generator without an encoder, whose inversion is
            most of the work. Certificates are in single precision always.
        sweep: whether other ε are tried.
    """

    data: Data
    classifier: str
    generator: str
    goal: float = 1.0
    precision: Precision = "double"
    sweep: bool = True


VAES = (
    Networks("MNIST", "configs/classifier/mnist.yaml", "configs/vae/mnist.yaml"),
    Networks("FashionMNIST", "configs/classifier/fashion_mnist.yaml", "configs/vae/fashion_mnist.yaml"),
)


class Certified(NamedTuple):
    """Which ties hold and where a third class is above them (N,), and squared latent distances (N,)."""

    holds: Tensor
    third: Tensor
    distance: Tensor


@dataclass(frozen=True)
class CDeepExCertified(Study):
    """Counts the ties that hold when log-likelihoods are computed afresh from the pictures.

    CDeepEx is asked through the clamp, so that what is seen is certified, and without it, as the paper has it; xGEMs
    for the second class and for a fixed one.

    Args:
        images: explained, the first of the test split.
        epsilon: how far third classes stay below, in nats.
        tolerance: of the ties, in nats.
        epsilons: others than that, to see what each costs.
        few: images for those, the first.
        pairs: classifiers, each with a generator.
    """

    title: ClassVar[str] = "Ties that hold, and third classes above them"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, quartiles for distances"

    images: int = 1000
    epsilon: float = 1.0
    tolerance: float = 0.01
    epsilons: Sequence[float] = (0.1, 0.3, 3.0, 5.0)
    few: int = 256
    pairs: Sequence[Networks] = VAES

    def quick(self) -> Self:
        """Give two images and one pair of networks."""
        return replace(self, images=2, epsilons=(), pairs=self.pairs[:1])

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask each pair of networks."""
        rows: list[Row] = []
        distances: dict[str, list[Tensor]] = {}
        kinds = kinds_of([pair.generator for pair in self.pairs])
        for kind, pair in zip(kinds, self.pairs, strict=True):
            subject = Subject(place.network(pair.classifier), place.network(pair.generator))
            images = DATA[pair.data](place.root).samples(range(self.images), "test")["image"]
            name = f"{pair.data}, {kind.split()[0]}"
            name = name if name not in distances else f"{pair.data}, {kind}"
            found, more = self._rows(name, subject, images, pair)
            rows += found
            distances[name] = more
        return rows, {"distances": _draw(distances)}

    def _rows(self, name: str, subject: Subject, images: Images, pair: Networks) -> tuple[list[Row], list[Tensor]]:
        def ask(explainer: CDeepEx, foil: int | None = None) -> Certified:
            asked = images if foil is None else images[predicted(subject.classifier, images) != foil]
            explanation = explain_all(explainer, subject, asked, foil=foil)
            return certify(subject.classifier, explanation, self.tolerance, explainer.epsilon)

        def share(words: str, which: Tensor, goal: float | None, better: Better) -> Row:
            return Row.share(f"{name}: {words}", which, goal, better)

        def explainer(epsilon: float = self.epsilon, constrained: bool = True, clamp: bool = True) -> CDeepEx:
            return CDeepEx(epsilon, self.tolerance, constrain_others=constrained, clamp=clamp, precision=pair.precision)

        seen, printed, xgem = ask(explainer()), ask(explainer(clamp=False)), explainer(constrained=False)
        second, fixed = ask(xgem), ask(xgem, FIXED)
        both = seen.holds & printed.holds
        extra = (seen.distance / printed.distance)[both].double()
        rows = [
            share("certified as seen, CDeepEx", seen.holds, pair.goal, "higher"),
            share("certified without the clamp, CDeepEx", printed.holds, None, "higher"),
            share("a third class above, CDeepEx", seen.third, 0.0, "lower"),
            share("a third class above, xGEMs, second class", second.third, None, "lower"),
            share(f'a third class above, xGEMs, "why not {FIXED}?"', fixed.third, None, "lower"),
            Row.median(f"{name}: squared latent distance through the clamp / without", extra, better="lower"),
        ]
        for epsilon in self.epsilons if pair.sweep else ():
            found = explain_all(explainer(epsilon), subject, images[: self.few])
            certified = certify(subject.classifier, found, self.tolerance, epsilon)
            rows += [
                share(f"certified as seen, CDeepEx, ε {epsilon:g}", certified.holds, None, "higher"),
                Row.median(
                    f"{name}: squared latent distance, ε {epsilon:g} / ε {self.epsilon:g}",
                    certified.distance / seen.distance[: self.few],
                    better="lower",
                ),
            ]
        return rows, [seen.distance[seen.holds], second.distance]


@torch.no_grad()
def certify(classifier: nn.Module, explanation: Explanation, tolerance: float, epsilon: float) -> Certified:
    """Compute log-likelihoods afresh, image by image, and compare them; no scalar of the explanation is used.

    Args:
        classifier: images to logits.
        explanation: with counterfactuals (N).
        tolerance: largest difference at a tie, in nats.
        epsilon: how far every other class is to stay below, less the tolerance.
    """
    assert explanation.counterfactual is not None
    holds, third = [], []
    for image, fact, foil in zip(explanation.counterfactual, explanation.fact, explanation.foil, strict=True):
        llh = classifier(image[None]).log_softmax(1)[0].tolist()
        lower = min(llh[fact], llh[foil])
        other = max(value for number, value in enumerate(llh) if number not in {int(fact), int(foil)})
        holds.append(abs(llh[fact] - llh[foil]) <= tolerance and lower - other >= epsilon - tolerance)
        third.append(other > lower)
    distance = explanation.scalars["latent_distance"].masked_fill(explanation.status != Status.SOLVED, torch.nan)
    return Certified(torch.tensor(holds), torch.tensor(third), distance)


def _draw(distances: dict[str, list[Tensor]]) -> Figure:
    """Draw the distances of CDeepEx and xGEMs."""
    figure = Figure(figsize=(4 * len(distances), 3.2), layout="constrained")
    grid = figure.subplots(1, len(distances), squeeze=False)
    for axes, (name, values) in zip(grid.flat, distances.items(), strict=True):
        for label, one in zip(("CDeepEx", "xGEMs"), values, strict=True):
            known = one[one.isfinite()].sqrt().sort().values
            axes.plot(known, np.linspace(0, 1, len(known)), label=f"{label} (n = {len(known):,})")
        axes.set(title=name, xlabel="latent distance of the tie", ylabel="share of images below")
        axes.legend(fontsize=8)
    return figure
