"""A few images of each class on one sheet, under the class's name."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from xaicf.viz.panel import short, text_font

SIDE = 72
"""Of an image on the sheet in pixels."""

GAP, HEADING, MARGIN = 4, 22, 14
INK = "#222222"

CLASSES = 120
"""On a sheet at most."""


def contact_sheet(examples: Mapping[int, Tensor], class_names: Sequence[str], title: str) -> Image.Image:
    """Draw a row of images for each class, and rows in as many columns as make the sheet about square.

    Args:
        examples: images of classes, each (n, C, H, W) uint8; of more than :data:`CLASSES`, some evenly.
        class_names: one for each class.
        title: for the top of the sheet.
    """
    step = max(1, -(-len(examples) // CLASSES))
    shown = list(examples.items())[::step]
    if step > 1:
        title = f"{title}; {len(shown)} of {len(examples)} classes"
    count = max((len(images) for _, images in shown), default=1)
    wide, high = count * (SIDE + GAP) + MARGIN, SIDE + HEADING + GAP
    columns = max(1, min(len(shown), round(math.sqrt(len(shown) * high / wide))))
    rows = max(1, -(-len(shown) // columns))
    top = MARGIN + 2 * HEADING
    canvas = Image.new("RGB", (columns * wide + MARGIN, top + rows * high + MARGIN), "white")
    draw = ImageDraw.Draw(canvas)
    font = text_font(14)
    while len(title) > 1 and draw.textlength(title, font) > canvas.width - 2 * MARGIN:
        title = short(title, len(title) - 1)
    draw.text((MARGIN, MARGIN), title, INK, font)
    for place, (label, images) in enumerate(shown):
        column, row = divmod(place, rows)
        left, upper = MARGIN + column * wide, top + row * high
        letters = max(8, (wide - MARGIN) // 8)
        draw.text((left, upper + 2), short(class_names[label], letters), INK, text_font(12))
        for number, image in enumerate(images):
            small = _fitted(image)
            corner = (left + number * (SIDE + GAP) + (SIDE - small.width) // 2, upper + HEADING)
            canvas.paste(small, corner)
    return canvas


def _fitted(image: Tensor) -> Image.Image:
    """Scale an image (C, H, W) uint8 so that its longer side fills a place on the sheet."""
    pixels = image.permute(1, 2, 0).numpy()
    whole = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels[..., :3]))
    factor = SIDE / max(whole.size)
    size = max(1, round(whole.width * factor)), max(1, round(whole.height * factor))
    return whole.resize(size, Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX)
