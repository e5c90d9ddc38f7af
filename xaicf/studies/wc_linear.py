"""Weighted contrast, §3.1: what all classes have in common explains none, and contrastive maps do not show it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import nn

from xaicf.core import Explanation, Subject
from xaicf.data import MNIST
from xaicf.explainers import Attribution
from xaicf.explainers.contrast import Contrast
from xaicf.explainers.methods import Method
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.study import Place, Row, Study
from xaicf.viz import draw_maps

CONTRASTS: tuple[Contrast, ...] = ("logit", "mean", "max", "weighted", "pair", "probability", "log_odds")

STILL = 1e-9
"""A map that changes by a smaller share has not moved."""


@dataclass(frozen=True)
class WCLinear(Study):
    """Adds δ·x to every logit of a linear classifier, in double precision, and looks at which maps move.

    δ is random, as long as the weights of a class on average. Probabilities stay as they are.

    Args:
        images: the first of the test split.
        methods: that make maps.
        classifier: configuration, of a classifier with one linear layer.
    """

    title: ClassVar[str] = "A linear classifier, δ·x added to all its logits"
    spread: ClassVar[str] = "quartiles over images"

    images: int = 256
    methods: Sequence[Method] = ("gradient", "input_x_gradient", "integrated_gradients", "deeplift", "occlusion")
    classifier: str = "configs/classifier/mnist_linear.yaml"

    def quick(self) -> Self:
        """Give four images."""
        return replace(self, images=4)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask before and after."""
        data = MNIST(place.root)
        data.setup()
        batch = data.samples(range(self.images), "test")
        images = batch["image"].double()
        network = copy.deepcopy(place.network(self.classifier)).double()
        moved = copy.deepcopy(network)
        (weight,) = (module.weight.data for module in moved.modules() if isinstance(module, nn.Linear))
        vector = torch.randn(weight.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        weight += vector / vector.norm() * weight.norm(dim=1).mean()
        with torch.no_grad():
            apart = (network(images).softmax(1) - moved(images).softmax(1)).abs().amax(1)
        rows = [
            Row.share("accuracy", predicted(network, images) == batch["label"], better="higher"),
            Row("largest change of a probability", float(apart.max()), n=len(images), goal=STILL, better="lower"),
        ]
        drawn: dict[str, Explanation] = {}
        for method, contrast in product(self.methods, CONTRASTS):
            explainer = Attribution(method, contrast)
            before, after = (explain_all(explainer, Subject(one), images) for one in (network, moved))
            assert before.attribution is not None
            assert after.attribution is not None
            change = (after.attribution - before.attribution).flatten(1).norm(dim=1)
            share = change / before.attribution.flatten(1).norm(dim=1)
            words = "original" if contrast == "logit" else contrast
            goal = None if contrast == "logit" else STILL
            rows.append(Row.median(f"{method}, {words}: change of the map", share, goal, "lower" if goal else None))
            if method == "input_x_gradient" and contrast in {"logit", "weighted"}:
                drawn |= {words: before, f"{words},\nδ·x added": after}
        if not drawn:
            return rows, {}
        return rows, {"linear": draw_maps(drawn, range(min(3, self.images)), data.class_names, foils=False)}
