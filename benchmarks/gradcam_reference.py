"""Whether our GradCAM, after the ReLU that we leave out, is that of pytorch-grad-cam on the same layer.

    pip install grad-cam
    python benchmarks/gradcam_reference.py

Explains random images by classifiers with random weights, by both, and correlates the maps of each image before they
are upsampled. The value is the least correlation.
"""

import argparse
import sys

import torch
import torchvision
from _result import show
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from xaicf.core import Subject
from xaicf.explainers import Attribution

GOAL = 0.999

NETWORKS = {"vgg16": "features.28", "resnet50": "layer4.2", "efficientnet_b0": "features.8.0"}
"""Classifiers of torchvision, and the layer that is read."""


def correlations(name: str, layer: str, count: int, side: int) -> list[float]:
    """Correlate both maps of each of some images; those that the ReLU leaves empty on both sides are left out.

    Raises:
        RuntimeError: all are left out.
    """
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None, num_classes=10)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(torch.rand(32, 3, side, side))  # statistics for batch norm
    for module in network.eval().modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]  # would write into what pytorch-grad-cam keeps
    images = torch.rand(count, 3, side, side)
    explained = Attribution("gradcam", "logit", layer).explain(Subject(network.requires_grad_(False)), images)
    assert explained.trace is not None
    ours = explained.trace[layer].relu().flatten(1).double()
    targets = [ClassifierOutputTarget(int(fact)) for fact in explained.fact]
    with GradCAM(network.requires_grad_(True), [network.get_submodule(layer)]) as reference:
        reference(images, targets)
        kept = reference.activations_and_grads
        activations, gradients = kept.activations[0], kept.gradients[0]
        weights = reference.get_cam_weights(
            images, None, targets, activations.detach().numpy(), gradients.detach().numpy()
        )
    theirs = (torch.as_tensor(weights)[:, :, None, None] * activations.detach()).sum(1).relu().flatten(1).double()
    centred = [maps - maps.mean(1, keepdim=True) for maps in (ours, theirs)]
    shown = centred[0].norm(dim=1) + centred[1].norm(dim=1) > 0
    if not shown.any():
        raise RuntimeError(f"no map of {name} is left after the ReLU")
    return nn.functional.cosine_similarity(centred[0][shown], centred[1][shown], 1).tolist()


def main() -> int:
    """Print a line for each classifier, and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--side", type=int, default=96)
    args = parser.parse_args()
    found: dict[str, list[float]] = {}
    for name, layer in NETWORKS.items():
        found[name] = correlations(name, layer, args.images, args.side)
        print(f"{name}, {layer}: n {len(found[name])}, least {min(found[name]):.6f}", flush=True)
    every = [one for values in found.values() for one in values]
    show("gradcam_reference", every, "correlation", "higher", GOAL, least=min(every))
    return 0


if __name__ == "__main__":
    sys.exit(main())
