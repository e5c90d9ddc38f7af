"""Layer-wise relevance propagation of a contrast, by Zennit."""

import torch
from torch import Tensor, nn
from zennit.composites import LayerMapComposite
from zennit.rules import Epsilon, Norm, Pass
from zennit.types import Activation, AvgPool, Convolution, Linear

from xaicf.core import ClassifierError
from xaicf.explainers.methods.asked import Answer, Asked

EPSILON = 1e-6

RULED = (Convolution, Linear)
"""Layers that share relevance out among their inputs."""

PASSED = (Activation, AvgPool, nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Dropout, nn.Identity)
"""Layers that hand relevance on."""


def lrp(asked: Asked) -> Answer:
    """The relevance that reaches each pixel, by the ε-rule in every layer, from w_s y_s at each logit s.

    w are the class weights of S at x. What stands before the first convolution or linear layer, such as a
    normalisation, must treat pixels one by one: relevance ends where that layer reads. Biases keep their share, so maps
    need not sum to S. Classifiers that are no ``nn.Sequential`` of such layers are refused, since relevance that goes
    two ways would be counted twice.

    Reference: Bach et al. 2015; Montavon et al. 2019 for the ε-rule; Zennit's.

    Raises:
        ClassifierError: the classifier has other layers than those that the rules are for.
    """
    sequence = _sequence(asked)
    first = _first_ruled(sequence)
    read: list[Tensor] = []

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        read[:] = [arguments[0].detach().requires_grad_()]
        return (read[0].clone(),)

    logits, weights = asked.logits_and_weights()
    rules = [(Activation, Pass()), (AvgPool, Norm()), (RULED, Epsilon(EPSILON))]
    handle = first.register_forward_pre_hook(keep)
    try:
        with LayerMapComposite(rules).context(sequence) as hooked:
            (relevance,) = torch.autograd.grad(hooked(asked.inputs), read[0], weights * logits)
    finally:
        handle.remove()
    if relevance.numel() != asked.inputs.numel():
        raise ClassifierError(
            f"lrp needs a first layer that reads pixels one by one, it reads {tuple(relevance.shape[1:])}"
        )
    return Answer(relevance.view_as(asked.inputs))


def _sequence(asked: Asked) -> nn.Sequential:
    """Give the sequence of layers that makes logits of images: the classifier itself, or all of what it holds.

    Raises:
        ClassifierError: there is none.
    """
    found: list[nn.Sequential] = []

    def watch(module: nn.Sequential, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        if torch.equal(arguments[0], asked.inputs):
            found.append(module)

    sequences = [module for module in asked.classifier.modules() if isinstance(module, nn.Sequential)]
    handles = [module.register_forward_hook(watch) for module in sequences]
    try:
        with torch.no_grad():
            logits = asked.classifier(asked.inputs)
    finally:
        for handle in handles:
            handle.remove()
    with torch.no_grad():
        for module in found:
            output = module(asked.inputs)
            if output.shape == logits.shape and torch.equal(output, logits):
                return module
    raise ClassifierError("lrp goes through an nn.Sequential from images to logits, which the classifier has not")


def _first_ruled(sequence: nn.Sequential) -> nn.Module:
    """Give the first convolution or linear layer of a sequence that the rules are for.

    Raises:
        ClassifierError: there is none, another layer after it, a layer that is used twice, or one that is not a plain
            sequence and has layers of its own.
    """
    found: nn.Module | None = None
    seen: set[nn.Module] = set()
    for name, module in sequence.named_modules(remove_duplicate=False):
        if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
            continue
        if isinstance(module, (*RULED, AvgPool)) and module in seen:
            raise ClassifierError(f"lrp needs a layer of its own for each use, {name} is used before")
        seen.add(module)
        if isinstance(module, RULED):
            found = found or module
        elif list(module.children()) or (found is not None and not isinstance(module, PASSED)):
            raise ClassifierError(f"lrp has no rule for {name}, a {type(module).__name__}")
    if found is None:
        raise ClassifierError("lrp needs a convolution or linear layer, the classifier has none")
    return found
