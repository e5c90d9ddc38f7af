"""Cells hold the questions that the atlas counts in them."""

import numpy as np

from xaicf.viz.page.cells import Cell, cells, shared


def test_a_confusion_holds_what_was_asked_about_the_label_where_all_were_asked() -> None:
    # image, label, fact, foil: 0 and 1 are right; 2 and 3 are ones taken for twos, both asked about every class; 4 is a
    # zero taken for a two, which was not asked about the zero.
    asked = [(0, 0, 0, 1), (1, 0, 0, 2), (2, 1, 2, 0), (2, 1, 2, 1), (3, 1, 2, 0), (3, 1, 2, 1), (4, 0, 2, 1)]
    found = {(cell.label, cell.fact, cell.foil): cell.questions for cell in cells(asked)}
    assert found == {
        (None, 0, 1): [0],
        (None, 0, 2): [1],
        (None, 2, 0): [2, 4],
        (None, 2, 1): [3, 5, 6],
        (0, 0, None): [0, 1],
        (1, 2, 1): [3, 5],
        (0, 2, None): [6],
    }


def test_maps_weigh_alike_and_absent_ones_are_left_out() -> None:
    maps = {3: np.array([[2.0, -4.0]]), 5: np.array([[0.1, 0.0]]), 8: np.array([[7.0, 7.0]]), 9: np.zeros((1, 2))}
    found = shared(Cell(None, 0, 1, [3, 4, 5, 9]), maps)
    assert found is not None
    assert found.whole.questions == [3, 5, 9]
    np.testing.assert_allclose(found.whole.mean, [[0.5, -1 / 3]], rtol=1e-6)
    assert (found.kinds, found.asked) == ([], False)
    assert shared(Cell(None, 0, 1, [4]), maps) is None
    assert shared(Cell(None, 0, 1, [3, 5]), maps | {5: np.ones((2, 2))}) is None


def test_kinds_are_of_the_questions_of_the_cell() -> None:
    numbers = np.random.default_rng(0)
    maps = {n: np.where(n % 3, 1, -1) * np.ones((4, 4)) + numbers.normal(0, 0.1, (4, 4)) for n in range(30)}
    found = shared(Cell(None, 0, 1, list(range(0, 30, 2))), maps)
    assert found is not None
    assert [one.questions for one in found.kinds] == [[n for n in range(0, 30, 2) if n % 3], list(range(0, 30, 6))]
    assert all(one.typical in one.questions for one in found.kinds)
    assert found.asked
