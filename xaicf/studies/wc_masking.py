"""Weighted contrast, §5.2.2 and Table 1: keep what speaks for a class, or against it, and see what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure

from xaicf.explainers.contrast import Contrast
from xaicf.explainers.methods import Method
from xaicf.studies.case import CASES, Case
from xaicf.studies.masking import Area, Cell, Fill, Kept, Masked, masked
from xaicf.studies.study import Better, Place, Row, Study

CONTESTED = 0.1
"""The second class has a probability above it: the paper's images."""

KEPT: tuple[tuple[int, Kept], ...] = ((0, "positive"), (0, "negative"), (1, "positive"), (1, "negative"))
"""The class by its rank, and what is kept of its map."""

AREAS: tuple[Area, ...] = ("by sign", "equal area")

PUBLISHED = {KEPT[0]: 0.093, KEPT[1]: -0.192, KEPT[2]: 0.370, KEPT[3]: -0.281}
"""Weighted less original on CUB-200, GradCAM, blur."""

BARS: tuple[tuple[float, Contrast, str, str], ...] = (
    (-0.2, "logit", "0.65", "original"),
    (0.2, "weighted", "C0", "weighted"),
)
"""Of the picture: place, contrast, colour, name."""

ENOUGH = 3
"""Classifiers that are to show the gain."""


@dataclass(frozen=True)
class WCMasking(Study):
    """Compares contrasts by what their maps keep of the two classes that a classifier hesitates between.

    A map of each of the two top classes t is made, what it calls positive (or negative) stays, and the rest is hidden.
    The number is e^{y_t} / (e^{y_1} + e^{y_2}), of which a good map's positive part keeps much and its negative part
    little.

    Args:
        cases: classifiers and their images.
        most: of each case, at most so many images with a contested second class, and as many without.
    """

    title: ClassVar[str] = "What the positive and the negative part of a map keep of a class"
    spread: ClassVar[str] = "bootstrap interval of 95 % over images, of differences paired"

    cases: Sequence[Case] = CASES
    most: int = 1500

    def quick(self) -> Self:
        """Give a few images of each case."""
        return replace(self, most=4)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Mask the images of each case."""
        heads: list[Row] = []
        details: list[Row] = []
        shown: dict[str, Masked] = {}
        winners = 0
        for case in self.cases:
            examined = case.examined(place)
            probabilities = examined.logits.double().softmax(1)
            right = examined.logits.argmax(1) == examined.labels
            contested = probabilities.topk(2).values[:, 1] > CONTESTED
            heads.append(Row.share(f"{case.name}: accuracy", right, better="higher"))
            for group, chosen in (("p₂ > 0.1", contested), ("p₂ ≤ 0.1", ~contested)):
                which = chosen.nonzero()[:, 0]
                which = which[:: max(-(-len(which) // self.most), 1)]
                if len(which) == 0:
                    continue
                fills: tuple[Fill, ...] = ("blur", "zero", "mean") if chosen is contested else ("blur",)
                found = masked(examined, which, case.methods, fills)
                name = f"{case.name}, {group}"
                details += _details(name, found, case.methods, fills)
                if chosen is contested:
                    shown[case.name] = found
                    rows, wins = _headline(name, found, case.methods[0])
                    heads += rows
                    winners += wins == len(KEPT) * len(AREAS)
        goal = min(ENOUGH, len(self.cases))
        heads.append(Row("classifiers on which all 8 differences are beyond zero", winners, goal=goal, better="higher"))
        methods = {case.name: case.methods[0] for case in self.cases}
        told = {row.measure for row in heads}
        rows = [*heads, *(row for row in details if row.measure not in told)]
        return rows, {"masking": _picture(shown, methods)} if shown else {}


def _headline(name: str, found: Masked, method: Method) -> tuple[list[Row], int]:
    """Give the eight differences of the paper's table, and how many are beyond zero the right way."""
    rows, wins = [], 0
    for area, kept in product(AREAS, KEPT):
        row = _difference(name, found, Cell(method, "weighted", "blur", area, *kept), PUBLISHED[kept])
        assert row.low is not None
        assert row.high is not None
        wins += row.low > 0 if row.better == "higher" else row.high < 0
        rows.append(row)
    goal = Row(f"{name}: differences of 8 that are beyond zero", wins, goal=len(rows), better="higher")
    return [*rows, goal], wins


