"""The smallest change that reaches a class: gradient descent inside a bisection over the weight of the class."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from xaicf.core import Flags, Images, Labels, Logits, PerImage

Point = Tensor
"""What is edited of each image: latents or attributes (n, d)."""


class Bisected(NamedTuple):
    """Where a search has ended.

    Attributes:
        point: the nearest point met that the classifier gives the foil; where there is none, that of the highest
            probability of the foil (B, d).
        reached: whether there is one (B,).
        weight: λ of the descent that met it (B,); the highest where there is none.
        evaluations: gradients that were computed for each image (B,).
        trace: of a descent from the start at that λ, the point itself last: ``images`` (B, frames, C, H, W) and
            ``probabilities`` (B, frames, classes); None for no frames.
    """

    point: Point
    reached: Flags
    weight: PerImage
    evaluations: PerImage
    trace: dict[str, Tensor] | None


class Edited(NamedTuple):
    """What an edit is and costs, for some images of the batch.

    Attributes:
        draw: points (n, d) and the images' places in the batch (n,) to pictures.
        classify: pictures to logits.
        distance: pictures and places to distances from the inputs (n,).
        project: points and places to the nearest allowed points; None where all are.
    """

    draw: Callable[[Point, Labels], Images]
    classify: Callable[[Images], Logits]
    distance: Callable[[Images, Labels], PerImage]
    project: Callable[[Point, Labels], Point] | None = None


class Descent(NamedTuple):
    """How a point goes down a cost: by Adam, whose step falls along a cosine.

    Attributes:
        steps: of Adam.
        step_size: at the beginning.
    """

    steps: int
    step_size: float


class Met(NamedTuple):
    """What a descent meets at a step, for some images of the batch.

    Attributes:
        step: from 0.
        point: (n, d).
        pictures: (n, C, H, W).
        logits: of the classifier (n, classes).
        unlike: cross-entropy of the foil (n,).
        distance: from the inputs (n,).
    """

    step: int
    point: Point
    pictures: Images
    logits: Logits
    unlike: PerImage
    distance: PerImage


def smallest_change(
    edit: Edited,
    start: Point,
    foil: Labels,
    descent: Descent,
    low: float,
    high: float,
    bisections: int,
    frames: int = 0,
) -> Bisected:
    """Find for each image the nearest edit that the classifier gives the foil.

    A descent on λ · CE(D(I(A')), foil) + |I - I(A')| ends at the foil if λ is large enough. A first one, at
    the highest λ, says whether it can be reached; then the logarithm of λ is bisected, each descent beginning at the
    nearest point known, and an image whose foil was not reached is left out. Of all points met on the way the nearest
    counts that the classifier gives the foil. No image depends on another.

    Args:
        edit: what is done to an image, and what it costs.
        start: A, where nothing is edited (B, d).
        foil: (B,).
        descent: for each λ.
        low: the lowest λ, positive.
        high: the highest.
        bisections: descents after the first.
        frames: of the trace, at least 2; 0 for none.
    """
    rows = torch.arange(len(start), device=start.device)
    best = _Best(start, foil)
    bottom, top = (torch.full(foil.shape, math.log(end), dtype=start.dtype, device=start.device) for end in (low, high))
    evaluations = torch.zeros_like(top)
    for trial in range(bisections + 1):
        if len(rows) == 0:
            break
        weight = (top[rows] if trial == 0 else (bottom[rows] + top[rows]) / 2).exp()
        begin = start if trial == 0 else best.point
        last = _descend(edit, begin, foil, rows, weight, descent, functools.partial(best.take, rows, weight))
        evaluations[rows] += descent.steps
        if trial == 0:
            rows = rows[best.reached[rows]]
        else:
            ended = last.logits.argmax(1) == foil[rows]
            top[rows] = torch.where(ended, weight.log(), top[rows])
            bottom[rows] = torch.where(ended, bottom[rows], weight.log())
    trace = _trace(edit, start, foil, best, descent, frames) if frames else None
    return Bisected(best.point, best.reached, best.weight, evaluations, trace)


class _Best:
    """The best point met of each image: at the foil before not, nearer before further, likelier before less likely."""

    def __init__(self, start: Point, foil: Labels) -> None:
        self.foil = foil
        self.point = start.clone()
        self.reached = torch.zeros_like(foil, dtype=torch.bool)
        self.rank = torch.full_like(start[:, 0], torch.inf)
        self.weight = torch.full_like(start[:, 0], torch.nan)

    def take(self, rows: Labels, weight: PerImage, met: Met) -> None:
        at_foil = met.logits.argmax(1) == self.foil[rows]
        rank = torch.where(at_foil, met.distance, met.unlike)
        better = torch.where(at_foil == self.reached[rows], rank < self.rank[rows], at_foil)
        chosen = rows[better]
        self.point[chosen] = met.point[better]
        self.rank[chosen] = rank[better]
        self.weight[chosen] = weight[better]
        self.reached[chosen] = at_foil[better]


def _descend(
    edit: Edited,
    start: Point,
    foil: Labels,
    rows: Labels,
    weight: PerImage,
    descent: Descent,
    see: Callable[[Met], None],
) -> Met:
    """Go down from a start (B, d) for some rows, show what is met, and give the last of it."""
    point = start[rows].clone().requires_grad_()
    optimizer = torch.optim.Adam([point], descent.step_size, betas=(0.8, 0.9))  # element by element
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, descent.steps)
    step = 0
    while True:
        with torch.set_grad_enabled(step < descent.steps):
            pictures = edit.draw(point, rows)
            logits = edit.classify(pictures)
            unlike = functional.cross_entropy(logits, foil[rows], reduction="none")
            distance = edit.distance(pictures, rows)
        met = Met(step, *(one.detach() for one in (point, pictures, logits, unlike, distance)))
        see(met)
        if step == descent.steps:
            return met
        (point.grad,) = torch.autograd.grad((weight * unlike + distance).sum(), point)
        optimizer.step()
        schedule.step()
        if edit.project is not None:
            with torch.no_grad():
                point.copy_(edit.project(point, rows))
        step += 1


def _trace(edit: Edited, start: Point, foil: Labels, best: _Best, descent: Descent, frames: int) -> dict[str, Tensor]:
    """Go the way of each image's λ again, keeping frames evenly from its steps, and the best point for the last one."""
    points: list[Point] = []
    rows = torch.arange(len(start), device=start.device)
    _descend(edit, start, foil, rows, best.weight, descent, lambda met: points.append(met.point.clone()))
    return framed(edit, [*points, best.point], frames)


@torch.no_grad()
def framed(edit: Edited, points: Sequence[Point], frames: int) -> dict[str, Tensor]:
    """Draw some points (B, d) of a course, evenly, the first and the last among them.

    Returns:
        ``images`` (B, frames, C, H, W) and what the classifier says of them, ``probabilities`` (B, frames, classes).
    """
    rows = torch.arange(len(points[0]), device=points[0].device)
    chosen = torch.linspace(0, len(points) - 1, frames).round().int().tolist()
    shown = [edit.draw(points[number], rows) for number in chosen]
    probabilities = [edit.classify(one).softmax(1) for one in shown]
    return {"images": torch.stack(shown, 1), "probabilities": torch.stack(probabilities, 1)}
