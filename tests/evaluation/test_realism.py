"""Realism against formulas, written out."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Explanation, InputError, Subject
from xaicf.evaluation import realism
from xaicf.evaluation.realism import Features, frechet_metric


class Forked(nn.Module):
    """Ends in a linear layer that is declared before one that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(6, 3)
        self.unused = nn.Linear(9, 3)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(images.flatten(1)[:, :6])
        return logits


def test_features_are_those_of_the_layer_that_runs_last() -> None:
    images = torch.rand(4, 1, 3, 3)
    torch.testing.assert_close(Features(Forked())(images), images.flatten(1)[:, :6])
    assert frechet_metric(Forked(), images).real_features_sum.shape == (6,)


def test_frechet_distance_is_the_formula() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 3))
    real, made = torch.rand(600, 1, 4, 4), torch.rand(300, 1, 4, 4) ** 2
    with torch.no_grad():
        a, b = (network[:3](images).double().numpy() for images in (real, made))
    root = np.linalg.eigvals(np.cov(a.T) @ np.cov(b.T)).real.clip(0) ** 0.5
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * root.sum()
    metric = realism.frechet_metric(network, real)
    for part in made.split(70):
        metric.update(part, real=False)
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-4)
    metric.reset()  # the real images stay
    metric.update(real, real=False)
    assert float(metric.compute()) == pytest.approx(0, abs=1e-5)


def test_neighbours_of_foil() -> None:
    """Reference images lie on a line, the two halves of which the classifier calls 0 and 1."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[0.0], [1.0]]))
        network[1].bias.copy_(torch.tensor([0.5, 0.0]))
    line = torch.linspace(0, 1, 101).view(-1, 1, 1, 1)
    reference = {"image": line, "label": torch.zeros(101, dtype=torch.int64), "index": torch.arange(101)}
    after = torch.tensor([0.1, 0.9, 0.5]).view(-1, 1, 1, 1)
    zero = torch.zeros(3, dtype=torch.int64)
    explained = Explanation(after, zero, zero + 1, zero + 1, counterfactual=after)
    known = realism.reference_features(network, reference)
    found = realism.neighbours_of_foil(*known, Subject(network), explained)
    assert found[:2].tolist() == [0, 1]
    assert 0 < found[2] < 1
    with pytest.raises(InputError, match="5 or more images, got 3"):
        realism.reference_features(network, {key: value[:3] for key, value in reference.items()})  # type: ignore[misc]


def test_a_classifier_without_a_linear_layer_has_no_features() -> None:
    with pytest.raises(InputError, match="ends in a linear layer"):
        realism.frechet_metric(nn.Flatten(), torch.rand(4, 1, 2, 2))
