"""CDeepEx, §4.3 and Fig. 7: a classifier that looks for a planted square, and whether an explanation shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.data import BiasedMNIST
from xaicf.explainers import Attribution, Bent, CDeepEx, Explainer
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.cdeepex_rivals import bent_rivals
from xaicf.studies.planted import VISIBLE, Found, measure
from xaicf.studies.study import Better, Place, Row, Study
from xaicf.viz.heatmap import heatmap, picture


@dataclass(frozen=True)
class CDeepExBias(Study):
    """Plants a grey square on one class, trains a classifier that looks for it, and asks for that class.

    The images explained carry no square; "why not 8?" must be answered by it. CDeepEx is asked for several ε, xGEMs
    and attributions beside it, and CDeepEx once more with a generator that never saw a square.

    Args:
        classifier_seeds: of the classifiers.
        images: explained, from the test split, none of the marked class.
        rival_images: the first of them, for the slow rivals that are bent.
        epsilons: of CDeepEx.
        epsilon: the one whose numbers carry the goals.
        classifier: configuration of a classifier on biased digits.
        generator: of a generator on the same; once more, its training is run with a black square, which is none.

    Raises:
        InputError: ``epsilon`` is not among ``epsilons``.
    """

    title: ClassVar[str] = "Does the explanation of a classifier that looks for a planted square show it"

    classifier_seeds: Sequence[int] = (0, 1, 2)
    images: int = 1000
    rival_images: int = 200
    epsilons: Sequence[float] = (0.1, 0.3, 1.0, 3.0, 5.0)
    epsilon: float = 3.0
    classifier: str = "configs/classifier/biased_mnist.yaml"
    generator: str = "configs/vae/biased_mnist.yaml"

    def __post_init__(self) -> None:
        if not self.classifier_seeds:
            raise InputError("classifier_seeds must hold a seed")
        if self.epsilon not in self.epsilons:
            raise InputError(f"epsilon must be one of epsilons, {list(self.epsilons)}, got {self.epsilon}")

    @property
    def seeds(self) -> Sequence[int]:
        """Those of the classifiers."""
        return self.classifier_seeds

    def quick(self) -> Self:
        """Give one seed, one ε and two images."""
        return replace(
            self, classifier_seeds=self.classifier_seeds[:1], images=2, rival_images=1, epsilons=(self.epsilon,)
        )

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Train three kinds of networks, and ask."""
        clean, marked = (BiasedMNIST(place.root, marked_test=which) for which in ("none", "all"))
        clean.setup()
        labels = clean.split("test").labels
        foil, square = clean.square.marked_class, clean.square.place
        digits, squared = (data.samples(range(len(labels)), "test")["image"] for data in (clean, marked))
        seen = marked.reference()
        others = (labels != foil).nonzero().flatten()
        shown = digits[others[: self.images]]
        generators = {
            "biased": place.network(self.generator),
            "clean": place.network(self.generator, data={"grey": 0.0}),
        }
        recognised, turned = [], []
        found: dict[str, list[Found]] = {}
        pictures: dict[str, Explanation] = {}
        for seed in self.seeds:
            classifier = place.network(self.classifier, seed)
            recognised.append(float((predicted(classifier, digits[labels == foil]) == foil).double().mean()))
            turned.append(float((predicted(classifier, squared[others]) == foil).double().mean()))
            asked = shown[predicted(classifier, shown) != foil]
            for name, explainer, generator in self._explainers():
                subject = Subject(classifier, generators[generator], reference=seen)
                few = asked[: self.rival_images] if isinstance(explainer, Bent) else asked
                explanation = explain_all(explainer, subject, few, foil=foil)
                found.setdefault(name, []).append(measure(explanation, square))
                pictures.setdefault(name, explanation)
        rows = [
            Row.over_seeds(
                "8s without a square that are recognised",
                recognised,
                int((labels == foil).sum()),
                0.05,
                0.1,
                "lower",
            ),
            Row.over_seeds(
                "other digits that the square turns into 8",
                turned,
                len(others),
                0.77,
                0.55,
                "higher",
            ),
        ]
        for name, seeds in found.items():
            rows += self._rows(name, seeds)
        return rows, {"squares": _squares(pictures, square), "epsilons": self._trade(found)}

    def _explainers(self) -> list[tuple[str, Explainer, str]]:
        """Name the explainers, and say with which generator each is asked."""
        cdeepex: list[tuple[str, Explainer, str]] = [
            (_title(epsilon), CDeepEx(epsilon), "biased") for epsilon in self.epsilons
        ]
        rivals: list[tuple[str, Explainer, str]] = [
            (f"{method}, pair", Attribution(method, "pair"), "biased")
            for method in ("gradient", "input_x_gradient", "integrated_gradients", "gradcam", "linear_approximation")
        ]
        return [
            *cdeepex,
            ("xGEMs", CDeepEx(constrain_others=False), "biased"),
            (f"{_title(self.epsilon)}, no square in the generator", CDeepEx(self.epsilon), "clean"),
            *rivals,
            *((f"{name}, bent", explainer, "biased") for name, explainer in bent_rivals().items()),
        ]

    def _rows(self, name: str, seeds: Sequence[Found]) -> list[Row]:
        """Give the rows of an explainer; goals are for CDeepEx with the chosen ε."""
        chosen = name == _title(self.epsilon)

        def row(words: str, field: str, goal: float | None, better: Better) -> Row:
            values = [getattr(one, field) for one in seeds]
            counts = [one.images if field in {"solved", "visible"} else one.known for one in seeds]
            return Row.over_seeds(f"{name}: {words}", values, min(counts), None, goal if chosen else None, better)

        searched = [
            row("solved", "solved", None, "higher"),
            row("median squared latent distance", "distance", None, "lower"),
            row("a third class is above the tie", "third", 0.0, "lower"),
            row(f"square adds more than {VISIBLE} of grey", "visible", 0.95, "higher"),
        ]
        return [
            row("place of the square among all windows", "rank", 1.0, "lower"),
            row("overlap of the strongest window with the square", "overlap", None, "higher"),
            row("its share of the map over its share of the area, median", "focus", 8.0, "higher"),
            *(searched if not torch.isnan(torch.tensor(seeds[0].visible)) else []),
        ]

    def _trade(self, found: dict[str, list[Found]]) -> Figure:
        """Draw what a larger ε brings and costs."""
        figure = Figure(figsize=(11, 3.6), layout="constrained")
        panels: list[tuple[str, Callable[[Found], float]]] = [
            ("square's share of the map\n/ of the area (median image)", lambda one: one.focus),
            (f"images where the square\nadds > {VISIBLE} grey", lambda one: one.visible),
            ("images solved", lambda one: one.solved),
            ("median squared\nlatent distance", lambda one: one.distance),
        ]
        for axes, (title, value) in zip(figure.subplots(1, len(panels)), panels, strict=True):
            for number, seed in enumerate(self.seeds):
                axes.plot(
                    range(len(self.epsilons)),
                    [value(found[_title(epsilon)][number]) for epsilon in self.epsilons],
                    marker="o",
                    label=f"seed {seed}",
                )
                axes.axhline(value(found["xGEMs"][number]), color=f"C{number}", linestyle=":", linewidth=1)
            axes.set_title(title, fontsize=9)
            axes.set_xlabel("ε (nats)")
            axes.set_xticks(range(len(self.epsilons)), [f"{epsilon:g}" for epsilon in self.epsilons])
        figure.axes[0].legend(fontsize=8, title="dotted: xGEMs", title_fontsize=8)
        return figure


