"""What the activations of layers and their gradients say, laid over the image."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from xaicf.core import ClassifierError, Images, ImageShape
from xaicf.explainers.methods.asked import Answer, Asked
from xaicf.explainers.methods.layer import captured, last_layer, named_layer


def gradcam(asked: Asked) -> Answer:
    """Σ_k a^k · mean(∂S/∂a^k), without the final ReLU, since negative areas are the contrast.

    Reference: Selvaraju et al. 2017.
    """
    return _laid_over(asked, lambda activation, gradient: gradient.mean((2, 3), keepdim=True) * activation)


def linear_approximation(asked: Asked) -> Answer:
    """Σ_k a^k ⊙ ∂S/∂a^k."""
    return _laid_over(asked, lambda activation, gradient: gradient * activation)


def _laid_over(asked: Asked, combine: Callable[[Tensor, Tensor], Tensor]) -> Answer:
    """Give the mean over layers of Σ_k of what activations and gradients combine to, upsampled bilinearly."""
    names = asked.layers or (last_layer(asked.classifier, asked.inputs),)
    layers = [named_layer(asked.classifier, name) for name in names]
    with captured(layers) as outputs:
        value = asked.score(asked.classifier(asked.inputs.detach())).sum()
        for name, output in zip(names, outputs, strict=True):
            if output is None:
                raise ClassifierError(f"layer {name} does not run")
        gradients = torch.autograd.grad(value, [one for one in outputs if one is not None], allow_unused=True)
    small: dict[str, Tensor] = {}
    for name, output, gradient in zip(names, outputs, gradients, strict=True):
        assert output is not None
        if gradient is None:
            raise ClassifierError(f"the logits do not depend on {name}; name another layer by layer=")
        activation, slope = (_as_images(one.detach(), name, asked.inputs.shape[1:]) for one in (output, gradient))
        small[name] = combine(activation, slope).sum(1, keepdim=True)
    size = asked.inputs.shape[2:]
    maps = [functional.interpolate(one, size, mode="bilinear", align_corners=False) for one in small.values()]
    return Answer(torch.stack(maps).mean(0), trace=small)


def _as_images(values: Tensor, name: str, image_shape: ImageShape | torch.Size) -> Images:
    """Lay tokens (B, N, channels) out as (B, channels, height, width), a class token before them left out.

    Raises:
        ClassifierError: values are neither tokens of a grid in the image's proportions, nor laid out already.
    """
    if values.ndim == 4:
        return values
    height, width = image_shape[1:]
    for skipped in (0, 1) if values.ndim == 3 else ():
        count = values.shape[1] - skipped
        down = round(math.sqrt(count * height / width))
        if down > 0 and count % down == 0 and abs(count // down * height - down * width) < max(height, width):
            return values[:, skipped:].transpose(1, 2).reshape(len(values), -1, down, count // down)
    raise ClassifierError(f"layer must give (B, channels, height, width), {name} gives {tuple(values.shape)}")
