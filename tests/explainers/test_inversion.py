"""Inversion against least squares, and searches of generators that have no encoder."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Generator, InputError, Status, Subject
from xaicf.explainers import CDeepEx, Inversion
from xaicf.nn import ConvDecoder, TwoConv

SHAPE = (1, 6, 6)


class Decoder(nn.Module, Generator):
    """G(z) = A z + b."""

    def __init__(self, latent_dim: int = 5) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.matrix = nn.Parameter(0.2 * torch.randn(math.prod(SHAPE), latent_dim))
        self.offset = nn.Parameter(torch.rand(math.prod(SHAPE)))

    def decode(self, latents: Tensor) -> Tensor:
        return (latents @ self.matrix.T + self.offset).view(-1, *SHAPE)


class Drawing(nn.Module, Generator):
    """A convolutional decoder with random weights, wide enough to move answers."""

    latent_dim = 8

    def __init__(self) -> None:
        super().__init__()
        self.network = ConvDecoder((1, 16, 16), self.latent_dim, channels=(4, 8), hidden=16)
        with torch.no_grad():
            for weight in self.network.parameters():
                weight.mul_(2)

    def decode(self, latents: Tensor) -> Tensor:
        return torch.sigmoid(self.network(latents))


@pytest.fixture
def linear() -> tuple[Decoder, nn.Module, Tensor]:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(SHAPE), 3))
    return Decoder().requires_grad_(False), classifier.requires_grad_(False), torch.rand(6, *SHAPE)


@pytest.fixture
def convolutional() -> tuple[Subject, Tensor]:
    torch.manual_seed(1)
    classifier = TwoConv((1, 16, 16), 4, channels=(4, 6), hidden=16)
    generator = Drawing()
    with torch.no_grad():
        images = generator.sample(64, torch.Generator().manual_seed(3))
        images = (images + 0.1 * torch.randn_like(images)).clamp(0, 1)
        last = classifier[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(1.5 / classifier(images).std(0)[:, None])
        last.bias.sub_(classifier(images).mean(0))
    return Subject(classifier, generator), images[:12]


def test_without_the_class_a_linear_generator_is_inverted_by_least_squares(
    linear: tuple[Decoder, nn.Module, Tensor],
) -> None:
    generator, classifier, images = linear
    prior = generator.prior(64, torch.Generator().manual_seed(0))
    found = Inversion(candidates=64, class_weight=0)(
        generator.decode, classifier, prior, images, torch.zeros(6, dtype=torch.int64)
    )
    target = (images.flatten(1) - generator.offset).T
    expected = torch.linalg.lstsq(generator.matrix, target).solution.T
    torch.testing.assert_close(found.latents, expected, rtol=0, atol=1e-3)
    left = (generator.decode(found.latents) - images).square().flatten(1).sum(1)
    torch.testing.assert_close(found.cost, left)
    assert found.evaluations == 4 * 201


def test_the_class_counts_by_its_weight(linear: tuple[Decoder, nn.Module, Tensor]) -> None:
    generator, classifier, images = linear
    classifier = nn.Sequential(classifier, nn.Linear(3, 3)).requires_grad_(False)
    classifier[1].weight.copy_(10 * torch.eye(3))
    classifier[1].bias.zero_()
    prior = generator.prior(64, torch.Generator().manual_seed(0))
    drawn, apart = [], []
    for weight in (0.0, 10.0):
        fact = torch.arange(6) % 3
        found = Inversion(candidates=64, class_weight=weight)(generator.decode, classifier, prior, images, fact)
        made = generator.decode(found.latents)
        drawn.append(int((classifier(made).argmax(1) == fact).sum()))
        apart.append(float((made - images).square().sum()))
    assert drawn[1] > drawn[0]
    assert apart[1] > apart[0]


def test_more_starts_never_cost_more(convolutional: tuple[Subject, Tensor]) -> None:
    subject, images = convolutional
    subject.classifier.requires_grad_(False)
    generator = subject.generator
    assert isinstance(generator, Drawing)
    generator.requires_grad_(False)
    prior = generator.prior(32, torch.Generator().manual_seed(0))
    fact = subject.classifier(images).argmax(1)
    one, many = (
        Inversion(60, starts, 32)(generator.decode, subject.classifier, prior, images, fact) for starts in (1, 6)
    )
    assert (many.cost <= one.cost + 1e-6).all()
    assert (many.cost < one.cost - 1e-3).any()


def test_a_generator_without_an_encoder_is_searched(convolutional: tuple[Subject, Tensor]) -> None:
    subject, images = convolutional
    explainer = CDeepEx(epsilon=0.1, inversion=Inversion(100, 2, 64))
    found = explainer.explain(subject, images)
    assert found.counterfactual is not None
    solved = found.status == Status.SOLVED
    assert solved.double().mean() > 0.6
    with torch.no_grad():
        logits = subject.classifier(found.counterfactual[solved])
    pair = torch.stack([found.fact, found.foil], 1)[solved]
    tied = logits.gather(1, pair)
    assert (tied[:, 0] - tied[:, 1]).abs().max() <= 0.01
    others = logits.scatter(1, pair, -torch.inf).amax(1)
    assert (tied.amin(1) - others).min() >= 0.1 - 0.01 - 1e-4
    error, known = found.scalars["reconstruction_error"], found.scalars["reconstruction_is_fact"]
    assert error.max() < images.std()  # a generator's own images with noise are drawn again
    assert set(known.tolist()) <= {0.0, 1.0}
    assert (found.scalars["gradient_evaluations"] >= 202).all()
    alone = explainer.explain(subject, images[3:4])
    assert torch.equal(alone.status, found.status[3:4])
    torch.testing.assert_close(
        alone.scalars["latent_distance"], found.scalars["latent_distance"][3:4], rtol=0.01, atol=0
    )


def test_images_of_another_shape_are_refused(convolutional: tuple[Subject, Tensor]) -> None:
    subject, _ = convolutional
    wide = Subject(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), subject.generator)
    with pytest.raises(InputError, match=r"generator draws images of \(1, 16, 16\), the inputs are \(1, 8, 8\)"):
        CDeepEx().explain(wide, torch.rand(2, 1, 8, 8))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "steps and starts must be at least 1, got 0 and 4"),
        ({"candidates": 3}, "candidates must be at least starts, 4, got 3"),
        ({"class_weight": -1.0}, "class_weight must be >= 0 and step_size > 0, got -1.0 and 0.1"),
        ({"step_size": 0.0}, "class_weight must be >= 0 and step_size > 0, got 0.1 and 0.0"),
    ],
)
def test_options_are_checked(options: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        partial(Inversion, **options)()
