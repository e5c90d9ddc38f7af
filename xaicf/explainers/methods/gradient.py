"""The gradient of a contrast by the pixels: alone, times them, and guided through ReLU."""

import warnings
from dataclasses import replace

import torch
from captum.attr import GuidedBackprop

from xaicf.core import Images
from xaicf.explainers.methods.activation import gradcam
from xaicf.explainers.methods.asked import Answer, Asked, Contrasted
from xaicf.explainers.preflight import for_relu


def gradient(asked: Asked) -> Answer:
    """∂S/∂x."""
    return Answer(_gradient(asked))


def input_x_gradient(asked: Asked) -> Answer:
    """X ⊙ ∂S/∂x."""
    return Answer(asked.inputs.detach() * _gradient(asked))


def guided_gradient(asked: Asked) -> Answer:
    """∂S/∂x where each ReLU hands back positive gradients alone.

    What is cut depends on the sign of the seed, so that the contrast's map is no sum of maps of classes.

    Reference: Springenberg et al. 2015, "Striving for simplicity" (guided back-propagation); Captum's.
    """
    _, weights = asked.logits_and_weights()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting backward hooks on ReLU activations")
        maps: Images = GuidedBackprop(Contrasted(asked.classifier)).attribute(
            asked.inputs.clone().requires_grad_(), additional_forward_args=(weights,)
        )
    return Answer(maps.detach())


def guided_gradcam(asked: Asked) -> Answer:
    """GradCAM's map, its negative areas kept, times the guided gradient.

    Reference: Selvaraju et al. 2017.
    """
    coarse = gradcam(asked)
    guided = guided_gradient(replace(asked, classifier=for_relu(asked.classifier, asked.inputs, "guided_gradcam")))
    return Answer(coarse.attribution * guided.attribution, trace=coarse.trace)


def _gradient(asked: Asked) -> Images:
    inputs = asked.inputs.detach().requires_grad_()
    (found,) = torch.autograd.grad(asked.score(asked.classifier(inputs)).sum(), inputs)
    return found
