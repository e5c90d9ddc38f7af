"""Whether a method can go through a classifier, and what is mended on a copy so that it can.

A copy shares the classifier's weights, is called by nothing else, and computes the same. What cannot be mended is
refused by a :class:`~xaicf.core.ClassifierError` that names the module and a method that would work.
"""

from collections.abc import Callable

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR
from torch import nn
from torch.fx import GraphModule, Node
from torchvision.ops import StochasticDepth
from zennit.layer import Sum
from zennit.types import Activation, AvgPool, BatchNorm, Convolution, Linear

from xaicf.core import ClassifierError, Images, Logits, one_module_per_use
from xaicf.core.logits import PROBABILITIES, are_probabilities
from xaicf.explainers.mends import (
    Clone,
    Stack,
    Windows,
    fuse_batch_norm,
    insert_before,
    overlaps,
    pair,
    sums_and_means,
    without_softmax,
)
from xaicf.explainers.traced import is_linear, reached

INSTEAD = "integrated_gradients, which goes through any classifier, would work"

SAME = 1e-3
"""Two logits that differ by less, as a share of the largest, are one."""

ROUTES = (
    nn.Flatten,
    nn.Unflatten,
    nn.Identity,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    StochasticDepth,
    nn.ZeroPad2d,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
    nn.ConstantPad2d,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.ChannelShuffle,
)
"""Modules that, in evaluation, hand values on as they are."""

LINEAR = (*ROUTES, nn.Upsample, Sum)
"""Modules that are linear for a DeepLIFT, beside those with weights and average pools."""


def checked(classifier: nn.Module, inputs: Images) -> nn.Module:
    """Give a classifier that may be asked by any method: the same, or a copy without a softmax at its end.

    Args:
        classifier: in evaluation.
        inputs: images (B, C, H, W), of which the first is tried, and beside the second if there is one.

    Raises:
        ClassifierError: its logits of an image change from call to call or with the images beside it, or it gives
            probabilities and its softmax cannot be taken off.
    """
    one = inputs[:1]
    with torch.no_grad():
        logits, again = classifier(one), classifier(one)
        beside = classifier(inputs[:2])[:1]
    scale = logits.abs().max().clamp(min=1e-12)
    if (again - logits).abs().max() > SAME * scale:
        raise ClassifierError("classifier gives one image other logits at each call; something in it draws at random")
    if (beside - logits).abs().max() > SAME * scale:
        alone = [name for name, module in classifier.named_modules() if _has_no_statistics(module)]
        blamed = f"; {alone[0]} normalises by the batch" if alone else ""
        raise ClassifierError(f"classifier gives an image other logits beside other images{blamed}")
    if not are_probabilities(logits):
        return classifier
    try:
        return without_softmax(one_module_per_use(classifier, share_weights=True))
    except Exception as error:  # whatever somebody else's code raises when it is traced
        reason = str(error) if isinstance(error, ClassifierError) else "it cannot be traced"
        raise ClassifierError(f"{PROBABILITIES}, {reason}") from error


def separated(classifier: nn.Module, inputs: Images, method: str) -> GraphModule:
    """Give a copy in which each operation is a module of its own that nothing else calls.

    Raises:
        ClassifierError: the classifier cannot be traced, or the copy gives other logits.
    """
    try:
        network = one_module_per_use(classifier, share_weights=True)
        with torch.no_grad():
            apart = (network(inputs[:1]) - classifier(inputs[:1])).abs().max()
    except Exception as error:  # whatever somebody else's code raises when it is traced
        reason = " ".join(str(error).split())[:120]
        raise ClassifierError(f"{method} needs a classifier that torch.fx can trace ({reason}); {INSTEAD}") from error
    if not apart <= SAME:
        raise ClassifierError(f"{method} needs a classifier that torch.fx can trace: traced, it differs; {INSTEAD}")
    return network


