"""How many images a method may have in the classifier at a time."""

import torch
from torch import nn

from xaicf.core import Images
from xaicf.explainers.memory import peak_of_autograd

BUDGET = 2**30
"""Bytes that autograd may keep on the CPU; on a GPU, a quarter of what is free."""


def at_a_time(classifier: nn.Module, inputs: Images) -> int:
    """Give the number of images of that shape whose values a backward pass may keep, from what it keeps of one.

    Args:
        classifier: images to logits.
        inputs: images (B, C, H, W), of which one is tried.
    """
    image = inputs[:1].detach().requires_grad_()
    of_one = max(peak_of_autograd(lambda: classifier(image)), image.numel() * image.element_size(), 1)
    budget = torch.cuda.mem_get_info(inputs.device)[0] // 4 if inputs.is_cuda else BUDGET
    return max(budget // of_one, 1)
