"""What is mended on a copy of a classifier, and what is refused."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
import torchvision
from captum.attr import DeepLift
from torch import Tensor, nn
from torch.nn import functional

from xaicf.core import ClassifierError, Status, Subject
from xaicf.explainers import Attribution, CDeepEx
from xaicf.explainers.methods import Method
from xaicf.explainers.preflight import checked, for_deeplift
from xaicf.nn import CifarResNet, TorchvisionNet, TwoConv

DOUBLE = torch.float64
LRP = [method for method in get_args(Method) if method.startswith("lrp")]


def images(count: int = 3, channels: int = 3, side: int = 16, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, side, side, generator=source, dtype=DOUBLE)


class Functional(nn.Module):
    """Calls functions where it could have modules, in place where it can, and one ReLU twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 5, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(5 * 64, 5)

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.relu(self.one(inputs))
        values = functional.max_pool2d(values, 2)
        values = values + self.relu(self.two(values))
        values = functional.dropout(torch.tanh(values), training=self.training)
        return self.head(torch.flatten(functional.relu_(values), 1))


class Inception(nn.Module):
    """Has branches that are laid side by side, and overlapping pools with and without an edge."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.pools = nn.ModuleList([nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2)])
        self.branch = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(22, 5)
        statistics = torch.Generator().manual_seed(1)
        self.stem[1].running_mean.copy_(torch.rand(6, generator=statistics))

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.stem(inputs)
        values = torch.cat([*(pool(values) for pool in self.pools), self.pools[2](self.branch(values).relu())], 1)
        return self.head(values.mean((2, 3)))


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, padding=1),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Identity(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 5),
    )


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "functional": Functional,
    "inception": Inception,
    "touching": vgg,
    "two_conv": lambda: TwoConv((3, 16, 16), 5),
    "resnet20": lambda: CifarResNet((3, 16, 16), 5),
    "traced_resnet18": lambda: TorchvisionNet((3, 16, 16), 5),
    "resnet18": lambda: torchvision.models.resnet18(num_classes=5),
    "vgg11_bn": lambda: torchvision.models.vgg11_bn(num_classes=5),
    "googlenet": lambda: torchvision.models.googlenet(num_classes=5, init_weights=False, aux_logits=False),
    "densenet121": lambda: torchvision.models.densenet121(num_classes=5),
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]().double().eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("baseline", ["zero", "noise"])
def test_deeplift_is_complete_on_any_network_of_relu_and_pools(name: str, baseline: Any) -> None:
    network, inputs = made(name), images(2, side=32 if name in {"vgg11_bn", "googlenet", "densenet121"} else 16)
    found = Attribution("deeplift", "weighted", baseline=baseline).explain(Subject(network), inputs)
    assert found.scalars["relative_completeness_error"].max() < 1e-9
    assert (found.status == Status.SOLVED).all()
    assert found.attribution is not None
    with torch.no_grad():
        logits = network(inputs)
        assert found.baseline is not None
        others = logits.scatter(1, found.fact[:, None], -torch.inf).softmax(1)
        weights = functional.one_hot(found.fact, 5) - others
        rise = ((logits - network(found.baseline)) * weights).sum(1)
    assert torch.allclose(found.attribution.sum((1, 2, 3)), rise, rtol=1e-9)


def test_captum_s_own_is_not_complete_where_modules_touch() -> None:
    """What the copy mends: without it the map misses its sum by more than a tenth."""
    network, inputs = made("touching"), images(2)
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    ours = Attribution("deeplift", "logit", baseline="noise").explain(Subject(network), inputs)
    assert ours.baseline is not None
    theirs = DeepLift(network).attribute(inputs.requires_grad_(), ours.baseline, target=ours.fact)
    with torch.no_grad():
        rise = (network(inputs) - network(ours.baseline)).gather(1, ours.fact[:, None])[:, 0]
        error = ((theirs.sum((1, 2, 3)) - rise).abs() / rise.abs())[rise != 0]
    assert error.max() > 0.1
    assert ours.scalars["relative_completeness_error"].max() < 1e-9


@pytest.mark.parametrize("name", ["functional", "inception", "resnet20", "resnet18", "vgg11_bn"])
@pytest.mark.parametrize("method", ["guided_gradient", *LRP])
def test_copies_compute_the_same_and_leave_the_classifier_alone(name: str, method: Any) -> None:
    network, inputs = made(name).train(), images(2, side=32 if name == "vgg11_bn" else 16)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    modules = list(network.named_modules())
    with torch.random.fork_rng():
        found = Attribution(method, "weighted").explain(Subject(network), inputs)
    assert found.attribution is not None
    assert found.attribution.isfinite().all()
    assert found.attribution.abs().amax((1, 2, 3)).min() > 0
    assert list(network.named_modules()) == modules
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())


def test_relevance_is_conserved_through_sums_and_batch_norm() -> None:
    """Without biases relevance sums to the logit: nothing is lost or counted twice where branches meet."""
    network = made("resnet20")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.zero_()  # type: ignore[union-attr]
            module.bias.data.zero_()
    network.linear.bias.data.zero_()  # type: ignore[union-attr, operator]
    network.normalize = nn.Identity()
    inputs = images(3)
    found = Attribution("lrp", "logit").explain(Subject(network), inputs)
    assert found.attribution is not None
    with torch.no_grad():
        logit = network(inputs).gather(1, found.fact[:, None])[:, 0]
    assert torch.allclose(found.attribution.sum((1, 2, 3)), logit, rtol=1e-3)


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(48, 8), nn.Linear(8, 3)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, inputs: Tensor) -> Tensor:
        tokens = self.embed(inputs.flatten(2).transpose(1, 2).reshape(inputs.shape[0], -1, 48))
        return self.head(self.attend(tokens, tokens, tokens)[0].mean(1))


class Branching(nn.Module):
    """Does what its values say, which cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(768, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        values = self.layer(inputs.flatten(1))
        return values if values[0].sum() > 0 else values * 2


@pytest.mark.parametrize(
    ("network", "method", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 2, 16), nn.SiLU(), nn.Flatten()), "deeplift", "deeplift has no rule for 1, a SiLU"),
        (Attending(), "deeplift", "no rule for attend, a MultiheadAttention"),
        (Attending(), "lrp", "no rule for attend, a MultiheadAttention"),
        (Branching(), "deeplift", "deeplift needs a classifier that torch.fx can trace"),
        (Branching(), "lrp", "integrated_gradients, which goes through any classifier, would work"),
        (Attending(), "guided_gradient", "guided_gradient changes how ReLU is gone through, and there is none"),
        (Attending(), "guided_gradcam", "guided_gradcam changes how ReLU is gone through, and there is none"),
        (nn.Sequential(nn.Flatten(), nn.Dropout(), nn.AdaptiveMaxPool1d(3)), "deep_shap", "2, a AdaptiveMaxPool1d"),
        (nn.Sequential(nn.Flatten(), nn.AdaptiveMaxPool1d(3)), "lrp", "needs a convolution or linear layer"),
    ],
)
def test_refused_with_the_name_of_the_module(network: nn.Module, method: Any, message: str) -> None:
    network, inputs = network.double(), images()
    subject = Subject(network, reference={"image": images(2), "label": torch.arange(2), "index": torch.arange(2)})
    explainer = Attribution(method, "weighted")
    with pytest.raises(ClassifierError, match=message):
        explainer.preflight(subject, inputs)
    with pytest.raises(ClassifierError, match=message):
        explainer.explain(subject, inputs)


