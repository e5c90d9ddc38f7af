"""One explanation as a picture: input, counterfactual, signed map, probabilities, status."""

import functools
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xaicf.core import Explanation, Status
from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, Pixels, heatmap, picture, scale_of

WIDTH, HEIGHT = 1060, 282
_SIDE, _TOP = 186, 76
_INPUT, _COUNTERFACTUAL, _MAP, _BAR, _CHART = 12, 212, 412, 604, 860
_INK, _PALE, _DARK = "#222222", "#8c8c8c", "#262626"

TOP = 5
"""Changes of attributes that are told."""

LARGE_RESIDUAL = 0.15
"""Root mean square of what a generator cannot draw of an image, in shares of a pixel's range, that is told."""


def panel(explanation: Explanation, class_names: Sequence[str], heading: str) -> Image.Image:
    """Draw one explanation.

    Drawn with Pillow: a validation draws dozens, and a plotting library takes twenty times as long.

    Args:
        explanation: of one image.
        class_names: one for each class.
        heading: which explainer and sample, for the second line of the title.

    Returns:
        A picture of 1060 × 282 pixels.

    Raises:
        ValueError: there is not exactly one image.
    """
    if len(explanation) != 1:
        raise ValueError(f"a panel shows one image, got {len(explanation)}")
    fact, foil = (class_names[int(classes[0])] for classes in (explanation.fact, explanation.foil))
    canvas = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(canvas)
    for line, text in enumerate(title(explanation, fact, foil, heading)):
        _write(draw, (WIDTH / 2, 15 + 19 * line), text, 15 - line, "mm")
    _show(canvas, draw, _INPUT, picture(explanation.inputs[0]), [f"input: {short(fact)}"])
    if Status(int(explanation.status[0])) is Status.NOT_APPLICABLE:
        _note(draw, _COUNTERFACTUAL, "not applicable:\nfact and foil are\nthe same class")
        return canvas
    if explanation.counterfactual is not None:
        shown = picture(explanation.counterfactual[0])
        _show(canvas, draw, _COUNTERFACTUAL, shown, counterfactual_title(explanation, foil))
        _write(draw, (_INPUT, _TOP + _SIDE + 10), missed(explanation), 11, "lm")
    elif explanation.baseline is not None:
        _show(canvas, draw, _COUNTERFACTUAL, picture(explanation.baseline[0]), ["baseline: compared with this"])
    else:
        _note(draw, _COUNTERFACTUAL, "no counterfactual:\nthis method attributes")
    if explanation.attribution is not None:
        scale = scale_of(explanation.attribution[0])
        shown = heatmap(explanation.attribution[0], explanation.inputs[0], scale)
        _show(
            canvas,
            draw,
            _MAP,
            shown,
            ["what would make it surer" if explanation.is_prototype else "what speaks for which"],
        )
        ends = (
            ("more of it", "less of it") if explanation.is_prototype else (f"for {short(fact)}", f"for {short(foil)}")
        )
        _scale_bar(canvas, draw, scale, *ends)
        _write(draw, (_COUNTERFACTUAL + 100, _TOP + _SIDE + 10), most_changed(explanation), 11, "lm")
    _chart(draw, explanation, fact, foil)
    return canvas


def title(explanation: Explanation, fact: str, foil: str, heading: str) -> tuple[str, str]:
    """Give the question, and who answers it with what status."""
    status = Status(int(explanation.status[0])).name.lower().replace("_", " ")
    question = (
        f"What would be a surer {short(fact, 48)}?"
        if explanation.is_prototype
        else (f"Why {short(fact, 48)}, and not {short(foil, 48)}?")
    )
    return question, f"{short(heading, 110)} · {status}"


def counterfactual_title(explanation: Explanation, foil: str) -> list[str]:
    """Say what the counterfactual is: a tie with what is left of it, or a member of the foil."""
    if explanation.is_prototype:
        return ["prototype: surer"]
    residual = explanation.scalars.get("boundary_residual")
    solved = int(explanation.status[0]) == Status.SOLVED
    if residual is None:
        return [f"counterfactual: {short(foil)}" if solved else "best try, unsolved"]
    return ["nearest tie found" if solved else "best try, unsolved", f"|Δ llh| = {float(residual[0]):.3f}"]


def missed(explanation: Explanation) -> str:
    """Say how much of the input the generator cannot draw, where that is much; nothing else."""
    error = explanation.scalars.get("reconstruction_error")
    if error is None or not float(error[0]) > LARGE_RESIDUAL:
        return ""
    return f"The generator misses {float(error[0]):.2f} of a pixel's range (root mean square): look twice."


