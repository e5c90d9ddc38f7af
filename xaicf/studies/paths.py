"""The courses of searches, drawn as pictures with what the classifier says of each."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from xaicf.core import Explanation
from xaicf.viz.heatmap import heatmap, picture


def passed_through(explanation: Explanation) -> Tensor:
    """Say which classes a course of images is given on its way, but for its fact and its foil.

    Args:
        explanation: with a trace that has ``probabilities`` (B, frames, classes).

    Returns:
        Flags (B, classes).
    """
    assert explanation.trace is not None
    probabilities = explanation.trace["probabilities"]
    met = torch.zeros_like(probabilities[:, 0], dtype=torch.bool).scatter(1, probabilities.argmax(2), value=True)
    return met.scatter(1, torch.stack([explanation.fact, explanation.foil], 1), value=False)


def draw_paths(explanation: Explanation, rows: Sequence[int], frames: int, class_names: Sequence[str]) -> Figure:
    """Draw the input, some frames of its course with the likeliest class above each, and the change.

    Args:
        explanation: with a trace of images and probabilities.
        rows: which images.
        frames: of each course, evenly.
        class_names: one for each class.
    """
    assert explanation.trace is not None
    assert explanation.counterfactual is not None
    images, probabilities = explanation.trace["images"], explanation.trace["probabilities"]
    taken = explanation.inputs - explanation.counterfactual
    chosen = torch.linspace(0, images.shape[1] - 1, frames).round().int().tolist()
    figure = Figure(figsize=(0.95 * (frames + 2), 1.25 * len(rows) + 0.4), layout="constrained")
    grid = figure.subplots(len(rows), frames + 2, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for line, row in zip(grid, rows, strict=True):
        fact, foil = (class_names[int(one[row])] for one in (explanation.fact, explanation.foil))
        line[0].imshow(picture(explanation.inputs[row]))
        line[0].set_title(f"input: {fact}", fontsize=7)
        for axes, frame in zip(line[1:], chosen, strict=False):
            likely = int(probabilities[row, frame].argmax())
            axes.imshow(picture(images[row, frame]))
            axes.set_title(f"{class_names[likely]}  {float(probabilities[row, frame, likely]):.2f}", fontsize=7)
        line[-1].imshow(heatmap(taken[row], explanation.inputs[row]))
        line[-1].set_title(f"surer: {fact}" if explanation.is_prototype else f"{fact}, not {foil}", fontsize=7)
    figure.suptitle(
        "the likeliest class and its probability on the way; last: red is taken away, blue is added", fontsize=8
    )
    return figure
