"""Attributions: a method times a contrast."""

from typing import get_args

import torch

from xaicf.core import Explanation, Images, InputError, Labels, Status, Subject
from xaicf.explainers.base import Explainer
from xaicf.explainers.contrast import CONTRASTS, Contrast
from xaicf.explainers.methods import METHODS, Asked, Method


class Attribution(Explainer):
    """A signed map of what speaks for the fact and what against it.

    The first four methods are linear in the gradient of their contrast, so the weighted contrast costs one backward
    pass and equals the explicit sum φ^t - Σ α_s φ^s over classes. So is ``lrp`` in the relevance of the logits. The
    others look at further images, at which the class weights of the contrast stay those at x; ``probability`` and
    ``log_odds`` have none, and are followed there.

    - ``gradient``: ∂S/∂x.
    - ``input_x_gradient``: x ⊙ ∂S/∂x.
    - ``gradcam``: Σ_k a^k · mean(∂S/∂a^k) without the final ReLU, since negative areas are the contrast.
    - ``linear_approximation``: Σ_k a^k ⊙ ∂S/∂a^k.
    - ``integrated_gradients``: x ⊙ the mean of ∂S/∂x on the way from the black image. The map sums to
      S(x) - S(black); ``completeness_error`` says to within what.
    - ``occlusion``: by how much S falls when a square goes black.
    - ``lime``: weights of squares in a linear imitation of S.
    - ``lrp``: relevance by the ε-rule, through classifiers that are an ``nn.Sequential``.

    ``gradcam`` and ``linear_approximation`` read the activation a of a layer, by default the convolution that runs
    last, and are upsampled bilinearly to the image, with one channel, as have ``occlusion`` and ``lime``.

    Reference: "Why not other classes?" (weighted contrast), §3-5; the method's own is with its function in
    :mod:`xaicf.explainers.methods`.

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
        asked = Asked(subject.classifier, inputs, fact, foil, self.contrast, self.layer)
        answer = METHODS[self.method](asked)
        status = torch.full_like(fact, Status.SOLVED)
        return Explanation(
            inputs, fact, foil, status, answer.attribution, baseline=answer.baseline, scalars=answer.scalars
        )
