"""What every solver works on: for a batch of independent rows, the point nearest to a start where h = 0 and g <= 0.

Nothing here knows images, classifiers or generators.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from xaicf.core import Flags, InputError, Labels, Latents, PerImage

Constraints = Callable[[Latents, Labels], tuple[PerImage, Tensor]]
"""Maps points (n, d) and their rows in the batch (n,) to h (n,) and g (n, m), differentiably. A row's values
depend on its own point alone, and both h and g on the point. m may be 0."""

MARGIN = 0.9
"""Share of the tolerance that a search uses, so that rounding in a later check does not break it."""


class ByRow:
    """A dataclass of tensors, or of such, that all have a row for each problem."""

    def __getitem__(self, rows: Tensor) -> Self:
        """Give some rows."""
        return type(self)(*(part[rows] for part in vars(self).values()))


@dataclass(frozen=True)
class Problem:
    """Minimise |z - start|² subject to h(z) = 0 and g(z) <= 0, for each row on its own.

    Attributes:
        start: what a row stays near to (B, d).
        constraints: h and g.
        tolerance: largest |h| and g of a feasible point.

    Raises:
        InputError: the tolerance is not positive, or the start holds other than floating-point numbers.
    """

    start: Latents
    constraints: Constraints
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        if not self.tolerance > 0:
            raise InputError(f"tolerance must be > 0, got {self.tolerance}")
        if not self.start.is_floating_point():
            raise InputError(f"start must hold floating-point numbers, got {self.start.dtype}")

    def distance(self, points: Latents, rows: Labels) -> PerImage:
        """Give |z - start|² of points (n, d) of some rows (n,)."""
        return (points - self.start[rows]).square().sum(1)

    def feasible(self, violations: PerImage) -> Flags:
        """Tell which violations (n,) are within the tolerance, less the margin."""
        return violations <= MARGIN * self.tolerance

    def linearise(self, points: Latents, rows: Labels, slack: float = 0.0) -> "Linear":
        """Compute the constraints and gradients of h and, where it is above -``slack``, of the worst inequality.

        The second gradient costs a backward pass; where few rows want it, they alone are computed again.

        Args:
            points: (n, d).
            rows: of the points in the batch (n,).
            slack: in the unit of g.
        """
        points = points.detach().requires_grad_()
        h, g = self.constraints(points, rows)
        none = torch.zeros_like(rows)
        if g.shape[1] == 0:
            (slope,) = torch.autograd.grad(h.sum(), points)
            return Linear(
                points.detach(), h.detach(), g.detach(), slope, none, torch.zeros_like(slope), none.to(torch.bool)
            )
        value, worst = g.max(1)
        near = value.detach() > -slack
        several = bool(2 * near.sum() >= len(near))
        (slope,) = torch.autograd.grad(h.sum(), points, retain_graph=several)
        other = torch.zeros_like(slope)
        if several:
            (other,) = torch.autograd.grad(value.sum(), points)
        elif near.any():
            few = points.detach()[near].requires_grad_()
            _, again = self.constraints(few, rows[near])
            (other[near],) = torch.autograd.grad(again.gather(1, worst[near, None]).sum(), few)
        return Linear(points.detach(), h.detach(), g.detach(), slope, worst, other, near)


@dataclass(frozen=True)
class Linear(ByRow):
    """Constraints at some points, to first order.

    Attributes:
        point: (n, d).
        h: the equality's values (n,).
        g: the inequalities' (n, m).
        slope: gradients of h (n, d).
        worst: places of the largest g (n,).
        worst_slope: their gradients (n, d), zero where they were not computed.
        known: where they were (n,).
    """

    point: Latents
    h: PerImage
    g: Tensor
    slope: Tensor
    worst: Labels
    worst_slope: Tensor
    known: Flags

    @property
    def violation(self) -> PerImage:
        """The largest of |h| and every g (n,)."""
        return violation(self.h, self.g)

    @property
    def newton(self) -> PerImage:
        """The length of the shortest step to h = 0 (n,)."""
        return self.h.abs() / self.slope.square().sum(1).sqrt().clamp(min=1e-12)

    def replaced(self, rows: Flags, others: "Linear") -> Self:
        """Give the same with some rows (n,) taken from another of n rows."""
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        return type(self)(*(torch.where(rows.view(-1, *[1] * (one.ndim - 1)), other, one) for one, other in pairs))


def violation(h: PerImage, g: Tensor) -> PerImage:
    """Give the largest of |h| and every g (n,)."""
    return torch.cat([h.abs()[:, None], g], 1).amax(1)
