"""A small random network, and an explanation of nothing in particular."""

import pytest
import torch

from xaicf.core import Explanation, Status, Subject
from xaicf.nn import TwoConv

SHAPE = (1, 16, 16)
COUNT = 6


@pytest.fixture
def subject() -> Subject:
    torch.manual_seed(0)
    network = TwoConv(SHAPE, 4).double().eval()
    with torch.no_grad():
        list(network.parameters())[-2].mul_(30)  # else every class is as likely as any other
    return Subject(network)


@pytest.fixture
def explained() -> Explanation:
    random = torch.Generator().manual_seed(1)
    inputs, after = torch.rand(2, COUNT, *SHAPE, generator=random, dtype=torch.float64)
    after = torch.where(torch.rand(COUNT, *SHAPE, generator=random) < 0.7, inputs, after)
    fact = torch.arange(COUNT) % 4
    return Explanation(
        inputs,
        fact,
        (fact + 1 + torch.arange(COUNT) % 2) % 4,
        torch.full((COUNT,), Status.SOLVED),
        attribution=torch.randn(COUNT, *SHAPE, generator=random, dtype=torch.float64),
        counterfactual=after,
    )
