"""How good an attribution is, image by image."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from xaicf.core import Explanation, Flags, Images, PerImage, Subject
from xaicf.evaluation.counterfactual import log_likelihoods, of_pair

STEPS = 16
"""In which deletion and insertion go through the pixels."""

SIGN_STEP = 0.003
"""Largest change of a pixel's value by gradient-sign recourse; the authors' answer to a reproduction."""


def blurred(images: Images) -> Images:
    """Blur with a standard deviation of a fourteenth of the side, 2 pixels at 28: what hides a feature."""
    sigma = images.shape[-1] / 14
    soft: Images = gaussian_blur(images, [2 * round(3 * sigma) + 1] * 2, [sigma, sigma])
    return soft


def relevance(explanation: Explanation) -> Tensor:
    """Give one signed number for each pixel (B, H, W), the sum over channels."""
    assert explanation.attribution is not None
    return explanation.attribution.sum(1)


def deletion(subject: Subject, explanation: Explanation, steps: int = STEPS) -> PerImage:
    """Give the area under p_fact as pixels are blurred, those that speak most for the fact first; in [0, 1].

    Reference: Petsiuk et al. 2018, "RISE".
    """
    hidden = blurred(explanation.inputs)
    return _area(subject, explanation, steps, lambda first: torch.where(first, hidden, explanation.inputs))


def insertion(subject: Subject, explanation: Explanation, steps: int = STEPS) -> PerImage:
    """Give the area under p_fact as pixels come back into the blurred image, most relevant first; in [0, 1].

    Reference: Petsiuk et al. 2018, "RISE".
    """
    hidden = blurred(explanation.inputs)
    return _area(subject, explanation, steps, lambda first: torch.where(first, explanation.inputs, hidden))


def keep_positive(subject: Subject, explanation: Explanation) -> PerImage:
    """Give p_fact / (p_fact + p_foil) where only pixels that speak for the fact stay and the rest is blurred.

    Reference: Wang and Wang, "Why Not Other Classes?", §5.2.2.
    """
    return _relative(subject, explanation, relevance(explanation) > 0)


def keep_negative(subject: Subject, explanation: Explanation) -> PerImage:
    """Give the same where only pixels that speak against the fact stay."""
    return _relative(subject, explanation, relevance(explanation) < 0)


def sign_recourse(subject: Subject, explanation: Explanation, step: float = SIGN_STEP) -> PerImage:
    """Give by how much p_fact rises when each value moves by ``step`` in the direction of its sign.

    Reference: Wang and Wang, "Why Not Other Classes?", §5.1, one step.
    """
    assert explanation.attribution is not None
    moved = (explanation.inputs + step * explanation.attribution.sign()).clamp(0, 1)
    before, after = (log_likelihoods(subject, images).exp() for images in (explanation.inputs, moved))
    return (after - before).gather(1, explanation.fact[:, None]).squeeze(1)


def gini(subject: Subject, explanation: Explanation) -> PerImage:
    """Give the Gini index of the absolute map: 0 where all pixels are alike, towards 1 where one has all.

    Reference: Chalasani et al. 2020; Quantus' ``Sparseness`` is the same.
    """
    values = relevance(explanation).abs().flatten(1).double().sort(1).values
    count = values.shape[1]
    weights = 2 * torch.arange(1, count + 1, device=values.device, dtype=torch.float64) - count - 1
    return (values * weights).sum(1) / (count * values.sum(1))


def _area(subject: Subject, explanation: Explanation, steps: int, show: Callable[[Flags], Images]) -> PerImage:
    rank = relevance(explanation).flatten(1).argsort(dim=1, descending=True, stable=True).argsort(1)
    count = rank.shape[1]
    curve = []
    for step in range(steps + 1):
        first = (rank < round(step / steps * count)).view(-1, 1, *explanation.inputs.shape[2:])
        probability = log_likelihoods(subject, show(first)).exp()
        curve.append(probability.gather(1, explanation.fact[:, None]).squeeze(1))
    return torch.trapezoid(torch.stack(curve, 1), dx=1 / steps, dim=1)


def _relative(subject: Subject, explanation: Explanation, kept: Flags) -> PerImage:
    shown = torch.where(kept[:, None], explanation.inputs, blurred(explanation.inputs))
    return of_pair(explanation, log_likelihoods(subject, shown)).softmax(1)[:, 0]
