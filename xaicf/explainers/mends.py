"""What is mended on a traced copy of a classifier, which computes the same before and after."""

import copy
import operator

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from zennit.layer import Sum
from zennit.types import BatchNorm

from xaicf.core import ClassifierError, Images
from xaicf.explainers.traced import AVERAGES, depends


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
            pair(size) for size in (pool.kernel_size, pool.stride or pool.kernel_size, pool.padding)
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


def without_softmax(network: GraphModule) -> GraphModule:
    """Take off the softmax that a network ends in.

    Raises:
        ClassifierError: it ends in something else.
    """
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


def insert_before(network: GraphModule, node: Node, module: nn.Module, name: str) -> None:
    """Have a module of its own stand before an operation."""
    name = f"{node.name}_{name}"
    network.add_submodule(name, module)
    before = node.all_input_nodes[0]
    with network.graph.inserting_before(node):
        added = network.graph.call_module(name, (before,))
    node.replace_input_with(before, added)


def fuse_batch_norm(network: GraphModule) -> None:
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


def sums_and_means(network: GraphModule) -> None:
    """Have modules add what depends on the image on both sides, and average over space, since relevance has rules."""
    for node in list(network.graph.nodes):
        inputs = node.all_input_nodes
        if node.target in {torch.add, operator.add, "add"} and len(inputs) == 2 and all(map(depends, inputs)):
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


def overlaps(pool: nn.MaxPool2d) -> bool:
    """Tell whether a pool's windows share pixels, or leave some out or reach beyond the image."""
    kernel, stride = pair(pool.kernel_size), pair(pool.stride or pool.kernel_size)
    near = any(step < size for step, size in zip(stride, kernel, strict=True))
    return near or pair(pool.dilation) != (1, 1) or pool.ceil_mode


def pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    """Give a size for both directions."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])
