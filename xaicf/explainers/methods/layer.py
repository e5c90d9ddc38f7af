"""Find the layer that says most of where, and read its output without leaving a hook behind."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torchvision.models.vision_transformer import EncoderBlock

from xaicf.core import ClassifierError, Images, InputError


def last_layer(classifier: nn.Module, inputs: Images) -> str:
    """Name the last layer whose output is still laid out like the image, by watching one image pass.

    That is the convolution that runs last; or, where its output goes on through a block at unchanged size, as in
    residual networks, the outermost such block. In a vision transformer it is the first normalisation of the last
    block, since after that block nothing but the class token is read.

    Args:
        classifier: any module.
        inputs: images (B, C, H, W); the first is used.

    Returns:
        Its dotted name.

    Raises:
        ClassifierError: there is no convolution, or what runs after the last one is laid out in tokens.
    """
    names: dict[nn.Module, str] = {module: name for name, module in classifier.named_modules()}
    run = _run(classifier, inputs)
    blocks = [module for module, _ in run if isinstance(module, EncoderBlock)]
    if blocks:
        return names[blocks[-1].ln_1]
    places = [place for place, (module, _) in enumerate(run) if isinstance(module, nn.Conv2d)]
    if not places:
        raise ClassifierError("classifier has no convolution; name a layer with spatial output by layer=")
    (convolution, shape), after = run[places[-1]], run[places[-1] + 1 :]
    size = shape[2:]
    tokens = [(module, other) for module, other in after if type(module) is nn.LayerNorm and len(other) > 2]
    if tokens and tokens[-1][1][1:3] != size:
        raise ClassifierError(f"classifier works on tokens, such as {names[tokens[-1][0]]}; name a layer by layer=")
    same = [module for module, other in after if len(other) == 4 and other[2:] == size]
    around = [module for module in same if convolution in set(module.modules()) and module is not classifier]
    if around:
        return names[around[-1]]
    if _added_after(classifier, convolution) and same:
        return names[same[-1]]
    return names[convolution]


def _run(classifier: nn.Module, inputs: Images) -> list[tuple[nn.Module, torch.Size]]:
    """Give modules in the order in which they end, with the shapes of their outputs."""
    seen: list[tuple[nn.Module, torch.Size]] = []

    def note(module: nn.Module, arguments: tuple[object, ...], output: object) -> None:
        if isinstance(output, Tensor):
            seen.append((module, output.shape))

    with ExitStack() as stack, torch.no_grad():
        for module in classifier.modules():
            stack.callback(module.register_forward_hook(note).remove)
        classifier(inputs[:1])
    return seen


def _added_after(classifier: nn.Module, convolution: nn.Module) -> bool:
    """Tell whether a traced network, which has no blocks, adds to what comes after a convolution."""
    for network in classifier.modules():
        if isinstance(network, GraphModule):
            past = False
            for node in network.graph.nodes:
                past |= node.op == "call_module" and network.get_submodule(str(node.target)) is convolution
                if past and getattr(node.target, "__name__", node.target) == "add" and len(node.all_input_nodes) == 2:
                    return True
    return False


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
def captured(layers: Sequence[nn.Module]) -> Iterator[list[Tensor | None]]:
    """Capture the outputs of layers; later in-place modules do not change what was captured.

    Yields:
        A list that holds the output of each in the last forward pass; None before one, or where a layer does not run.
    """
    outputs: list[Tensor | None] = [None] * len(layers)

    def keep(place: int, output: Tensor) -> Tensor:
        # Weights need no gradient, so where the input needs none the graph starts here.
        kept = output if output.requires_grad else output.detach().requires_grad_()
        outputs[place] = kept
        return kept.clone()

    with ExitStack() as stack:
        for place, layer in enumerate(layers):
            handle = layer.register_forward_hook(lambda module, args, output, place=place: keep(place, output))
            stack.callback(handle.remove)
        yield outputs
