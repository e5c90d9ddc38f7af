"""What a survey says, against the numbers of the whole set in one piece."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from xaicf.data import ImageFiles, LabelledImages, Split
from xaicf.data.survey import Duplicates, Survey, examples, named, survey


def random_images(count: int, seed: int, channels: int = 3) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, channels, 5, 4), dtype=torch.uint8, generator=source)


def alone(data: LabelledImages, batch_size: int = 3, **options: int) -> Survey:
    return survey({"train": Split(data)}, 4, batch_size=batch_size, **options)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_numbers_are_those_of_all_pixels(channels: int, batch_size: int) -> None:
    images, labels = random_images(11, 0, channels), torch.tensor([0, 1, 1, 3, 3, 3, 0, 3, 1, 3, 3])
    masks = torch.zeros(11, 5, 4, dtype=torch.bool)
    masks[2, :2], masks[7, :, :2] = True, True  # 8 and 10 of 20 pixels
    attributes = torch.rand(11, 2, generator=torch.Generator().manual_seed(1))
    found = alone(LabelledImages(images, labels, masks, attributes), batch_size).splits["train"]
    pixels = images.double().numpy().transpose(1, 0, 2, 3).reshape(channels, -1) / 255
    np.testing.assert_allclose(found.mean, pixels.mean(1), rtol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(1), rtol=1e-12)
    assert found.counts.tolist() == [2, 3, 0, 6]
    assert found.attributes is not None
    np.testing.assert_allclose(found.attributes, attributes.double().mean(0), rtol=1e-12)
    assert found.masked == pytest.approx(2 / 11)
    assert found.mask_area == pytest.approx(0.45)
    assert found.broken == []
    assert found.surveyed == 11


def test_a_set_without_masks_and_attributes() -> None:
    found = alone(LabelledImages(random_images(2, 0), torch.tensor([0, 1]))).splits["train"]
    assert found.attributes is None
    assert found.masked is None


def test_duplicates_are_those_of_a_loop_over_all_pairs() -> None:
    """Eight different pictures, so that most are there more than once, under labels of their own."""
    source = torch.Generator().manual_seed(2)
    pictures, sizes = random_images(8, 1), {"train": 9, "val": 4, "test": 5}
    data = {
        name: LabelledImages(
            pictures[torch.randint(8, (size,), generator=source)], torch.randint(2, (size,), generator=source)
        )
        for name, size in sizes.items()
    }
    found = survey({name: Split(one) for name, one in data.items()}, 2, batch_size=2, pairs=100)  # type: ignore[misc]
    expected = []
    for first, second in itertools.combinations_with_replacement(sizes, 2):
        pairs, other = [], 0
        for here in range(sizes[second]):
            for there in range(here if first == second else sizes[first]):
                if torch.equal(data[first].images[torch.tensor(there)], data[second].images[torch.tensor(here)]):
                    pairs.append((there, here))
                    other += int(data[first].labels[there] != data[second].labels[here])
                    break
        if pairs:
            expected.append(Duplicates(first, second, len(pairs), other, pairs))  # type: ignore[arg-type]
    assert len(expected) > 3
    assert found.duplicates == expected
    few = survey({name: Split(one) for name, one in data.items()}, 2, pairs=1)  # type: ignore[misc]
    assert [(one.images, len(one.pairs)) for one in few.duplicates] == [(one.images, 1) for one in expected]


def test_different_images_are_no_duplicates() -> None:
    """Of one pixel and value each: also a digest of zeros at its end is told apart."""
    images = torch.arange(256, dtype=torch.uint8)[:, None, None, None]
    assert alone(LabelledImages(images, torch.zeros(256, dtype=torch.int64))).duplicates == []


def files(root: Path, count: int, broken: tuple[int, ...]) -> Split:
    pixels = random_images(count, 3).permute(0, 2, 3, 1).numpy()
    for number in range(count):
        path = root / f"{number}.png"
        Image.fromarray(pixels[number]).save(path)
        if number in broken:
            path.write_bytes(path.read_bytes()[:40])
    paths = [str(root / f"{number}.png") for number in range(count)]
    return Split(LabelledImages(ImageFiles(paths, (3, 4, 4)), torch.arange(count) % 2))


def test_broken_files_are_named_and_left_out(tmp_path: Path) -> None:
    split = files(tmp_path, 9, broken=(1, 4, 8))
    found = survey({"test": split}, 2, batch_size=2).splits["test"]
    assert found.broken == [1, 4, 8]
    for number, reason in zip(found.broken, found.reasons, strict=True):
        assert str(tmp_path / f"{number}.png") in reason
    assert all("cannot be read" in reason for reason in found.reasons)
    assert found.counts.tolist() == [5, 4]
    whole = split.images[torch.tensor([0, 2, 3, 5, 6, 7])].double() / 255
    np.testing.assert_allclose(found.mean, whole.mean((0, 2, 3)), rtol=1e-12)
    assert named(split, 4, "test") == str(tmp_path / "4.png")
    shown = examples(split, 2, 9)
    assert {label: len(images) for label, images in shown.items()} == {0: 3, 1: 3}
    nothing = survey({"test": files(tmp_path, 2, broken=(0, 1))}, 2).splits["test"]
    assert nothing.mean.isnan().all()


def test_some_of_a_split() -> None:
    images = torch.arange(20, dtype=torch.uint8)[:, None, None, None]
    labels = torch.arange(20) // 10
    found = survey({"val": Split(LabelledImages(images, labels))}, 2, most=5)
    one = found.splits["val"]
    assert one.surveyed == 5
    assert one.counts.tolist() == [10, 10]
    assert float(one.mean) == pytest.approx(8 / 255)  # of 0, 4, 8, 12, 16
    shown = examples(Split(LabelledImages(images, labels)), 3, 4)
    assert {label: some.flatten().tolist() for label, some in shown.items()} == {0: [0, 3, 6, 9], 1: [10, 13, 16, 19]}
    assert named(Split(LabelledImages(images, labels)), 7, "val") == "val 7"
