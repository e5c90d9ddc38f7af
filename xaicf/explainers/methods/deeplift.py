"""DeepLIFT and DeepSHAP of a contrast, by Captum, on a copy of the classifier that its hooks can follow."""

import warnings

import torch
from captum.attr import DeepLift

from xaicf.core import Images, Logits
from xaicf.explainers.methods.asked import Answer, Asked, Contrasted, completeness
from xaicf.explainers.methods.budget import at_a_time

COMPLETE = {torch.float64: 1e-9}
"""Largest difference of a sum from the rise of S, as a share of it, by precision."""

COMPLETE_IN_SINGLE = 1e-3


def deeplift(asked: Asked) -> Answer:
    """(x - b) ⊙ multipliers of S by the rescale rule, from the baseline b.

    Reference: Shrikumar et al. 2017, "Learning important features through propagating activation differences";
    Captum's.
    """
    maps = _multiplied(asked, asked.inputs, asked.baselines, asked.between(asked.baselines))
    scalars, complete = completeness(maps, _rise(asked, asked.baselines), _tolerance(asked))
    return Answer(maps, asked.baselines, scalars, complete)


def deep_shap(asked: Asked) -> Answer:
    """The mean of DeepLIFT's maps from each of the reference images.

    Reference: Lundberg and Lee 2017, "A unified approach to interpreting model predictions"; Captum's ``DeepLiftShap``.
    """
    total, rise = torch.zeros_like(asked.inputs), asked.inputs.new_zeros(len(asked))
    for image in asked.baselines:
        baselines = image[None].expand_as(asked.inputs)
        total += _multiplied(asked, asked.inputs, baselines, asked.between(baselines))
        rise += _rise(asked, baselines)
    count = len(asked.baselines)
    scalars, complete = completeness(total / count, rise / count, _tolerance(asked))
    return Answer(total / count, None, scalars, complete)


def _multiplied(asked: Asked, inputs: Images, baselines: Images, weights: Logits) -> Images:
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


def _rise(asked: Asked, baselines: Images) -> torch.Tensor:
    """Give S(x) - S(b) (B,), by the class weights that are fixed at x or S itself."""
    score, told = asked.elsewhere()
    with torch.no_grad():
        rise: torch.Tensor = score(asked.inputs, *told) - score(baselines, *told)
    return rise


def _tolerance(asked: Asked) -> float:
    return COMPLETE.get(asked.inputs.dtype, COMPLETE_IN_SINGLE)
