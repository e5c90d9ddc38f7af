"""One module per use, nothing in place or functional, so that hooks see every operation."""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.fx import GraphModule, Tracer
from torchvision.ops import StochasticDepth

_MODULES: dict[object, Callable[..., nn.Module]] = {
    torch.flatten: lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim),
    torch.nn.functional.relu: lambda inplace=False: nn.ReLU(),
    torch.relu: nn.ReLU,
}
"""What makes the module of a function, from the function's arguments after its input."""


def one_module_per_use(network: nn.Module) -> GraphModule:
    """Rewrite a network so that each module is called once and none works in place.

    Functional ReLU and flatten become modules, ``+=`` becomes ``+``. The result computes the same, and the
    copies of a module share its weights. Modules keep their modes; Python code that asks for ``training``
    is fixed as in evaluation, so what only training calls, such as auxiliary heads, is left out.

    Args:
        network: a module that ``torch.fx`` can trace.

    Returns:
        A new module; the names of weights are those of ``network``.
    """
    copied = copy.deepcopy(network).eval()
    traced = GraphModule(copied, _Tracer().trace(copied), type(network).__name__)
    modes = {name: module.training for name, module in network.named_modules(remove_duplicate=False)}
    for name, module in traced.named_modules():
        module.training = modes[name]
    used: set[str] = set()
    for node in list(traced.graph.nodes):
        if node.op == "call_module":
            target = str(node.target)
            if target in used:
                node.target = f"{target}_{node.name}"
                traced.add_submodule(node.target, _with_shared_weights(traced.get_submodule(target)))
            used.add(str(node.target))
        elif node.op == "call_function" and node.target in _MODULES:
            name = f"{node.name}_module"
            options = {key: value for key, value in node.kwargs.items() if key != "input"}
            made = _MODULES[node.target](*node.args[1:], **options)
            traced.add_submodule(name, made.train(network.training))
            node.op, node.target, node.args, node.kwargs = "call_module", name, (node.all_input_nodes[0],), {}
    for module in traced.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]  # for torch's types any attribute may be a tensor
    traced.recompile()
    return traced


class _Tracer(Tracer):
    """Keeps stochastic depth as a module, since its function is handed ``training`` as a value."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, StochasticDepth) or super().is_leaf_module(m, module_qualified_name)


def _with_shared_weights(module: nn.Module) -> nn.Module:
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
