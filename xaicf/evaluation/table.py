"""Measurements of explainers as rows, CSV and Markdown."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

import numpy as np

from xaicf.core import Explanation, Flags, Labels, Subject
from xaicf.evaluation.measure import About, Measure
from xaicf.evaluation.statistics import bootstrap_mean, compare

NOTE = (
    "Mean with its bootstrap interval of 95 % and the number of questions n, one for each image and foil. "
    "↑ higher is better, ↓ lower, no arrow: "
    "neither. validity, third_class_violation and gradient_evaluations count every image that was asked about; all "
    "other measures leave unsolved images out, so that explainers that solved different images are averaged over "
    "different ones. The tests in the CSV are over images that both solved."
)

STATISTICS = ("n", "low", "high", "against", "n_paired", "p", "effect")
"""What stands beside the mean of a measure, in columns of their own."""

ARROWS = {"higher": " ↑", "lower": " ↓"}


@dataclass
class Measured:
    """What was measured of an explainer.

    Attributes:
        keys: sample id and foil of each question.
        images: of each question a digest of its image, by which explainers of different stores are paired.
        values: for each measure a number for each question, NaN where it does not count.
        whole: measures of all questions together: the value and the number of images behind it.
        about: what to say of each measure.
    """

    keys: list[tuple[int, int]] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    values: dict[str, np.ndarray] = field(default_factory=dict)
    whole: dict[str, tuple[float, int]] = field(default_factory=dict)
    about: dict[str, About] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        subject: Subject,
        explanation: Explanation,
        measures: Sequence[Measure],
        index: Labels | None = None,
        mask: Flags | None = None,
    ) -> Self:
        """Take those of some measures that apply to an explanation.

        Args:
            subject: the classifier and its helpers.
            explanation: of B questions.
            measures: such as :data:`~xaicf.evaluation.MEASURES`.
            index: sample ids (B,), by which several foils of one image are told; their places if left out.
            mask: the area that is known to matter (B, H, W), for the measures that need one.
        """
        applying = [measure for measure in measures if measure.applies(explanation, mask)]
        ids = range(len(explanation)) if index is None else index.tolist()
        return cls(
            keys=list(zip(ids, explanation.foil.tolist(), strict=True)),
            images=[hashlib.sha256(image.cpu().numpy().tobytes()).digest() for image in explanation.inputs],
            values={measure.name: measure(subject, explanation, mask).cpu().numpy() for measure in applying},
            about={measure.name: measure.about for measure in applying},
        )

    @property
    def places(self) -> np.ndarray:
        """The sample id of each question."""
        return np.array([index for index, _ in self.keys], dtype=np.int64)


def rows(found: Mapping[str, Measured]) -> list[dict[str, object]]:
    """Write measurements as rows of a table, each explainer tested against the first that has the measure.

    Args:
        found: by explainer.

    Returns:
        A row for each measure and explainer that has it, with ``explainer``, ``measure``, ``mean``, some of
        :data:`STATISTICS`, and what :class:`About` says of the measure.
    """
    written: list[dict[str, object]] = []
    for measure in dict.fromkeys(name for one in found.values() for name in one.about):
        first: tuple[str, Measured] | None = None
        for name, one in found.items():
            if measure not in one.about:
                continue
            row: dict[str, object] = {"explainer": name, "measure": measure, **asdict(one.about[measure])}
            if measure in one.whole:
                row["mean"], row["n"] = one.whole[measure]
            else:
                row |= bootstrap_mean(one.values[measure], one.places)._asdict()
                if first is None:
                    first = name, one
                else:
                    row |= _test(first, one, measure)
            written.append(row)
    return written


def _test(first: tuple[str, Measured], one: Measured, measure: str) -> dict[str, object]:
    mine, theirs = (
        dict(zip(zip(e.images, e.keys, strict=True), e.values[measure], strict=True)) for e in (one, first[1])
    )
    both: dict[tuple[bytes, int], list[tuple[float, float]]] = {}
    for image, key in sorted(mine.keys() & theirs.keys()):
        both.setdefault((image, key[0]), []).append((mine[image, key], theirs[image, key]))
    # Several foils of one image are not independent: their mean counts once, over those that both answered.
    known = ([pair for pair in pairs if not np.isnan(pair).any()] for pairs in both.values())
    means = np.array([np.mean(pairs, 0) for pairs in known if pairs]).reshape(-1, 2)
    test = compare(means[:, 0], means[:, 1])
    return {"against": first[0], "n_paired": test.n, "p": test.p, "effect": test.effect}


def wide(table: Sequence[Mapping[str, object]]) -> tuple[list[str], list[list[object]]]:
    """Lay rows out with a line for each explainer.

    Returns:
        Names of columns, ``explainer`` first, then for each measure its own name for the mean, and
        ``MEASURE.n``, ``.low``, ``.high`` and so on for those of :data:`STATISTICS` that any explainer has; and the
        lines, None where there is nothing.
    """
    lines: dict[object, dict[str, object]] = {}
    for row in table:
        cells = lines.setdefault(row["explainer"], {"explainer": row["explainer"]})
        cells[str(row["measure"])] = row["mean"]
        cells |= {f"{row['measure']}.{name}": row[name] for name in STATISTICS if name in row}
    present = {column for cells in lines.values() for column in cells}
    measures = dict.fromkeys(str(row["measure"]) for row in table)
    columns = ["explainer", *(name for measure in measures for name in (measure, *_beside(measure)) if name in present)]
    return columns, [[cells.get(column) for column in columns] for cells in lines.values()]


def _beside(measure: str) -> list[str]:
    return [f"{measure}.{name}" for name in STATISTICS]


def as_csv(table: Sequence[Mapping[str, object]]) -> str:
    """Write rows as CSV, a line for each explainer; see :func:`wide`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    columns, lines = wide(table)
    writer.writerow(columns)
    writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in line] for line in lines)
    return file.getvalue()


def as_markdown(table: Sequence[Mapping[str, object]]) -> str:
    """Write rows as a Markdown table, a line for each explainer and a column for each measure."""
    names = list(dict.fromkeys(str(row["explainer"]) for row in table))
    heads = {str(row["measure"]): f"{row['measure']}{ARROWS.get(str(row['better']), '')}" for row in table}
    cells = {(row["explainer"], row["measure"]): _cell(row) for row in table}
    lines = [["explainer", *heads.values()], ["---"] * (len(heads) + 1)]
    for name in names:
        told = [cells.get((name, measure), "–") for measure in heads]
        lines += [[name.replace("|", "\\|"), *told]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{NOTE}\n"


def _cell(row: Mapping[str, object]) -> str:
    if not row["n"]:
        return "– (0)"
    interval = f" [{row['low']:.3g}, {row['high']:.3g}]" if "low" in row else ""
    return f"{row['mean']:.3g}{interval} ({row['n']})"
