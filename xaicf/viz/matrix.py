"""A table of pictures: a row for each input, a column for each class it was redrawn as."""

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from xaicf.core import Images, Labels, as_found
from xaicf.viz.heatmap import Pixels, picture
from xaicf.viz.panel import text_font

CELL, GAP, LEFT, TOP = 64, 4, 104, 52
"""Pixels: of a picture's side, between pictures, and for the names at the left and the top."""

NARROW, WIDE = 11, 14
"""Letters in a line above a column and beside a row."""

INVALID = "#c02030"


def translation_matrix(
    translate: Callable[[Images, Labels], Images],
    classifier: nn.Module,
    inputs: Images,
    labels: Labels,
    targets: Labels,
    class_names: Sequence[str],
) -> Pixels:
    """Redraw each image as each class, and lay out what comes of it.

    Args:
        translate: images and target classes to images, see :class:`~xaicf.core.Translator`.
        classifier: whose verdict is shown.
        inputs: (N, C, H, W) in [0, 1].
        labels: of these (N,).
        targets: (K,).
        class_names: one for each class.

    Returns:
        Pixels (H', W', 3) in [0, 1].
    """
    classes = targets.repeat(len(inputs))
    shape = len(inputs), len(targets)
    with as_found(classifier), torch.no_grad():
        made = translate(inputs.repeat_interleave(len(targets), 0), classes)
        valid = classifier(made).argmax(1) == classes
    return matrix(
        inputs,
        made.view(*shape, *inputs.shape[1:]),
        [class_names[one] for one in labels.tolist()],
        [class_names[one] for one in targets.tolist()],
        valid.view(shape),
    )


def matrix(
    inputs: Images,
    made: Tensor,
    row_names: Sequence[str],
    column_names: Sequence[str],
    valid: Tensor,
    heading: str = "redrawn as",
) -> Pixels:
    """Lay out inputs and what was made of each.

    Args:
        inputs: (N, C, H, W) in [0, 1].
        made: (N, K, C, H, W).
        row_names: of each input's class, N.
        column_names: of what was asked for, such as each target class, K.
        valid: whether what was made is taken for what was asked for (N, K); else it has a red frame.
        heading: above the columns.

    Returns:
        Pixels (H', W', 3) in [0, 1].
    """
    rows, columns = made.shape[:2]
    step = CELL + GAP
    canvas = Image.new("RGB", (LEFT + step * (columns + 1) + 2 * GAP, TOP + step * rows + GAP), "white")
    draw = ImageDraw.Draw(canvas)
    for place, name in enumerate(("input", *column_names)):
        _write(draw, (_left(place) + CELL / 2, TOP - 20), name, NARROW, "mm")
    draw.text((LEFT + 2 * GAP + step * (1 + columns / 2), 12), heading, "#222222", text_font(11), anchor="mm")
    for row in range(rows):
        top = TOP + step * row
        _write(draw, (LEFT - GAP, top + CELL / 2), row_names[row], WIDE, "rm")
        for place, image in enumerate((inputs[row], *made[row])):
            left = _left(place)
            if place and not valid[row, place - 1]:
                draw.rectangle((left - 3, top - 3, left + CELL + 2, top + CELL + 2), outline=INVALID, width=3)
            small = Image.fromarray((picture(image) * 255).round().astype(np.uint8))
            canvas.paste(small.resize((CELL, CELL), Image.Resampling.NEAREST), (left, top))
    return np.asarray(canvas, dtype=np.float32) / np.float32(255)


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], name: str, width: int, anchor: str) -> None:
    """Write a class's name in two lines at most."""
    lines = textwrap.wrap(name.replace("_", " "), width, max_lines=2, placeholder=" …", break_on_hyphens=True)
    align = "right" if anchor == "rm" else "center"
    draw.multiline_text(place, "\n".join(lines), "#222222", text_font(10), anchor, spacing=1, align=align)


def _left(place: int) -> int:
    """Give where a column begins; the made images stand a little apart from the inputs."""
    return LEFT + (CELL + GAP) * place + (2 * GAP if place else 0)
