"""Changes of attributes as bars: of one image, and of all images of a question."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR

TOP = 5


def draw_top(axes: Axes, names: Sequence[str], changes: Tensor, top: int = TOP) -> None:
    """Draw the attributes that change most of one image, the first at the top.

    Args:
        axes: to draw on.
        names: of the attributes.
        changes: signed (attributes,).
        top: how many at most.
    """
    chosen = changes.abs().argsort(descending=True, stable=True)[:top].tolist()[::-1]
    values = [float(changes[number]) for number in chosen]
    axes.barh(
        [names[number] for number in chosen],
        values,
        color=[FOIL_COLOUR if value > 0 else FACT_COLOUR for value in values],
    )
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_xlim(-1, 1)
    axes.tick_params(labelsize=6)
    axes.set_xlabel("change of the attribute, of 1", fontsize=6)


def draw_changes(questions: Sequence[tuple[str, Tensor]], names: Sequence[str]) -> Figure:
    """Draw how attributes change for each question: a panel each, a box of quartiles for each attribute.

    Args:
        questions: a title each, such as "4, not 9", and signed changes (n, attributes).
        names: of the attributes.
    """
    figure = Figure(figsize=(3.4 * max(len(questions), 1), 0.28 * len(names) + 1.1), layout="constrained")
    grid = figure.subplots(1, max(len(questions), 1), squeeze=False, sharey=True)[0]
    for axes, (title, changes) in zip(grid, questions, strict=False):
        if len(changes):
            columns = [column.tolist() for column in changes.double().flip(1).unbind(1)]
            axes.boxplot(columns, orientation="horizontal", widths=0.6, flierprops={"markersize": 2})
        axes.set_yticks(torch.arange(1, len(names) + 1).tolist(), list(names)[::-1], fontsize=7)
        axes.axvline(0, color="black", linewidth=0.6)
        axes.set_xlim(-1, 1)
        axes.set_title(f"{title} (n = {len(changes)})", fontsize=8)
        axes.set_xlabel("change of the attribute, of 1", fontsize=7)
        axes.tick_params(axis="x", labelsize=7)
    return figure
