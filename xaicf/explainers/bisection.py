"""The smallest change that makes a classifier give the foil: a descent for each weight, bisected image by image."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.nn import functional

from xaicf.core import Flags, Images, InputError, Labels, Latents, Logits, PerImage
from xaicf.explainers.descent import descend

Norm = Literal["l1", "l2"]


ROUNDING = 1e-5
"""Of logits, by their size: the foil is reached where it is above the others by more."""


class Bisected(NamedTuple):
    """Where a search for the smallest change has ended.

    Attributes:
        point: of each image the nearest that the classifier gives the foil, or where there is none that of the largest
            foil probability (B, d).
        reached: whether the classifier gives it the foil (B,).
        weight: λ of the descent that met it (B,).
        evaluations: gradients that were computed, and the last value of each descent (B,).
    """

    point: Latents
    reached: Flags
    weight: PerImage
    evaluations: PerImage


class Tried(NamedTuple):
    """What one descent of each image has found.

    Attributes:
        point: the best (n, d).
        rank: of it, the lower the better (n,).
        ended: whether the last one is at the foil (n,).
    """

    point: Latents
    rank: PerImage
    ended: Flags


def smallest_change(
    draw: Callable[[Tensor, Labels], Images],
    classify: Callable[[Images], Logits],
    distance: Callable[[Tensor, Images, Labels], PerImage],
    start: Latents,
    foil: Labels,
    *,
    low: float,
    high: float,
    bisections: int,
    steps: int,
    step_size: float,
    anew: int = 0,
    betas: tuple[float, float] = (0.9, 0.99),
    project: Callable[[Tensor, Labels], Tensor] | None = None,
) -> Bisected:
    """Search, for each image by itself, the nearest point whose picture the classifier gives the foil.

    Every trial is a descent by Adam that lowers λ · CE(D(G(p)), foil) + distance(p). The first begins at the start and
    has the largest λ; an image that does not reach the foil by it leaves the batch. For the others log λ is bisected:
    it falls where the descent ended at the foil, else it rises. The first ``anew`` of these descents begin at the start
    again, so that another valley may be found; the others at the nearest point known, which gets nearer where the way
    is long. The result is the nearest of all points met that the classifier gives the foil, whichever the trial; of
    equal ones the first.

    Reference: Liu et al. 2019, "Generative counterfactual introspection for explainable deep learning", equation 2 and
    the bisection over λ behind it; neither the descent nor the range of λ is given there.

    Args:
        draw: G, points (n, d) of images ``rows`` (n,) to pictures (n, C, H, W), differentiable, each row for itself.
        classify: D, pictures (n, C, H, W) to logits (n, classes), likewise.
        distance: points (n, d) and their pictures (n, C, H, W) of images ``rows`` (n,) to what is to be small (n,),
            likewise.
        start: p0 (B, d).
        foil: (B,).
        low: the smallest λ, positive.
        high: the largest λ.
        bisections: descents of an image after the first; each halves the range of log λ.
        steps: of Adam in a descent.
        step_size: of Adam at the beginning of a descent; it falls along a cosine.
        anew: bisections, the first, whose descents begin at the start.
        betas: of Adam.
        project: puts points (n, d) of images ``rows`` (n,) back, after each step, to where they may lie; the start is
            taken as it is.

    Returns:
        A row for each image, which does not depend on the other rows but through the rounding in ``draw`` and
        ``classify``; no random number is drawn.

    Raises:
        InputError: a number is out of its range.
    """
    check_search(low, high, bisections, steps, step_size)

    def attempt(rows: Labels, begin: Latents, weight: PerImage) -> Tried:
        at_foil = torch.zeros_like(rows, dtype=torch.bool)

        def cost(point: Tensor) -> tuple[PerImage, PerImage]:
            pictures = draw(point, rows)
            logits = classify(pictures)
            surprise = functional.cross_entropy(logits, foil[rows], reduction="none")
            apart = distance(point, pictures, rows)
            with torch.no_grad():
                at_foil.copy_(_wins(logits, foil[rows]))
                rank = torch.where(at_foil, apart, _beyond(surprise.to(apart.dtype)))
            return weight * surprise + apart, rank

        put = None if project is None else lambda point: project(point, rows)
        found = descend(cost, begin[rows], steps, step_size, put, betas)
        return Tried(found.latents.detach(), found.rank, at_foil)

    everyone = torch.arange(len(start), device=start.device)
    weight = torch.full_like(start[:, 0], high)
    point, rank, _ = attempt(everyone, start, weight)
    reached = rank < _beyond(torch.zeros_like(rank))
    evaluations = torch.full_like(weight, steps + 1)
    floor, ceiling = weight.new_full(weight.shape, low).log(), weight.log()
    rows = everyone[reached]
    for trial in range(bisections if len(rows) else 0):
        middle = (floor[rows] + ceiling[rows]) / 2
        tried = attempt(rows, start if trial < anew else point, middle.exp())
        evaluations[rows] += steps + 1
        ceiling[rows[tried.ended]], floor[rows[~tried.ended]] = middle[tried.ended], middle[~tried.ended]
        nearer = tried.rank < rank[rows]
        better = rows[nearer]
        point[better], rank[better], weight[better] = tried.point[nearer], tried.rank[nearer], middle[nearer].exp()
    return Bisected(point, reached, weight, evaluations)


def length(apart: Images, norm: Norm) -> PerImage:
    """Give how large differences of images (B, C, H, W) are: the sum of their sizes, or their Euclidean length (B,)."""
    found: PerImage = torch.linalg.vector_norm(apart.flatten(1), 1 if norm == "l1" else 2, dim=1)
    return found


def check_search(low: float, high: float, bisections: int, steps: int, step_size: float) -> None:
    """Raise :class:`InputError` where a number of :func:`smallest_change` is out of its range."""
    if not 0 < low < high < torch.inf:
        raise InputError(f"weights must be positive, finite and the smaller first, got {low} and {high}")
    if not (bisections >= 0 and steps >= 1 and 0 < step_size < torch.inf):
        raise InputError(
            f"bisections must be >= 0, steps at least 1 and step_size > 0, got {bisections}, {steps} and {step_size}"
        )


def check_norm(norm: str) -> None:
    """Raise :class:`InputError` where a norm is unknown."""
    if norm not in get_args(Norm):
        raise InputError(f"norm must be {' or '.join(get_args(Norm))}, got {norm}")


def _wins(logits: Logits, foil: Labels) -> Flags:
    """Tell where the foil is above every other class by more than rounding, in whichever precision one looks again."""
    own = logits.gather(1, foil[:, None])[:, 0]
    others = logits.scatter(1, foil[:, None], -torch.inf).amax(1)
    return own - others > ROUNDING * logits.abs().amax(1).clamp_min(1)


def _beyond(surprise: PerImage) -> PerImage:
    """Rank points that are not given the foil: beyond every distance, by -log of the foil's probability."""
    return torch.finfo(surprise.dtype).max / 2 * (1 + surprise / (1 + surprise))
