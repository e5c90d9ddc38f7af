"""Attributions: a method times a contrast."""

from collections.abc import Sequence
from typing import get_args

import torch

from xaicf.core import Explanation, Images, InputError, Labels, Status, Subject, as_found
from xaicf.explainers.base import Explainer
from xaicf.explainers.baselines import BASELINES, Baseline, BaselineName
from xaicf.explainers.contrast import ALONG, CONTRASTS, Contrast, subset
from xaicf.explainers.methods import METHODS, Asked, Method
from xaicf.explainers.preflight import checked


class Attribution(Explainer):
    """A signed map of what speaks for the fact and what against it.

    ``gradient``, ``input_x_gradient``, ``gradcam``, ``linear_approximation`` and those of LRP are linear in the class
    weights of their contrast S, so the weighted contrast costs one backward pass and equals the explicit sum
    φ^t - Σ α_s φ^s over classes. The methods that look at further images keep the class weights that S has at x, which
    is the paper's definition, for all contrasts but two: ``probability`` and ``log_odds`` have no constant weights and
    are followed away from x. So ``integrated_gradients`` with ``weighted`` is the paper's, and with ``log_odds``, which
    has the same gradient at x, explains the log-odds themselves.

    - ``gradient``: ∂S/∂x.
    - ``input_x_gradient``: x ⊙ ∂S/∂x.
    - ``guided_gradient``: the gradient, where each ReLU hands back positive values alone.
    - ``gradcam``: Σ_k a^k · mean(∂S/∂a^k) without the final ReLU, since negative areas are the contrast.
    - ``guided_gradcam``: the two multiplied.
    - ``linear_approximation``: Σ_k a^k ⊙ ∂S/∂a^k.
    - ``integrated_gradients``: (x - b) ⊙ the mean of ∂S/∂x on the way from the baseline b. Sums to S(x) - S(b).
    - ``gradient_shap``: the same at random points on the ways from several baselines: expected gradients.
    - ``deeplift``: (x - b) ⊙ multipliers by the rescale rule. Sums to S(x) - S(b).
    - ``deep_shap``: the mean of DeepLIFT's maps from several baselines.
    - ``occlusion``: by how much S falls when a square is hidden by the baseline's.
    - ``lime``: weights of squares in a linear imitation of S.
    - ``lrp``: relevance by the ε-rule; ``lrp_epsilon_plus``, ``lrp_alpha_beta`` and ``lrp_epsilon_gamma_box`` use other
      rules in convolutions.

    ``completeness_error`` and ``relative_completeness_error`` say by how much the sum of a map misses what is promised,
    as a number and as a share of it. Where the method promises its sum and the share is above ``tolerance``,
    the image is :attr:`~xaicf.core.Status.UNSOLVED`.

    Activation methods read the activation a of a layer, upsampled bilinearly to the image, with one channel, as have
    ``occlusion`` and ``lime``. Without ``layer`` it is the last one that is laid out like the image, see
    :func:`~xaicf.explainers.methods.layer.last_layer`; of several layers the maps' mean is given. ``trace`` holds each
    layer's map at its own size.

    A classifier is checked first, and what a method cannot go through is mended on a copy that shares its weights or
    refused, see :mod:`xaicf.explainers.preflight`.

    Reference: "Why not other classes?" (weighted contrast), §3-5; the method's own is with its function in
    :mod:`xaicf.explainers.methods`.

    Args:
        method: how a gradient becomes a map.
        contrast: what is explained, S; see :mod:`xaicf.explainers.contrast`. ``pair`` asks about the foil, ``subset``
            about ``foils``, the others contrast the fact with all classes.
        layer: dotted name of the layer, or several, for activation methods.
        baseline: what a method compares with, a name or a :class:`~xaicf.explainers.baselines.Baseline` for its
            options: ``zero`` if left out, and ``samples`` for ``gradient_shap`` and ``deep_shap``. Where it is several
            images, the maps' mean is given. GANMEX asks with the contrast ``pair`` and the baseline ``ganmex``.
        foils: classes, for the contrast ``subset``.
        tolerance: for methods that promise a sum, the largest ``relative_completeness_error`` of a solved image; 1e-3
            if left out, and 1e-9 for DeepLIFT and DeepSHAP in double precision. Integrated gradients take more steps
            until it holds, up to 1,344.

    Raises:
        InputError: an unknown method, contrast or baseline, or an option for a method or contrast without it.
    """

    takes_softmax_off = True

    def __init__(
        self,
        method: Method = "gradcam",
        contrast: Contrast = "weighted",
        layer: str | Sequence[str] | None = None,
        baseline: BaselineName | Baseline | None = None,
        foils: Sequence[int] | None = None,
        tolerance: float | None = None,
    ) -> None:
        if method not in get_args(Method):
            raise InputError(f"method must be one of {', '.join(get_args(Method))}, got {method}")
        if contrast not in get_args(Contrast):
            raise InputError(f"contrast must be one of {', '.join(get_args(Contrast))}, got {contrast}")
        way = METHODS[method]
        if layer is not None and not way.reads_layers:
            raise InputError(f"layer is for {', '.join(_reading())}, got {layer} for {method}")
        if (foils is not None) != (contrast == "subset"):
            raise InputError(f"foils are for the contrast subset, got {foils} for {contrast}")
        if baseline is not None and way.compares is None:
            raise InputError(f"{method} compares with no baseline, got {baseline}")
        if isinstance(baseline, str) and baseline not in BASELINES:
            raise InputError(f"baseline must be one of {', '.join(BASELINES)}, got {baseline}")
        if tolerance is not None and not way.sums:
            raise InputError(f"tolerance is for {', '.join(_summing())}, got {tolerance} for {method}")
        if tolerance is not None and not tolerance > 0:
            raise InputError(f"tolerance must be positive, got {tolerance}")
        self.method: Method = method
        self.contrast: Contrast = contrast
        self.layers = (layer,) if isinstance(layer, str) else tuple(layer or ())
        chosen = way.compares if baseline is None else baseline
        self.baseline = BASELINES[chosen]() if isinstance(chosen, str) else chosen
        self.named = () if baseline is None or self.baseline is None else (self.baseline.name,)
        self.foils = foils
        self.tolerance = tolerance
        self.score = CONTRASTS[contrast] if foils is None else subset(foils)
        if self.baseline is not None:
            self.needs = self.baseline.needs
            self.whole_reference = self.baseline.whole_reference

    @property
    def name(self) -> str:
        """Name method and contrast, and the foils, layers and baseline where they are given."""
        foils = "_".join(map(str, self.foils or ()))
        return "-".join(part for part in (self.method, self.contrast, foils, *self.layers, *self.named) if part)

    def check(self, subject: Subject) -> None:
        """Raise :class:`InputError` where ``subject`` lacks what the baseline needs."""
        super().check(subject)
        if self.baseline is not None:
            self.baseline.check(subject)

    def preflight(self, subject: Subject, inputs: Images) -> None:
        """Raise :class:`ClassifierError` where the method cannot go through the classifier."""
        with as_found(*subject.modules):
            METHODS[self.method].prepare(checked(subject.classifier, inputs), inputs, self.method)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        way = METHODS[self.method]
        classifier = way.prepare(checked(subject.classifier, inputs), inputs, self.method)
        baselines, searched = inputs, None
        if self.baseline is not None:
            baselines, searched = self.baseline.solve(subject, inputs, fact, foil)
            if baselines.shape[-3:] != inputs.shape[1:]:
                raise InputError(
                    f"baseline {self.baseline.name} gives images of {tuple(baselines.shape[-3:])}, "
                    f"the inputs are of {tuple(inputs.shape[1:])}"
                )
        along = self.contrast in ALONG
        asked = Asked(classifier, inputs, fact, foil, self.score, along, baselines, self.layers, self.tolerance)
        answer = way.answer(asked)
        status = torch.full_like(fact, Status.SOLVED)
        if answer.complete is not None:
            status = torch.where(answer.complete, status, Status.UNSOLVED)
        if searched is not None:
            status = torch.where(searched == Status.SOLVED, status, searched)
        return Explanation(
            inputs,
            fact,
            foil,
            status,
            answer.attribution,
            baseline=answer.baseline,
            scalars=answer.scalars,
            trace=answer.trace or None,
        )


def _summing() -> list[str]:
    return [name for name, way in METHODS.items() if way.sums]


def _reading() -> list[str]:
    return [name for name, way in METHODS.items() if way.reads_layers]
