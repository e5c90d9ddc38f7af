"""Explain many images within a memory budget."""

import torch

from xaicf.core import Explanation, Images, Labels, Subject, is_out_of_memory
from xaicf.explainers.base import Explainer
from xaicf.explainers.memory import peak_of_autograd
from xaicf.explainers.question import FoilPolicy, ask

BESIDE = 4
"""How many times what autograd keeps a search needs in all: gradients, iterates and the kernels' workspace."""


def ask_in_chunks(
    explainer: Explainer,
    subject: Subject,
    inputs: Images,
    foil: FoilPolicy = "second",
    label: Labels | None = None,
    chunk_size: int = 64,
) -> Explanation:
    """Do what :func:`ask` does, some images at a time, half as many whenever memory runs out.

    Args:
        explainer: any.
        subject: the classifier and its helpers.
        inputs: images (B, C, H, W) in [0, 1].
        foil: the policy.
        label: true classes (B,), for the policy ``label``.
        chunk_size: images at a time.

    Raises:
        torch.OutOfMemoryError: memory runs out with a single image.
    """
    answers: list[Explanation] = []
    begin = 0
    while begin < len(inputs):
        rows = slice(begin, begin + chunk_size)
        try:
            answers.append(ask(explainer, subject, inputs[rows], foil, None if label is None else label[rows]))
        except (MemoryError, RuntimeError) as error:
            if chunk_size == 1 or not is_out_of_memory(error):
                raise
            chunk_size //= 2
        else:
            begin += chunk_size
            continue
        # Outside the handler, where the failed call's tensors are no longer held by its traceback.
        if inputs.is_cuda:
            torch.cuda.empty_cache()
    return Explanation.cat(answers)


def bytes_per_image(explainer: Explainer, subject: Subject, inputs: Images, foil: FoilPolicy = "second") -> int:
    """Estimate the memory that explaining takes for each image, from what autograd keeps at a time for one.

    Args:
        explainer: any.
        subject: the classifier and its helpers.
        inputs: an image (1, C, H, W).
        foil: the policy; ``all`` asks several questions of an image.
    """
    peak = peak_of_autograd(lambda: ask(explainer, subject, inputs, foil, torch.zeros_like(inputs[:, 0, 0, 0]).long()))
    return BESIDE * max(peak, inputs.numel() * inputs.element_size())
