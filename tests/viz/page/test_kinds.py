"""Maps that look alike are found whatever their strength; noise has no kinds."""

import numpy as np
import pytest

from xaicf.viz.page.kinds import LEAST, kinds

SIDE = 12


def drawn(rows: slice, columns: slice, count: int, numbers: np.random.Generator) -> np.ndarray:
    maps = numbers.normal(0, 0.05, (count, SIDE, SIDE))
    maps[:, rows, columns] += 1
    return maps.reshape(count, -1) * numbers.uniform(0.1, 10, (count, 1))


def test_planted_kinds_are_found_with_a_map_typical_of_each() -> None:
    numbers = np.random.default_rng(0)
    top, bottom, left = slice(0, 3), slice(9, 12), slice(0, 6)
    maps = np.concatenate(
        [drawn(top, left, 5, numbers), drawn(bottom, left, 12, numbers), -drawn(top, left, 8, numbers)]
    )
    order = numbers.permutation(len(maps))
    found = kinds(maps[order])
    assert [{int(order[row]) for row in kind.rows} for kind in found] == [
        set(range(5, 17)),
        set(range(17, 25)),
        set(range(5)),
    ]
    assert all(kind.typical in kind.rows for kind in found)


def test_the_typical_map_is_nearest_to_the_middle_of_its_kind() -> None:
    away = (-0.3, -0.1, 0, 0.1, 0.3)
    beside = np.array([[1, 0, step, 0] for step in away] + [[0, 1, step, 0] for step in away])
    first, second = kinds(beside)
    assert (first.rows, second.rows) == (list(range(5)), list(range(5, 10)))
    assert (first.typical, second.typical) == (2, 7)


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_few_maps_have_no_kinds(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    assert kinds(numbers.normal(size=(40, SIDE * SIDE))) == []
    one, other = slice(0, 3), slice(8, 12)
    two = np.concatenate([drawn(one, one, 5, numbers), drawn(other, other, LEAST - 6, numbers)])
    assert kinds(two) == []


def test_maps_that_are_equal_or_nothing_have_no_kinds() -> None:
    assert kinds(np.ones((LEAST, 9))) == []
    assert kinds(np.zeros((LEAST, 9))) == []


def test_one_map_is_no_kind() -> None:
    numbers = np.random.default_rng(0)
    maps = np.ones((20, 16)) + 0.1 * numbers.normal(size=(20, 16))
    maps[7] = -1
    assert kinds(maps) == []
    maps[8] = -1
    assert [len(kind.rows) for kind in kinds(maps)] == [18, 2]