def _title(epsilon: float) -> str:
    return f"CDeepEx, ε {epsilon:g}"


def _squares(pictures: dict[str, Explanation], square: tuple[slice, slice], columns: int = 6) -> Figure:
    """Draw the first images and their maps, a row for each explainer, and the mean map with the square's outline."""
    figure = Figure(figsize=(1.5 * (columns + 2), 1.62 * (len(pictures) + 1)), layout="constrained")
    grid = figure.subplots(len(pictures) + 1, columns + 1, squeeze=False)
    first = next(iter(pictures.values()))
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for column in range(columns):
        if column < len(first):
            grid[0, column].imshow(picture(first.inputs[column]))
            grid[0, column].set_title(f"a {int(first.fact[column])}: why not 8?", fontsize=8)
    grid[0, 0].set_ylabel("input", fontsize=7)
    grid[0, columns].axis("off")
    for line, (name, explanation) in enumerate(pictures.items(), 1):
        assert explanation.attribution is not None
        for column in range(min(columns, len(explanation))):
            grid[line, column].imshow(heatmap(explanation.attribution[column], explanation.inputs[column]))
        mean = explanation.attribution[explanation.status == Status.SOLVED].mean(0)
        grid[line, columns].imshow(heatmap(mean, torch.zeros_like(mean)))
        rows, across = square
        edges = (across.start - 0.5, rows.start - 0.5), across.stop - across.start, rows.stop - rows.start
        grid[line, columns].add_patch(Rectangle(*edges, fill=False, edgecolor="black", linewidth=0.8))
        grid[line, 0].set_ylabel(name.replace(", ", "\n").replace(" in the ", "\nin the "), fontsize=7)
    grid[1, columns].set_title("mean; outline:\nthe square", fontsize=8)
    figure.suptitle("red speaks for the digit, blue for the 8; each map has its own scale", fontsize=9)
    return figure
