"""IM1 and IM2: whether a counterfactual looks more like the foil than like the fact, by autoencoders of classes."""

import torch
from torch import Tensor

from xaicf.core import Batch, Explanation, Images, InputError, PerImage, Subject

EPSILON = 1e-12
"""Keeps IM1 and IM2 finite."""


class ClassAutoencoders:
    """Linear autoencoders, one for each class and one for all, by principal components of reference images.

    Van Looveren and Klaise train small convolutional ones; the best linear ones are known in closed form, so that
    the measures depend on no training. They are coarser: compare values with each other, not with the paper's.

    Args:
        reference: labelled images; each class must have at least two.
        num_classes: of the data.
        components: of each code, at most.

    Raises:
        InputError: a class has fewer than two images.
    """

    def __init__(self, reference: Batch, num_classes: int, components: int = 32) -> None:
        images, labels = reference["image"].flatten(1).double(), reference["label"]
        groups = [images[labels == label] for label in range(num_classes)]
        few = [label for label, group in enumerate(groups) if len(group) < 2]
        if few:
            raise InputError(
                f"reference needs two or more images of each class, class {few[0]} has {len(groups[few[0]])}"
            )
        size = min(components, *(len(group) - 1 for group in groups), images.shape[1])
        fitted = [_principal(group, size) for group in (*groups, images)]
        self.means, self.bases = (torch.stack(part) for part in zip(*fitted, strict=True))

    def reconstruct(self, images: Images, classes: Tensor) -> Tensor:
        """Give reconstructions (B, pixels) by each image's class (B,); -1 is the autoencoder of all classes."""
        found = images.flatten(1).double()
        for label in sorted(set(classes.tolist())):
            rows = classes == label
            code = (found[rows] - self.means[label]) @ self.bases[label].T
            found[rows] = self.means[label] + code @ self.bases[label]
        return found


def im1(autoencoders: ClassAutoencoders, subject: Subject, explanation: Explanation) -> PerImage:
    """Give IM1: the squared error of the foil's autoencoder over that of the fact's; below 1 the foil fits better.

    Reference: Van Looveren and Klaise 2021, "Interpretable Counterfactual Explanations Guided by Prototypes".
    """
    assert explanation.counterfactual is not None
    after = explanation.counterfactual
    error = [
        (after.flatten(1).double() - autoencoders.reconstruct(after, classes)).square().sum(1)
        for classes in (explanation.foil, explanation.fact)
    ]
    return error[0] / (error[1] + EPSILON)


def im2(autoencoders: ClassAutoencoders, subject: Subject, explanation: Explanation) -> PerImage:
    """Give IM2: the squared difference between the reconstructions by the foil's and by all classes, over |x|_1.

    Reference: as for :func:`im1`.
    """
    assert explanation.counterfactual is not None
    after = explanation.counterfactual
    foil, everything = (
        autoencoders.reconstruct(after, classes)
        for classes in (explanation.foil, torch.full_like(explanation.foil, -1))
    )
    return (foil - everything).square().sum(1) / (after.flatten(1).double().abs().sum(1) + EPSILON)


def _principal(images: Tensor, components: int) -> tuple[Tensor, Tensor]:
    mean = images.mean(0)
    _, _, directions = torch.linalg.svd(images - mean, full_matrices=False)
    return mean, directions[:components]
