"""Pictures that studies share."""

import re
import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from xaicf.core import Explanation, Status
from xaicf.viz.heatmap import heatmap, picture

LETTERS = 22
"""In a line above an image."""


def draw_maps(
    answers: Mapping[str, Explanation],
    rows: Sequence[int],
    class_names: Sequence[str] | None = None,
    ties: bool = False,
    foils: bool = True,
) -> Figure:
    """Draw images, and what several explainers say of them: a row for each image, a column for each map.

    Args:
        answers: about the same images, by title.
        rows: which images.
        class_names: one for each class; their numbers if left out.
        ties: draw, before each map, the counterfactual where there is one.
        foils: whether the maps are about a foil, or about all other classes.
    """
    first = next(iter(answers.values()))
    names = class_names or [str(number) for number in range(1 + int(max(first.fact.max(), first.foil.max())))]
    columns = 1 + len(answers) + ties * sum(one.counterfactual is not None for one in answers.values())
    figure = Figure(figsize=(1.5 * columns, 1.9 * len(rows) + 0.4), layout="constrained")
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
    blue = "for the foil" if foils else "against it"
    figure.suptitle(f"red speaks for the fact, blue {blue}; each map has its own scale", fontsize=9)
    return figure


def file_name(words: str) -> str:
    """Give words as the name of a picture, without its ending."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower())
