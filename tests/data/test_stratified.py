"""Small classes in splits that are cut."""

import pytest
import torch

from xaicf.core import DataError, SplitName
from xaicf.data.base import LabelledImages, cut_missing
from xaicf.data.stratified import cut_every_class

FRACTIONS: dict[SplitName, float] = {"val": 0.1, "test": 0.1}


def numbered(*sizes: int) -> LabelledImages:
    """Give classes of these sizes; an image's pixel is its number."""
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return LabelledImages(torch.arange(sum(sizes), dtype=torch.uint8)[:, None, None, None], labels)


def names(*sizes: int) -> list[str]:
    return [f"class {place}" for place in range(len(sizes))]


def counts(splits: dict[SplitName, LabelledImages], classes: int) -> dict[str, list[int]]:
    return {name: torch.bincount(data.labels, minlength=classes).tolist() for name, data in splits.items()}


@pytest.mark.parametrize("seed", range(5))
def test_no_class_is_missing(seed: int) -> None:
    sizes = (100, 3, 4, 30, 3)
    whole = numbered(*sizes)
    found = cut_every_class({"train": whole}, FRACTIONS, seed, names(*sizes))
    assert counts(found, 5) == {"val": [10, 1, 1, 3, 1], "test": [10, 1, 1, 3, 1], "train": [80, 1, 2, 24, 1]}
    pixels = torch.cat([torch.as_tensor(data.images).flatten() for data in found.values()])  # type: ignore[arg-type]
    assert pixels.sort().values.tolist() == list(range(140))
    for data in found.values():
        assert isinstance(data.images, torch.Tensor)
        assert torch.equal(whole.labels[data.images.flatten().long()], data.labels)
        assert data.labels.tolist() != sorted(data.labels.tolist())
    again = cut_every_class({"train": whole}, FRACTIONS, seed, names(*sizes))
    assert all(torch.equal(found[name].images, again[name].images) for name in found)  # type: ignore[arg-type]


def test_a_cut_that_leaves_none_out_stays_as_it_is() -> None:
    whole = numbered(60, 60)
    found, plain = cut_every_class({"train": whole}, FRACTIONS, 3, "ab"), cut_missing({"train": whole}, FRACTIONS, 3)
    assert all(torch.equal(found[name].images, plain[name].images) for name in plain)  # type: ignore[arg-type]


def test_tiny_classes_are_for_training_first() -> None:
    whole = numbered(1, 1, 2, 2, 50)
    for seed in range(20):
        found = counts(cut_every_class({"train": whole}, FRACTIONS, seed, names(1, 1, 2, 2, 50)), 5)
        assert all(found["train"])
        assert found["test"][4] > 0 < found["val"][4]


@pytest.mark.parametrize("seed", range(3))
def test_a_given_split_is_left_alone(seed: int) -> None:
    given = numbered(2, 2)
    found = cut_every_class({"train": numbered(40, 2), "test": given}, FRACTIONS, seed, "ab")
    assert found["test"] is given
    assert counts(found, 2)["train"][1] == counts(found, 2)["val"][1] == 1


def test_large_shares_leave_one_for_training() -> None:
    found = cut_every_class({"train": numbered(90, 3, 5)}, {"val": 0.45, "test": 0.5}, 1, "abc")
    assert min(map(min, counts(found, 3).values())) >= 1


def test_a_class_without_a_training_image_is_named() -> None:
    with pytest.raises(DataError, match="class b has no training image"):
        cut_every_class({"train": numbered(9, 0, 9)}, FRACTIONS, 0, "abc")
    with pytest.raises(DataError, match="no class has images enough for the split val, the largest has 1"):
        cut_every_class({"train": numbered(*[1] * 20)}, FRACTIONS, 0, names(*[1] * 20))