def _difference(name: str, found: Masked, cell: Cell, published: float | None = None) -> Row:
    """Compare a contrast with the original on the same images."""
    change = found.preferences[cell] - found.preferences[replace(cell, contrast="logit")]
    better: Better = "higher" if cell.kept == "positive" else "lower"
    row = Row.mean(f"{_named(name, cell)}: {cell.contrast} less original", change, better=better)
    return replace(row, published=published)


def _named(name: str, cell: Cell) -> str:
    return f"{name}, {cell.method}, {cell.fill}, {cell.area}, t{cell.top + 1} kept {cell.kept}"


def _details(name: str, found: Masked, methods: Sequence[Method], fills: Sequence[Fill]) -> list[Row]:
    rows = [Row.mean(f"{name}: t{top + 1} of the image as it is", found.plain[top]) for top in (0, 1)]
    for method in methods:
        shared: tuple[Contrast, ...] = ("logit", "max", "weighted")
        for top, contrast in product((0, 1), shared):
            share = found.areas[method, contrast, top]
            rows.append(Row.mean(f"{name}, {method}, t{top + 1}, {contrast}: share of pixels called positive", share))
        for fill, area, kept in product(fills, AREAS, KEPT):
            original = Cell(method, "logit", fill, area, *kept)
            rows.append(Row.mean(f"{_named(name, original)}: original", found.preferences[original]))
            others: tuple[Contrast, ...] = ("mean", "max", "weighted") if fill == "blur" else ("weighted",)
            for contrast in others:
                cell = replace(original, contrast=contrast)
                if contrast == "weighted":
                    rows.append(Row.mean(f"{_named(name, cell)}: weighted", found.preferences[cell]))
                rows.append(_difference(name, found, cell))
    return rows


def _picture(shown: dict[str, Masked], methods: dict[str, Method]) -> Figure:
    """Draw what original and weighted keep, a row for each classifier, a column for each way to count pixels."""
    figure = Figure(figsize=(9, 2.3 * len(shown) + 0.7), layout="constrained")
    grid = figure.subplots(len(shown), len(AREAS), squeeze=False, sharex=True, sharey=True)
    for line, (name, found) in zip(grid, shown.items(), strict=True):
        for axes, area in zip(line, AREAS, strict=True):
            for shift, contrast, colour, label in BARS:
                rows = [
                    Row.mean("", found.preferences[Cell(methods[name], contrast, "blur", area, *kept)]) for kept in KEPT
                ]
                heights = [row.ours or 0.0 for row in rows]
                ends = [[h - (row.low or 0) for h, row in zip(heights, rows, strict=True)]]
                ends += [[(row.high or 0) - h for h, row in zip(heights, rows, strict=True)]]
                places = [number + shift for number in range(len(KEPT))]
                axes.bar(places, heights, 0.38, color=colour, yerr=ends, capsize=2, label=label)
            for number, (top, _) in enumerate(KEPT):
                plain = float(torch.mean(found.plain[top]))
                axes.plot([number - 0.42, number + 0.42], [plain, plain], "k:", lw=1.2)
            axes.set_title(f"{name} ({methods[name].replace('_', ' ')}), {area}", fontsize=9)
            axes.set(ylim=(0, 1), xticks=range(len(KEPT)))
            axes.set_xticklabels([f"t{top + 1}\nkept {kept}" for top, kept in KEPT], fontsize=8)
        line[0].set_ylabel("p of t among the two", fontsize=8)
    grid[0][0].legend(fontsize=8)
    figure.suptitle("What stays of a class when the rest is blurred (dotted: nothing blurred)", fontsize=10)
    return figure
