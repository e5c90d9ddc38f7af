"""Whether a method can go through a classifier, and what is mended on a copy so that it can.

A copy shares the classifier's weights, is called by nothing else, and computes the same. What cannot be mended is
refused by a :class:`~xaicf.core.ClassifierError` that names the module and a method that would work.
"""

import copy
import operator
from collections.abc import Callable

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torchvision.ops import StochasticDepth
from zennit.layer import Sum
from zennit.types import Activation, AvgPool, BatchNorm, Convolution, Linear

from xaicf.core import ClassifierError, Images, Logits, one_module_per_use
from xaicf.core.logits import PROBABILITIES, are_probabilities

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

ROUTING: set[object] = {
    torch.add,
    operator.add,
    torch.sub,
    operator.sub,
    operator.neg,
    operator.getitem,
    torch.cat,
    torch.stack,
    torch.chunk,
    torch.split,
    torch.permute,
    torch.transpose,
    torch.reshape,
    torch.squeeze,
    torch.unsqueeze,
    functional.pad,
    functional.dropout,
    functional.dropout2d,
    *("view", "reshape", "flatten", "permute", "transpose", "contiguous", "clone", "squeeze", "unsqueeze", "chunk"),
    *("split", "expand", "add", "sub", "to", "float", "double"),
}
"""Functions and methods that copy, move or add values."""

AVERAGES: set[object] = {torch.mean, "mean"}

SCALES: set[object] = {torch.mul, operator.mul, "mul", torch.div, operator.truediv, "div", torch.sum, "sum"}
"""Functions that are linear while one side alone depends on the image."""

SIZES: set[object] = {"size", "dim", "numel", getattr, torch._assert}  # noqa: SLF001  (traced networks call it)
"""What a network asks about a tensor rather than of it."""


class Clone(nn.Module):
    """Makes a new tensor of the same values, so that hooks before and after it see different ones."""

    def forward(self, values: Tensor) -> Tensor:
        """Copy (B, ...)."""
        return values.clone()


class Windows(nn.Module):
    """Lays the windows of a max pool side by side, so that a pool whose windows do not overlap does the same.

    Captum's rule for max pools hands each pixel the relevance of one window alone.

    Args:
        pool: a pool of images, whose windows overlap.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        # In a tuple it is no module of this one, so that no hook is set on it.
        self.pool = (copy.copy(pool),)
        self.kernel, self.stride, self.padding = (
            _pair(size) for size in (pool.kernel_size, pool.stride or pool.kernel_size, pool.padding)
        )

    def forward(self, images: Images) -> Images:
        """Map (B, C, H, W) to (B, C, kernel · windows down, kernel · windows across)."""
        high, wide = self.pool[0](images[:1, :1].detach()).shape[2:]
        (down, across), (rows, columns) = self.kernel, self.padding
        # As many pixels beyond the end as the last window needs, which is none or, with ceil_mode, some.
        below = max((high - 1) * self.stride[0] + down - images.shape[2] - rows, 0)
        right = max((wide - 1) * self.stride[1] + across - images.shape[3] - columns, 0)
        lowest = torch.finfo(images.dtype).min / 4
        padded = functional.pad(images, (columns, right, rows, below), value=lowest)
        windows = padded.unfold(2, down, self.stride[0])[:, :, :high].unfold(3, across, self.stride[1])[:, :, :, :wide]
        return windows.permute(0, 1, 2, 4, 3, 5).reshape(*images.shape[:2], high * down, wide * across)


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
        return _without_softmax(one_module_per_use(classifier, share_weights=True))
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
            return not _is_linear(node, averages=True)
        module = network.get_submodule(str(node.target))
        known = isinstance(module, (Linear, BatchNorm, AvgPool, *LINEAR)) or type(module) in _RULES
        return not known or _has_no_statistics(module)

    _refuse(network, refused, method)
    for node in list(network.graph.nodes):
        if node.op != "call_module":
            continue
        module = network.get_submodule(str(node.target))
        if type(module) in _RULES:
            _insert_before(network, node, Clone(), "clone")
        if isinstance(module, nn.MaxPool2d) and _overlaps(module):
            if _pair(module.dilation) != (1, 1):
                raise ClassifierError(f"{method} needs pools without dilation, {node.target} has one; {INSTEAD}")
            _insert_before(network, node, Windows(module), "windows")
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
    _fuse_batch_norm(network)
    _sums_and_means(network)

    def refused(node: Node) -> bool:
        if node.op != "call_module":
            return not _is_linear(node, averages=False)
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
    within = _reached(network, beyond=first)
    _refuse(network, lambda node: node in within and refused(node), method)
    past = _reached(network, around=first)
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


def _is_linear(node: Node, averages: bool) -> bool:
    """Tell whether a function or method is linear in what depends on the image; ``averages`` may be such functions."""
    dependent = [one for one in node.all_input_nodes if _depends(one)]
    if not dependent or node.target in SIZES or node.target in ROUTING:
        return True
    if node.target in AVERAGES:
        return averages
    first = node.all_input_nodes[0]
    divides = node.target in {torch.div, operator.truediv, "div"}
    return node.target in SCALES and len(dependent) == 1 and (not divides or node.args[0] is first is dependent[0])


def _depends(node: Node) -> bool:
    """Tell whether a node's value depends on the image's pixels."""
    seen = node.meta.get("depends")
    if seen is None:
        sizes = node.op != "placeholder" and node.target in SIZES
        seen = node.op == "placeholder" or (not sizes and any(_depends(one) for one in node.all_input_nodes))
        node.meta["depends"] = seen
    return bool(seen)


def _reached(network: GraphModule, beyond: Node | None = None, around: Node | None = None) -> set[Node]:
    """Give the nodes that depend on a node, or on the image by a way that does not pass a node."""
    found: set[Node] = set()
    for node in network.graph.nodes:
        begins = node is beyond if beyond is not None else node.op == "placeholder"
        if begins or (node is not around and any(one in found for one in node.all_input_nodes)):
            found.add(node)
    return {node for node in found if node is not beyond and _depends(node)} if beyond else found


def _without_softmax(network: GraphModule) -> GraphModule:
    (output,) = (node for node in network.graph.nodes if node.op == "output")
    last = output.args[0]
    if not isinstance(last, Node) or last.op != "call_module":
        raise ClassifierError("it is not the last operation")
    if not isinstance(network.get_submodule(str(last.target)), nn.Softmax):
        raise ClassifierError("it is not the last operation")
    last.replace_all_uses_with(last.all_input_nodes[0])
    network.graph.erase_node(last)
    network.recompile()
    return network


def _insert_before(network: GraphModule, node: Node, module: nn.Module, name: str) -> None:
    name = f"{node.name}_{name}"
    network.add_submodule(name, module)
    before = node.all_input_nodes[0]
    with network.graph.inserting_before(node):
        added = network.graph.call_module(name, (before,))
    node.replace_input_with(before, added)


def _fuse_batch_norm(network: GraphModule) -> None:
    """Fuse batch norm with the convolution or linear layer before it, where nothing else reads that."""
    for node in list(network.graph.nodes):
        before = node.all_input_nodes[0] if node.op == "call_module" else None
        if before is None or before.op != "call_module" or len(before.users) > 1:
            continue
        norm, layer = (network.get_submodule(str(one.target)) for one in (node, before))
        if not isinstance(norm, BatchNorm) or norm.running_mean is None:
            continue
        fused: nn.Module
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            fused = fuse_conv_bn_eval(layer, norm)
        elif isinstance(layer, nn.Linear):
            fused = fuse_linear_bn_eval(layer, norm)
        else:
            continue
        network.set_submodule(str(before.target), fused.requires_grad_(False))
        node.replace_all_uses_with(before)
        network.graph.erase_node(node)
    network.recompile()


class Stack(nn.Module):
    """Lays two tensors of one shape side by side in a new last dimension."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Stack (B, ...) and (B, ...), either broadcast to the other's shape."""
        return torch.stack([one.expand_as(one + other), other.expand_as(one + other)], -1)


