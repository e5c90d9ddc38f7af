"""Ask a classifier, and refuse what is none."""

import torch
from torch import Tensor, nn

from xaicf.core.errors import ClassifierError, is_out_of_memory
from xaicf.core.types import Images, Logits

PROBABILITIES = "classifier gives probabilities, not logits; leave its softmax out"


@torch.no_grad()
def checked_logits(classifier: nn.Module, images: Images) -> Logits:
    """Give the logits (B, classes) of images (B, C, H, W) in [0, 1].

    Raises:
        ClassifierError: the classifier does not take the images, or gives no finite logits of two or more classes.
    """
    try:
        logits: Logits = classifier(images)
    except (RuntimeError, AssertionError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise ClassifierError(f"classifier does not take images of {tuple(images.shape[1:])}: {error}") from error
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ClassifierError(f"classifier must give logits ({len(images)}, classes), got {shape}")
    if not logits.isfinite().all():
        raise ClassifierError("classifier gives logits that are not finite")
    return logits


def are_probabilities(logits: Logits) -> bool:
    """Tell whether every row (B, classes) is of numbers from 0 to 1 that sum to 1, as no row of logits is."""
    return bool((logits >= 0).all() and (logits.sum(1) - 1).abs().max() < 1e-4)
