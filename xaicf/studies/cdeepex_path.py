"""CDeepEx, Fig. 3 and 4: how probabilities move on the way to the tie, with and without third classes held back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Images, InputError, Labels, Latents, PerImage, Subject, as_found
from xaicf.data import MNIST
from xaicf.explainers import CDeepEx, classify, resolve_classes
from xaicf.explainers.latent import latent_images
from xaicf.explainers.solvers import AugmentedLagrangian, Problem, Search
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.heatmap import picture

SHOWN = 6
"""Images along a path."""


class Traced(Search):
    """Remembers every point that it looks at, for each row."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.points: list[list[Tensor]] = [[] for _ in range(len(problem.start))]

    def offer(self, points: Latents, rows: Labels, violations: PerImage) -> None:
        """Remember points, and keep the best."""
        super().offer(points, rows, violations)
        for point, row in zip(points.detach(), rows.tolist(), strict=True):
            self.points[row].append(point)


class Way(NamedTuple):
    """Of one image: probabilities of fact, foil and the best other class (steps, 3), images on the way, the end's."""

    probabilities: Tensor
    images: Images
    found: bool


@dataclass(frozen=True)
class CDeepExPath(Study):
    """Follows the augmented Lagrangian as printed, by plain descent, for some images.

    Args:
        images: followed, the first of the test split.
        drawn: of them, those whose xGEM ends highest in a third class.
        epsilon: how far third classes stay below, in nats.
        outer_steps: of the augmented Lagrangian.
        classifier: configuration.
        generator: configuration.
    """

    title: ClassVar[str] = "Probabilities on the way to the tie, with and without third classes held back"
    spread: ClassVar[str] = "Wilson's interval of 95 %"

    images: int = 128
    drawn: int = 3
    epsilon: float = 1.0
    outer_steps: int = 50
    classifier: str = "configs/classifier/mnist.yaml"
    generator: str = "configs/vae/mnist.yaml"

    def __post_init__(self) -> None:
        if not 1 <= self.drawn <= self.images:
            raise InputError(f"drawn must be in [1, images], got {self.drawn} of {self.images}")

    def quick(self) -> Self:
        """Give two images and a short search."""
        return replace(self, images=2, drawn=1, outer_steps=5)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Follow the search with and without the constraints on other classes."""
        subject = Subject(place.network(self.classifier), place.network(self.generator))
        images = MNIST(place.root).samples(range(self.images), "test")["image"]
        fact, foil = resolve_classes(classify(subject, images))
        ways = {
            name: self._follow(subject, images, fact, foil, constrained)
            for name, constrained in (("with", True), ("without", False))
        }
        rows = []
        for name, found in ways.items():
            ended = [way.probabilities[-1] for way in found]
            third = torch.tensor([bool(end[2] > end[:2].min()) for end in ended])
            words = f"a third class is above the tie, {name} constraints on other classes"
            rows.append(Row.share(words, third, 0.0 if name == "with" else None, "lower"))
        heights = torch.stack([way.probabilities[-1, 2] for way in ways["without"]])
        chosen = heights.argsort(descending=True)[: self.drawn].tolist()
        return rows, {"paths": _draw(ways, chosen, fact, foil)}

    def _follow(self, subject: Subject, images: Images, fact: Labels, foil: Labels, constrained: bool) -> list[Way]:
        explainer = CDeepEx(self.epsilon, constrain_others=constrained, precision="single")
        solver = AugmentedLagrangian("descent", inner_steps=20, outer_steps=self.outer_steps)
        ways = []
        with (
            as_found(*subject.modules),
            torch.enable_grad(),
            latent_images(subject, images, fact, True, "single", explainer.inversion) as space,
        ):
            search = Traced(explainer.problem(space, fact, foil))
            solver(search, torch.ones_like(search.feasible))
            with torch.no_grad():
                for row, points in enumerate(search.points):
                    at = torch.full((len(points),), row)
                    probabilities = space.logits(torch.stack(points), at).softmax(1)
                    pair = probabilities[:, [int(fact[row]), int(foil[row])]]
                    rest = probabilities.clone()
                    rest[:, [int(fact[row]), int(foil[row])]] = 0
                    some = torch.linspace(0, len(points) - 1, SHOWN).round().long()
                    shown = space.image(torch.stack(points)[some], at[some])
                    traced = torch.cat([pair, rest.amax(1, keepdim=True)], 1)
                    ways.append(Way(traced, shown, bool(search.feasible[row])))
        return ways


def _draw(ways: dict[str, list[Way]], chosen: Sequence[int], fact: Labels, foil: Labels) -> Figure:
    """Draw, for each image, the curve of probabilities and images on the way, once with and once without."""
    figure = Figure(figsize=(13, 3.4 * len(chosen)), layout="constrained")
    blocks = figure.subfigures(len(chosen), len(ways), squeeze=False)
    for line, row in enumerate(chosen):
        for block, (name, found) in zip(blocks[line], ways.items(), strict=True):
            question = f"Why {int(fact[row])}, and not {int(foil[row])}?"
            block.suptitle(f"{question}  Other classes {'held back' if name == 'with' else 'free'}", fontsize=10)
            axes = block.subplot_mosaic([["curve"] * SHOWN, [f"image {n}" for n in range(SHOWN)]], height_ratios=[2, 1])
            _curve(axes["curve"], found[row].probabilities, int(fact[row]), int(foil[row]))
            for number in range(SHOWN):
                axes[f"image {number}"].imshow(picture(found[row].images[number]))
                axes[f"image {number}"].set(xticks=[], yticks=[])
            axes["image 0"].set_title("input", fontsize=8)
            axes[f"image {SHOWN - 1}"].set_title("end", fontsize=8)
    return figure


def _curve(axes: Axes, probabilities: Tensor, fact: int, foil: int) -> None:
    for column, (label, colour) in enumerate(
        ((f"fact: {fact}", "#b2182b"), (f"foil: {foil}", "#2166ac"), ("best other class", "#7f7f7f"))
    ):
        axes.plot(probabilities[:, column], label=label, color=colour)
    axes.set(xlabel="steps of descent", ylabel="probability", ylim=(-0.02, 1.02))
    axes.legend(fontsize=8, loc="upper right")
