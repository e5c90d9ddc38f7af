"""Integrated gradients of a contrast, by Captum, and how complete they are."""

import torch
from captum.attr import IntegratedGradients

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked

STEPS = 64
"""Points on the path, by Gauss and Legendre."""


def integrated_gradients(asked: Asked) -> Answer:
    """X ⊙ the mean of ∂S/∂x on the way from the black image.

    ``completeness_error`` says by how much each sum misses the difference of S between image and black.

    Reference: Sundararajan et al. 2017, "Axiomatic attribution for deep networks"; Captum's.
    """
    inputs, black = asked.inputs, torch.zeros_like(asked.inputs)
    score, told = asked.elsewhere()
    method = IntegratedGradients(score, multiply_by_inputs=True)
    # A step of all images at a time, whatever the number of steps.
    maps: Images = method.attribute(
        inputs, black, additional_forward_args=told, n_steps=STEPS, internal_batch_size=len(inputs)
    )
    with torch.no_grad():
        rise = score(inputs, *told) - score(black, *told)
    return Answer(maps, black, {"completeness_error": (maps.flatten(1).sum(1) - rise).abs()})
