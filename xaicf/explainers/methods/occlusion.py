"""By how much a contrast falls when a square of the image is hidden."""

import torch
from captum.attr import Occlusion

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked, mean_over_baselines, squares
from xaicf.explainers.methods.budget import at_a_time

SQUARES = 7
"""That fill the shorter side of an image; half of one is the stride."""


def occlusion(asked: Asked) -> Answer:
    """S(x) - S(x with a square of the baseline), for each pixel the mean over the squares that hide it.

    Reference: Zeiler and Fergus 2014; Captum's.
    """
    return Answer(mean_over_baselines(_occluded, asked), asked.baseline)


def _occluded(asked: Asked) -> Images:
    side = squares(asked.inputs, SQUARES)
    score, told = asked.elsewhere()
    channels, stride = asked.inputs.shape[1], max(side // 2, 1)
    size = at_a_time(asked.classifier, asked.inputs)
    maps: list[Images] = []
    with torch.no_grad():
        for rows in torch.split(torch.arange(len(asked), device=asked.inputs.device), size):
            found = Occlusion(score).attribute(
                asked.inputs[rows],
                (channels, side, side),
                (channels, stride, stride),
                asked.baselines[rows],
                additional_forward_args=tuple(value[rows] for value in told),
                perturbations_per_eval=max(size // len(rows), 1),
            )
            # Captum gives every channel the whole of the difference, in single precision.
            maps.append(found[:, :1].to(asked.inputs))
    return torch.cat(maps)
