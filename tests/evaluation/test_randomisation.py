"""Randomising layers from the top, and how alike maps are."""

import copy

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import InputError
from xaicf.evaluation.randomisation import SIMILARITIES, cascade, similarities
from xaicf.nn import TwoConv


class Attentive(nn.Module):
    """Reads rows of an image as a sequence; the last layer of its attention is used without being called."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)  # written down first, runs last
        self.body = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.head(self.body(images[:, 0]).mean(1))
        return found


@pytest.mark.parametrize(
    ("make", "top"), [(lambda: TwoConv((1, 28, 28), 10), None), (Attentive, "head")], ids=["TwoConv", "attention"]
)
def test_cascade_randomises_from_the_top_to_the_last_weight(make: type[nn.Module], top: str | None) -> None:
    torch.manual_seed(0)
    network = make().eval()
    inputs = torch.rand(2, 1, 28, 28) if isinstance(network, TwoConv) else torch.rand(2, 1, 8, 8)
    before = copy.deepcopy(network.state_dict())
    stages = list(cascade(network, inputs))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    names = [name for name, _ in stages]
    assert len(set(names)) == len(names)
    if top is not None:
        assert names[0] == top
    done: list[str] = []
    for name, copied in stages:
        done.append(name)
        for key, weight in copied.named_parameters():
            owner = key.rpartition(".")[0]
            changed = not torch.equal(weight, before[key])
            assert changed == (owner in done and bool(before[key].norm() > 0)), (key, done)
            torch.testing.assert_close(weight.norm(), before[key].norm())
            if owner in done[:-1]:  # as it was made before
                assert torch.equal(weight, dict(stages[done.index(owner)][1].named_parameters())[key])
    again = list(cascade(network, inputs))
    other = list(cascade(network, inputs, seed=1))
    last = [dict(found[-1][1].named_parameters()) for found in (stages, again, other)]
    for key, weight in last[0].items():
        assert torch.equal(weight, last[1][key])
        assert torch.equal(weight, last[2][key]) == (not bool(before[key].norm() > 0))


def test_similarities_know_equal_turned_and_unrelated_maps() -> None:
    source = torch.Generator().manual_seed(0)
    maps, others = (torch.randn(8, 3, 24, 24, generator=source) for _ in range(2))
    equal, turned, unrelated = (similarities(maps, second) for second in (3 * maps, -maps, others))
    for name in SIMILARITIES:
        torch.testing.assert_close(equal[name], torch.ones(8, dtype=torch.float64), rtol=0, atol=1e-6)
        wanted = -1.0 if name == "spearman" else 1.0
        torch.testing.assert_close(turned[name], torch.full((8,), wanted, dtype=torch.float64), rtol=0, atol=1e-6)
        assert unrelated[name].abs().mean() < 0.3
    flat = similarities(maps, torch.zeros_like(maps))
    assert all(flat[name].isnan().all() for name in SIMILARITIES)
    with pytest.raises(InputError, match=r"maps must have 8 pixels at least on each side, got \(7, 9\)"):
        similarities(torch.rand(1, 1, 7, 9), torch.rand(1, 1, 7, 9))
