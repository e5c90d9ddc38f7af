"""Losses against torch's distributions and naive loops, in float64."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from xaicf.losses import bernoulli, gaussian, kl_standard_normal


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    """Make logits and target images (3, 2, 4, 5), the targets with exact zeros and ones."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    images = torch.rand(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    images[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    return logits, images


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def pixels(logits: Tensor, images: Tensor) -> list[list[tuple[float, float]]]:
    return [
        list(zip(row.flatten().tolist(), image.flatten().tolist(), strict=True))
        for row, image in zip(logits, images, strict=True)
    ]


def test_kl_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = (torch.randn(6, 9, generator=generator, dtype=torch.float64) * 2 for _ in range(2))
    ours = kl_standard_normal(mean, log_variance)
    zero, one = torch.zeros_like(mean), torch.ones_like(mean)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(zero, one)).sum(1)
    assert ours.shape == (6,)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=0)


def test_kl_of_the_prior_is_zero() -> None:
    assert torch.equal(kl_standard_normal(torch.zeros(2, 3), torch.zeros(2, 3)), torch.zeros(2))


def test_bernoulli_is_the_naive_sum(pair: tuple[Tensor, Tensor]) -> None:
    expected = [
        sum(-x * math.log(sigmoid(a)) - (1 - x) * math.log(1 - sigmoid(a)) for a, x in image) for image in pixels(*pair)
    ]
    ours = bernoulli(*pair)
    assert ours.shape == (3,)
    torch.testing.assert_close(ours, torch.tensor(expected, dtype=torch.float64), rtol=1e-10, atol=0)


def test_bernoulli_is_finite_for_sure_logits() -> None:
    """The naive form takes log(0) here; the loss is the logit itself."""
    logits = torch.tensor([200.0, -200.0]).view(2, 1, 1, 1)
    assert bernoulli(logits, torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)).tolist() == [200.0, 200.0]


@pytest.mark.parametrize("scale", [0.1, 0.7])
def test_gaussian_is_the_naive_sum(pair: tuple[Tensor, Tensor], scale: float) -> None:
    expected = [sum((sigmoid(a) - x) ** 2 / (2 * scale**2) for a, x in image) for image in pixels(*pair)]
    ours = gaussian(*pair, scale=scale)
    assert ours.shape == (3,)
    torch.testing.assert_close(ours, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)


def test_gaussian_differs_from_the_likelihood_by_its_constant(pair: tuple[Tensor, Tensor]) -> None:
    logits, images = pair
    likelihood = Normal(logits.sigmoid(), torch.tensor(0.1, dtype=torch.float64)).log_prob(images).flatten(1).sum(1)
    constant = images[0].numel() * math.log(0.1 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(gaussian(logits, images), -likelihood - constant, rtol=1e-12, atol=0)
