"""One module per use, nothing in place or functional, so that hooks see every operation."""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.fx import GraphModule, Node, Tracer
from torch.nn import functional
from torchvision.ops import StochasticDepth


def _softmax(dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None) -> nn.Module:
    return nn.Softmax(dim)


def _max_pool(
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> nn.Module:
    return nn.MaxPool2d(kernel_size, stride, padding, dilation, ceil_mode=ceil_mode, return_indices=return_indices)


_MODULES: dict[object, Callable[..., nn.Module]] = {
    torch.flatten: lambda start_dim=0, end_dim=-1: nn.Flatten(start_dim, end_dim),
    functional.relu: lambda inplace=False: nn.ReLU(),
    torch.relu: nn.ReLU,
    functional.relu_: nn.ReLU,
    "relu": nn.ReLU,
    "relu_": nn.ReLU,
    functional.relu6: lambda inplace=False: nn.ReLU6(),
    functional.leaky_relu: lambda negative_slope=0.01, inplace=False: nn.LeakyReLU(negative_slope),
    functional.elu: lambda alpha=1.0, inplace=False: nn.ELU(alpha),
    functional.silu: lambda inplace=False: nn.SiLU(),
    functional.gelu: lambda approximate="none": nn.GELU(approximate),
    functional.softplus: lambda beta=1.0, threshold=20.0: nn.Softplus(beta, threshold),
    torch.sigmoid: nn.Sigmoid,
    functional.sigmoid: nn.Sigmoid,
    "sigmoid": nn.Sigmoid,
    torch.tanh: nn.Tanh,
    functional.tanh: nn.Tanh,
    "tanh": nn.Tanh,
    torch.softmax: _softmax,
    functional.softmax: _softmax,
    "softmax": _softmax,
    functional.max_pool2d: _max_pool,
    functional.avg_pool2d: nn.AvgPool2d,
    functional.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
}
"""What makes the module of a function or a method, from its arguments after the input."""


def one_module_per_use(network: nn.Module, share_weights: bool = False) -> GraphModule:
    """Rewrite a network so that each module is called once and none works in place.

    Functions that have a module become one, ``+=`` becomes ``+``. The result computes the same, and the
    copies of a module share its weights. Modules keep their modes; Python code that asks for ``training``
    is fixed as in evaluation, so what only training calls, such as auxiliary heads, is left out.

    Args:
        network: a module that ``torch.fx`` can trace.
        share_weights: with ``network``; else they are copied.

    Returns:
        A new module; the names of weights are those of ``network``.
    """
    copied = with_shared_weights(network) if share_weights else copy.deepcopy(network)
    traced = GraphModule(copied, _Tracer().trace(copied.eval()), type(network).__name__)
    modes = {name: module.training for name, module in network.named_modules(remove_duplicate=False)}
    for name, module in traced.named_modules():
        module.training = modes[name]
    used: set[str] = set()
    for node in list(traced.graph.nodes):
        if node.op == "call_module":
            target = str(node.target)
            if target in used:
                node.target = f"{target}_{node.name}"
                traced.add_submodule(node.target, with_shared_weights(traced.get_submodule(target)))
            used.add(str(node.target))
        elif node.op in {"call_function", "call_method"} and node.target in _MODULES:
            _make_module(traced, node, network.training)
    for module in traced.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]  # for torch's types any attribute may be a tensor
    traced.recompile()
    return traced


def with_shared_weights(module: nn.Module) -> nn.Module:
    """Copy a module, but not its weights and buffers."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


def _make_module(traced: GraphModule, node: Node, training: bool) -> None:
    """Have a module do what a node calls a function for, unless the function is given other arguments than it takes."""
    options = {key: value for key, value in node.kwargs.items() if key not in {"input", "self"}}
    rest = node.args[1:] if node.args else ()
    if any(isinstance(value, Node) for value in (*rest, *options.values())):
        return
    try:
        made = _MODULES[node.target](*rest, **options)
    except TypeError:
        return
    name = f"{node.name}_module"
    traced.add_submodule(name, made.train(training))
    node.op, node.target, node.args, node.kwargs = "call_module", name, (node.all_input_nodes[0],), {}


class _Tracer(Tracer):
    """Keeps stochastic depth as a module, since its function is handed ``training`` as a value."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, StochasticDepth) or super().is_leaf_module(m, module_qualified_name)
