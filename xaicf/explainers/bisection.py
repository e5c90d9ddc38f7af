"""The smallest change that makes a classifier give the foil: a descent for each weight, bisected image by image."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from xaicf.core import Flags, Images, InputError, Labels, Latents, Logits, PerImage
from xaicf.explainers.descent import descend


class Bisected(NamedTuple):
    """Where a search for the smallest change has ended.

    Attributes:
        point: of each image the nearest that the classifier gives the foil, or where there is none that of the largest
            foil probability (B, d).
        reached: whether the classifier gives it the foil (B,).
        weight: λ of the descent that met it (B,).
        evaluations: gradients that were computed, and the last value of each descent (B,).
        path: iterates from the start to the point, evenly chosen from that descent (B, frames, d).
    """

    point: Latents
    reached: Flags
    weight: PerImage
    evaluations: PerImage
    path: Tensor | None


class Tried(NamedTuple):
    """What one descent of each image has found: its best point, the rank of it, and the way there."""

    point: Latents
    rank: PerImage
    path: Tensor


def smallest_change(
    draw: Callable[[Tensor, Labels], Images],
    classify: Callable[[Images], Logits],
    distance: Callable[[Images, Labels], PerImage],
    start: Latents,
    foil: Labels,
    *,
    low: float,
    high: float,
    bisections: int,
    steps: int,
    step_size: float,
    project: Callable[[Tensor, Labels], Tensor] | None = None,
    frames: int = 0,
) -> Bisected:
    """Search, for each image by itself, the nearest point whose picture the classifier gives the foil.

    Every trial is a descent by Adam from the start that lowers λ · CE(D(G(p)), foil) + distance(G(p)). The first has
    the largest λ; an image that does not reach the foil by it leaves the batch. For the others log λ is bisected: it
    falls where the foil was reached, else it rises. The result is the nearest among all points met on all the ways that
    the classifier gives the foil, whichever the trial; of equal ones the first.

    Reference: Liu et al. 2019, "Generative counterfactual introspection for explainable deep learning", equation 2 and
    the bisection over λ behind it; neither the descent nor the range of λ is given there.

    Args:
        draw: G, points (n, d) of images ``rows`` (n,) to pictures (n, C, H, W), differentiable, each row for itself.
        classify: D, pictures (n, C, H, W) to logits (n, classes), likewise.
        distance: pictures (n, C, H, W) of images ``rows`` (n,) to what is to be small (n,), likewise.
        start: p0 (B, d).
        foil: (B,).
        low: the smallest λ, positive.
        high: the largest λ.
        bisections: descents of an image after the first; each halves the range of log λ.
        steps: of Adam in a descent.
        step_size: of Adam at the beginning of a descent; it falls along a cosine.
        project: puts points (n, d) of images ``rows`` (n,) back, after each step, to where they may lie; the start is
            taken as it is.
        frames: points of the path, 0 for none.

    Returns:
        A row for each image, which does not depend on the other rows but through the rounding in ``draw`` and
        ``classify``; no random number is drawn.

    Raises:
        InputError: a number is out of its range.
    """
    check_search(low, high, bisections, steps, step_size, frames)

    def attempt(rows: Labels, weight: PerImage) -> Tried:
        points: list[Tensor] = []
        ranks: list[Tensor] = []

        def cost(point: Tensor) -> tuple[PerImage, PerImage]:
            pictures = draw(point, rows)
            logits = classify(pictures)
            surprise = functional.cross_entropy(logits, foil[rows], reduction="none")
            apart = distance(pictures, rows)
            with torch.no_grad():
                rank = torch.where(logits.argmax(1) == foil[rows], apart, _beyond(surprise.to(apart.dtype)))
            if frames:
                points.append(point.detach().clone())
                ranks.append(rank)
            return weight * surprise + apart, rank

        put = None if project is None else lambda point: project(point, rows)
        found = descend(cost, start[rows], steps, step_size, put)
        path = _evenly(torch.stack(points, 1), torch.stack(ranks, 1).argmin(1), frames) if frames else start[:0]
        return Tried(found.latents.detach(), found.rank, path)

    rows = torch.arange(len(start), device=start.device)
    weight = torch.full_like(start[:, 0], high)
    best = attempt(rows, weight)
    limit = _beyond(torch.zeros_like(best.rank))
    reached = best.rank < limit
    evaluations = torch.full_like(weight, steps + 1)
    floor, ceiling = weight.new_full(weight.shape, low).log(), weight.log()
    rows = rows[reached]
    for _ in range(bisections if len(rows) else 0):
        middle = (floor[rows] + ceiling[rows]) / 2
        tried = attempt(rows, middle.exp())
        evaluations[rows] += steps + 1
        within = tried.rank < limit[rows]
        ceiling[rows[within]], floor[rows[~within]] = middle[within], middle[~within]
        nearer = tried.rank < best.rank[rows]
        for whole, new in zip(best, tried, strict=True):
            if len(whole):
                whole[rows[nearer]] = new[nearer]
        weight[rows[nearer]] = middle[nearer].exp()
    return Bisected(best.point, reached, weight, evaluations, best.path if frames else None)


def check_search(low: float, high: float, bisections: int, steps: int, step_size: float, frames: int = 0) -> None:
    """Raise :class:`InputError` where a number of :func:`smallest_change` is out of its range."""
    if not 0 < low < high < torch.inf:
        raise InputError(f"weights must be positive, finite and the smaller first, got {low} and {high}")
    if not (bisections >= 0 and steps >= 1 and 0 < step_size < torch.inf):
        raise InputError(
            f"bisections must be >= 0, steps at least 1 and step_size > 0, got {bisections}, {steps} and {step_size}"
        )
    if frames < 0 or frames == 1:
        raise InputError(f"frames must be 0 or at least 2, got {frames}")


def _beyond(surprise: PerImage) -> PerImage:
    """Rank points that are not given the foil: beyond every distance, by -log of the foil's probability."""
    return torch.finfo(surprise.dtype).max / 2 * (1 + surprise / (1 + surprise))


def _evenly(points: Tensor, last: Labels, frames: int) -> Tensor:
    """Choose from the iterates (n, steps, d) of each row ``frames`` between the first and the last."""
    share = torch.linspace(0, 1, frames, dtype=torch.float64, device=points.device)
    chosen = (last[:, None] * share).round().long()
    return points.gather(1, chosen[:, :, None].expand(-1, -1, points.shape[2]))
