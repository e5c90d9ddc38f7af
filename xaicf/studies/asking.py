"""Ask an explainer about many images, a block at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xaicf.core import Explanation, Images, InputError, Labels, Logits, Subject
from xaicf.explainers import Explainer

BLOCK = 256


def explain_all(
    explainer: Explainer,
    subject: Subject,
    images: Images,
    fact: int | Labels | None = None,
    foil: int | Labels | None = None,
) -> Explanation:
    """Explain images (N, C, H, W), with facts and foils (N,) as in :meth:`Explainer.explain`, on a GPU if there is one.

    Images, networks and the answer are on the CPU.

    Raises:
        InputError: there is no image.
    """
    if len(images) == 0:
        raise InputError(f"no image is left to ask {explainer.name} about")
    parts = []
    with _on_gpu(subject) as device:
        for begin in range(0, len(images), BLOCK):
            block = slice(begin, begin + BLOCK)
            facts, foils = (one[block].to(device) if isinstance(one, Tensor) else one for one in (fact, foil))
            parts.append(explainer.explain(subject, images[block].to(device), facts, foils).to("cpu"))
    return Explanation.cat(parts)


@contextmanager
def _on_gpu(subject: Subject) -> Iterator[torch.device]:
    """Have the networks on a GPU, if there is one, and back on the CPU at the end."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        for network in subject.modules:
            network.to(device)
        yield device
    finally:
        for network in subject.modules:
            network.to("cpu")


@torch.no_grad()
def logits_of(classifier: nn.Module, images: Images) -> Logits:
    """Give the logits (N, classes) of images (N, C, H, W), on a GPU if there is one; both are on the CPU."""
    with _on_gpu(Subject(classifier)) as device:
        return torch.cat([classifier(block.to(device)).cpu() for block in torch.split(images, BLOCK)])


def predicted(classifier: nn.Module, images: Images) -> Labels:
    """Give the classes (N,) of images (N, C, H, W)."""
    return logits_of(classifier, images).argmax(1)
