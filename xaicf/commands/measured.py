"""What was measured of the explainers of a store, as a page shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xaicf.core import Labels
from xaicf.evaluation import MEASURES
from xaicf.store import Evaluation
from xaicf.viz.measures import MeasureRow, Value

COUNTERFACTUALS, MAPS, OTHERS = GROUPS = ("Counterfactuals", "Signed maps", "Other measures")


def _meaning(function: Callable[..., object]) -> str:
    """Give the first line of a measure's docstring without its verb."""
    return (function.__doc__ or "").strip().partition("\n")[0].replace("``", "").removeprefix("Give ")


KNOWN = {
    **{
        measure.name: (COUNTERFACTUALS if measure.of == "counterfactual" else MAPS, _meaning(measure.function))
        for measure in MEASURES
    },
    "latent_distance": (COUNTERFACTUALS, "the squared distance in latent space that the search reports."),
    "gradient_evaluations": (COUNTERFACTUALS, "the number of gradients that the search reports."),
    "neighbours_of_foil": (COUNTERFACTUALS, "the share of the nearest training images that are called the foil."),
    "im1": (
        COUNTERFACTUALS,
        "the error of the foil's autoencoder over that of the fact's; below 1 the foil fits better.",
    ),
    "im2": (COUNTERFACTUALS, "how far the foil's autoencoder and that of all classes differ, over the image's sum."),
    "diversity": (COUNTERFACTUALS, "the mean distance between the counterfactuals from several starts of the search."),
    "frechet_distance": (COUNTERFACTUALS, "between the classifier's features of training images and counterfactuals."),
    "completeness_error": (MAPS, "by how much the map's sum misses what it should add up to."),
    "foil_correlation": (MAPS, "rank correlation with the map for another foil; near 1 the foil does not matter."),
    "noise_correlation": (MAPS, "rank correlation with the map for the image with a little noise."),
    "seconds_per_image": (OTHERS, "mean time that the answer to a question took."),
}
"""Group and meaning of each measure; of those that need more than an explanation, in words for a page."""


@dataclass(frozen=True)
class Measured:
    """What was measured of one explainer.

    Attributes:
        means: by measure.
        higher_is_better: by measure; None where neither way is.
        columns: of each measure a number for each question, NaN where it does not count.
        places: of a sample id and a foil in the columns.
    """

    means: Mapping[str, Value]
    higher_is_better: Mapping[str, bool | None]
    columns: Mapping[str, npt.NDArray[np.float64]]
    places: Mapping[tuple[int, int], int]

    def of(self, index: Labels, foil: Labels) -> dict[str, Tensor]:
        """Give each measure for some questions (B,); NaN for those that it was not taken of."""
        keys = zip(index.tolist(), foil.tolist(), strict=True)
        rows = np.array([self.places.get(key, -1) for key in keys])
        return {
            name: torch.from_numpy(np.where(rows < 0, np.nan, column[rows])) for name, column in self.columns.items()
        }


def measured(evaluation: Evaluation, explainer: str) -> Measured:
    """Pick one explainer out of an evaluation; measures without any number for it are left out."""
    mine = {str(row["measure"]): row for row in evaluation.rows if row["explainer"] == explainer and row["n"]}
    chosen = np.array([name == explainer for name in evaluation.table["explainer"].to_pylist()])
    table = {name: evaluation.table[name].to_numpy()[chosen] for name in evaluation.table.column_names}
    columns = {name: table[name].astype(np.float64) for name in sorted(mine, key=_place) if name in table}
    return Measured(
        {name: _value(row) for name, row in mine.items()},
        {name: {"higher": True, "lower": False}.get(str(row.get("better"))) for name, row in mine.items()},
        {name: column for name, column in columns.items() if not np.isnan(column).all()},
        {key: place for place, key in enumerate(zip(table["index"].tolist(), table["foil"].tolist(), strict=True))},
    )


def measure_rows(found: Mapping[str, Measured]) -> list[MeasureRow]:
    """Put what was measured of several explainers side by side, a row for each measure, in groups."""
    better = {name: way for one in found.values() for name, way in one.higher_is_better.items()}
    rows = []
    for name, higher_is_better in sorted(better.items(), key=lambda item: _place(item[0])):
        group, meaning = KNOWN.get(name, (OTHERS, ""))
        values = {explainer: one.means[name] for explainer, one in found.items() if name in one.means}
        rows.append(MeasureRow(name, group, higher_is_better, values, meaning))
    return rows


def _place(measure: str) -> int:
    """Give the place of a measure's group on the page."""
    return GROUPS.index(KNOWN.get(measure, (OTHERS, ""))[0])


def _value(row: Mapping[str, Any]) -> Value:
    return Value(float(row["mean"]), int(row["n"]), row.get("low"), row.get("high"))
