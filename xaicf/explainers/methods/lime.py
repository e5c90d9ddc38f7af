"""The weights of a linear model that imitates a contrast while squares of the image are hidden."""

import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import Lime

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked, mean_over_baselines, squares
from xaicf.explainers.methods.budget import at_a_time

SQUARES = 7
"""That fill the shorter side of an image."""

SAMPLES = 500
"""Images with some squares hidden, for each image."""

RIDGE = 1.0
"""Penalty on the squared weights."""


def lime(asked: Asked) -> Answer:
    """The weight of each square in a linear model of S on images with half of their squares those of the baseline.

    Squares stand in for the superpixels of the paper, which small pictures have not. Every image is judged by the same
    draws, whatever the batch. The regression is the ridge, as in the authors' code, so that the map is linear in S; the
    similarity is Captum's kernel of the cosine.

    Reference: Ribeiro et al. 2016, "Why should I trust you?"; Captum's.
    """
    return Answer(mean_over_baselines(_imitated, asked), asked.baseline)


def _imitated(asked: Asked) -> Images:
    inputs, baselines = asked.inputs, asked.baselines
    side = squares(inputs, SQUARES)
    rows, columns = (torch.arange(size, device=inputs.device) // side for size in inputs.shape[2:])
    across = int(columns[-1]) + 1
    features = (rows[:, None] * across + columns).expand(1, 1, *inputs.shape[2:])
    score, told = asked.elsewhere()
    size = min(at_a_time(asked.classifier, inputs), SAMPLES)
    method = Lime(score, SkLearnRidge(alpha=RIDGE))
    maps: list[Images] = []
    with torch.no_grad():
        for row in range(len(inputs)):
            torch.manual_seed(0)
            one = slice(row, row + 1)
            found = method.attribute(
                inputs[one],
                baselines[one],
                additional_forward_args=tuple(value[one] for value in told),
                feature_mask=features,
                n_samples=SAMPLES,
                perturbations_per_eval=size,
            )
            maps.append(found[:, :1])
    return torch.cat(maps).to(inputs)
