"""The learning rate at the beginning, the peak and the end."""

import math
from typing import Any

import pytest
import torch
from torch.optim import Optimizer

from xaicf.tasks.schedule import learning_rate_schedule

STEPS = 100


def rates(kind: Any, optimizer: Optimizer) -> list[float]:
    """Give the learning rate at the beginning and after each step."""
    schedule = learning_rate_schedule(kind, optimizer, STEPS)
    found = schedule.get_last_lr()
    for _ in range(STEPS - (kind == "one_cycle")):  # which counts its beginning as a step
        optimizer.step()
        schedule.step()
        found = [*found, *schedule.get_last_lr()]
    return [float(rate) for rate in found]


def weight() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.zeros(1))]


def test_constant() -> None:
    assert set(rates("constant", torch.optim.Adam(weight(), lr=0.3))) == {0.3}


def test_cosine_is_half_a_wave_down_to_zero() -> None:
    found = rates("cosine", torch.optim.SGD(weight(), lr=0.3))
    expected = [0.3 * (1 + math.cos(math.pi * step / STEPS)) / 2 for step in range(STEPS + 1)]
    assert found == pytest.approx(expected, abs=1e-9)
    assert found[-1] == pytest.approx(0, abs=1e-9)


def test_one_cycle_rises_to_the_optimiser_s_own_rate_and_falls_to_almost_zero() -> None:
    found = rates("one_cycle", torch.optim.Adam(weight(), lr=0.3))
    peak = found.index(max(found))
    assert found[0] == pytest.approx(0.3 / 25)
    assert found[peak] == pytest.approx(0.3, rel=1e-3)
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert found[-1] == pytest.approx(0.3 / 25 / 1e4)


@pytest.mark.parametrize(
    "optimizer",
    [torch.optim.SGD(weight(), lr=0.1), torch.optim.Adagrad(weight(), lr=0.1)],
    ids=["SGD", "Adagrad"],
)
def test_one_cycle_gives_no_momentum_to_an_optimiser_without(optimizer: Optimizer) -> None:
    schedule = learning_rate_schedule("one_cycle", optimizer, STEPS)
    for _ in range(STEPS // 2):
        optimizer.step()
        schedule.step()
    assert not optimizer.param_groups[0].get("momentum")


@pytest.mark.parametrize("kind", ["constant", "cosine", "one_cycle"])
def test_groups_keep_their_proportions(kind: Any) -> None:
    groups = [{"params": weight(), "lr": 0.1}, {"params": weight(), "lr": 0.4}]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    schedule = learning_rate_schedule(kind, optimizer, STEPS)
    for _ in range(STEPS // 2):
        optimizer.step()
        schedule.step()
        low, high = schedule.get_last_lr()
        assert high == pytest.approx(4 * low)
