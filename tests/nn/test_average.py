"""A moving average against its formula."""

import torch
from torch import nn

from xaicf.nn.average import follow, frozen_copy


def test_average_of_weights_and_statistics() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    average = frozen_copy(network)
    assert not any(weight.requires_grad for weight in average.parameters())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.rand_like(weight))
    network(torch.rand(4, 3))
    after = {name: value.clone() for name, value in network.state_dict().items()}
    follow(average, network, 0.9)
    for name, value in average.state_dict().items():
        assert torch.equal(network.state_dict()[name], after[name])
        if name.endswith("num_batches_tracked"):
            assert value == 1
        else:
            torch.testing.assert_close(value, 0.9 * before[name] + 0.1 * after[name])