def most_changed(explanation: Explanation) -> str:
    """Say which attributes of one image change most, where any do, and by how much of their range."""
    changes = {
        name.removeprefix("change_"): float(change[0])
        for name, change in explanation.scalars.items()
        if name.startswith("change_")
    }
    most = sorted(changes, key=lambda name: -abs(changes[name]))[:TOP]
    words = [
        f"{short(name)} {changes[name]:+.2f}".replace("-", "\N{MINUS SIGN}")
        for name in most
        if abs(changes[name]) >= 0.005
    ]
    return f"changed, of a range of 1: {', '.join(words)}" if words else ""


def short(name: str, length: int = 16) -> str:
    """Cut a name to one line of ``length`` characters."""
    name = " ".join(name.split())
    return name if len(name) <= length else f"{name[: length - 1]}…"


def _show(canvas: Image.Image, draw: ImageDraw.ImageDraw, left: int, pixels: Pixels, lines: list[str]) -> None:
    """Put pixels (H, W, 3) into a square, whole and undistorted, with lines above."""
    height, width = pixels.shape[:2]
    factor = _SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = Image.fromarray((pixels * 255).round().astype(np.uint8))
    enlarged = small.resize(size, Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX)
    corner = left + (_SIDE - size[0]) // 2, _TOP + (_SIDE - size[1]) // 2
    canvas.paste(enlarged, corner)
    draw.rectangle((corner[0] - 1, corner[1] - 1, corner[0] + size[0], corner[1] + size[1]), outline=_INK)
    for line, text in enumerate(reversed(lines)):
        _write(draw, (left + _SIDE / 2, _TOP - 11 - 14 * line), text, 11, "mm")


def _scale_bar(canvas: Image.Image, draw: ImageDraw.ImageDraw, scale: float, above: str, below: str) -> None:
    ramp = np.linspace(1, -1, _SIDE, dtype=np.float32)[:, None, None]
    colours = np.where(ramp > 0, FACT_COLOUR, FOIL_COLOUR) * np.abs(ramp) + 0.86 * (1 - np.abs(ramp))
    canvas.paste(Image.fromarray((colours * 255).astype(np.uint8).repeat(12, 1)), (_BAR, _TOP))
    draw.rectangle((_BAR - 1, _TOP - 1, _BAR + 12, _TOP + _SIDE), outline=_INK)
    left, bottom = _BAR + 18, _TOP + _SIDE
    _write(draw, (left, _TOP + 5), f"{scale:.2g}", 11, "lm")
    _write(draw, (left, _TOP + 20), above, 11, "lm")
    _write(draw, (left, _TOP + _SIDE / 2), "0", 11, "lm")
    _write(draw, (left, bottom - 20), below, 11, "lm")
    _write(draw, (left, bottom - 5), f"{-scale:.2g}", 11, "lm")


def _chart(draw: ImageDraw.ImageDraw, explanation: Explanation, fact: str, foil: str) -> None:
    """Draw the probabilities of fact, foil and all others as bars, before and after."""
    series = [("input", _PALE, _three(explanation, ""))]
    if explanation.counterfactual is not None:
        series.append(("counterfactual", _DARK, _three(explanation, "_after")))
    elif "fact_probability_baseline" in explanation.scalars:
        series.append(("baseline", _DARK, _three(explanation, "_baseline")))
    right, base = WIDTH - 16, _TOP + _SIDE - 26
    for row, label in enumerate((short(fact), short(foil), "others")):
        middle = _TOP + 14 + 50 * row
        _write(draw, (_CHART - 6, middle), label, 11, "rm")
        for place, (_, colour, values) in enumerate(series):
            top = middle - 7 * len(series) + 14 * place
            draw.rectangle((_CHART, top, _CHART + (right - _CHART) * values[row], top + 13), fill=colour)
    draw.line((_CHART, _TOP - 4, _CHART, base, right, base), fill=_INK)
    for tick in (0, 0.5, 1):
        x = _CHART + (right - _CHART) * tick
        draw.line((x, base, x, base + 4), fill=_INK)
        _write(draw, (x, base + 12), f"{tick:g}", 10, "mm")
    _write(draw, ((_CHART + right) / 2, base + 26), "probability", 11, "mm")
    for place, (name, colour, _) in enumerate(series):
        x = _CHART + 84 * place
        draw.rectangle((x, _TOP - 22, x + 9, _TOP - 13), fill=colour)
        _write(draw, (x + 14, _TOP - 17), name, 10, "lm")


def _three(explanation: Explanation, suffix: str) -> list[float]:
    fact, foil = (float(explanation.scalars[f"{role}_probability{suffix}"][0]) for role in ("fact", "foil"))
    return [fact, foil, max(0.0, 1 - fact - foil)]


def _note(draw: ImageDraw.ImageDraw, left: int, text: str) -> None:
    centre = left + _SIDE / 2, _TOP + _SIDE / 2
    draw.multiline_text(centre, text, _INK, text_font(11), anchor="mm", align="center")


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, anchor: str) -> None:
    draw.text(place, text, _INK, text_font(size), anchor=anchor)


@functools.cache
def text_font(size: int) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, which matplotlib brings: Pillow's own font lacks Greek."""
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
