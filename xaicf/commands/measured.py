"""What was measured of the explainers of a store, as a page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xaicf.core import Labels
from xaicf.evaluation import About
from xaicf.store import Evaluation
from xaicf.viz.page.measures import REPORTED, MeasureRow, Value

GROUPS = {
    "counterfactual": "Counterfactuals",
    "attribution": "Signed maps",
    "scalars": REPORTED,
}
"""Headings of the groups of measures, in their order on the page."""

OTHERS = "Other measures"


@dataclass(frozen=True)
class Measurements:
    """What was measured of one explainer.

    Attributes:
        means: by measure.
        about: by measure.
        columns: of each measure a number for each question, NaN where it does not count.
        places: of a sample id and a foil in the columns.
    """

    means: Mapping[str, Value]
    about: Mapping[str, About]
    columns: Mapping[str, npt.NDArray[np.float64]]
    places: Mapping[tuple[int, int], int]

    def of(self, index: Labels, foil: Labels) -> dict[str, Tensor]:
        """Give each measure for some questions (B,); NaN for those that it was not taken of."""
        keys = zip(index.tolist(), foil.tolist(), strict=True)
        rows = np.array([self.places.get(key, -1) for key in keys])
        return {
            name: torch.from_numpy(np.where(rows < 0, np.nan, column[rows])) for name, column in self.columns.items()
        }


def measured(evaluation: Evaluation, explainer: str) -> Measurements:
    """Pick one explainer out of an evaluation; measures without any number for it are left out."""
    mine: dict[str, Mapping[str, Any]]
    mine = {str(row["measure"]): row for row in evaluation.rows if row["explainer"] == explainer and row["n"]}
    chosen = np.array([name == explainer for name in evaluation.table["explainer"].to_pylist()])
    table = {name: evaluation.table[name].to_numpy()[chosen] for name in evaluation.table.column_names}
    columns = {
        name: table[name].astype(np.float64)
        for name in sorted(mine, key=lambda name: _place(mine[name].get("group")))
        if name in table
    }
    return Measurements(
        {name: _value(row) for name, row in mine.items()},
        {name: About(*(row[key] for key in ("group", "better", "meaning"))) for name, row in mine.items()},
        {name: column for name, column in columns.items() if not np.isnan(column).all()},
        {key: place for place, key in enumerate(zip(table["index"].tolist(), table["foil"].tolist(), strict=True))},
    )


def measure_rows(found: Mapping[str, Measurements]) -> list[MeasureRow]:
    """Put what was measured of several explainers side by side, a row for each measure, in groups."""
    about = {name: told for one in found.values() for name, told in one.about.items()}
    rows = []
    for name, told in sorted(about.items(), key=lambda item: _place(item[1].group)):
        values = {explainer: one.means[name] for explainer, one in found.items() if name in one.means}
        higher = {"higher": True, "lower": False}.get(str(told.better))
        rows.append(MeasureRow(name, GROUPS.get(told.group, OTHERS), higher, values, told.meaning))
    return rows


def _place(group: object) -> int:
    return list(GROUPS).index(group) if group in GROUPS else len(GROUPS)


def _value(row: Mapping[str, Any]) -> Value:
    return Value(float(row["mean"]), int(row["n"]), row.get("low"), row.get("high"))
