"""The learning rate along a training, step by step."""

from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

Schedule = Literal["constant", "cosine", "one_cycle"]


def learning_rate_schedule(kind: Schedule, optimizer: Optimizer, steps: int) -> LRScheduler:
    """Make the schedule of an optimiser; the optimiser's own learning rate is the highest value.

    Args:
        kind: ``constant``, ``cosine`` (falls to zero) or ``one_cycle`` (rises, then falls to zero).
        optimizer: whose learning rate changes.
        steps: number of optimiser steps of the whole training.

    Returns:
        A scheduler to be advanced after each step.
    """
    if kind == "cosine":
        return CosineAnnealingLR(optimizer, T_max=steps)
    if kind == "one_cycle":
        return OneCycleLR(optimizer, max_lr=[group["lr"] for group in optimizer.param_groups], total_steps=steps)
    return LambdaLR(optimizer, lambda step: 1.0)
