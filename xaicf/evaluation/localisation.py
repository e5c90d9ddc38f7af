"""Whether a map finds the area that is known to matter."""

from xaicf.core import Explanation, Flags, PerImage, Subject
from xaicf.evaluation.attribution import relevance


def pointing(subject: Subject, explanation: Explanation, mask: Flags) -> PerImage:
    """Give 1 where the pixel that speaks most, for fact or foil, lies in the mask, else 0; NaN for an empty mask.

    Reference: Zhang et al. 2018, "Top-down neural attention by excitation backprop": the pointing game, with the
    absolute value of a signed map in place of a map without signs.
    """
    top = relevance(explanation).abs().flatten(1).argmax(1, keepdim=True)
    hit = mask.flatten(1).gather(1, top).squeeze(1).double()
    return hit.where(mask.flatten(1).any(1), float("nan"))


def inverse_localisation(subject: Subject, explanation: Explanation, mask: Flags) -> PerImage:
    """Give mean |map| outside of the mask by mean |map| within; low is good, 1 is a map that is even everywhere.

    The mask is the distinguishing area and what is outside of it the common one. NaN where either is empty.

    Reference: Shih et al. 2021, "GANMEX", table 1.
    """
    distinguishing, common = within_and_without(explanation, mask)
    return common / distinguishing


def within_and_without(explanation: Explanation, mask: Flags) -> tuple[PerImage, PerImage]:
    """Give the mean of |map| within a mask (B, H, W) and outside of it, each (B,); NaN for an empty area."""
    size = relevance(explanation).abs()
    inside, outside = ((size * area).flatten(1).sum(1) / area.flatten(1).sum(1) for area in (mask, ~mask))
    return inside, outside
