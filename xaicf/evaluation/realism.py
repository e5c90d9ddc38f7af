"""Whether counterfactuals look like data, in the classifier's own features."""

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from xaicf.core import Batch, Explanation, Images, InputError, Labels, PerImage, Subject, as_found

NEIGHBOURS = 5
CHUNK = 256
"""Reference images at a time."""


class Features(nn.Module):
    """What enters a classifier's last linear layer, as a network of its own. The last is the one that runs last.

    Args:
        classifier: any that uses a linear layer.

    Raises:
        InputError: there is no linear layer.
    """

    num_features: int
    """What torchmetrics asks for; :func:`frechet_metric` sets it."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.layers = [module for module in classifier.modules() if isinstance(module, nn.Linear)]
        if not self.layers:
            raise InputError("features need a classifier that ends in a linear layer")
        self.classifier = classifier

    def forward(self, images: Images) -> Tensor:
        """Map images (B, C, H, W) in [0, 1] to features (B, F).

        Raises:
            InputError: the classifier has linear layers, but uses none.
        """
        entered: list[Tensor] = []
        handles = [
            layer.register_forward_pre_hook(lambda _, arguments: entered.append(arguments[0])) for layer in self.layers
        ]
        try:
            with as_found(self.classifier), torch.no_grad():
                self.classifier(images)
        finally:
            for handle in handles:
                handle.remove()
        if not entered:
            raise InputError("features need a classifier that ends in a linear layer, and it uses none of its own")
        return entered[-1].flatten(1)


def frechet_metric(classifier: nn.Module, real: Images) -> FrechetInceptionDistance:
    """Make torchmetrics' metric of the Fréchet distance to real images in a classifier's own features.

    Read it together with the numbers of images: the mean and covariance of few are poor, and below some thousand
    the distance is mostly bias. Made images are added by ``update(images, real=False)``; ``reset`` keeps the real ones.

    Reference: Heusel et al. 2017, with the classifier's features in place of Inception's.

    Args:
        classifier: whose features.
        real: (N, C, H, W) in [0, 1].

    Raises:
        InputError: the classifier has no linear layer.
    """
    features = Features(classifier)
    features.num_features = features(real[:1]).shape[1]
    metric = FrechetInceptionDistance(feature=features, reset_real_features=False).to(real.device)
    for chunk in torch.split(real, CHUNK):
        metric.update(chunk, real=True)
    return metric


def neighbours_of_foil(features: Tensor, answers: Labels, subject: Subject, explanation: Explanation) -> PerImage:
    """Give yNN: the share of the 5 nearest reference images, in features, that the classifier calls the foil.

    Reference: Pawelczyk et al. 2020, "On counterfactual explanations under predictive multiplicity".

    Args:
        features: of reference images, see :func:`reference_features`.
        answers: of the classifier for them.
        subject: the classifier and its helpers.
        explanation: with counterfactuals.
    """
    assert explanation.counterfactual is not None
    own = Features(subject.classifier)(explanation.counterfactual)
    nearest = torch.cdist(own, features).topk(NEIGHBOURS, largest=False).indices
    return (answers[nearest] == explanation.foil[:, None]).double().mean(1)


def reference_features(classifier: nn.Module, reference: Batch) -> tuple[Tensor, Labels]:
    """Give features (N, F) and the classifier's answers (N,) for reference images.

    Raises:
        InputError: the classifier has no linear layer, or there are fewer images than neighbours.
    """
    if len(reference["label"]) < NEIGHBOURS:
        raise InputError(f"reference needs {NEIGHBOURS} or more images, got {len(reference['label'])}")
    features = Features(classifier)
    with as_found(classifier), torch.no_grad():
        chunks = torch.split(reference["image"], CHUNK)
        return torch.cat([features(chunk) for chunk in chunks]), torch.cat([classifier(c).argmax(1) for c in chunks])
