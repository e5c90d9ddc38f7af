"""Nearest point under constraints, by the method of multipliers, for a batch of independent problems."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from xaicf.core import Flags, InputError, Labels, Latents, PerImage

Constraints = Callable[[Latents, Labels], tuple[PerImage, Tensor]]
"""Maps points (n, d) and their rows in the batch (n,) to h (n,) and g (n, m): the point is wanted where
h = 0 and every g <= 0. Differentiable; a problem's values depend on its own point alone."""


@dataclass(frozen=True)
class Solution:
    """Where the searches ended.

    Attributes:
        point: the nearest feasible point found, or where there is none the least infeasible (B, d).
        feasible: whether |h| and every g were within the tolerance there (B,).
        evaluations: gradients of the problem that were computed (B,).
        trace: h, largest g and squared distance after each inner minimisation, each (B, outer steps); the last
            value is repeated once a problem has left the batch.
    """

    point: Latents
    feasible: Flags
    evaluations: PerImage
    trace: dict[str, Tensor]
