"""What a layer's activation and its gradient say, laid over the image."""

import torch
from torch.nn import functional

from xaicf.core import ClassifierError, Images
from xaicf.explainers.methods.asked import Answer, Asked
from xaicf.explainers.methods.layer import captured, last_convolution, named_layer


def gradcam(asked: Asked) -> Answer:
    """Σ_k a^k · mean(∂S/∂a^k), without the final ReLU, since negative areas are the contrast.

    Reference: Selvaraju et al. 2017.
    """
    activation, gradient = _at_layer(asked)
    weights = gradient.mean((2, 3), keepdim=True)
    return _upsampled((weights * activation).sum(1, keepdim=True), asked)


def linear_approximation(asked: Asked) -> Answer:
    """Σ_k a^k ⊙ ∂S/∂a^k."""
    activation, gradient = _at_layer(asked)
    return _upsampled((gradient * activation).sum(1, keepdim=True), asked)


def _at_layer(asked: Asked) -> tuple[Images, Images]:
    classifier, inputs, layer = asked.classifier, asked.inputs, asked.layer
    module = last_convolution(classifier, inputs) if layer is None else named_layer(classifier, layer)
    with captured(module) as outputs:
        value = asked.score(classifier(inputs.detach())).sum()
        if not outputs or outputs[0].ndim != 4:
            found = f"gives {tuple(outputs[0].shape)}" if outputs else "does not run"
            raise ClassifierError(f"layer must give (B, channels, height, width), {layer} {found}")
        (output,) = outputs
        (gradient,) = torch.autograd.grad(value, output, allow_unused=True)
    if gradient is None:
        raise ClassifierError("the logits do not depend on the convolution that runs last; name a layer by layer=")
    return output.detach(), gradient


def _upsampled(maps: Images, asked: Asked) -> Answer:
    return Answer(functional.interpolate(maps, asked.inputs.shape[2:], mode="bilinear", align_corners=False))
