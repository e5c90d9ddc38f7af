"""How much maps of the same images agree."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from xaicf.core import Explanation, Status


def agreement(answers: Sequence[Explanation]) -> Tensor:
    """Give the mean correlation over pairs of maps (N,), NaN where no two are solved."""
    correlations = []
    for first, second in itertools.combinations(answers, 2):
        assert first.attribution is not None
        assert second.attribution is not None
        pair = torch.stack([first.attribution, second.attribution]).double().sum(2).flatten(2)
        pair = pair - pair.mean(2, keepdim=True)
        value = (pair[0] * pair[1]).sum(1) / pair.square().sum(2).sqrt().prod(0).clamp(min=1e-12)
        both = (first.status == Status.SOLVED) & (second.status == Status.SOLVED)
        correlations.append(value.masked_fill(~both, torch.nan))
    return torch.stack(correlations).nanmean(0)
