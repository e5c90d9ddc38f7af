"""Distances and the penalty against loops and closed forms, in float64."""

import math

import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor, nn

from xaicf.losses import critic_distance, gradient_penalty, sliced_wasserstein


def images(count: int, seed: int) -> Tensor:
    return torch.rand(count, 2, 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_critic_distance_is_a_difference_of_means() -> None:
    real, made = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([4.0, -2.0])
    assert float(critic_distance(real, made)) == 2.0


def test_penalty_of_a_linear_critic_is_that_of_its_weights() -> None:
    weight = torch.randn(24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = gradient_penalty(lambda x: x.flatten(1) @ weight, images(5, 0), images(5, 1), torch.rand(5).double())
    expected = (math.sqrt(sum(value**2 for value in weight.tolist())) - 1) ** 2
    torch.testing.assert_close(found, torch.full((5,), expected, dtype=torch.float64))


def test_penalty_is_taken_image_by_image_between_the_two() -> None:
    """The slope of |x|² is 2x, so the penalty tells where it was taken."""
    real, made, mix = images(4, 0), images(4, 1), torch.tensor([0.0, 0.25, 0.5, 1.0]).double()
    found = gradient_penalty(lambda x: x.square().flatten(1).sum(1), real, made, mix)
    for number, share in enumerate(mix.tolist()):
        between = share * real[number] + (1 - share) * made[number]
        assert float(found[number].detach()) == pytest.approx((2 * float(between.norm()) - 1) ** 2)


def test_penalty_trains_the_critic() -> None:
    """Its gradient against central differences."""
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(24, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0)).double()
    weight = critic[1].weight

    def penalty() -> Tensor:
        return gradient_penalty(critic, images(3, 0), images(3, 1), torch.full((3,), 0.3).double()).mean()

    penalty().backward()
    for place in ((0, 0), (4, 23), (2, 7)):
        ends = []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                weight[place] += step
            ends.append(float(penalty().detach()))
        with torch.no_grad():
            weight[place] += 1e-5
        assert weight.grad is not None
        assert float(weight.grad[place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-9)


def test_sliced_distance_is_the_mean_of_those_along_lines() -> None:
    real, made = images(7, 0), images(7, 1) ** 2
    lines = torch.randn(24, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = [
        wasserstein_distance(real.flatten(1) @ line / line.norm(), made.flatten(1) @ line / line.norm())
        for line in lines.T
    ]
    assert float(sliced_wasserstein(real, made, lines)) == pytest.approx(sum(expected) / 6)
    assert float(sliced_wasserstein(real, real.flip(0), lines)) == pytest.approx(0, abs=1e-12)
