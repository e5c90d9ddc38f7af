"""The weights of a linear model that imitates a contrast while squares of the image go black."""

import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import Lime

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked, squares

SQUARES = 7
"""That fill the shorter side of an image."""

SAMPLES = 500
"""Images with some squares black, for each image."""

RIDGE = 1.0
"""Penalty on the squared weights."""

AT_A_TIME = 128


def lime(asked: Asked) -> Answer:
    """The weight of each square in a linear model of S on images with half of their squares black.

    Squares stand in for the superpixels of the paper, which small pictures have not. Every image is judged by the same
    draws, whatever the batch. The regression is the ridge, as in the authors' code, so that the map is linear in S; the
    similarity is Captum's kernel of the cosine.

    Reference: Ribeiro et al. 2016, "Why should I trust you?"; Captum's.
    """
    inputs, black = asked.inputs, torch.zeros_like(asked.inputs)
    side = squares(inputs, SQUARES)
    rows, columns = (torch.arange(size, device=inputs.device) // side for size in inputs.shape[2:])
    across = int(columns[-1]) + 1
    features = (rows[:, None] * across + columns).expand(1, 1, *inputs.shape[2:])
    score, told = asked.elsewhere()
    method = Lime(score, SkLearnRidge(alpha=RIDGE))
    maps: list[Images] = []
    with torch.no_grad():
        for row in range(len(inputs)):
            torch.manual_seed(0)
            one = slice(row, row + 1)
            found = method.attribute(
                inputs[one],
                black[one],
                additional_forward_args=tuple(value[one] for value in told),
                feature_mask=features,
                n_samples=SAMPLES,
                perturbations_per_eval=AT_A_TIME,
            )
            maps.append(found[:, :1])
    return Answer(torch.cat(maps).to(inputs), black)
