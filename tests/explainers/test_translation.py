"""A translator's image as the counterfactual."""

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import InputError, Status, Subject, Translator
from xaicf.explainers import Translation


class Shift(nn.Module, Translator):
    """Lightens an image by a tenth for each class."""

    def __init__(self, validity: float = 1.0) -> None:
        super().__init__()
        self.validity = validity

    @property
    def fitness(self) -> dict[str, float]:
        return {"validity": self.validity}

    def translate(self, images: Tensor, classes: Tensor) -> Tensor:
        return (images + 0.1 * classes.view(-1, 1, 1, 1)).clamp(0, 1)


def classifier() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def test_is_what_the_translator_draws_of_the_foil() -> None:
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    subject = Subject(classifier(), translator=Shift())
    found = Translation().explain(subject, images)
    assert isinstance(subject.translator, Shift)
    made = subject.translator.translate(images, found.foil)
    assert torch.equal(found.counterfactual, made)
    assert torch.equal(found.attribution, images - made)
    assert torch.equal(found.status == Status.SOLVED, subject.classifier(made).argmax(1) == found.foil)


def test_refuses_a_translator_that_is_unfit() -> None:
    with pytest.raises(InputError, match=r"its validity is 0\.3,"):
        Translation().explain(Subject(classifier(), translator=Shift(0.3)), torch.rand(2, 1, 4, 4))
