"""What every solver works on: for a batch of independent rows, the point nearest to a start where h = 0, g <= 0.

Nothing here knows images, classifiers or generators.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from xaicf.core import Flags, Labels, Latents, PerImage

Constraints = Callable[[Latents, Labels], tuple[PerImage, Tensor]]
"""Maps points (n, d) and their rows in the batch (n,) to h (n,) and g (n, m), differentiably. A row's values
depend on its own point alone. m may be 0."""

MARGIN = 0.9
"""Share of the tolerance that a search uses, so that rounding in a later check does not break it."""


@dataclass(frozen=True)
class Solution:
    """Where the searches of a batch are.

    Attributes:
        point: a feasible point, or where none was found the least infeasible (B, d).
        violation: the largest of |h| and every g there (B,).
        evaluations: how often constraints and their gradients were computed (B,).
    """

    point: Latents
    violation: PerImage
    evaluations: PerImage

    def feasible(self, tolerance: float) -> Flags:
        """Tell which rows hold within the tolerance, less the margin (B,)."""
        return self.violation <= MARGIN * tolerance


def begin(start: Latents) -> Solution:
    """Give the solution before any search: nothing is known but the start."""
    return Solution(start, torch.full_like(start[:, 0], torch.inf), torch.zeros_like(start[:, 0]))


def violation(h: PerImage, g: Tensor) -> PerImage:
    """Give the largest of |h| and every g (n,)."""
    return torch.cat([h.abs()[:, None], g], 1).amax(1)


def evaluate(constraints: Constraints, points: Latents, rows: Labels) -> Tensor:
    """Compute h and the largest g (n, 2), -inf where there is none."""
    h, inequalities = constraints(points, rows)
    none = torch.full_like(h[:, None], -torch.inf)
    return torch.stack([h, torch.cat([none, inequalities], 1).amax(1)], 1)


def linearise(constraints: Constraints, points: Latents, rows: Labels) -> tuple[Tensor, Tensor]:
    """Compute what :func:`evaluate` does and its gradients (n, 2, d), for two backward passes.

    Without inequalities the second gradient is zero.
    """
    points = points.detach().requires_grad_()
    values = evaluate(constraints, points, rows)
    h, worst = values.sum(0)
    (slope,) = torch.autograd.grad(h, points, retain_graph=True)
    (other,) = torch.autograd.grad(worst, points)
    return values.detach(), torch.stack([slope, other], 1)


def least_norm(jacobian: Tensor, binding: Flags, target: Tensor) -> Latents:
    """Solve jacobian · x = target with the shortest x; the second equation only where it binds.

    Written out for two equations, element by element, so that a row's result does not depend on how
    many other rows there are.

    Args:
        jacobian: (n, 2, d).
        binding: whether the second equation holds (n,).
        target: (n, 2).

    Returns:
        x (n, d).
    """
    first, second = jacobian[:, 0], jacobian[:, 1] * binding[:, None]
    a, b, c = (first * first).sum(1), (first * second).sum(1), (second * second).sum(1)
    ridge = 1e-6 * torch.maximum(a, c).clamp(min=1e-12)
    a, c = a + ridge, c + ridge
    p, q = target[:, 0], torch.where(binding, target[:, 1], 0)
    determinant = a * c - b * b
    u, v = (c * p - b * q) / determinant, (a * q - b * p) / determinant
    return u[:, None] * first + v[:, None] * second