@pytest.mark.parametrize("functional_one", [False, True])
def test_a_softmax_at_the_end_is_taken_off(functional_one: bool) -> None:
    class Probable(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, inputs: Tensor) -> Tensor:
            return functional.softmax(self.inner(inputs), dim=1)

    plain = made("two_conv")
    probable = Probable(plain) if functional_one else nn.Sequential(plain, nn.Softmax(1))
    inputs = images()
    for method in ("gradient", "deeplift", "occlusion", "lrp"):
        wanted = Attribution(method, "weighted").explain(Subject(plain), inputs)  # type: ignore[arg-type]
        found = Attribution(method, "weighted").explain(Subject(probable), inputs)  # type: ignore[arg-type]
        assert wanted.attribution is not None
        assert found.attribution is not None
        assert torch.allclose(found.attribution, wanted.attribution, atol=1e-9)
    with pytest.raises(ClassifierError, match="gives probabilities, not logits; leave its softmax out"):
        CDeepEx().preflight(Subject(probable), inputs)


def test_probabilities_that_cannot_be_mended() -> None:
    class Doubled(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            values = inputs.flatten(1)[:, :3].softmax(1)
            return values / values.sum(1, keepdim=True)

    with pytest.raises(ClassifierError, match="leave its softmax out, it is not the last operation"):
        Attribution("gradient").explain(Subject(Doubled()), images())


def test_logits_that_depend_on_other_images_or_on_chance() -> None:
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    batch = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.Flatten(), nn.Linear(784, 3))
    with pytest.raises(ClassifierError, match="other logits beside other images; 1 normalises by the batch"):
        Attribution("gradient").explain(Subject(batch.double()), images())

    class Drawn(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return functional.dropout(inputs.flatten(1)[:, :9], 0.5, training=True)

    with pytest.raises(ClassifierError, match="other logits at each call"):
        Attribution("gradient").explain(Subject(Drawn()), images())


def test_a_copy_follows_the_weights_of_the_classifier() -> None:
    """It is made of the same weights, so that one in training is explained as it is."""
    network, inputs = made("inception"), images()
    copy = for_deeplift(checked(network, inputs), inputs, "deeplift")
    with torch.no_grad():
        network.head.weight.mul_(2)  # type: ignore[union-attr, operator]
        assert torch.allclose(copy(inputs), network(inputs))
