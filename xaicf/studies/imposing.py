"""What a classifier says when the change that a map suggests is imposed on the image."""

import torch
from torch import Tensor, nn

from xaicf.core import Images, Labels, PerImage
from xaicf.explainers.contrast import log_odds

HALVINGS = 25


def imposed(inputs: Images, maps: Images, size: PerImage) -> Images:
    """Take a map off each image, as many times as make the change as large as is wanted.

    Args:
        inputs: (N, C, H, W) in [0, 1].
        maps: (N, C or 1, H, W), positive where the fact is spoken for.
        size: wanted sum of absolute changes of pixel values, after clamping to [0, 1] (N,); a map that cannot change
            the image as much changes it as much as it can.
    """
    maps = (maps / maps.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)).expand_as(inputs)
    low, high = torch.zeros_like(size), torch.full_like(size, 1e4)
    for _ in range(HALVINGS):
        # Halved on a logarithmic scale, from 1e4 down to 1e-3.
        middle = (low.clamp(min=1e-3) * high).sqrt()
        small = _changed(inputs, maps, middle).sub(inputs).abs().sum((1, 2, 3)) < size
        low, high = middle.where(small, low), high.where(small, middle)
    return _changed(inputs, maps, low)


def _changed(inputs: Images, maps: Images, times: PerImage) -> Images:
    return (inputs - times[:, None, None, None] * maps).clamp(0, 1)


@torch.no_grad()
def towards(classifier: nn.Module, inputs: Images, ends: Images, fact: Labels, foil: Labels, steps: int) -> Tensor:
    """Give the log-odds of fact and foil (N, steps + 1, 2) on the straight line from images to others.

    They rise with the probability, which is their sigmoid, and tell apart what is near 1.
    """
    found = []
    for step in range(steps + 1):
        logits = classifier(inputs + step / steps * (ends - inputs))
        found.append(torch.stack([log_odds(logits, fact, foil), log_odds(logits, foil, fact)], 1))
    return torch.stack(found, 1)
