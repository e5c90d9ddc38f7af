"""Attribution methods: each a function of what is asked, and what a classifier must be like for it."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from torch import nn

from xaicf.core import Images
from xaicf.explainers.baselines import BaselineName
from xaicf.explainers.methods.activation import gradcam, linear_approximation
from xaicf.explainers.methods.asked import Answer, Asked
from xaicf.explainers.methods.deeplift import deeplift
from xaicf.explainers.methods.gradient import gradient, guided_gradcam, guided_gradient, input_x_gradient
from xaicf.explainers.methods.integrated_gradients import gradient_shap, integrated_gradients
from xaicf.explainers.methods.lime import lime
from xaicf.explainers.methods.lrp import lrp, lrp_alpha_beta, lrp_epsilon_gamma_box, lrp_epsilon_plus
from xaicf.explainers.methods.occlusion import occlusion
from xaicf.explainers.preflight import as_it_is, for_deeplift, for_lrp, for_relu, with_relu

Method = Literal[
    "gradient",
    "input_x_gradient",
    "guided_gradient",
    "gradcam",
    "guided_gradcam",
    "linear_approximation",
    "integrated_gradients",
    "gradient_shap",
    "deeplift",
    "deep_shap",
    "occlusion",
    "lime",
    "lrp",
    "lrp_epsilon_plus",
    "lrp_alpha_beta",
    "lrp_epsilon_gamma_box",
]


class Way(NamedTuple):
    """How a method works.

    Attributes:
        answer: gives the map.
        prepare: makes of a classifier, images and the method's name what the method goes through, or refuses it.
        reads_layers: whether it reads activations.
        sums: whether its map promises to sum to S(x) - S(b).
        compares: with which baseline, unless another is given; None for a method that compares with nothing.
    """

    answer: Callable[[Asked], Answer]
    prepare: Callable[[nn.Module, Images, str], nn.Module] = as_it_is
    reads_layers: bool = False
    sums: bool = False
    compares: BaselineName | None = None


METHODS: dict[Method, Way] = {
    "gradient": Way(gradient),
    "input_x_gradient": Way(input_x_gradient),
    "guided_gradient": Way(guided_gradient, for_relu),
    "gradcam": Way(gradcam, reads_layers=True),
    "guided_gradcam": Way(guided_gradcam, with_relu, reads_layers=True),
    "linear_approximation": Way(linear_approximation, reads_layers=True),
    "integrated_gradients": Way(integrated_gradients, sums=True, compares="zero"),
    "gradient_shap": Way(gradient_shap, compares="samples"),
    "deeplift": Way(deeplift, for_deeplift, sums=True, compares="zero"),
    "deep_shap": Way(deeplift, for_deeplift, sums=True, compares="samples"),
    "occlusion": Way(occlusion, compares="zero"),
    "lime": Way(lime, compares="zero"),
    "lrp": Way(lrp, for_lrp),
    "lrp_epsilon_plus": Way(lrp_epsilon_plus, for_lrp),
    "lrp_alpha_beta": Way(lrp_alpha_beta, for_lrp),
    "lrp_epsilon_gamma_box": Way(lrp_epsilon_gamma_box, for_lrp),
}
"""The methods by name."""

__all__ = ["METHODS", "Answer", "Asked", "Method", "Way"]
