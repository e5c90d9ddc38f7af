"""What is measured of a translator: known answers for translators that are no networks."""

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Batch, InputError
from xaicf.evaluation.translation import Translations, measure_translations

CLASSES, SIDE = 3, 4


class Brightest(nn.Module):
    """Takes for class k what is brightest in row k; a linear layer, so that there are features."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(SIDE, CLASSES, bias=False)
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(SIDE)[:CLASSES])

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.linear(images.mean((1, 3)))
        return found


def data(count: int, seed: int) -> Batch:
    source = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    images = torch.rand(count, 1, SIDE, SIDE, generator=source) / 2
    images[torch.arange(count), 0, labels] += 0.5
    return {"image": images, "label": labels, "index": torch.arange(count)}


def swapped(images: Tensor, classes: Tensor) -> Tensor:
    """Exchange the brightest row with that of the class."""
    made = images.clone()
    before = images.mean((1, 3))[:, :CLASSES].argmax(1)
    rows = torch.arange(len(images))
    made[rows, 0, before], made[rows, 0, classes] = images[rows, 0, classes], images[rows, 0, before]
    return made


def collapsed(images: Tensor, classes: Tensor) -> Tensor:
    """Make one image of each class, whatever the input."""
    made = torch.zeros_like(images)
    made[torch.arange(len(images)), 0, classes] = 1
    return made


def measured(translate: object, second: nn.Module | None = None, foils: int | None = None) -> Translations:
    given = data(60, 0)
    return measure_translations(translate, Brightest(), given, data(90, 1), CLASSES, second, foils)  # type: ignore[arg-type]


def test_a_translator_that_moves_the_evidence_is_fit() -> None:
    found = measured(swapped, Brightest())
    given, training = data(60, 0), data(90, 1)
    assert found.numbers["validity"] == found.numbers["second_validity"] == 1
    assert found.validity_by_class.tolist() == [1, 1, 1]
    assert found.numbers["images"] == 60 * (CLASSES - 1)
    assert found.numbers["input_dependence"] > 0.5
    assert found.numbers["frechet_distance"] < measured(collapsed).numbers["frechet_distance"] / 10
    distances, beside = [], []
    for image, label in zip(given["image"], given["label"].tolist(), strict=True):
        for one in set(range(CLASSES)) - {label}:
            distances.append((swapped(image[None], torch.tensor([one])) - image).abs().mean())
            pool = training["image"][training["label"] == one]
            nearest = min(pool, key=lambda other: float((other - image).square().sum()))
            beside.append((nearest - image).abs().mean())
    assert found.numbers["distance"] == pytest.approx(float(torch.stack(distances).mean()), rel=1e-5)
    assert found.numbers["nearest_distance"] == pytest.approx(float(torch.stack(beside).mean()), rel=1e-5)
    ratio = found.numbers["distance"] / found.numbers["nearest_distance"]
    assert found.fitness["relative_distance"] == pytest.approx(ratio)


def test_a_collapsed_translator_is_valid_and_depends_on_nothing() -> None:
    found = measured(collapsed)
    assert found.numbers["validity"] == 1
    assert found.numbers["input_dependence"] == 0
    assert found.numbers["second_validity"] != found.numbers["second_validity"]  # not measured
    assert found.numbers["relative_frechet"] > 1


def test_the_identity_is_near_and_not_valid() -> None:
    found = measured(lambda images, classes: images)
    assert found.numbers["validity"] == 0
    assert found.numbers["distance"] == found.numbers["relative_distance"] == 0
    # Of the inputs at one target class a third of all images is left out, those of the class.
    assert 0.7 < found.numbers["input_dependence"] < 1


def test_each_image_is_asked_for_as_many_classes_as_said() -> None:
    asked: list[Tensor] = []

    def note(images: Tensor, classes: Tensor) -> Tensor:
        asked.append(classes)
        return images

    assert measured(note, foils=1).numbers["images"] == 60
    labels = data(60, 0)["label"]
    assert (torch.cat(asked) != labels).all()
    assert torch.cat(asked).bincount().tolist() == [20, 20, 20]
    with pytest.raises(InputError, match=r"foils must be in \[1, 2\], got 3"):
        measured(note, foils=3)
