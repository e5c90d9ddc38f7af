"""Attributions: a method times a contrast."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch.nn import functional

from xaicf.core import ClassifierError, Explanation, Images, InputError, Labels, Logits, PerImage, Status, Subject
from xaicf.explainers.activation import captured, last_convolution, named_layer
from xaicf.explainers.base import Explainer
from xaicf.explainers.contrast import CONTRASTS, Contrast
from xaicf.explainers.integrated import integrated_gradients

Method = Literal["gradient", "input_x_gradient", "gradcam", "linear_approximation", "integrated_gradients"]
Score = Callable[[Logits], PerImage]


class Attribution(Explainer):
    """A signed map of what speaks for the fact and what against it.

    Every method here is linear in the gradient of its contrast, so the weighted contrast costs one
    backward pass, or one for each step of a path, and equals the explicit sum φ^t - Σ α_s φ^s over classes.

    - ``gradient``: ∂S/∂x.
    - ``input_x_gradient``: x ⊙ ∂S/∂x.
    - ``gradcam``: Σ_k a^k · mean(∂S/∂a^k) without the final ReLU, since negative areas are the contrast.
    - ``linear_approximation``: Σ_k a^k ⊙ ∂S/∂a^k.
    - ``integrated_gradients``: x ⊙ the mean of ∂S/∂x on the way from the black image, with the class weights of
      the contrast fixed at x; ``probability`` and ``log_odds`` have none, and are themselves followed along the
      way. The map sums to S(x) - S(black); ``completeness_error`` says to within what.

    ``gradcam`` and ``linear_approximation`` read the activation a of a layer, by default the convolution that runs
    last, and are upsampled bilinearly to the image, with one channel.

    Reference: "Why not other classes?" (weighted contrast), §3-5; Selvaraju et al. 2017 for GradCAM;
    Sundararajan et al. 2017 for integrated gradients, which are Captum's.

    Args:
        method: how a gradient becomes a map.
        contrast: what is explained, S; see :mod:`xaicf.explainers.contrast`. Only ``pair`` asks about the
            foil, the others contrast the fact with all classes.
        layer: dotted name of the layer for activation methods.

    Raises:
        InputError: an unknown method or contrast, or a layer for a method without one.
    """

    def __init__(
        self,
        method: Method = "gradcam",
        contrast: Contrast = "weighted",
        layer: str | None = None,
    ) -> None:
        if method not in get_args(Method):
            raise InputError(f"method must be one of {', '.join(get_args(Method))}, got {method}")
        if contrast not in CONTRASTS:
            raise InputError(f"contrast must be one of {', '.join(CONTRASTS)}, got {contrast}")
        if layer is not None and method not in {"gradcam", "linear_approximation"}:
            raise InputError(f"layer is for gradcam and linear_approximation, got {layer} for {method}")
        self.method: Method = method
        self.contrast: Contrast = contrast
        self.layer = layer

    @property
    def name(self) -> str:
        """Name method and contrast, and the layer where one is given."""
        return "-".join(part for part in (self.method, self.contrast, self.layer) if part)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        status = torch.full_like(fact, Status.SOLVED)
        contrast = CONTRASTS[self.contrast]
        if self.method == "integrated_gradients":
            black = torch.zeros_like(inputs)
            attribution, error = integrated_gradients(subject.classifier, contrast, inputs, black, fact, foil)
            scalars = {"completeness_error": error}
            return Explanation(inputs, fact, foil, status, attribution=attribution, baseline=black, scalars=scalars)

        def score(logits: Logits) -> PerImage:
            return contrast(logits, fact, foil)

        attribution = _METHODS[self.method](subject, inputs, score, self.layer)
        return Explanation(inputs, fact, foil, status, attribution=attribution)


def _gradient(subject: Subject, inputs: Images, score: Score, layer: str | None) -> Images:
    inputs = inputs.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(score(subject.classifier(inputs)).sum(), inputs)
    return gradient


def _input_x_gradient(subject: Subject, inputs: Images, score: Score, layer: str | None) -> Images:
    return inputs.detach() * _gradient(subject, inputs, score, layer)


def _gradcam(subject: Subject, inputs: Images, score: Score, layer: str | None) -> Images:
    activation, gradient = _at_layer(subject, inputs, score, layer)
    weights = gradient.mean((2, 3), keepdim=True)
    return _upsample((weights * activation).sum(1, keepdim=True), inputs)


def _linear_approximation(subject: Subject, inputs: Images, score: Score, layer: str | None) -> Images:
    activation, gradient = _at_layer(subject, inputs, score, layer)
    return _upsample((gradient * activation).sum(1, keepdim=True), inputs)


def _at_layer(subject: Subject, inputs: Images, score: Score, layer: str | None) -> tuple[Images, Images]:
    classifier = subject.classifier
    module = last_convolution(classifier, inputs) if layer is None else named_layer(classifier, layer)
    with captured(module) as outputs:
        value = score(classifier(inputs.detach())).sum()
        if not outputs or outputs[0].ndim != 4:
            found = f"gives {tuple(outputs[0].shape)}" if outputs else "does not run"
            raise ClassifierError(f"layer must give (B, channels, height, width), {layer} {found}")
        (output,) = outputs
        (gradient,) = torch.autograd.grad(value, output, allow_unused=True)
    if gradient is None:
        raise ClassifierError("the logits do not depend on the convolution that runs last; name a layer by layer=")
    return output.detach(), gradient


def _upsample(maps: Images, inputs: Images) -> Images:
    return functional.interpolate(maps, inputs.shape[2:], mode="bilinear", align_corners=False)


_METHODS: dict[Method, Callable[[Subject, Images, Score, str | None], Images]] = {
    "gradient": _gradient,
    "input_x_gradient": _input_x_gradient,
    "gradcam": _gradcam,
    "linear_approximation": _linear_approximation,
}
