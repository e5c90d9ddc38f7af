"""GANMEX, Fig. 5B and appendix D: what each term of the generator's loss is for, on digits of three colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from matplotlib.figure import Figure

from xaicf.core import Images, Translator, as_found, other_classes
from xaicf.data.coloured import colours_of
from xaicf.evaluation.translation import measure_translations
from xaicf.explainers.baselines.translated import translated
from xaicf.studies.one_vs_one import COLOURED_CASE, TranslatedCase, of_batches
from xaicf.studies.study import Place, Row, Study
from xaicf.viz.heatmap import picture

SETTINGS: dict[str, dict[str, Any]] = {
    "similarity": {},
    "similarity and reconstruction": {"reconstruction_weight": 40.0},
    "reconstruction only": {"similarity_weight": 0.0, "reconstruction_weight": 40.0},
    "neither": {"similarity_weight": 0.0},
    "similarity, gated": {"generator": {"init_args": {"output": "gated"}}},
    "neither, gated": {"similarity_weight": 0.0, "generator": {"init_args": {"output": "gated"}}},
}
"""Arguments of the task that differ from the configuration's."""

SWEEP: dict[str, dict[str, Any]] = {
    **{f"λ_sim {value:g}": {"similarity_weight": value} for value in (10.0, 160.0)},
    **{f"λ_rec {value:g}": {"reconstruction_weight": value} for value in (10.0, 160.0)},
    **{f"λ_cls {value:g}": {"class_weight": value} for value in (0.2, 5.0)},
}
"""Each weight by itself, the others as in the configuration."""

NUMBERS = ("validity", "input_dependence", "distance", "relative_frechet")
KEPT = 0.98
"""Of the colours, with the term for similarity."""


@dataclass(frozen=True)
class GanmexLosses(Study):
    """Trains a translator for each setting and seed, and asks of each test image for one other digit.

    Args:
        pair: classifier, data and translator.
        settings: of Fig. 5B, by name.
        sweep: further settings, of one seed.
        seeds_: of the trainings.
        batches: of each training.
        images: of the test, the first.
    """

    title: ClassVar[str] = "Colours that a translator keeps, by the terms of its loss"

    pair: TranslatedCase = COLOURED_CASE
    settings: Mapping[str, dict[str, Any]] = field(default_factory=lambda: SETTINGS)
    sweep: Mapping[str, dict[str, Any]] = field(default_factory=lambda: SWEEP)
    seeds_: Sequence[int] = (0, 1, 2)
    batches: int = 400
    images: int = 2000

    @property
    def seeds(self) -> Sequence[int]:
        """Those of the translators' trainings."""
        return self.seeds_

    def quick(self) -> Self:
        """Give two settings, one seed and sixteen images."""
        few = dict(list(self.settings.items())[:2])
        return replace(self, settings=few, sweep={}, seeds_=(0,), images=16)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Train, measure and draw."""
        examined = self.pair.case.examined(place)
        data = examined.data
        batch = data.samples(range(min(self.images, len(data.split("test")))), "test")
        training = data.reference(whole=True)
        rows: list[Row] = []
        shown: dict[str, Images] = {}
        kinds = {**dict.fromkeys(self.settings, self.seeds_), **dict.fromkeys(self.sweep, self.seeds_[:1])}
        for name, seeds in kinds.items():
            model = {**self.settings, **self.sweep}[name]
            kept, found = list[float](), list[Mapping[str, float]]()
            for seed in seeds:
                trained = place.network(self.pair.translator, seed, model=model, trainer=of_batches(self.batches))
                assert isinstance(trained, Translator)
                with as_found(trained):
                    measured = measure_translations(
                        trained.translate, examined.network, batch, training, data.num_classes, foils=1
                    )
                    # What it is asked for by one foil.
                    classes = other_classes(batch["label"], batch["index"], data.num_classes)
                    made = translated(trained, batch["image"], classes)
                found.append(measured.numbers)
                kept.append(float((colours_of(made) == colours_of(batch["image"])).double().mean()))
                if seed == seeds[0] and name in self.settings:
                    shown[name] = made[:10]
            count = len(batch["label"])
            goal = KEPT if name == "similarity" else None
            rows.append(Row.over_seeds(f"{name}: colour kept", kept, count, None, goal, "higher"))
            for number in NUMBERS:
                values = [one[number] for one in found]
                rows.append(Row.over_seeds(f"{name}: {number.replace('_', ' ')}", values, count))
        return rows, {"colours": _picture(batch["image"][:10], shown)}


def _picture(inputs: Images, shown: Mapping[str, Images]) -> Figure:
    lines = {"input": inputs, **shown}
    figure = Figure(figsize=(0.85 * len(inputs) + 2.2, 0.85 * len(lines) + 0.4), layout="constrained")
    grid = figure.subplots(len(lines), len(inputs), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for line, (name, images) in zip(grid, lines.items(), strict=True):
        line[0].set_ylabel(
            name.replace(" and ", "\nand ").replace(", ", ",\n"), fontsize=7, rotation=0, ha="right", va="center"
        )
        for axes, image in zip(line, images, strict=True):
            axes.imshow(picture(image))
    figure.suptitle("digits redrawn as another one, by the terms of the generator's loss", fontsize=9)
    return figure
