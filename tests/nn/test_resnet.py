"""The residual network, with weights that others have trained."""

from pathlib import Path

import pytest
import torch
from real_data import real_data
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import to_tensor

from xaicf.core import InputError
from xaicf.nn import CifarResNet


@pytest.mark.parametrize(("depth", "wanted"), [(20, 0.916), (56, 0.927)])
def test_published_weights_reach_their_accuracy(depth: int, wanted: float) -> None:
    root = real_data("weights", "cifar10_lossless/test")
    (weights,) = Path(root, "weights").glob(f"resnet{depth}-*.th")
    state = torch.load(weights, map_location="cpu", weights_only=True)["state_dict"]
    network = CifarResNet((3, 32, 32), 10, depth, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)).eval()
    network.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    data = ImageFolder(Path(root, "cifar10_lossless/test"), transform=to_tensor)
    count = len(data) if depth == 20 else 200
    chosen = range(0, len(data), len(data) // count)
    images, labels = torch.stack([data[row][0] for row in chosen]), torch.tensor(data.targets)[list(chosen)]
    with torch.no_grad():
        found = torch.cat([network(part).argmax(1) for part in images.split(256)])
    tolerance = 0.001 if depth == 20 else 0.04  # of 200 images
    assert float((found == labels).float().mean()) == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 20)])
def test_any_shape(shape: tuple[int, int, int]) -> None:
    network = CifarResNet(shape, 7, depth=8, width=4)
    assert network(torch.rand(2, *shape)).shape == (2, 7)


def test_wrong_options() -> None:
    with pytest.raises(InputError, match=r"depth must be .* 6n \+ 2, got 18"):
        CifarResNet((3, 32, 32), 10, depth=18)
    with pytest.raises(InputError, match="width must be even"):
        CifarResNet((3, 32, 32), 10, width=3)
