"""One module per use, nothing in place or functional, so that hooks see every operation."""

import copy
import operator
from collections.abc import Callable

import torch
from torch import nn
from torch.fx import GraphModule, Node, symbolic_trace

_FUNCTIONS: dict[Callable[..., object], Callable[[Node], nn.Module]] = {
    torch.flatten: lambda node: nn.Flatten(*node.args[1:], **node.kwargs),
    torch.nn.functional.relu: lambda node: nn.ReLU(),
    torch.relu: lambda node: nn.ReLU(),
}


def one_module_per_use(network: nn.Module) -> GraphModule:
    """Rewrite a network so that each module is called once and none works in place.

    Functional ReLU and flatten become modules, ``+=`` becomes ``+``. The result computes the same.

    Args:
        network: a module that ``torch.fx`` can trace.

    Returns:
        A new module; the names of weights are those of ``network``.
    """
    traced = symbolic_trace(copy.deepcopy(network))
    used: set[str] = set()
    for node in list(traced.graph.nodes):
        if node.op == "call_module":
            target = str(node.target)
            if target in used:
                node.target = f"{target}_{node.name}"
                traced.add_submodule(node.target, copy.deepcopy(traced.get_submodule(target)))
            used.add(str(node.target))
        elif node.op == "call_function" and node.target in _FUNCTIONS:
            name = f"{node.name}_module"
            traced.add_submodule(name, _FUNCTIONS[node.target](node))
            node.op, node.target, node.args, node.kwargs = "call_module", name, node.args[:1], {}
        elif node.op == "call_function" and node.target is operator.iadd:
            node.target = operator.add
    for module in traced.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    traced.recompile()
    return traced
