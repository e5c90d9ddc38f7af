"""Prediction difference analysis, against a naive loop over images, patches and draws."""

import math

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import InputError, Status, Subject
from xaicf.core.types import Batch
from xaicf.explainers import PredictionDifference


def reference(count: int = 200, channels: int = 1, size: int = 7) -> Batch:
    """Give images whose neighbouring pixels go together."""
    source = torch.Generator().manual_seed(0)
    noise = torch.rand(count, channels, size, size, generator=source)
    image = nn.functional.avg_pool2d(noise, 3, 1, 1, count_include_pad=False)
    return {"image": image, "label": torch.zeros(count).long(), "index": torch.arange(count)}


def classifier(channels: int = 1, size: int = 7) -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 3)).double()
    with torch.no_grad():
        network[1].weight.mul_(5)
    return network


def images(count: int = 3, channels: int = 1) -> Tensor:
    return reference(count + 200, channels)["image"][-count:].double()


def odds(probability: float, count: int, classes: int) -> float:
    corrected = (probability * count + 1) / (count + classes)
    return math.log2(corrected / (1 - corrected))


@pytest.mark.parametrize("channels", [1, 2])
def test_is_the_mean_evidence_of_patches(channels: int) -> None:
    """Every patch over every pixel; conditional moments by the textbook's formula; the same draws."""
    network, known, inputs = classifier(channels), reference(channels=channels), images(channels=channels)
    patch, samples, size = 3, 2, 7
    found = PredictionDifference(patch, 1, 2, samples).explain(Subject(network, reference=known), inputs, fact=1)
    assert found.attribution is not None
    source = torch.Generator().manual_seed(0)
    corners = [(top, left) for top in (0, 2, 4) for left in (0, 2, 4)]
    noise = [torch.randn(samples, channels * patch * patch, generator=source, dtype=torch.float64) for _ in corners]
    for row, image in enumerate(inputs):
        total, cover = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, size)
        for (top, left), drawn in zip(corners, noise, strict=True):
            keys = [
                (c, y, x)
                for c in range(channels)
                for y in range(max(top - 1, 0), min(top + patch + 1, size))
                for x in range(max(left - 1, 0), min(left + patch + 1, size))
            ]
            hidden = [top <= y < top + patch and left <= x < left + patch for _, y, x in keys]
            inner = [key for key, h in zip(keys, hidden, strict=True) if h]
            values = torch.stack([known["image"][:, c, y, x].double() for c, y, x in keys], 1)
            moments = torch.cov(values.T) + 1e-3 * torch.eye(len(keys), dtype=torch.float64)
            a = torch.tensor(hidden)
            at = torch.stack([image[key] for key in keys])
            gain = moments[a][:, ~a] @ torch.linalg.inv(moments[~a][:, ~a])
            centre = values.mean(0)[a] + gain @ (at - values.mean(0))[~a]
            root = torch.linalg.cholesky(moments[a][:, a] - gain @ moments[~a][:, a])
            probability = 0.0
            for one in drawn:
                changed = image.clone()
                for key, value in zip(inner, centre + root @ one, strict=True):
                    changed[key] = value.clamp(0, 1)
                probability += float(network(changed[None]).softmax(1)[0, 1]) / samples
            before = float(network(image[None]).softmax(1)[0, 1])
            worth = odds(before, 200, 3) - odds(probability, 200, 3)
            total[top : top + patch, left : left + patch] += worth
            cover[top : top + patch, left : left + patch] += 1
        assert torch.allclose(found.attribution[row, 0], total / cover, atol=1e-6)
    assert (found.status == Status.SOLVED).all()
    assert found.attribution.abs().max() > 0.1


def test_batching_changes_nothing() -> None:
    subject, inputs = Subject(classifier(), reference=reference()), images(5)
    explainer = PredictionDifference(3, 1)
    whole = explainer.explain(subject, inputs, fact=0).attribution
    parts = [explainer.explain(subject, part, fact=0).attribution for part in inputs.split(2)]
    assert whole is not None
    assert torch.allclose(torch.cat(parts), whole, atol=1e-9)  # type: ignore[arg-type]


def test_a_pixel_that_tells_nothing_is_worth_nothing() -> None:
    """The classifier reads the upper half alone."""
    network = classifier()
    with torch.no_grad():
        network[1].weight.view(3, 7, 7)[:, 4:] = 0
    found = PredictionDifference(2, 1, 1).explain(Subject(network, reference=reference()), images(), fact=0).attribution
    assert found is not None
    assert found[:, :, 5:].abs().max() < 1e-12
    assert found[:, :, :4].abs().max() > 0.01


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patch": 0}, "must be at least 1"),
        ({"stride": 7}, "stride at most patch"),
        ({"around": -1}, "around at least 0"),
        ({"patch": 9}, "patch must be at most 7 for such images, got 9"),
    ],
)
def test_wrong_options(options: dict[str, int], words: str) -> None:
    subject = Subject(classifier(), reference=reference())
    with pytest.raises(InputError, match=words):
        PredictionDifference(**options).explain(subject, images())


def test_wrong_references() -> None:
    explainer = PredictionDifference(3)
    with pytest.raises(InputError, match="needs a reference, and the subject has none"):
        explainer.explain(Subject(classifier()), images())
    for other in (reference(1), reference(10, size=8)):
        with pytest.raises(InputError, match="reference must hold two images or more of"):
            explainer.explain(Subject(classifier(), reference=other), images())
