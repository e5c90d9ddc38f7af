"""The gradient of a contrast by the pixels, alone and times them."""

import torch

from xaicf.core import Images
from xaicf.explainers.methods.asked import Answer, Asked


def gradient(asked: Asked) -> Answer:
    """∂S/∂x."""
    return Answer(_gradient(asked))


def input_x_gradient(asked: Asked) -> Answer:
    """X ⊙ ∂S/∂x."""
    return Answer(asked.inputs.detach() * _gradient(asked))


def _gradient(asked: Asked) -> Images:
    inputs = asked.inputs.detach().requires_grad_()
    (found,) = torch.autograd.grad(asked.score(asked.classifier(inputs)).sum(), inputs)
    return found
