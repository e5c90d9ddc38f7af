"""Find a convolution and read its output without leaving a hook behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xaicf.core import ClassifierError, Images, InputError


def last_convolution(classifier: nn.Module, inputs: Images) -> nn.Module:
    """Give the convolution that runs last, by watching one image pass.

    Args:
        classifier: any module.
        inputs: images (B, C, H, W); the first is used.

    Returns:
        The ``nn.Conv2d``.

    Raises:
        ClassifierError: there is no convolution.
    """
    seen: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, args, output: seen.append(module))
        for module in classifier.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            classifier(inputs[:1])
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise ClassifierError("classifier has no convolution; name a layer with spatial output by layer=")
    return seen[-1]


def named_layer(classifier: nn.Module, name: str) -> nn.Module:
    """Give the module of a dotted name.

    Raises:
        InputError: there is none; names those that exist.
    """
    layers: dict[str, nn.Module] = dict(classifier.named_modules())
    if name not in layers:
        known = ", ".join(key for key, module in layers.items() if isinstance(module, nn.Conv2d))
        raise InputError(f"layer must be a module of the classifier (convolutions: {known}), got {name}")
    return layers[name]


@contextmanager
def captured(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Capture a layer's output; later in-place modules do not change what was captured.

    Yields:
        A list that holds the output of the last forward pass; empty before one, or where the layer does not run.
    """
    outputs: list[Tensor] = []

    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        # Weights need no gradient, so where the input needs none the graph starts here.
        outputs[:] = [output if output.requires_grad else output.detach().requires_grad_()]
        return outputs[0].clone()

    handle = layer.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()
