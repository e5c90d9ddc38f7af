"""Gradient descent on latents, each row for itself, that keeps the best point on the way."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from xaicf.core import Latents, PerImage


class Descended(NamedTuple):
    """Where a descent has ended.

    Attributes:
        latents: the best points met (n, d).
        rank: what made them the best, the lowest of each row (n,).
        evaluations: gradients that were computed for each row, and the last value.
    """

    latents: Latents
    rank: PerImage
    evaluations: int


def descend(
    cost: Callable[[Latents], tuple[PerImage, PerImage]],
    start: Latents,
    steps: int,
    step_size: float,
    project: Callable[[Latents], Latents] | None = None,
    betas: tuple[float, float] = (0.9, 0.99),
) -> Descended:
    """Lower a cost by Adam, whose step falls along a cosine.

    Args:
        cost: of latents (n, d), differentiable, and by what they are ranked, both (n,).
        start: (n, d).
        steps: of Adam.
        step_size: of Adam, at the beginning.
        project: puts points (n, d) back, after each step, to where they may lie.
        betas: of Adam.
    """
    point = start.clone()
    best, least = point.clone(), torch.full_like(point[:, 0], torch.inf)
    point.requires_grad_()
    optimizer = torch.optim.Adam([point], step_size, betas=betas)  # element by element
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps + 1):
        values, rank = cost(point)
        with torch.no_grad():
            better = rank < least
            best[better], least[better] = point[better], rank[better]
        if step == steps:
            break
        (point.grad,) = torch.autograd.grad(values.sum(), point)
        optimizer.step()
        schedule.step()
        if project is not None:
            with torch.no_grad():
                point.copy_(project(point))
    return Descended(best, least, steps + 1)
