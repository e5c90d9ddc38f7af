"""Layer-wise relevance propagation of a contrast, by Zennit's rules."""

from collections.abc import Callable

import torch
from torch import Tensor
from zennit.composites import LayerMapComposite, MixedComposite, NameMapComposite
from zennit.core import Composite
from zennit.layer import Sum
from zennit.rules import AlphaBeta, Epsilon, Gamma, Norm, Pass, ZBox, ZPlus
from zennit.types import Activation, AvgPool, BatchNorm, Convolution, Linear

from xaicf.core import ClassifierError, Images
from xaicf.explainers.methods.asked import Answer, Asked
from xaicf.explainers.preflight import Ruled

EPSILON = 1e-6

GAMMA = 0.25


def lrp(asked: Asked) -> Answer:
    """The relevance that reaches each pixel, by the ε-rule in every layer, from w_s y_s at each logit s.

    w are the class weights of S at x. What stands before the first convolution or linear layer, such as a
    normalisation, must treat pixels one by one: relevance ends where that layer reads. Biases keep their share, so maps
    need not sum to S. Where branches meet in a sum, relevance goes to each by its share of it.

    Reference: Bach et al. 2015; Montavon et al. 2019 for the ε-rule; Zennit's.

    Raises:
        ClassifierError: the first layer does not read pixels one by one.
    """
    return _relevance(asked, lambda: Epsilon(EPSILON))


def lrp_epsilon_plus(asked: Asked) -> Answer:
    """The same with the z⁺-rule in convolutions.

    Reference: Montavon et al. 2019; Zennit's composite ``EpsilonPlus``.
    """
    return _relevance(asked, ZPlus)


def lrp_alpha_beta(asked: Asked) -> Answer:
    """The same with the αβ-rule in convolutions, α = 2 and β = 1.

    Reference: Bach et al. 2015; Zennit's composite ``EpsilonAlpha2Beta1``.
    """
    return _relevance(asked, lambda: AlphaBeta(2, 1))


def lrp_epsilon_gamma_box(asked: Asked) -> Answer:
    """The same with the γ-rule in convolutions, γ = 0.25, and the box of possible pixels in the first.

    Reference: Montavon et al. 2019; Zennit's composite ``EpsilonGammaBox``.
    """
    return _relevance(asked, lambda: Gamma(GAMMA), box=True)


def _relevance(asked: Asked, of_convolutions: Callable[[], object], box: bool = False) -> Answer:
    ruled = asked.classifier
    assert isinstance(ruled, Ruled)
    network, first = ruled.network, ruled.network.get_submodule(ruled.first)
    read: list[Tensor] = []

    def keep(module: object, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        read[:] = [arguments[0].detach().requires_grad_()]
        return (read[0].clone(),)

    logits, weights = asked.logits_and_weights()
    handle = first.register_forward_pre_hook(keep)
    try:
        bounds: list[Images] = []
        for edge in (torch.zeros_like, torch.ones_like):
            network(edge(asked.inputs[:1]))
            bounds.append(read[0].detach())
        rules = _rules(of_convolutions)
        if box:
            begin = NameMapComposite([((ruled.first,), ZBox(*bounds))])
            rules = MixedComposite([begin, rules])
        with rules.context(network) as hooked:
            (relevance,) = torch.autograd.grad(hooked(asked.inputs), read[0], weights * logits)
    finally:
        handle.remove()
    if relevance.numel() != asked.inputs.numel():
        raise ClassifierError(
            f"lrp needs a first layer that reads pixels one by one, it reads {tuple(relevance.shape[1:])}"
        )
    return Answer(relevance.view_as(asked.inputs))


def _rules(of_convolutions: Callable[[], object]) -> Composite:
    return LayerMapComposite(
        [
            (Activation, Pass()),
            (Sum, Norm()),
            (AvgPool, Norm()),
            (Convolution, of_convolutions()),
            ((Linear, BatchNorm), Epsilon(EPSILON)),
        ]
    )
