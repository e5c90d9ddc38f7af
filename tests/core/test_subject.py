"""The subject takes its networks in the right seats only."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import ClassifierError, Editor, Encoder, Generator, InputError, Subject, Translator, UserError


class Decoder(nn.Linear, Generator):
    latent_dim = 2

    def decode(self, latents: Tensor) -> Tensor:
        return self(latents).view(-1, 1, 2, 2).sigmoid()


class Painter(nn.Identity, Translator):
    def translate(self, images: Tensor, classes: Tensor) -> Tensor:
        return images


class Retoucher(nn.Identity, Editor):
    attribute_names = ("bright",)
    image_shape = (1, 2, 2)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        return (images - self.read(images).view(-1, 1, 1, 1),)

    def draw(self, features: tuple[Tensor, ...], attributes: Tensor) -> Tensor:
        return features[0] + attributes.view(-1, 1, 1, 1)

    def read(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3))[:, None]


class Coder(nn.Flatten, Encoder):
    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1)


class NoModule(Generator):
    latent_dim = 1

    def decode(self, latents: Tensor) -> Tensor:
        return latents.view(-1, 1, 1, 1)


def test_modules_are_those_given_with_the_classifier_first() -> None:
    classifier, generator, translator = nn.Flatten(), Decoder(2, 4), Painter()
    assert Subject(classifier).modules == (classifier,)
    assert Subject(classifier, translator=translator).modules == (classifier, translator)
    assert Subject(classifier, generator, translator).modules == (classifier, generator, translator)
    editor = Retoucher()
    assert Subject(classifier, generator, editor=editor).modules == (classifier, generator, editor)


def test_editing_draws_what_stays_with_other_attributes() -> None:
    images = torch.rand(3, 1, 2, 2)
    made = Retoucher().edit(images, torch.tensor([[0.2], [0.5], [0.9]]))
    torch.testing.assert_close(made.mean((1, 2, 3)), torch.tensor([0.2, 0.5, 0.9]))
    torch.testing.assert_close(made - made.mean((1, 2, 3), keepdim=True), images - images.mean((1, 2, 3), keepdim=True))


def test_encoder_may_classify() -> None:
    coder = Coder()
    assert Subject(coder).classifier is coder


def test_fields_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Subject(nn.Flatten()).classifier = nn.Flatten()  # type: ignore[misc]


@pytest.mark.parametrize("classifier", [Decoder(2, 4), Painter(), Retoucher(), None, torch.sigmoid, nn.Flatten])
def test_classifier_must_be_one(classifier: Any) -> None:
    with pytest.raises(ClassifierError, match="classifier must be a module that maps images to logits, got"):
        Subject(classifier)


@pytest.mark.parametrize("role", ["generator", "translator", "editor"])
def test_seats_need_their_interface(role: str) -> None:
    wrong: tuple[Any, ...] = (
        nn.Flatten(),
        Coder(),
        NoModule(),
        Painter() if role == "generator" else Decoder(2, 4),
    )
    for network in wrong:
        with pytest.raises(
            InputError, match=f"{role} must be a module that is an? {role.capitalize()}, got {type(network).__name__}"
        ):
            Subject(nn.Flatten(), **{role: network})


def test_mistakes_are_the_user_s() -> None:
    assert issubclass(ClassifierError, UserError)
    assert issubclass(InputError, UserError)


def test_sample_draws_from_the_standard_normal_prior() -> None:
    generator = Decoder(2, 4)
    images = generator.sample(3, torch.Generator().manual_seed(0))
    latents = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(images, generator.decode(latents))
    assert generator.double().sample(1).dtype == torch.float64
