"""How an explanation moves when question, image or start are changed; the explainer is asked again."""

import itertools
from dataclasses import replace

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from xaicf.core import Explanation, InputError, PerImage, Status, Subject
from xaicf.evaluation.attribution import relevance
from xaicf.evaluation.counterfactual import log_likelihoods
from xaicf.explainers import Explainer

NOISE = 0.02
"""Standard deviation of the noise on pixel values."""

STARTS = 4
"""Of a search, the first one included."""


def foil_correlation(explainer: Explainer, subject: Subject, explanation: Explanation) -> PerImage:
    """Give the rank correlation of the map with that for another foil, the most likely class beside both.

    A contrastive method says different things about different foils; 1 means that it does not hear the question.
    NaN where the explainer does not solve the other question.

    Raises:
        InputError: there are only two classes.
    """
    llh = log_likelihoods(subject, explanation.inputs)
    if llh.shape[1] < 3:
        raise InputError("another foil needs three classes")
    other = llh.scatter(1, torch.stack([explanation.fact, explanation.foil], 1), -torch.inf).argmax(1)
    again = explainer.explain(subject, explanation.inputs, explanation.fact, other)
    return _correlation(explanation, again)


def noise_correlation(explainer: Explainer, subject: Subject, explanation: Explanation, seed: int = 0) -> PerImage:
    """Give the rank correlation of the map with that for the image with a little noise, fact and foil unchanged.

    NaN where the explainer does not solve the question about the noisy image.
    """
    random = torch.Generator().manual_seed(seed)
    # The same noise for every image, so that none depends on which others stand beside it.
    noise = NOISE * torch.randn(explanation.inputs.shape[1:], generator=random).to(explanation.inputs)
    noisy = (explanation.inputs + noise).clamp(0, 1)
    again = explainer.explain(subject, noisy, explanation.fact, explanation.foil)
    return _correlation(explanation, replace(again, inputs=explanation.inputs))


def diversity(explainer: Explainer, subject: Subject, explanation: Explanation, starts: int = STARTS) -> PerImage:
    """Give the mean Euclidean distance between the counterfactuals from several starts of the search.

    For a method that seeks the nearest image it tells how far the answer depends on the start; for one that offers
    choices it tells how different they are. NaN where fewer than two starts solve the question, or the method has
    one start only.

    Reference: Mothilal et al. 2020, "DiCE", diversity of continuous features, with the Euclidean distance.
    """
    found = [explanation]
    for number in range(1, starts):
        other = explainer.from_start(number)
        if other is not None:
            found.append(other.explain(subject, explanation.inputs, explanation.fact, explanation.foil))
    images = torch.stack([_counterfactual(one) for one in found]).flatten(2)
    solved = torch.stack([one.status == Status.SOLVED for one in found])
    pairs = list(itertools.combinations(range(len(found)), 2))
    if not pairs:
        return torch.full_like(explanation.inputs[:, 0, 0, 0], torch.nan)
    apart = torch.stack([(images[a] - images[b]).square().sum(1).sqrt() for a, b in pairs])
    both = torch.stack([solved[a] & solved[b] for a, b in pairs])
    return apart.where(both, 0).sum(0) / both.sum(0)


def rank_correlation(first: Tensor, second: Tensor) -> PerImage:
    """Give Spearman's correlation of two maps (B, ...) for each image; ranks, with ties, are scipy's.

    NaN where a map is the same everywhere.
    """
    ranks = [stats.rankdata(values.flatten(1).cpu().numpy(), axis=1) for values in (first, second)]
    a, b = (values - values.mean(1, keepdims=True) for values in ranks)
    with np.errstate(invalid="ignore"):
        found = (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return torch.from_numpy(found).to(first.device)


def _correlation(before: Explanation, after: Explanation) -> PerImage:
    found = rank_correlation(relevance(before), relevance(after))
    return found.where(after.status == Status.SOLVED, torch.nan)


def _counterfactual(explanation: Explanation) -> Tensor:
    assert explanation.counterfactual is not None
    return explanation.counterfactual
