"""Attribution methods: each a function of what is asked."""

from collections.abc import Callable
from typing import Literal

from xaicf.explainers.methods.activation import gradcam, linear_approximation
from xaicf.explainers.methods.asked import Answer, Asked
from xaicf.explainers.methods.gradient import gradient, input_x_gradient
from xaicf.explainers.methods.integrated_gradients import integrated_gradients
from xaicf.explainers.methods.lime import lime
from xaicf.explainers.methods.lrp import lrp
from xaicf.explainers.methods.occlusion import occlusion

Method = Literal[
    "gradient",
    "input_x_gradient",
    "gradcam",
    "linear_approximation",
    "integrated_gradients",
    "occlusion",
    "lime",
    "lrp",
]

METHODS: dict[Method, Callable[[Asked], Answer]] = {
    "gradient": gradient,
    "input_x_gradient": input_x_gradient,
    "gradcam": gradcam,
    "linear_approximation": linear_approximation,
    "integrated_gradients": integrated_gradients,
    "occlusion": occlusion,
    "lime": lime,
    "lrp": lrp,
}
"""The methods by name."""

__all__ = ["METHODS", "Answer", "Asked", "Method"]
