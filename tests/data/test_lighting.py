"""Light of pictures whose light is known."""

import pytest
import torch

from xaicf.data.lighting import RANGES, measure_lighting


def picture() -> torch.Tensor:
    return torch.full((1, 1, 64, 64), 0.49)


def test_a_flat_picture_has_the_middle_of_what_goes_both_ways() -> None:
    found = dict(zip(RANGES, measure_lighting(picture())[0].tolist(), strict=True))
    assert found["brightness"] == pytest.approx(0.5)
    assert found["light_from_right"] == pytest.approx(0.5)
    assert found["contrast"] == found["sharpness"] == 0


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("light_from_right", slice(None), slice(32, None)),
        ("light_from_above", slice(32), slice(None)),
        ("bright_mouth", slice(42, 52), slice(20, 44)),
        ("brightness", slice(None), slice(None)),
    ],
)
def test_more_light_raises_its_attribute(name: str, rows: slice, columns: slice) -> None:
    lit = picture()
    lit[:, :, rows, columns] += 0.05
    number = list(RANGES).index(name)
    assert measure_lighting(lit)[0, number] > measure_lighting(picture())[0, number] + 0.05