def _sums_and_means(network: GraphModule) -> None:
    """Have modules add what depends on the image on both sides, and average over space, since relevance has rules."""
    for node in list(network.graph.nodes):
        inputs = node.all_input_nodes
        if node.target in {torch.add, operator.add, "add"} and len(inputs) == 2 and all(map(_depends, inputs)):
            network.add_submodule(f"{node.name}_stack", Stack())
            network.add_submodule(f"{node.name}_sum", Sum(-1))
            with network.graph.inserting_before(node):
                stacked = network.graph.call_module(f"{node.name}_stack", (inputs[0], inputs[1]))
                added = network.graph.call_module(f"{node.name}_sum", (stacked,))
            node.replace_all_uses_with(added)
            network.graph.erase_node(node)
        elif node.target in AVERAGES and _over_space(node):
            keep = bool(node.kwargs.get("keepdim", node.args[2] if len(node.args) > 2 else False))
            network.add_submodule(f"{node.name}_pool", nn.AdaptiveAvgPool2d(1))
            network.add_submodule(f"{node.name}_flat", nn.Identity() if keep else nn.Flatten(1))
            with network.graph.inserting_before(node):
                pooled = network.graph.call_module(f"{node.name}_pool", (inputs[0],))
                flat = network.graph.call_module(f"{node.name}_flat", (pooled,))
            node.replace_all_uses_with(flat)
            network.graph.erase_node(node)
    network.recompile()


def _over_space(node: Node) -> bool:
    dims = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    return isinstance(dims, list | tuple) and tuple(dims) in {(2, 3), (-2, -1), (3, 2), (-1, -2)}


def _overlaps(pool: nn.MaxPool2d) -> bool:
    kernel, stride = _pair(pool.kernel_size), _pair(pool.stride or pool.kernel_size)
    near = any(step < size for step, size in zip(stride, kernel, strict=True))
    return near or _pair(pool.dilation) != (1, 1) or pool.ceil_mode


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _has_no_statistics(module: nn.Module) -> bool:
    return isinstance(module, BatchNorm) and module.running_mean is None
