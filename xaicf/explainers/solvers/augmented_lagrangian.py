"""CDeepEx's solver: the nearest point under constraints by the method of multipliers."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from xaicf.core import Flags, InputError, Labels, Latents, PerImage
from xaicf.explainers.solvers.problem import ByRow, violation
from xaicf.explainers.solvers.search import Search, Solver

Inner = Literal["scaled", "descent", "adam"]

STEP_SIZES: dict[Inner, float] = {"scaled": 0.3, "descent": 0.01, "adam": 0.05}
"""Of the inner descent, where none is given."""


@dataclass
class _Rows(ByRow):
    """Of the rows that go on (n,): where they are (n, d), multipliers and penalty, and what they remember.

    ``inequality`` are the multipliers of g (n, m), ``nearest`` the best distances of the last steps (n, patience),
    ``mean`` and ``square`` Adam's moments (n, d).
    """

    index: Labels
    z: Latents
    equality: PerImage
    inequality: Tensor
    penalty: PerImage
    last_h: PerImage
    nearest: Tensor
    mean: Latents
    square: Latents


@dataclass(frozen=True)
class AugmentedLagrangian(Solver):
    """Lowers the augmented Lagrangian, each row with its own multipliers and penalty.

    With multipliers λ of h, μ of g and penalty c (CDeepEx, Algorithm 1; Bertsekas 1999, chapter 4),

        L = |z - start|² + λ h + (c/2) h² + (1/2c) Σ_j (max(0, μ_j + c g_j)² - μ_j²)

    is lowered by gradient descent; then λ ← λ + c h, μ ← max(0, μ + c g), and c ← growth · c where
    |h| did not fall below the required share of its last value. The paper prints h in place of g in
    the inequality terms; the sign and arguments here are the standard ones.

    The paper gives no step size. ``scaled`` is plain descent by ``step_size`` over the curvature 1 + (c/2) |∇h|² of the
    terms in h, for a second backward pass, so that one number suits every classifier and generator; ``descent`` steps
    by ``step_size`` / max(c, 1); ``adam`` is Adam (Kingma and Ba 2015).

    Rows that have a feasible point stay; the others begin where the search began.

    Args:
        inner: how L is lowered.
        step_size: see above; that of :data:`STEP_SIZES` if left out.
        inner_steps: between two updates of the multipliers.
        outer_steps: updates of the multipliers.
        penalty: c at the start.
        penalty_growth: factor of c, β in the paper.
        required_decrease: share of |h| to be reached for c to stay, γ in the paper.
        patience: a row ends at a feasible point when its best distance has gained little over so many steps; 0 ends
            it at its first feasible point.
        smallest_gain: relative fall of the squared distance that is not little.

    Raises:
        InputError: ``inner`` is unknown, or a number is out of its range.
    """

    inner: Inner = "scaled"
    step_size: float | None = None
    inner_steps: int = 10
    outer_steps: int = 60
    penalty: float = 1.0
    penalty_growth: float = 1.01
    required_decrease: float = 0.24
    patience: int = 0
    smallest_gain: float = 0.01

    def __post_init__(self) -> None:
        if self.inner not in STEP_SIZES:
            raise InputError(f"inner must be {', '.join(STEP_SIZES)}, got {self.inner}")
        if not (0 < self.required_decrease < torch.inf and self.smallest_gain >= 0):
            raise InputError(
                "required_decrease must be > 0 and smallest_gain at least 0, "
                f"got {self.required_decrease} and {self.smallest_gain}"
            )
        if min(self.inner_steps, self.outer_steps) < 1 or self.patience < 0:
            raise InputError(
                "inner_steps and outer_steps must be at least 1 and patience at least 0, "
                f"got {self.inner_steps}, {self.outer_steps} and {self.patience}"
            )
        sizes = (self.penalty, 1.0 if self.step_size is None else self.step_size)
        if not (all(0 < one < torch.inf for one in sizes) and 1 <= self.penalty_growth < torch.inf):
            raise InputError(
                "penalty and step_size must be > 0 and penalty_growth at least 1, "
                f"got {self.penalty}, {self.step_size} and {self.penalty_growth}"
            )

    def __call__(self, search: Search, rows: Flags) -> None:
        """Search rows (B,), from where ``search`` began."""
        steps = self.inner_steps * self.outer_steps
        going = self._begin(search, (rows & ~search.feasible).nonzero().flatten())
        for step in range(steps + 1):
            if len(going.index) == 0:
                break
            point = going.z.detach().requires_grad_()
            h, g = search.problem.constraints(point, going.index)
            bad = violation(h.detach(), g.detach())
            search.offer(going.z, going.index, bad)
            if step == steps:
                break
            if step == 0:
                going.inequality = torch.zeros_like(g)
            self._lower(search, going, point, h, g, step)
            going = going[self._gains(search, going, step) | ~search.problem.feasible(bad)]

    def _begin(self, search: Search, index: Labels) -> _Rows:
        z = search.first[index]
        none = torch.zeros_like(z[:, 0])
        nearest = torch.full_like(z[:, :1], torch.inf).repeat(1, max(self.patience, 1))
        zeros = torch.zeros_like(z)
        return _Rows(index, z, none, zeros[:, :0], none + self.penalty, none + torch.inf, nearest, zeros, zeros)

    def _lower(self, search: Search, rows: _Rows, point: Latents, h: PerImage, g: Tensor, step: int) -> None:
        """Take a step of the inner descent, and after the last one update multipliers and penalty."""
        c = rows.penalty
        slope = torch.autograd.grad(h.sum(), point, retain_graph=True)[0] if self.inner == "scaled" else None
        hinge = (rows.inequality + c[:, None] * g).clamp(min=0)
        penalties = rows.equality * h + c / 2 * h.square() + hinge.square().sum(1) / (2 * c)
        (gradient,) = torch.autograd.grad(penalties.sum(), point)
        h, hinge = h.detach(), hinge.detach()
        gradient = gradient + 2 * (rows.z - search.problem.start[rows.index])
        size = STEP_SIZES[self.inner] if self.step_size is None else self.step_size
        if self.inner == "adam":
            rows.z = rows.z - size * _adam(rows, gradient, step)
        elif slope is None:
            rows.z = rows.z - (size / c.clamp(min=1))[:, None] * gradient
        else:
            rows.z = rows.z - (size / (1 + c / 2 * slope.square().sum(1)))[:, None] * gradient
        if (step + 1) % self.inner_steps == 0:
            rows.equality = rows.equality + c * h
            rows.inequality = hinge
            rows.penalty = torch.where(h.abs() > self.required_decrease * rows.last_h, self.penalty_growth * c, c)
            rows.last_h = h.abs()

    def _gains(self, search: Search, rows: _Rows, step: int) -> Flags:
        """Tell which rows' best distance has fallen over the last steps, and remember it."""
        place, now = step % rows.nearest.shape[1], search.distance[rows.index]
        gains = now < (1 - self.smallest_gain) * rows.nearest[:, place]
        rows.nearest[:, place] = now
        return gains & (self.patience > 0)


def _adam(rows: _Rows, gradient: Latents, step: int) -> Latents:
    """Give the direction of Adam's next step, and update the moments."""
    first, second = 0.9, 0.999
    rows.mean = first * rows.mean + (1 - first) * gradient
    rows.square = second * rows.square + (1 - second) * gradient.square()
    return rows.mean / (1 - first ** (step + 1)) / ((rows.square / (1 - second ** (step + 1))).sqrt() + 1e-8)
