"""Ask an explainer about many images, a block at a time."""

import torch
from torch import Tensor

from xaicf.core import Explanation, Images, InputError, Labels, Subject
from xaicf.explainers import Explainer

BLOCK = 256


def explain_all(
    explainer: Explainer,
    subject: Subject,
    images: Images,
    fact: int | Labels | None = None,
    foil: int | Labels | None = None,
) -> Explanation:
    """Explain images (N, C, H, W), with facts and foils (N,) as in :meth:`Explainer.explain`.

    Raises:
        InputError: there is no image.
    """
    if len(images) == 0:
        raise InputError(f"no image is left to ask {explainer.name} about")
    parts = []
    for begin in range(0, len(images), BLOCK):
        block = slice(begin, begin + BLOCK)
        facts, foils = (one[block] if isinstance(one, Tensor) else one for one in (fact, foil))
        parts.append(explainer.explain(subject, images[block], facts, foils))
    return Explanation.cat(parts)


@torch.no_grad()
def predicted(classifier: torch.nn.Module, images: Images) -> Labels:
    """Give the classes (N,) of images (N, C, H, W)."""
    return torch.cat([classifier(block).argmax(1) for block in torch.split(images, 1024)])
