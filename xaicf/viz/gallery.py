"""A self-contained page on which explainers answer the same questions side by side; no network."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.nn import functional

from xaicf.core import Explanation, Images, Labels, PerImage, Status
from xaicf.viz.heatmap import FACT_COLOUR, FOIL_COLOUR, picture, scale_of
from xaicf.viz.measures import ARROWS, MeasureRow, measure_table
from xaicf.viz.palette import Bytes, indices, palette
from xaicf.viz.sprites import TILES, Sprites
from xaicf.viz.summary import Summary, summary_table

SIDE = 112
"""Pixels along the longer side of a picture; larger ones are shrunk to it."""

DIGITS = 6
"""Significant digits of a number in the page."""

PROTOTYPE = "prototype"
"""What a counterfactual that is to be surer of the fact is called on the page, which words its map by it."""


@dataclass(frozen=True)
class _Answers:
    """What one explainer says: names of its numbers, what it compares with, and an answer for each question."""

    measures: list[str]
    scalars: list[str]
    other: str | None
    rows: dict[int, list[object]]


class Gallery:
    """Gathers explanations, part by part, and writes them as a page.

    A question is an image with its fact and foil; explainers that were asked the same one stand side by side.
    """

    def __init__(self) -> None:
        self._sprites = Sprites()
        self._classes: dict[tuple[int, str], int] = {}
        self._questions: dict[tuple[int, bytes, int, int], int] = {}
        self._rows: list[list[int]] = []
        self._answers: dict[str, _Answers] = {}

    def add(
        self,
        explainer: str,
        explanation: Explanation,
        index: Labels,
        label: Labels,
        class_names: Sequence[str],
        measures: Mapping[str, PerImage] | None = None,
    ) -> None:
        """Add answers of one explainer.

        Args:
            explainer: its name on the page; may come several times.
            explanation: of B images.
            index: sample ids (B,).
            label: of the images (B,).
            class_names: one for each class.
            measures: what was measured of each image (B,), the same measures each time; NaN is absent. A scalar
                of the same name is left out.
        """
        measures = measures or {}
        other = next((name for name in ("counterfactual", "baseline") if getattr(explanation, name) is not None), None)
        compared = PROTOTYPE if explanation.is_prototype else other
        scalars = [name for name in explanation.scalars if name not in measures]
        answers = self._answers.setdefault(explainer, _Answers(list(measures), scalars, compared, {}))
        numbers = [measures[name] for name in answers.measures] + [
            explanation.scalars[name] for name in answers.scalars
        ]
        inputs = shrunk(explanation.inputs)
        others = None if other is None else shrunk(getattr(explanation, other))
        maps = None if explanation.attribution is None else shrunk(explanation.attribution)
        for row in range(len(explanation)):
            classes = [
                self._class(int(number[row]), class_names) for number in (explanation.fact, explanation.foil, label)
            ]
            question = self._question(int(index[row]), inputs[row], *classes)
            status = int(explanation.status[row])
            drawn: list[object] = [None, None, None]
            if status != Status.NOT_APPLICABLE:
                drawn[0] = None if others is None else self._picture(others[row])
                drawn[1:] = [None, None] if maps is None else self._map(maps[row], inputs[row])
            answers.rows[question] = [status, *drawn, [_number(float(values[row])) for values in numbers]]

    def html(
        self,
        title: str,
        introduction: str,
        summaries: Mapping[str, Summary],
        measures: Sequence[MeasureRow] = (),
        note: str = "",
    ) -> str:
        """Write the page.

        Args:
            title: of the page.
            introduction: what it was made from and how to read it.
            summaries: of the explainers, for the table at the top.
            measures: for the table, which without them is of the explainers' scalars.
            note: stands below the table, what is in backquotes as code.

        Returns:
            HTML that holds all it shows. Every name is text, and the page may load nothing.
        """
        arrows = {row.name: ARROWS[row.higher_is_better] for row in measures}
        data = {
            "tiles": TILES,
            "classes": [name for _, name in self._classes],
            "questions": self._rows,
            "explainers": [
                {
                    "name": name,
                    "other": answers.other,
                    "measures": answers.measures,
                    "arrows": [arrows.get(measure, "") for measure in answers.measures],
                    "scalars": answers.scalars,
                    "answers": [answers.rows.get(question) for question in range(len(self._rows))],
                }
                for name, answers in self._answers.items()
            ],
            "sheets": [asdict(sheet) for sheet in self._sprites.sheets()],
        }
        here = Path(__file__).parent
        style, script, body = ((here / f"gallery.{kind}").read_text(encoding="utf-8") for kind in ("css", "js", "html"))
        for name, colour in (("FACT_COLOUR", FACT_COLOUR), ("FOIL_COLOUR", FOIL_COLOUR)):
            style = style.replace(name, f"rgb({', '.join(str(round(255 * part)) for part in colour)})")
        table = measure_table(summaries, measures) if measures else summary_table(summaries)
        policy = (
            f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
            "base-uri 'none'; form-action 'none'"
        )
        # JSON without < can hold no tag, so no name can end the element that it lies in.
        text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
            f'content="light dark"><title>{escape(title)}</title><style>{style}</style></head><body>'
            f"<header><h1>{escape(title)}</h1><p>{escape(introduction)}</p></header>"
            f"{table}{_note(note)}{body}"
            f'<script type="application/json" id="data">{text}</script><script>{script}</script></body></html>\n'
        )

    def _class(self, number: int, names: Sequence[str]) -> int:
        return self._classes.setdefault((number, names[number]), len(self._classes))

    def _question(self, index: int, image: Tensor, fact: int, foil: int, label: int) -> int:
        # The image is part of the key, since stores of other data count their samples from 0 as well.
        digest = hashlib.sha256(_pixels(image).tobytes()).digest()
        key = index, digest, fact, foil
        if key not in self._questions:
            self._questions[key] = len(self._rows)
            self._rows.append([index, label, fact, foil, self._sprites.add(_pixels(image))])
        return self._questions[key]

    def _picture(self, image: Tensor) -> int | None:
        return self._sprites.add(_pixels(image)) if image.isfinite().all() else None

    def _map(self, attribution: Tensor, image: Tensor) -> list[object]:
        if not attribution.isfinite().all():
            return [None, None]
        scale = scale_of(attribution)
        return [self._sprites.add(indices(attribution, image, scale), palette()), _number(scale)]


def shrunk(images: Images) -> Images:
    """Average pixels so that no side is longer than ``SIDE``; smaller images stay as they are."""
    height, width = images.shape[2:]
    factor = SIDE / max(height, width)
    if factor >= 1:
        return images
    return functional.interpolate(
        images.float(), (max(1, round(height * factor)), max(1, round(width * factor))), mode="area"
    )


def _pixels(image: Tensor) -> Bytes:
    """Give bytes (H, W) for a grey image, else (H, W, 3)."""
    pixels = (picture(image.nan_to_num()) * 255).round().astype(np.uint8)
    return pixels[:, :, 0] if len(image) == 1 else pixels


def _number(value: float) -> float | str | None:
    """Give what JSON can hold: NaN is absent, infinity a word that JavaScript reads."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if math.isnan(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def _note(text: str) -> str:
    marked = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    return f'<p id="note">{marked}</p>' if text else ""


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
