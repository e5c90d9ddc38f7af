"""What several explainers say of the same images, side by side."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xaicf.core import Explanation, Flags, Status
from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, heatmap, picture

LETTERS = 22
"""In a line above an image."""

ZERO = (0.86, 0.86, 0.86)
"""What a map of zeros looks like, over grey."""


def draw_maps(
    answers: Mapping[str, Explanation],
    rows: Sequence[int],
    class_names: Sequence[str] | None = None,
    ties: bool = False,
    foils: bool = True,
    masks: Flags | None = None,
) -> Figure:
    """Draw images, and what several explainers say of them: a row for each image, a column for each map.

    Args:
        answers: about the same images, by title.
        rows: which images.
        class_names: one for each class; their numbers if left out.
        ties: draw, before each map, the counterfactual where there is one.
        foils: whether the maps are about a foil, or about all other classes.
        masks: the area that is known to matter of each image (B, H, W), which is outlined.
    """
    first = next(iter(answers.values()))
    names = class_names or [str(number) for number in range(1 + int(max(first.fact.max(), first.foil.max())))]
    columns = 1 + len(answers) + ties * sum(one.counterfactual is not None for one in answers.values())
    figure = Figure(figsize=(1.5 * columns + 0.8, 1.9 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for line, row in zip(grid, rows, strict=True):
        line[0].imshow(picture(first.inputs[row]))
        asked = [f"{names[int(first.fact[row])]}{',' if foils else '?'}"]
        asked += [f"not {names[int(first.foil[row])]}?"] * foils
        words = (part for name in asked for part in textwrap.wrap(name.replace("_", " "), LETTERS))
        line[0].set_title("\n".join(words), fontsize=8)
        rest = iter(line[1:])
        for title, one in answers.items():
            assert one.attribution is not None
            solved = "" if int(one.status[row]) == Status.SOLVED else "\n(unsolved)"
            if ties and one.counterfactual is not None:
                axes = next(rest)
                axes.imshow(picture(one.counterfactual[row]))
                axes.set_title(f"{title}\ntie", fontsize=7)
            axes = next(rest)
            axes.imshow(heatmap(one.attribution[row], one.inputs[row]))
            axes.set_title(f"{title}{solved}", fontsize=7)
        if masks is not None:
            for axes in line:
                axes.contour(masks[row].cpu().float(), levels=[0.5], colors="black", linewidths=0.9)
    blue = "for the foil" if foils else "against it"
    _scale_bar(figure, list(grid.flat), blue)
    figure.suptitle(f"red speaks for the fact, blue {blue}; each map has its own scale", fontsize=9)
    return figure


def _scale_bar(figure: Figure, beside: Sequence[Axes], blue: str) -> None:
    """Draw the colours from one end to the other, with zero, which every map shares, in the middle."""
    colours = LinearSegmentedColormap.from_list("signed", [FOIL_COLOUR, ZERO, FACT_COLOUR])
    signed = ScalarMappable(cmap=colours)
    signed.set_clim(-1, 1)
    bar = figure.colorbar(signed, ax=beside, ticks=[-1, 0, 1], aspect=25, fraction=0.06)
    bar.ax.set_yticklabels([f"most\n{blue}", "0", "most\nfor the fact"], fontsize=7)
