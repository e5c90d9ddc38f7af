"""What the operations of a traced network do with what depends on the image."""

import operator

import torch
from torch.fx import GraphModule, Node
from torch.nn import functional

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


def is_linear(node: Node, averages: bool) -> bool:
    """Tell whether a function or method is linear in what depends on the image; ``averages`` may be such functions."""
    dependent = [one for one in node.all_input_nodes if depends(one)]
    if not dependent or node.target in SIZES or node.target in ROUTING:
        return True
    if node.target in AVERAGES:
        return averages
    first = node.all_input_nodes[0]
    divides = node.target in {torch.div, operator.truediv, "div"}
    return node.target in SCALES and len(dependent) == 1 and (not divides or node.args[0] is first is dependent[0])


def depends(node: Node) -> bool:
    """Tell whether a node's value depends on the image's pixels."""
    seen = node.meta.get("depends")
    if seen is None:
        sizes = node.op != "placeholder" and node.target in SIZES
        seen = node.op == "placeholder" or (not sizes and any(depends(one) for one in node.all_input_nodes))
        node.meta["depends"] = seen
    return bool(seen)


def reached(network: GraphModule, beyond: Node | None = None, around: Node | None = None) -> set[Node]:
    """Give the nodes that depend on a node, or on the image by a way that does not pass a node."""
    found: set[Node] = set()
    for node in network.graph.nodes:
        begins = node is beyond if beyond is not None else node.op == "placeholder"
        if begins or (node is not around and any(one in found for one in node.all_input_nodes)):
            found.add(node)
    return {node for node in found if node is not beyond and depends(node)} if beyond else found
