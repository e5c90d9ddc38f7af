"""GANMEX, Fig. 3 and 5A: what is left of baselines and maps when the classifier's weights are made random."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import nn

from xaicf.core import Explanation, Images, Labels, Subject, network_sha256
from xaicf.core.checkpoint import RECIPE
from xaicf.evaluation.randomisation import SIMILARITIES, cascade, similarities
from xaicf.explainers import Attribution
from xaicf.explainers.baselines import Ganmex
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.one_vs_one import MNIST_CASE, TOLERANCE, TranslatedCase, of_batches
from xaicf.studies.study import Place, Row, Study
from xaicf.tasks import Task
from xaicf.viz.heatmap import heatmap, picture

SMALLER: dict[str, Any] = {"generator": {"init_args": {"width": 16}}}
"""Arguments of the task that differ from the configuration's: eight and more translators are trained."""

METHODS = ("integrated_gradients", "deeplift", "occlusion")


@dataclass(frozen=True)
class GanmexRandomisation(Study):
    """Randomises a classifier from the top down, and compares maps of one class against another with the first ones.

    Translators: ``GANMEX`` is the one that was trained against the classifier as it was; ``GANMEX retrained`` is
    trained against each randomised one; ``stand-alone GAN`` is a StarGAN with a class discriminator of its own. All are
    trained for as many batches, so that what differs is the classifier. The floor of a row is the similarity for two
    unrelated classifiers, all of whose weights are random. ``another seed`` is the translator trained once more against
    the classifier as it was: what retraining alone changes.

    Args:
        pair: classifier, data and translator.
        methods: of attribution, the first to be drawn.
        images: of the test that the classifier knows, the first.
        model: arguments of the translators that differ from the configuration's.
        batches: of each translator's training.
        drawn: of the images, in the picture.
    """

    title: ClassVar[str] = "Maps and baselines as the classifier's layers are randomised from the top"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images"

    pair: TranslatedCase = MNIST_CASE
    methods: Sequence[str] = METHODS
    images: int = 60
    model: Mapping[str, Any] = field(default_factory=lambda: SMALLER)
    batches: int = 700
    drawn: int = 2

    def quick(self) -> Self:
        """Give four images and one method, with all layers random."""
        return replace(self, methods=self.methods[:1], images=4, drawn=1)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Train, explain and compare."""
        examined = self.pair.case.examined(place)
        classifier = examined.network
        which = (examined.logits.argmax(1) == examined.labels).nonzero().flatten()[: self.images]
        if place.quick:
            which = torch.arange(self.images)
        images = examined.images(which)
        fact, foil = examined.logits[which].topk(2).indices.unbind(1)
        stages = dict(list(cascade(classifier, images))[-1 if place.quick else 0 :])
        *_, unrelated = cascade(classifier, images, seed=1)
        reference = examined.data.reference(whole=True)
        asked = _Asked(images, fact, foil, reference)
        first = self._translator(place, classifier, "as it was")
        alone = self._translator(place, classifier, "as it was", class_discriminator="own")
        again = self._translator(place, classifier, "as it was", seed=1)
        retrained = {name: self._translator(place, network, f"to {name}") for name, network in stages.items()}
        other = self._translator(place, unrelated[1], "unrelated")
        last = list(stages)[-1]
        rows: list[Row] = []
        none: dict[str, nn.Module | None] = dict.fromkeys(stages)
        kinds: dict[str, tuple[nn.Module | None, Mapping[str, nn.Module | None], tuple[nn.Module | None, ...]]] = {
            "zero": (None, none, (None, None)),
            "MDTS": (None, none, (None, None)),
            "EG": (None, none, (None, None)),
            "GANMEX": (first, dict.fromkeys(stages, first), (first, first)),
            "GANMEX retrained": (first, retrained, (retrained[last], other)),
            "stand-alone GAN": (alone, dict.fromkeys(stages, alone), (alone, alone)),
        }
        shown: dict[str, list[Explanation]] = {}
        for kind, (before, after, ends) in kinds.items():
            for method in self.methods if kind != "EG" else ("gradient_shap",):
                words = f"{kind}, {method}"
                intact = asked.explained(kind, method, classifier, before)
                answers = {
                    name: asked.explained(kind, method, network, after[name]) for name, network in stages.items()
                }
                floor = [
                    asked.explained(kind, method, network, ends[number])
                    for number, network in enumerate((stages[last], unrelated[1]))
                ]
                for name, found in answers.items():
                    rows += _compared(f"{words}: maps, random to {name}", intact, found)
                rows += _compared(f"{words}: maps, floor of two random classifiers", *floor)
                if kind == "GANMEX retrained":
                    rows += _compared(
                        f"{words}: maps, another seed", intact, asked.explained(kind, method, classifier, again)
                    )
                if method == self.methods[0]:
                    rows += _of_baselines(kind, intact, answers, floor, stages)
                if method in (self.methods[0], "gradient_shap"):
                    shown[kind] = [intact, *answers.values()]
        return rows, {"cascade": _picture(shown, list(stages), self.drawn, examined.class_names)}

    def _translator(self, place: Place, classifier: nn.Module, words: str, seed: int = 0, **model: object) -> nn.Module:
        """Train a translator against a classifier that is written down for it."""
        assert isinstance(classifier, Task)
        name = f"{Path(self.pair.case.config).stem}_{words}_{network_sha256(classifier)[:12]}.ckpt"
        path = place.networks / "randomised" / name.replace(" ", "_")
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({RECIPE: classifier.recipe(), "state_dict": classifier.state_dict()}, path)
        given = {**self.model, "classifier": str(path), **model}
        return place.network(self.pair.translator, seed, model=given, trainer=of_batches(self.batches))


@dataclass(frozen=True)
class _Asked:
    """The same questions, whoever answers."""

    images: Images
    fact: Labels
    foil: Labels
    reference: Any

    def explained(self, kind: str, method: str, classifier: nn.Module, translator: nn.Module | None) -> Explanation:
        plain: dict[str, Any] = {"zero": "zero", "MDTS": "mdts", "EG": "foil_samples"}
        baseline = plain.get(kind, Ganmex(unfit=True, foreign=True))
        tolerance = TOLERANCE if method == "integrated_gradients" else None
        explainer = Attribution(method, "pair", baseline=baseline, tolerance=tolerance)  # type: ignore[arg-type]  # one of METHODS
        subject = Subject(classifier, translator=translator, reference=self.reference)
        return explain_all(explainer, subject, self.images, self.fact, self.foil)


def _compared(words: str, first: Explanation, second: Explanation) -> list[Row]:
    assert first.attribution is not None
    assert second.attribution is not None
    found = similarities(first.attribution, second.attribution)
    return [Row.mean(f"{words}, {name.replace('_', ' ')}", found[name]) for name in SIMILARITIES]


def _of_baselines(
    kind: str,
    intact: Explanation,
    answers: Mapping[str, Explanation],
    floor: Sequence[Explanation],
    stages: Mapping[str, nn.Module],
) -> Iterator[Row]:
    """Say what becomes of the baselines: how like the first ones, and whether they are taken for the foil."""
    pairs = {f"random to {name}": (intact, found) for name, found in answers.items()}
    pairs["floor of two random classifiers"] = (floor[0], floor[1])
    for words, (first, second) in pairs.items():
        assert first.baseline is not None
        assert second.baseline is not None
        alike = similarities(first.baseline, second.baseline)
        for measure in ("absolute_spearman", "ssim", "hog"):
            yield Row.mean(f"{kind}: baselines, {words}, {measure.replace('_', ' ')}", alike[measure])
    for name, found in answers.items():
        assert found.baseline is not None
        valid = predicted(stages[name], found.baseline) == found.foil
        yield Row.share(f"{kind}: baselines, random to {name}, that it calls the foil", valid)


def _picture(
    shown: Mapping[str, list[Explanation]], layers: list[str], drawn: int, class_names: tuple[str, ...]
) -> Figure:
    """Draw for each image and kind the map of each stage, below it the baseline where a translator makes it."""
    lines = [(row, kind, part) for row in range(drawn) for kind in shown for part in _parts(kind)]
    columns = 2 + len(layers)
    figure = Figure(figsize=(1.25 * columns + 1.4, 1.3 * len(lines) + 0.5), layout="constrained")
    grid = figure.subplots(len(lines), columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for line, (row, kind, part) in zip(grid, lines, strict=True):
        intact = shown[kind][0]
        line[0].imshow(picture(intact.inputs[row]))
        line[0].set_ylabel(f"{kind}\n{part}", fontsize=7, rotation=0, ha="right", va="center")
        line[0].set_title(
            f"{class_names[int(intact.fact[row])]}, not {class_names[int(intact.foil[row])]}?", fontsize=7
        )
        for axes, words, found in zip(
            line[1:], ["as it was", *(f"random to {name}" for name in layers)], shown[kind], strict=True
        ):
            if part == "map":
                assert found.attribution is not None
                axes.imshow(heatmap(found.attribution[row], found.inputs[row]))
            else:
                assert found.baseline is not None
                axes.imshow(picture(found.baseline[row]))
            axes.set_title(words, fontsize=6)
    figure.suptitle("red speaks for the class, blue for the other one; each map has its own scale", fontsize=9)
    return figure


def _parts(kind: str) -> tuple[str, ...]:
    return ("map", "baseline") if "GAN" in kind else ("map",)
