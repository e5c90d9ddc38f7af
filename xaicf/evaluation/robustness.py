"""How an explanation moves when the question or the image is changed; the explainer is asked again."""

from dataclasses import replace

import torch

from xaicf.core import Explanation, InputError, PerImage, Subject
from xaicf.evaluation.attribution import rank_correlation, relevance
from xaicf.evaluation.counterfactual import log_likelihoods
from xaicf.explainers import Explainer

NOISE = 0.02
"""Standard deviation of the noise on pixel values."""


def foil_correlation(explainer: Explainer, subject: Subject, explanation: Explanation) -> PerImage:
    """Give the rank correlation of the map with that for another foil, the most likely class beside both.

    A contrastive method says different things about different foils; 1 means that it does not hear the question.

    Raises:
        InputError: there are only two classes.
    """
    llh = log_likelihoods(subject, explanation.inputs)
    if llh.shape[1] < 3:
        raise InputError("another foil needs three classes")
    other = llh.scatter(1, torch.stack([explanation.fact, explanation.foil], 1), -torch.inf).argmax(1)
    again = explainer.explain(subject, explanation.inputs, explanation.fact, other)
    return rank_correlation(relevance(explanation), relevance(again))


def noise_correlation(explainer: Explainer, subject: Subject, explanation: Explanation, seed: int = 0) -> PerImage:
    """Give the rank correlation of the map with that for the image with a little noise, fact and foil unchanged."""
    random = torch.Generator().manual_seed(seed)
    noise = NOISE * torch.randn(explanation.inputs.shape, generator=random).to(explanation.inputs)
    noisy = (explanation.inputs + noise).clamp(0, 1)
    again = explainer.explain(subject, noisy, explanation.fact, explanation.foil)
    return rank_correlation(relevance(explanation), relevance(replace(again, inputs=explanation.inputs)))
