"""Stores as one table: a row for each question, with its pictures beside its numbers."""

import math
from collections.abc import Mapping

from xaicf import store
from xaicf.callbacks.logging import Table
from xaicf.core import Explanation, Status
from xaicf.viz.heatmap import heatmap, picture

KEY = "explain/table"
"""Under which the table is logged."""

FIRST = ("epoch", "id", "explainer", "label", "predicted", "correct", "fact", "foil", "status")
"""Columns before the numbers."""

PICTURES = ("input", "counterfactual", "baseline", "attribution")
"""Columns after the numbers."""

ROWS = 10_000
"""Most that W&B shows of a table."""

Measures = Mapping[tuple[str, int, int], Mapping[str, float]]
"""Of an explainer, a sample id and a foil, measures by name."""


def explanation_table(stores: Mapping[int, str], images: int | None = None, measures: Measures | None = None) -> Table:
    """Put what stores hold into one table that filters and groups by each of its columns.

    Classes are told by their names, so that rows group by them. ``predicted`` is what the classifier says, which is
    the fact of every question here, and ``correct`` whether it is the label. A number that an explainer does not give,
    or that is not finite, is left blank, as is a picture. Beyond :data:`ROWS` rows the earliest are left out.

    Args:
        stores: by the epoch that they are of; 0 for one that is of no training.
        images: of each store, those with the lowest ids; all if left out.
        measures: that stand beside the explainers' own scalars.

    Returns:
        The columns :data:`FIRST`, a number for each scalar and measure, sorted, and :data:`PICTURES`. A scalar called
        like one of these has ``(scalar)`` behind its name.

    Raises:
        DataError: a store is missing, damaged or not complete.
    """
    rows: list[tuple[dict[str, object], dict[str, float]]] = []
    for epoch, path in stores.items():
        manifest = store.Manifest.read(store.Folder(path))
        stop = None if images is None else manifest.ids[:images][-1] + 1
        for explainer in manifest.explainers:
            for part in store.parts(path, explainer, PICTURES[1:], stop=stop):
                for row, (id_, label) in enumerate(zip(part.index.tolist(), part.label.tolist(), strict=True)):
                    one = part.explanation[row]
                    told = {"epoch": epoch, "id": id_, "explainer": explainer, **_classes(one, label, manifest)}
                    numbers = {_column(name): float(values[0]) for name, values in one.scalars.items()}
                    numbers |= (measures or {}).get((explainer, id_, int(one.foil[0])), {})
                    rows.append(({**told, **_pictures(one)}, numbers))
    rows = rows[-ROWS:]
    names = sorted({name for _, numbers in rows for name, number in numbers.items() if math.isfinite(number)})
    cells = [
        [
            *(told[name] for name in FIRST),
            *(number if math.isfinite(number := numbers.get(name, math.nan)) else None for name in names),
            *(told[name] for name in PICTURES),
        ]
        for told, numbers in rows
    ]
    return Table(KEY, [*FIRST, *names, *PICTURES], cells)


def measures_of(evaluation: store.Evaluation) -> Measures:
    """Give what was measured, by question."""
    found: dict[tuple[str, int, int], dict[str, float]] = {}
    for row in evaluation.table.to_pylist():
        key = (row.pop("explainer"), row.pop("index"), row.pop("foil"))
        found[key] = {name: math.nan if value is None else value for name, value in row.items()}
    return found


def _column(scalar: str) -> str:
    return f"{scalar} (scalar)" if scalar in {*FIRST, *PICTURES} else scalar


def _classes(one: Explanation, label: int, manifest: store.Manifest) -> dict[str, object]:
    fact, foil = (manifest.class_names[int(classes[0])] for classes in (one.fact, one.foil))
    return {
        "label": manifest.class_names[label],
        "predicted": fact,
        "correct": int(one.fact[0]) == label,
        "fact": fact,
        "foil": foil,
        "status": Status(int(one.status[0])).name.lower(),
    }


def _pictures(one: Explanation) -> dict[str, object]:
    image, asked = one.inputs[0], int(one.status[0]) != Status.NOT_APPLICABLE
    shown = {
        name: picture(tensor[0])
        for name, tensor in (("counterfactual", one.counterfactual), ("baseline", one.baseline))
        if asked and tensor is not None
    }
    if asked and one.attribution is not None:
        shown["attribution"] = heatmap(one.attribution[0], image)
    return {**dict.fromkeys(PICTURES), "input": picture(image), **shown}
