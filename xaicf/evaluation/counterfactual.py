"""How good a counterfactual is, image by image. Nothing is taken from the explanation but its tensors."""

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from xaicf.core import Explanation, Flags, Images, PerImage, Subject, as_found

CHANGED = 0.05
"""Smallest change of a pixel's value, of 1, that counts as one that is seen."""

STEPS = 16
"""In which COUT goes from the input to the counterfactual."""


def log_likelihoods(subject: Subject, images: Images) -> Tensor:
    """Give log-softmax of the classifier (B, classes), its networks left as found."""
    with as_found(*subject.modules), torch.no_grad():
        llh: Tensor = subject.classifier(images).log_softmax(1)
    return llh


def of_pair(explanation: Explanation, values: Tensor) -> Tensor:
    """Pick from (B, classes) the values of fact and foil (B, 2)."""
    return values.gather(1, torch.stack([explanation.fact, explanation.foil], 1))


def validity(subject: Subject, explanation: Explanation, tolerance: float = 0.01) -> PerImage:
    """Give 1 where no class is more likely than the foil by more than the tolerance in nats: it wins, or ties.

    NaN for prototypes, which are not to be the foil.
    """
    if explanation.is_prototype:
        return torch.full_like(explanation.inputs[:, 0, 0, 0].double(), torch.nan)
    llh = log_likelihoods(subject, _counterfactual(explanation))
    foil = llh.gather(1, explanation.foil[:, None]).squeeze(1)
    return (llh.amax(1) - foil <= tolerance).double()


def boundary_residual(subject: Subject, explanation: Explanation) -> PerImage:
    """Give |llh_fact - llh_foil| of the counterfactual in nats."""
    pair = of_pair(explanation, log_likelihoods(subject, _counterfactual(explanation)))
    return (pair[:, 0] - pair[:, 1]).abs()


def third_class_violation(subject: Subject, explanation: Explanation) -> PerImage:
    """Give by how many nats the best other class is above the more likely of fact and foil; 0 where it is below."""
    llh = log_likelihoods(subject, _counterfactual(explanation))
    if llh.shape[1] == 2:
        return torch.zeros_like(llh[:, 0])
    chosen = torch.stack([explanation.fact, explanation.foil], 1)
    others = llh.scatter(1, chosen, -torch.inf).amax(1)
    return (others - llh.gather(1, chosen).amax(1)).clamp(min=0)


def l1(subject: Subject, explanation: Explanation) -> PerImage:
    """Give the mean absolute change of a pixel's value, in [0, 1]."""
    return _change(explanation).abs().flatten(1).mean(1)


def l2(subject: Subject, explanation: Explanation) -> PerImage:
    """Give the Euclidean length of the change."""
    return _change(explanation).flatten(1).square().sum(1).sqrt()


def changed_share(subject: Subject, explanation: Explanation) -> PerImage:
    """Give the share of pixels with a visible change, in [0, 1]."""
    return _visible(explanation).flatten(1).double().mean(1)


def connectedness(subject: Subject, explanation: Explanation) -> PerImage:
    """Give the share of the largest 8-connected region among visibly changed pixels; NaN where there are none."""
    visible = _visible(explanation).cpu().numpy()
    shares = []
    for picture in visible:
        regions, count = ndimage.label(picture, structure=np.ones((3, 3)))
        sizes = np.bincount(regions.ravel())[1:]
        shares.append(sizes.max() / sizes.sum() if count else np.nan)
    return torch.tensor(shares, dtype=torch.float64, device=explanation.inputs.device)


def cout(subject: Subject, explanation: Explanation, steps: int = STEPS) -> PerImage:
    """Give COUT in [-1, 1]: the foil's less the fact's area under its probability as the change is put in.

    Pixels go from the input to the counterfactual in the order of their change, largest first, in ``steps``
    equal parts.

    Reference: Khorram and Fuxin 2022, "Cycle-Consistent Counterfactuals by Latent Transformations".
    """
    after = _counterfactual(explanation)
    order = _change(explanation).abs().amax(1).flatten(1).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(1)
    count = rank.shape[1]
    curve = []
    for step in range(steps + 1):
        put_in = (rank < round(step / steps * count)).view(-1, 1, *after.shape[2:])
        mixed = torch.where(put_in, after, explanation.inputs)
        curve.append(of_pair(explanation, log_likelihoods(subject, mixed).exp()))
    area = torch.trapezoid(torch.stack(curve, 1), dx=1 / steps, dim=1)
    return area[:, 1] - area[:, 0]


def _counterfactual(explanation: Explanation) -> Images:
    assert explanation.counterfactual is not None
    return explanation.counterfactual


def _change(explanation: Explanation) -> Images:
    return _counterfactual(explanation) - explanation.inputs


def _visible(explanation: Explanation) -> Flags:
    return _change(explanation).abs().amax(1) > CHANGED
