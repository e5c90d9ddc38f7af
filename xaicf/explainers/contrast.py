"""Contrasts: which number of the classifier's output an attribution explains.

Each is a differentiable function of the logits y (B, classes), the fact t and the foil (B,) with one number
per image (B,), so that any back-propagated method costs one backward pass, whatever the number of
classes. Class weights inside a contrast are constants: no gradient flows through them.

Reference: "Why not other classes?" (weighted contrast), §3 and §4.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from xaicf.core import InputError, Labels, Logits, PerImage

Contrast = Literal["logit", "mean", "max", "weighted", "pair", "subset", "probability", "log_odds"]
ContrastFunction = Callable[[Logits, Labels, Labels], PerImage]

ALONG = {"probability", "log_odds"}
"""Contrasts without constant class weights: away from the explained images they are taken as they are there."""


def logit(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """y_t: no contrast (the paper's *original*)."""
    return _pick(logits, fact)


def mean(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """y_t - mean of the other logits."""
    others = logits.sum(1) - _pick(logits, fact)
    return _pick(logits, fact) - others / (logits.shape[1] - 1)


def maximum(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """y_t - largest other logit."""
    return _pick(logits, fact) - _without(logits, fact).amax(1)


def weighted(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """y_t - Σ_{s≠t} α_s y_s with constant α = softmax of the other logits (equation 6)."""
    return _against(logits, _without(logits.detach(), fact).softmax(1), fact)


def pair(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """y_fact - y_foil."""
    return _pick(logits, fact) - _pick(logits, foil)


def subset(foils: Sequence[int]) -> ContrastFunction:
    """Make y_t - Σ_{s∈F, s≠t} α_s y_s with constant α = softmax of the logits in F, a set of foils, without t.

    Raises:
        InputError: ``foils`` is empty, repeats a class, or holds one that the classifier does not know or no other
            class than the fact.
    """
    classes = sorted(set(foils))
    if not classes or len(classes) < len(foils) or classes[0] < 0:
        raise InputError(f"foils must be one or more different classes, got {list(foils)}")

    def contrast(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
        if classes[-1] >= logits.shape[1]:
            raise InputError(f"foils must be in [0, {logits.shape[1]}), got {classes[-1]}")
        if len(classes) == 1 and bool((fact == classes[0]).any()):
            raise InputError(f"foils must hold another class than the fact, got {classes} for an image of {classes[0]}")
        inside = torch.full_like(logits, -torch.inf).index_fill(1, torch.tensor(classes, device=logits.device), 0)
        return _against(logits, _without(logits.detach() + inside, fact).softmax(1), fact)

    return contrast


def probability(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """p_t = softmax(y)_t; its gradient vanishes as p_t goes to 1."""
    return _pick(logits.softmax(1), fact)


def log_odds(logits: Logits, fact: Labels, foil: Labels) -> PerImage:
    """Log-odds log p_t / (1 - p_t) = y_t - logsumexp of the other logits.

    At one point its gradient is that of :func:`weighted`; along a path, where α changes, it is not.
    """
    return _pick(logits, fact) - _without(logits, fact).logsumexp(1)


CONTRASTS: dict[str, ContrastFunction] = {
    "logit": logit,
    "mean": mean,
    "max": maximum,
    "weighted": weighted,
    "pair": pair,
    "probability": probability,
    "log_odds": log_odds,
}
"""Contrasts by name; :func:`subset` is made of its foils."""


def _pick(values: Logits, classes: Labels) -> PerImage:
    return values.gather(1, classes[:, None]).squeeze(1)


def _against(logits: Logits, weights: Logits, fact: Labels) -> PerImage:
    """Give y_t - Σ α_s y_s for weights α (B, classes), which are 0 for t, in one product."""
    return (logits * weights.neg_().scatter_(1, fact[:, None], 1.0)).sum(1)


def _without(logits: Logits, classes: Labels) -> Logits:
    return logits.scatter(1, classes[:, None], -torch.inf)
