"""DeepLIFT and DeepSHAP of a contrast, by Captum, on a copy of the classifier that its hooks can follow."""

import warnings

import torch
from captum.attr import DeepLift

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked, Contrasted, completeness, mean_over_baselines
from xaicf.explainers.methods.budget import at_a_time

COMPLETE = {torch.float64: 1e-9}
"""Largest difference of a sum from the rise of S, as a share of it, by precision, unless another is given."""

COMPLETE_IN_SINGLE = 1e-3


def deeplift(asked: Asked) -> Answer:
    """(x - b) ⊙ multipliers of S by the rescale rule from the baseline b; from several, the mean, which is DeepSHAP.

    Reference: Shrikumar et al. 2017, "Learning important features through propagating activation differences"; Lundberg
    and Lee 2017, "A unified approach to interpreting model predictions". Captum's ``DeepLift``: its ``DeepLiftShap``
    compares every image with the same ones.
    """
    maps = mean_over_baselines(_multiplied, asked)
    own = COMPLETE.get(asked.inputs.dtype, COMPLETE_IN_SINGLE)
    tolerance = own if asked.tolerance is None else asked.tolerance
    scalars, complete = completeness(maps, asked.rise(), tolerance)
    return Answer(maps, asked.baseline, scalars, complete)


def _multiplied(asked: Asked) -> Images:
    inputs, baselines = asked.inputs, asked.baselines
    weights = asked.between(baselines)
    method = DeepLift(Contrasted(asked.classifier))
    size = max(at_a_time(asked.classifier, inputs) // 2, 1)
    maps: list[Images] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting forward, backward hooks and attributes")
        for rows in torch.split(torch.arange(len(inputs), device=inputs.device), size):
            begin = inputs[rows].clone().requires_grad_()
            found = method.attribute(begin, baselines[rows], additional_forward_args=(weights[rows],))
            maps.append(found.detach())
    return torch.cat(maps)
