"""The page: which classes are confused, and how explainers answer the same questions side by side; no network."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
import torch
from torch import Tensor

from xaicf.core import Explanation, Labels, PerImage, Status
from xaicf.viz.heatmap import scale_of
from xaicf.viz.page.cells import Common, cells, shared
from xaicf.viz.page.document import document
from xaicf.viz.page.drawing import number, pixels, shrunk
from xaicf.viz.page.kinds import Maps
from xaicf.viz.page.measures import ARROWS, MeasureRow, measure_table
from xaicf.viz.page.names import readable
from xaicf.viz.page.palette import indices, palette
from xaicf.viz.page.results import Study, results_section
from xaicf.viz.page.sprites import TILES, Sprites
from xaicf.viz.page.summary import Summary

MEAN_SIDE = 56
"""Pixels along the longer side of a mean map."""

FRAMES = 8
"""Most frames of a way that are shown, its ends among them."""

PROTOTYPE = "prototype"
"""What a counterfactual that is to be surer of the fact is called on the page, which words its map by it."""

TIE = "boundary_residual"
"""Scalar of explainers that look for ties, in nats; as a measure any counterfactual has it."""


@dataclass(frozen=True)
class _Answers:
    """What one explainer says.

    Attributes:
        measures: names of numbers that were measured.
        scalars: names of its own.
        other: what it compares with.
        ties: whether it looks for images where fact and foil are equally likely, and says how nearly they are.
        rows: an answer for each question.
        maps: of solved questions, small, for the means.
    """

    measures: list[str]
    scalars: list[str]
    other: str | None
    ties: bool
    rows: dict[int, list[object]] = field(default_factory=dict)
    maps: dict[int, Maps] = field(default_factory=dict)


class Page:
    """Gathers explanations, part by part, and writes them as a page.

    A question is an image with its fact and foil; explainers that were asked the same one stand side by side.

    Args:
        beside: folder for the pictures, beside the page, which loads those that come into view. Without one the page
            holds them all.
    """

    def __init__(self, beside: Path | None = None) -> None:
        self._beside = beside
        self._sprites = Sprites(beside)
        self._classes: dict[tuple[int, str], int] = {}
        self._images: dict[tuple[int, bytes], int] = {}
        self._small: dict[int, Maps] = {}
        self._questions: dict[tuple[int, int, int], int] = {}
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
        ties = TIE in explanation.scalars
        answers = self._answers.setdefault(explainer, _Answers(list(measures), scalars, compared, ties))
        numbers = [measures[name] for name in answers.measures] + [
            explanation.scalars[name] for name in answers.scalars
        ]
        for place in range(len(class_names)):  # also those of no image, which the atlas has rows for
            self._class(place, class_names)
        inputs = shrunk(explanation.inputs)
        others = None if other is None else shrunk(getattr(explanation, other))
        maps = None if explanation.attribution is None else shrunk(explanation.attribution)
        for row in range(len(explanation)):
            classes = [self._class(int(one[row]), class_names) for one in (explanation.fact, explanation.foil, label)]
            question = self._question(int(index[row]), inputs[row], *classes)
            status = int(explanation.status[row])
            drawn: list[object] = [None, None, None]
            way = None
            if status != Status.NOT_APPLICABLE:
                drawn[0] = None if others is None else self._picture(others[row])
                drawn[1:] = [None, None] if maps is None else self._map(maps[row])
                way = self._way(explanation, row)
            if status == Status.SOLVED and maps is not None and maps[row].isfinite().all():
                answers.maps[question] = _small(maps[row].sum(0, keepdim=True) / scale_of(maps[row]))[0]
            answers.rows[question] = [status, *drawn, [number(float(values[row])) for values in numbers], way]

    def html(
        self,
        title: str,
        introduction: str,
        summaries: Mapping[str, Summary],
        measures: Sequence[MeasureRow] = (),
        note: str = "",
        studies: Sequence[Study] = (),
    ) -> str:
        """Write the page.

        Args:
            title: of the page.
            introduction: what it was made from.
            summaries: of the explainers, for the table.
            measures: for the table, which without them is of the explainers' scalars.
            note: stands below the table, what is in backquotes as code.
            studies: results to show.

        Returns:
            HTML that holds all it shows, except for what lies ``beside``. Every name is text, and the page may load
            nothing else.
        """
        arrows = {row.name: ARROWS[row.higher_is_better] for row in measures}
        data = {
            "tiles": TILES,
            "folder": "" if self._beside is None else f"{quote(self._beside.name)}/",
            "classes": [name for _, name in self._classes],
            "numbers": [place for place, _ in self._classes],
            "questions": self._rows,
            "explainers": [
                {
                    "name": name,
                    "title": readable(name),
                    "other": answers.other,
                    "ties": answers.ties,
                    "measures": answers.measures,
                    "arrows": [arrows.get(measure, "") for measure in answers.measures],
                    "scalars": answers.scalars,
                    "answers": [answers.rows.get(question) for question in range(len(self._rows))],
                }
                for name, answers in self._answers.items()
            ],
            "cells": self._cells(),
            "sheets": [asdict(sheet) for sheet in self._sprites.sheets()],
        }
        table = measure_table(summaries, measures)
        marked = re.sub("`([^`]*)`", r"<code>\1</code>", escape(note))
        parts = {
            "INTRODUCTION": escape(introduction),
            "TABLE": table,
            "NOTE": f'<p id="note">{marked}</p>' if note else "",
            "RESULTS": results_section(studies),
        }
        return document(title, parts, data, self._beside is not None)

    def _class(self, place: int, names: Sequence[str]) -> int:
        return self._classes.setdefault((place, names[place]), len(self._classes))

    def _question(self, index: int, image: Tensor, fact: int, foil: int, label: int) -> int:
        # The image is part of the key, since stores of other data count their samples from 0 as well.
        drawn = pixels(image)
        known = index, hashlib.sha256(drawn.tobytes()).digest()
        if known not in self._images:
            self._images[known] = self._sprites.add(drawn)
            self._small[self._images[known]] = _small(image.nan_to_num())
        key = self._images[known], fact, foil
        if key not in self._questions:
            self._questions[key] = len(self._rows)
            self._rows.append([index, label, fact, foil, key[0]])
        return self._questions[key]

    def _picture(self, image: Tensor) -> int | None:
        return self._sprites.add(pixels(image)) if image.isfinite().all() else None

    def _map(self, attribution: Tensor) -> list[object]:
        if not attribution.isfinite().all():
            return [None, None]
        scale = scale_of(attribution)
        return [self._sprites.add(indices(attribution, scale), palette()), number(scale)]

    def _way(self, explanation: Explanation, row: int) -> list[object] | None:
        """Give the frames of one image's way, each a picture with the probabilities of fact and foil."""
        trace = explanation.trace
        if trace is None or not {"images", "probabilities"} <= set(trace):
            return None
        images = shrunk(trace["images"][row])
        if not images.isfinite().all():
            return None
        chosen = np.unique(np.linspace(0, len(images) - 1, FRAMES).round().astype(int)).tolist()
        both = trace["probabilities"][row][:, [int(explanation.fact[row]), int(explanation.foil[row])]]
        return [[self._picture(images[place]), *(number(float(share)) for share in both[place])] for place in chosen]

    def _cells(self) -> list[object]:
        found: list[object] = []
        for cell in cells([(image, label, fact, foil) for _, label, fact, foil, image in self._rows]):
            several = len(cell.questions) > 1
            answers = [shared(cell, one.maps) if several else None for one in self._answers.values()]
            told = [
                None
                if one is None
                else [self._common(one.whole), [self._common(kind) for kind in one.kinds], one.asked]
                for one in answers
            ]
            found.append([cell.label, cell.fact, cell.foil, told])
        return found

    def _common(self, common: Common) -> list[object]:
        """Draw a mean map, and beneath it the mean of its images."""
        inputs = [self._small[self._rows[question][4]] for question in common.questions]
        alike = len({one.shape for one in inputs}) == 1
        beneath = self._sprites.add(pixels(torch.from_numpy(np.mean(inputs, 0, dtype=np.float32)))) if alike else None
        scale = max(float(np.abs(common.mean).max()), 1e-12)
        mean = torch.from_numpy(common.mean)[None]
        drawn = self._sprites.add(indices(mean, scale), palette())
        return [len(common.questions), beneath, drawn, number(scale), common.typical]


def _small(values: Tensor) -> Maps:
    """Keep a picture (C, H, W), in [-1, 1], for averages."""
    small = shrunk(values[None].float(), MEAN_SIDE)[0]
    return small.cpu().numpy().astype(np.float16)  # half the memory, and finer than what is drawn
