"""The learning rate along a training, step by step."""

from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

Schedule = Literal["constant", "cosine", "one_cycle"]


def learning_rate_schedule(kind: Schedule, optimizer: Optimizer, steps: int) -> LRScheduler:
    """Make the schedule of an optimiser; the optimiser's own learning rate is the highest value.

    Args:
        kind: ``constant``, ``cosine`` (falls to zero) or ``one_cycle`` (rises from a 25th, then falls to almost
            zero; the momentum, where the optimiser has one, goes the other way between 0.95 and 0.85).
        optimizer: whose learning rate changes.
        steps: number of optimiser steps of the whole training.

    Returns:
        A scheduler to be advanced after each step.
    """
    if kind == "cosine":
        return CosineAnnealingLR(optimizer, T_max=steps)
    if kind == "one_cycle":
        highest = [group["lr"] for group in optimizer.param_groups]
        momentum = "betas" in optimizer.defaults or bool(optimizer.defaults.get("momentum"))
        return OneCycleLR(optimizer, highest, total_steps=steps, cycle_momentum=momentum)
    return LambdaLR(optimizer, lambda step: 1.0)
