"""Networks are left as found: modes, gradients, buffers, random state."""

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import ClassifierError, as_found


class Counting(nn.Module):
    """Counts its calls in a buffer that it replaces, as many networks do."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return images


class InterruptedSearchError(Exception):
    pass


def network() -> nn.Sequential:
    """Make a network of mixed modes and mixed ``requires_grad``."""
    made = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.Flatten(), nn.Linear(8, 3))
    made[1].eval()
    made[0].weight.requires_grad_(False)
    return made


def state_of(made: nn.Module) -> tuple[list[bool], list[bool], dict[str, Tensor], Tensor]:
    return (
        [module.training for module in made.modules()],
        [weight.requires_grad for weight in made.parameters()],
        {name: tensor.clone() for name, tensor in made.state_dict().items()},
        torch.get_rng_state(),
    )


def assert_unchanged(made: nn.Module, before: tuple[list[bool], list[bool], dict[str, Tensor], Tensor]) -> None:
    now = state_of(made)
    assert now[:2] == before[:2]
    assert now[2].keys() == before[2].keys()
    for name, tensor in now[2].items():
        assert torch.equal(tensor, before[2][name]), name
    assert torch.equal(now[3], before[3])


def disturb(made: nn.Module) -> None:
    """Change everything that may be changed inside."""
    made.train().requires_grad_(True)
    made(torch.rand(4, 1, 4, 4))
    torch.manual_seed(1)
    made.requires_grad_(False).train()


def test_inside_is_evaluation_without_weight_gradients() -> None:
    first, second = network(), network()
    with as_found(first, second):
        for made in (first, second):
            assert not any(module.training for module in made.modules())
            assert not any(weight.requires_grad for weight in made.parameters())


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("inference", [False, True])
def test_everything_is_put_back(fails: bool, inference: bool) -> None:
    made, other = network(), network()
    before = state_of(made)
    with torch.inference_mode(inference):
        try:
            with as_found(other, made):
                disturb(made)
                assert not torch.equal(made[1].running_mean, before[2]["1.running_mean"])
                assert not torch.equal(torch.get_rng_state(), before[3])
                if fails:
                    raise InterruptedSearchError
        except InterruptedSearchError:
            assert fails
    assert_unchanged(made, before)
    assert not any(buffer.is_inference() for buffer in made.buffers())


def test_error_comes_through() -> None:
    with pytest.raises(InterruptedSearchError), as_found(network()):
        raise InterruptedSearchError


def test_replaced_buffer_is_put_back() -> None:
    made = Counting()
    found = made.calls
    with as_found(made):
        made(torch.zeros(1))
        assert made.calls == 1
    assert made.calls is found
    assert made.calls == 0


def test_buffer_of_nan_stays() -> None:
    made = nn.BatchNorm2d(1)
    assert made.running_mean is not None
    made.running_mean.fill_(torch.nan)
    with as_found(made):
        made.running_mean.zero_()
    assert made.running_mean.isnan().all()


def test_unchanged_weights_keep_their_gradients() -> None:
    made = network()
    made(torch.rand(2, 1, 4, 4)).sum().backward()
    gradient = made[4].weight.grad
    assert gradient is not None
    kept = gradient.clone()
    with as_found(made):
        images = torch.rand(2, 1, 4, 4, requires_grad=True)
        made(images).sum().backward()
    assert made[4].weight.grad is gradient
    assert torch.equal(gradient, kept)


@pytest.mark.parametrize("outside", [torch.no_grad, torch.inference_mode])
def test_gradients_can_be_computed_inside(outside: type[torch.no_grad]) -> None:
    linear = nn.Linear(3, 1, bias=False)
    with outside():
        given = torch.rand(2, 3)
        with as_found(linear):
            inputs = given.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(linear(inputs).sum(), inputs)
        assert not torch.is_grad_enabled()
    assert torch.equal(gradient, linear.weight.detach().expand(2, 3))
    assert linear.weight.requires_grad


def test_grad_mode_is_put_back() -> None:
    made = network()
    with torch.inference_mode():
        with as_found(made):
            assert torch.is_grad_enabled()
            assert not torch.is_inference_mode_enabled()
        assert torch.is_inference_mode_enabled()


def test_a_network_made_in_inference_mode_is_refused_untouched() -> None:
    with torch.inference_mode():
        made = network()
    before = state_of(made)
    with pytest.raises(ClassifierError, match="made in inference mode"), as_found(made):
        pass
    assert_unchanged(made, before)


def test_nested_use() -> None:
    made = network()
    before = state_of(made)
    with as_found(made):
        with as_found(made):
            disturb(made)
        assert not any(module.training for module in made.modules())
    assert_unchanged(made, before)


def test_the_same_random_numbers_come_after() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    made = network()
    torch.manual_seed(3)
    with as_found(made):
        torch.rand(7)
    assert torch.equal(torch.rand(4), expected)
