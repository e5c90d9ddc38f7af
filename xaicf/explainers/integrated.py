"""Integrated gradients of a contrast, by Captum, and how complete they are."""

import torch
from captum.attr import IntegratedGradients
from torch import nn

from xaicf.core import Images, Labels, Logits, PerImage
from xaicf.explainers.contrast import CONTRASTS, ContrastFunction

STEPS = 64
"""Points on the path, by Gauss and Legendre."""

ALONG = {CONTRASTS["probability"], CONTRASTS["log_odds"]}
"""Contrasts that have no constant class weights: they are followed along the path."""


class Contrasted(nn.Module):
    """Maps images to a contrast whose class weights are those at the explained images.

    Args:
        classifier: images to logits.
        contrast: what is explained.
    """

    def __init__(self, classifier: nn.Module, contrast: ContrastFunction) -> None:
        super().__init__()
        self.classifier = classifier
        self.contrast = contrast

    def weights(self, inputs: Images, fact: Labels, foil: Labels) -> Logits:
        """Give the derivative of the contrast by each logit at the images (B, classes)."""
        with torch.no_grad():
            logits = self.classifier(inputs)
        logits = logits.detach().requires_grad_()
        with torch.enable_grad():
            weights: Logits
            (weights,) = torch.autograd.grad(self.contrast(logits, fact, foil).sum(), logits)
        return weights

    def forward(self, images: Images, weights: Logits, fact: Labels, foil: Labels) -> PerImage:
        """Give the contrast (B,)."""
        logits: Logits = self.classifier(images)
        if self.contrast in ALONG:
            return self.contrast(logits, fact, foil)
        return (logits * weights).sum(1)


def integrated_gradients(
    classifier: nn.Module, contrast: ContrastFunction, inputs: Images, baseline: Images, fact: Labels, foil: Labels
) -> tuple[Images, PerImage]:
    """Integrate the gradient of a contrast from a baseline to the images.

    Args:
        classifier: images to logits.
        contrast: its class weights are fixed at the images; one without such weights is followed along the path.
        inputs: (B, C, H, W).
        baseline: of the same shape.
        fact: (B,).
        foil: (B,).

    Returns:
        The maps (B, C, H, W), and by how much each sum misses the difference of the contrast between image and
        baseline (B,).

    Reference: Sundararajan et al. 2017, "Axiomatic attribution for deep networks"; Captum's.
    """
    score = Contrasted(classifier, contrast)
    told = (score.weights(inputs, fact, foil), fact, foil)
    method = IntegratedGradients(score, multiply_by_inputs=True)
    # A step of all images at a time, whatever the number of steps.
    maps: Images = method.attribute(
        inputs, baseline, additional_forward_args=told, n_steps=STEPS, internal_batch_size=len(inputs)
    )
    with torch.no_grad():
        rise = score(inputs, *told) - score(baseline, *told)
    return maps, (maps.flatten(1).sum(1) - rise).abs()