def for_deeplift(classifier: nn.Module, inputs: Images, method: str) -> nn.Module:
    """Give a copy whose non-linear modules have rules, do not touch, and pool windows that do not overlap.

    Raises:
        ClassifierError: something is neither linear nor has a rule.
    """
    network = separated(classifier, inputs, method)

    def refused(node: Node) -> bool:
        if node.op != "call_module":
            return not is_linear(node, averages=True)
        module = network.get_submodule(str(node.target))
        known = isinstance(module, (Linear, BatchNorm, AvgPool, *LINEAR)) or type(module) in _RULES
        return not known or _has_no_statistics(module)

    _refuse(network, refused, method)
    for node in list(network.graph.nodes):
        if node.op != "call_module":
            continue
        module = network.get_submodule(str(node.target))
        if type(module) in _RULES:
            insert_before(network, node, Clone(), "clone")
        if isinstance(module, nn.MaxPool2d) and overlaps(module):
            if pair(module.dilation) != (1, 1):
                raise ClassifierError(f"{method} needs pools without dilation, {node.target} has one; {INSTEAD}")
            insert_before(network, node, Windows(module), "windows")
            network.add_submodule(f"{node.target}_apart", nn.MaxPool2d(module.kernel_size))
            node.target = f"{node.target}_apart"
    network.delete_all_unused_submodules()
    network.recompile()
    return network


def for_relu(classifier: nn.Module, inputs: Images, method: str) -> nn.Module:
    """Give a copy in which every ReLU is a module of its own.

    Raises:
        ClassifierError: there is none.
    """
    network = separated(classifier, inputs, method)
    if not any(isinstance(module, nn.ReLU) for module in network.modules()):
        raise ClassifierError(f"{method} changes how ReLU is gone through, and there is none; gradient would work")
    return network


class Ruled(nn.Module):
    """A classifier of layers that relevance has rules for.

    Args:
        network: it.
        first: name of the layer that all pixels pass first.
    """

    def __init__(self, network: GraphModule, first: str) -> None:
        super().__init__()
        self.network = network
        self.first = first

    def forward(self, images: Images) -> Logits:
        """Map images (B, C, H, W) to logits (B, classes)."""
        logits: Logits = self.network(images)
        return logits


def as_it_is(classifier: nn.Module, inputs: Images, method: str) -> nn.Module:
    """Give the classifier, for methods that go through any."""
    return classifier


def with_relu(classifier: nn.Module, inputs: Images, method: str) -> nn.Module:
    """Give the classifier itself, of which :func:`for_relu` makes a copy.

    Raises:
        ClassifierError: as there.
    """
    for_relu(classifier, inputs, method)
    return classifier


def for_lrp(classifier: nn.Module, inputs: Images, method: str) -> Ruled:
    """Give a copy of layers that relevance has rules for, batch norm fused, sums as modules.

    Raises:
        ClassifierError: a layer has no rule, or pixels do not all pass through one first layer.
    """
    network = separated(classifier, inputs, method)
    fuse_batch_norm(network)
    sums_and_means(network)

    def refused(node: Node) -> bool:
        if node.op != "call_module":
            return not is_linear(node, averages=False)
        module = network.get_submodule(str(node.target))
        known = (Linear, BatchNorm, AvgPool, Activation, nn.MaxPool2d, nn.AdaptiveMaxPool2d, Sum, Stack, *ROUTES)
        attends = isinstance(module, nn.MultiheadAttention | nn.Softmax)
        return not isinstance(module, known) or attends or _has_no_statistics(module)

    ruled = [
        node
        for node in network.graph.nodes
        if node.op == "call_module" and isinstance(network.get_submodule(str(node.target)), (Convolution, Linear))
    ]
    if not ruled:
        raise ClassifierError(f"{method} needs a convolution or linear layer, the classifier has none; {INSTEAD}")
    first = ruled[0]
    within = reached(network, beyond=first)
    _refuse(network, lambda node: node in within and refused(node), method)
    past = reached(network, around=first)
    if any(node in past for node in network.graph.nodes if node.op == "output" or node in ruled[1:]):
        raise ClassifierError(f"{method} needs one layer that all pixels pass first, {first.target} is not; {INSTEAD}")
    return Ruled(network, str(first.target))


_RULES = tuple(kind for kind in SUPPORTED_NON_LINEAR if kind is not nn.Softmax)
"""Non-linear modules with a rule of DeepLIFT that is complete; Captum's for the softmax is not."""


def _refuse(network: GraphModule, refused: Callable[[Node], bool], method: str) -> None:
    for node in network.graph.nodes:
        if node.op in {"call_module", "call_function", "call_method"} and refused(node):
            if node.op == "call_module":
                what = f"{node.target}, a {type(network.get_submodule(str(node.target))).__name__}"
            else:
                what = f"{getattr(node.target, '__name__', node.target)} of {node.all_input_nodes[0].name}"
            raise ClassifierError(f"{method} has no rule for {what}; {INSTEAD}")


def _has_no_statistics(module: nn.Module) -> bool:
    return isinstance(module, BatchNorm) and module.running_mean is None
