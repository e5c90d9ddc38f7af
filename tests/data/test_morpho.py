"""Digits whose attributes vary: what is drawn, what depends on the class, and what is measured."""

from pathlib import Path
from typing import Any

import pytest
import torch
from real_data import real_data
from small_data import write_small

from xaicf.core import Batch, InputError
from xaicf.data import MNIST, MorphoMNIST
from xaicf.data.morphing import ATTRIBUTES
from xaicf.data.morpho import measure


@pytest.fixture
def root(tmp_path: Path) -> str:
    write_small(tmp_path, "MNIST")
    return str(tmp_path)


def every(data: MorphoMNIST, split: Any) -> Batch:
    """Give all samples of a split."""
    data.setup()
    return data.samples(range(len(data.split(split))), split)


@pytest.fixture(scope="module")
def real() -> Batch:
    """Give the test images of 4 and 9 of MNIST itself, with every variation."""
    data = MorphoMNIST(real_data("MNIST/raw"), digits=[4, 9])._read(train=False)
    assert isinstance(data.images, torch.Tensor)
    assert data.attributes is not None
    return {
        "image": data.images.float() / 255,
        "label": data.labels,
        "index": torch.arange(len(data.labels)),
        "attributes": data.attributes,
    }


def test_all_digits(root: str) -> None:
    data = MorphoMNIST(root)
    assert data.image_shape == (3, 28, 28)
    assert data.class_names == tuple("0123456789")
    assert data.attribute_names == ("thickness", "slant", "width", "height", "intensity", "colour", "mark")
    batch = every(data, "train")
    assert torch.equal(batch["label"], MNIST(root).samples(range(360), "train")["label"])
    assert batch["attributes"].dtype == torch.float32
    assert batch["attributes"].shape == (360, 7)
    assert ((batch["attributes"] >= 0) & (batch["attributes"] <= 1)).all()
    torch.testing.assert_close(batch["attributes"], measure(batch["image"]))


def test_two_digits_are_the_classes_and_the_last_attribute(root: str) -> None:
    data = MorphoMNIST(root, digits=[9, 4])
    assert data.class_names == ("9", "4")
    assert data.attribute_names == (*ATTRIBUTES, "4")
    assert data.num_classes == 2
    batch, digits = every(data, "test"), MNIST(root).samples(range(10), "test")["label"]
    assert batch["label"].tolist() == [int(digit == 4) for digit in digits.tolist() if digit in {4, 9}]
    assert torch.equal(batch["attributes"][:, -1], batch["label"].float())


def test_an_image_does_not_depend_on_the_digits_that_are_kept(root: str) -> None:
    whole, two = MorphoMNIST(root)._read(train=True), MorphoMNIST(root, digits=[7, 1])._read(train=True)
    kept = (whole.labels == 1) | (whole.labels == 7)
    assert isinstance(whole.images, torch.Tensor)
    assert isinstance(two.images, torch.Tensor)
    assert torch.equal(whole.images[kept], two.images)


def test_draws_are_of_the_seed_and_the_split(root: str) -> None:
    state = torch.get_rng_state()
    first, again, other = (MorphoMNIST(root, seed=seed)._draws(50, train=True)[0] for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, MorphoMNIST(root)._draws(50, train=False)[0])


@pytest.mark.parametrize(("name", "low", "high"), [("colour", 0, 1), ("mark", 0, 1)])
def test_what_is_planted_tells_the_class_but_not_in_an_independent_test(
    root: str, name: str, low: float, high: float
) -> None:
    column = ATTRIBUTES.index(name)
    data = MorphoMNIST(root, digits=[3, 8], planted=name)
    for split in ("train", "val"):
        batch = every(data, split)
        assert torch.equal(batch["attributes"][:, column].round(), batch["label"].float())
    whole = MorphoMNIST(root, digits=[3, 8], planted=name, strength=0)._read(train=True)
    assert whole.attributes is not None
    agree = (whole.attributes[:, column].round() == whole.labels).float().mean()
    assert 0.3 < agree < 0.7
    same = MorphoMNIST(root, digits=[3, 8], planted=name, planted_test="as_trained")._read(train=False)
    assert same.attributes is not None
    assert torch.equal(same.attributes[:, column].round(), same.labels.float())


