"""Whether counterfactuals look like data, in the classifier's own features."""

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from xaicf.core import Batch, Explanation, Images, InputError, PerImage, Subject, as_found

NEIGHBOURS = 5
EPSILON = 1e-12
"""Keeps IM1 and IM2 finite."""


class Features(nn.Module):
    """What enters a classifier's last linear layer, as a network of its own.

    Args:
        classifier: any that ends in a linear layer.

    Raises:
        InputError: there is no linear layer.
    """

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        layers = [module for module in classifier.modules() if isinstance(module, nn.Linear)]
        if not layers:
            raise InputError("features need a classifier that ends in a linear layer")
        self.classifier = classifier
        self.last = layers[-1]
        self.num_features = layers[-1].in_features

    def forward(self, images: Images) -> Tensor:
        """Map images (B, C, H, W) in [0, 1] to features (B, num_features)."""
        entered: list[Tensor] = []
        handle = self.last.register_forward_pre_hook(lambda _, arguments: entered.append(arguments[0]))
        try:
            with as_found(self.classifier), torch.no_grad():
                self.classifier(images)
        finally:
            handle.remove()
        return entered[-1].flatten(1)


def frechet_distance(classifier: nn.Module, real: Images, made: Images) -> float:
    """Give the Fréchet distance between features of real and of made images; read it together with their numbers.

    The mean and covariance of few images are poor: below some thousand the distance is mostly bias.

    Reference: Heusel et al. 2017, with the classifier's features in place of Inception's; torchmetrics'.

    Args:
        classifier: whose features.
        real: (N, C, H, W) in [0, 1].
        made: (M, C, H, W) in [0, 1].
    """
    metric = FrechetInceptionDistance(feature=Features(classifier))
    for images, is_real in ((real, True), (made, False)):
        for chunk in torch.split(images, 256):
            metric.update(chunk, real=is_real)
    return float(metric.compute())


def neighbours_of_foil(
    subject: Subject,
    explanation: Explanation,
    k: int = NEIGHBOURS,
    known: tuple[Tensor, Tensor] | None = None,
) -> PerImage:
    """Give yNN: the share of the k nearest reference images, in features, that the classifier calls the foil.

    Reference: Pawelczyk et al. 2020.

    Args:
        subject: with a ``reference``.
        explanation: with counterfactuals.
        k: neighbours.
        known: what :func:`reference_features` gives, where it was computed before.

    Raises:
        InputError: the subject has no reference.
    """
    if subject.reference is None:
        raise InputError("neighbours need a subject with reference images")
    assert explanation.counterfactual is not None
    features, answers = known or reference_features(subject.classifier, subject.reference)
    own = Features(subject.classifier)(explanation.counterfactual)
    nearest = torch.cdist(own, features).topk(k, largest=False).indices
    return (answers[nearest] == explanation.foil[:, None]).double().mean(1)


def reference_features(classifier: nn.Module, reference: Batch) -> tuple[Tensor, Tensor]:
    """Give features (N, F) and the classifier's answers (N,) for reference images."""
    features = Features(classifier)
    with as_found(classifier), torch.no_grad():
        chunks = torch.split(reference["image"], 512)
        return torch.cat([features(chunk) for chunk in chunks]), torch.cat([classifier(c).argmax(1) for c in chunks])


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
        centred = images.flatten(1).double() - self.means[classes]
        code = self.bases[classes] @ centred[:, :, None]
        return self.means[classes] + (self.bases[classes].mT @ code).squeeze(2)


def im1(autoencoders: ClassAutoencoders, explanation: Explanation) -> PerImage:
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


def im2(autoencoders: ClassAutoencoders, explanation: Explanation) -> PerImage:
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
