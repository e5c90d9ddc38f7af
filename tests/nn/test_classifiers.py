"""Classifiers at several image shapes; those of torchvision with one module for each use."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from xaicf.core import InputError, one_module_per_use
from xaicf.nn import Normalize, SmallVGG, StridedClassifier, TorchvisionNet, TwoConv

SHAPES = [(1, 28, 28), (3, 32, 32), (3, 64, 48)]
ARCHITECTURES = ["resnet18", "vgg11", "mobilenet_v3_small"]


class Reused(nn.Module):
    """Uses modules twice and in place, and functions where modules could be."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(32, 3)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.relu(self.conv(images))
        hidden = self.conv(hidden)
        hidden += images
        hidden = functional.relu(self.relu(hidden) - 0.1, inplace=True)
        logits: Tensor = self.head(torch.flatten(torch.relu(hidden), start_dim=1))
        return logits


class Function(nn.Module):
    """Wraps a function of tensors."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.function(images)


def calls(network: nn.Module, images: Tensor) -> Counter[nn.Module]:
    """Count the calls of every innermost module during one forward pass."""
    count: Counter[nn.Module] = Counter()
    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda module, given, output: count.update([module]))
    network(images)
    return count


def assert_one_module_per_use(network: nn.Module, images: Tensor) -> None:
    count = calls(network.eval(), images)
    assert count
    assert max(count.values()) == 1
    assert not any(getattr(module, "inplace", False) for module in network.modules())


@pytest.mark.parametrize("shape", [*SHAPES, (2, 16, 16)])
@pytest.mark.parametrize("network", [TwoConv, SmallVGG, StridedClassifier])
def test_own_networks(network: type[TwoConv | SmallVGG | StridedClassifier], shape: tuple[int, int, int]) -> None:
    made, images = network(shape, 5).eval(), torch.rand(2, *shape)
    assert made(images).shape == (2, 5)
    assert_one_module_per_use(made, images)


def test_images_that_are_too_small() -> None:
    with pytest.raises(InputError, match=r"at least 16 x 16 pixels, got \(16, 15\)"):
        TwoConv((1, 16, 15), 2)
    with pytest.raises(InputError, match=r"3 halvings are too many for images of \(7, 8\)"):
        SmallVGG((1, 7, 8), 2)


def test_normalize_is_per_channel_and_no_weight() -> None:
    layer = Normalize((0.0, 0.5), (1.0, 0.25))
    assert layer(torch.ones(1, 2, 1, 1)).flatten().tolist() == [1.0, 2.0]
    assert not layer.state_dict()


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [(name, shape) for name in ARCHITECTURES for shape in SHAPES if name != "vgg11" or shape[1] >= 32],
)
def test_torchvision_nets(architecture: str, shape: tuple[int, int, int]) -> None:
    images = torch.rand(2, *shape)
    with torch.no_grad():
        network = TorchvisionNet(shape, 5, architecture)
        assert_one_module_per_use(network, images)
        assert network(images).shape == (2, 5)


@pytest.mark.parametrize(
    ("architecture", "shape"), [("vgg11", (1, 28, 28)), ("vit_b_32", (3, 32, 32)), ("no_such", (3, 32, 32))]
)
def test_architecture_that_cannot_take_the_images(architecture: str, shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match=architecture):
        TorchvisionNet(shape, 5, architecture)


@pytest.mark.parametrize("architecture", ["efficientnet_b0", "googlenet"])
def test_modes_that_python_code_asks_for_are_kept(architecture: str) -> None:
    """Stochastic depth and auxiliary heads ask ``self.training``, which a trace would fix."""
    network = TorchvisionNet((3, 32, 32), 5, architecture).eval()
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        first, second = network(images), network(images)
    assert isinstance(first, Tensor)
    assert torch.equal(first, second)


def test_resnet_of_small_images_keeps_their_resolution() -> None:
    """With the 7 x 7 stem and pooling of ImageNet, the last features of 32 pixels are a single one."""
    network = TorchvisionNet((3, 32, 32), 5).network
    last: list[torch.Size] = []
    network.get_submodule("layer4").get_submodule("1.conv2").register_forward_hook(
        lambda module, given, output: last.append(output.shape)
    )
    network.eval()(torch.rand(1, 3, 32, 32))
    assert last == [(1, 512, 4, 4)]


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "efficientnet_b0"])
@pytest.mark.parametrize("training", [False, True])
def test_one_module_per_use_computes_the_same(architecture: str, training: bool) -> None:
    """The mode in which a network is rewritten does not matter."""
    original = torchvision.models.get_model(architecture, num_classes=4).train(training)
    rewritten = one_module_per_use(original).eval()
    assert original.training == training
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(rewritten(images), original.eval()(images))
    assert rewritten.state_dict().keys() == original.state_dict().keys()


def test_one_module_per_use_separates_what_is_shared() -> None:
    original = Reused().eval()
    images = torch.rand(2, 2, 4, 4)
    expected = copy.deepcopy(original)(images.clone())
    rewritten = one_module_per_use(original)
    kept: list[tuple[Tensor, Tensor]] = [(images, images.clone())]
    for module in rewritten.modules():
        module.register_forward_hook(lambda module, given, output: kept.append((output, output.clone())))
    assert torch.equal(rewritten(images), expected)
    assert all(torch.equal(tensor, before) for tensor, before in kept)
    assert_one_module_per_use(rewritten, images)


def test_weights_of_a_module_used_twice_stay_one() -> None:
    """Else training moves them apart."""
    original = Reused().eval()
    rewritten = one_module_per_use(original)
    assert dict(rewritten.named_parameters()).keys() == dict(original.named_parameters()).keys()
    images = torch.rand(2, 2, 4, 4)
    original(images).sum().backward()
    rewritten(images).sum().backward()
    gradients = {name: weight.grad for name, weight in rewritten.named_parameters()}
    for name, weight in original.named_parameters():
        torch.testing.assert_close(gradients[name], weight.grad)


@pytest.mark.parametrize(
    "function",
    [
        torch.flatten,
        lambda x: torch.flatten(x, 2),
        lambda x: torch.flatten(x, start_dim=1, end_dim=2),
        lambda x: functional.relu(input=x - 0.5),
        lambda x: torch.relu(x - 0.5),
    ],
)
def test_functions_become_modules_that_compute_the_same(function: Any) -> None:
    images = torch.rand(2, 3, 4, 5)
    rewritten = one_module_per_use(Function(function))
    assert torch.equal(rewritten(images), function(images))
    assert len(calls(rewritten, images)) == 1