def test_strength_is_how_often_it_holds(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[torch.Tensor] = []

    def noting(grey: torch.Tensor, factors: torch.Tensor, variation: float) -> torch.Tensor:
        drawn.append(factors)
        return grey[:, None].repeat(1, 3, 1, 1)

    monkeypatch.setattr("xaicf.data.morpho.draw", noting)
    shares = []
    for strength in (0.0, 0.5, 1.0):
        drawn.clear()
        labels = MorphoMNIST(root, digits=[3, 8], planted="slant", strength=strength)._read(train=True).labels
        slant = torch.cat(drawn)[:, ATTRIBUTES.index("slant")]
        assert ((slant < 1 / 5) | (slant > 4 / 5)).all()
        shares.append(((slant > 0.5) == (labels == 1)).float().mean().item())
    assert shares == pytest.approx([0.5, 0.75, 1], abs=0.12)
    assert shares[-1] == 1


@pytest.mark.parametrize("name", ["thickness", "slant"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_where_it_is_clear_the_measure_tells_what_was_drawn(root: str, name: str, strength: float) -> None:
    column = ATTRIBUTES.index(name)
    data = MorphoMNIST(root, digits=[3, 8], planted=name, strength=strength, digit_strength=0)._read(train=True)
    clear = MorphoMNIST(root, digits=[3, 8], planted=name, strength=strength, digit_strength=0, clear=True)._read(
        train=True
    )
    assert data.attributes is not None
    assert clear.attributes is not None
    assert isinstance(data.images, torch.Tensor)
    assert isinstance(clear.images, torch.Tensor)
    where = {image.numpy().tobytes(): number for number, image in enumerate(data.images)}
    kept = torch.tensor([where[image.numpy().tobytes()] for image in clear.images])
    assert torch.equal(clear.labels, data.labels[kept])
    assert torch.equal(clear.attributes, data.attributes[kept])
    assert len(data.labels) / 2 < len(kept) < len(data.labels)
    if strength == 1:
        measured = clear.attributes[:, column]
        assert measured[clear.labels == 0].max() < measured[clear.labels == 1].min()


def test_a_digit_tells_the_class_as_often_as_asked(root: str) -> None:
    plain = MorphoMNIST(root, digits=[3, 8], planted="colour")._read(train=True)
    shares = []
    for strength in (0.0, 0.5, 1.0):
        data = MorphoMNIST(root, digits=[3, 8], planted="colour", digit_strength=strength)._read(train=True)
        assert data.attributes is not None
        assert plain.attributes is not None
        digit, colour = data.attributes[:, -1], data.attributes[:, ATTRIBUTES.index("colour")]
        assert torch.equal(digit, plain.attributes[:, -1])
        assert torch.equal(colour.round(), data.labels.float())
        shares.append((digit == data.labels).float().mean().item())
    assert shares == pytest.approx([0.5, 0.75, 1], abs=0.15)
    assert shares[-1] == 1
    test = MorphoMNIST(root, digits=[3, 8], planted="colour", digit_strength=0)._read(train=False)
    assert test.attributes is not None
    assert torch.equal(test.attributes[:, -1], test.labels.float())


def test_attributes_spread_over_their_ranges(real: Batch) -> None:
    attributes = real["attributes"]
    cut = ((attributes[:, :5] == 0) | (attributes[:, :5] == 1)).float().mean(0)
    assert (cut < 0.03).all()
    assert (attributes[:, :5].std(0) > 0.12).all()
    assert set(attributes[:, 5:7].unique().tolist()) == {0, 1}
    assert attributes[:, 5:].mean(0).tolist() == pytest.approx([0.5, 0.5, 0.5], abs=0.05)


def test_attributes_hardly_depend_on_each_other_or_the_class(real: Batch) -> None:
    correlations = torch.corrcoef(real["attributes"].T).fill_diagonal_(0).abs()
    assert correlations.max() < 0.35
    # A 4 has its mass nearer to the middle than a 9, so that its second moments are smaller.
    assert correlations[-1, [0, 1, 4, 5, 6]].max() < 0.1


def test_the_mark_is_not_measured_as_a_stroke(real: Batch) -> None:
    images = real["image"][:50].clone()
    before = measure(images)
    images[..., 1:4, 1:4] = 1 - images[..., 1:4, 1:4]
    after = measure(images)
    torch.testing.assert_close(after[:, :6], before[:, :6])
    torch.testing.assert_close(after[:, 6], 1 - before[:, 6])


def test_measures_of_any_image() -> None:
    blank = measure(torch.zeros(2, 3, 28, 28))
    assert blank.isfinite().all()
    assert blank[:, 5:].tolist() == [[0.5, 0]] * 2
    purple = torch.zeros(1, 3, 28, 28)
    purple[:, 0, 8:20, 10:14], purple[:, 2, 8:20, 10:14] = 0.2, 0.6
    assert measure(purple)[0, 5] == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"digits": [4]}, r"digits must be two or more different ones in \[0, 10\), got \[4\]"),
        ({"digits": [4, 4]}, r"got \[4, 4\]"),
        ({"digits": [4, 10]}, r"got \[4, 10\]"),
        ({"digits": [4, 9], "planted": "size"}, "planted must be one of thickness, slant, .*, mark, got size"),
        ({"digits": [4, 9], "planted": "9"}, "planted must be one of .* got 9"),
        ({"planted": "colour"}, r"planted needs two digits, got \[0, 1, .*9\]"),
        ({"strength": 1.5}, r"strength must be in \[0, 1\], got 1.5"),
        ({"digit_strength": 0.5}, "digit_strength needs a planted attribute, got 0.5 without"),
        ({"clear": True}, "clear needs a planted attribute, got none"),
        ({"variation": -0.1}, r"variation must be in \[0, 1\], got -0.1"),
        ({"planted_test": "none"}, "planted_test must be one of as_trained, independent, got none"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MorphoMNIST(**options)
