"""The quadratic programme of a step: project a point onto linearised constraints."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor

from xaicf.core import Latents, PerImage
from xaicf.explainers.solvers.problem import Linear

TRUST = 0.2
"""Error of a foretold change, relative to it, up to which a gradient of the past is trusted."""

RIDGE = 10.0
"""Added to the squared length of a gradient, in units of its rounding, so that parallel gradients do no harm."""


class Active:
    """The inequalities of each row that were the worst of late, with their gradients.

    An iterate computes the gradient of its worst inequality alone; where several take turns, those of the others are
    kept from the last time. Their values are always new.

    Attributes:
        place: in g (n, slots), -1 for none.
        slope: gradients (n, slots, d).
        trusted: whether the gradient foretold the last change of the value (n, slots).
    """

    def __init__(self, at: Linear, slots: int) -> None:
        count, size = at.point.shape
        self.place = at.worst.new_full((count, min(slots, at.g.shape[1])), -1)
        self.slope = at.point.new_zeros(count, self.place.shape[1], size)
        self.trusted = torch.zeros_like(self.place, dtype=torch.bool)
        self.learn(at)

    def __getitem__(self, rows: Tensor) -> "Active":
        """Give some rows."""
        found = object.__new__(Active)
        found.place, found.slope, found.trusted = self.place[rows], self.slope[rows], self.trusted[rows]
        return found

    def values(self, g: Tensor) -> Tensor:
        """Pick the values (n, slots) out of those of all inequalities (n, m); -inf for none."""
        if not self.place.shape[1]:
            return g[:, :0]
        return g.gather(1, self.place.clamp(min=0)).masked_fill(self.place < 0, -torch.inf)

    def bends(self, before: Tensor, after: Tensor, moves: Latents) -> Tensor:
        """Give what a move (n, d) changed in the values of all inequalities (n, m), beyond first order (n, slots).

        Gradients by which this is much are not trusted from now on.
        """
        foretold = (self.slope * moves[:, None]).sum(2)
        bends = (self.values(after) - self.values(before) - foretold).masked_fill(self.place < 0, 0)
        self.trusted = bends.abs() <= TRUST * foretold.abs()
        return bends

    def learn(self, at: Linear) -> None:
        """Put the worst inequality of each row in the slot that it has, or in the one that binds least."""
        which = at.known.nonzero().flatten()
        if len(which) == 0 or not self.place.shape[1]:
            return
        place = self.place[which]
        held = place == at.worst[which, None]
        slot = torch.where(held.any(1), held.long().argmax(1), self[which].values(at.g[which]).argmin(1))
        self.place[which, slot], self.slope[which, slot] = at.worst[which], at.worst_slope[which]
        self.trusted[which, slot] = True


class Projection(NamedTuple):
    """The projection of a point.

    Attributes:
        point: (n, d).
        equality: the multiplier of h (n,).
        inequality: those of the active inequalities (n, slots), at least 0.
    """

    point: Latents
    equality: PerImage
    inequality: Tensor


def project(points: Latents, at: Linear, active: Active, g: Tensor) -> Projection:
    """Find the point w nearest to another on h + ∇h·(w - z) = 0, g + ∇g·(w - z) <= 0.

    The equality is solved for, and of all sets of inequalities that may bind the one is taken whose multipliers and
    values violate the conditions of optimality (Karush, Kuhn, Tucker) least. Each row is solved for itself, so that
    its result does not depend on how many others there are.

    Args:
        points: to project (n, d).
        at: the linearisation, at z.
        active: the inequalities.
        g: their values (n, slots), -inf for those that do not count.
    """
    away, normal = points - at.point, at.slope
    square = normal.square().sum(1).clamp(min=1e-12)
    pull = (away * normal).sum(1) + at.h
    onto = away - (pull / square)[:, None] * normal
    cross = (active.slope * normal[:, None]).sum(2)
    # What is left of each gradient within h = 0.
    free = active.slope - (cross / square[:, None])[:, :, None] * normal[:, None]
    size = active.slope.square().sum(2).clamp(min=1e-12)
    gram = (free[:, :, None] * free[:, None]).sum(3) + torch.diag_embed(RIDGE * torch.finfo(size.dtype).eps * size)
    over = (active.slope * onto[:, None]).sum(2) + g
    multipliers = _dual(gram, over, size.sqrt())
    step = onto - (multipliers[:, :, None] * free).sum(1)
    return Projection(at.point + step, (pull - (multipliers * cross).sum(1)) / square, multipliers)


def _dual(gram: Tensor, over: Tensor, size: Tensor) -> Tensor:
    """Solve λ >= 0, over - gram λ <= 0, λ (over - gram λ) = 0 by trying every set of λ that are not 0.

    Args:
        gram: symmetric, positive definite (n, slots, slots).
        over: (n, slots), -inf where λ is 0.
        size: lengths that make λ and over of different slots comparable (n, slots).

    Returns:
        λ (n, slots).
    """
    slots = over.shape[1]
    counts = over.isfinite()
    over = over.masked_fill(~counts, 0)
    sets = torch.tensor([*itertools.product((False, True), repeat=slots)], dtype=torch.bool, device=over.device)
    binding = sets & counts[:, None]
    within = binding[:, :, :, None] & binding[:, :, None]
    systems = torch.where(within, gram[:, None], torch.eye(slots, dtype=gram.dtype, device=gram.device))
    multipliers = torch.linalg.solve(systems, torch.where(binding, over[:, None], 0).unsqueeze(3)).squeeze(3)
    left = (over[:, None] - (gram[:, None] * multipliers[:, :, None]).sum(3)).masked_fill(binding | ~counts[:, None], 0)
    broken = (left / size[:, None]).clamp(min=0) + (-multipliers * size[:, None]).clamp(min=0)
    best = broken.sum(2).argmin(1)
    found: Tensor = multipliers[torch.arange(len(over), device=over.device), best]
    return found.clamp(min=0)
