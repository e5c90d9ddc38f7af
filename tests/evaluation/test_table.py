"""What was measured of explanations that are at hand."""

import numpy as np
import torch

from xaicf.core import Explanation, Subject
from xaicf.evaluation import MEASURES, Measured, rows


def test_measures_that_apply_are_taken_of_every_question(subject: Subject, explained: Explanation) -> None:
    mask = torch.zeros(len(explained), *explained.inputs.shape[2:], dtype=torch.bool)
    mask[:, 2:9, 2:9] = True
    whole = Measured.of(subject, explained, MEASURES, mask=mask)
    assert set(whole.values) == set(whole.about) == {one.name for one in MEASURES if one.applies(explained, mask)}
    assert {"l1", "deletion", "pointing"} <= set(whole.values)
    for measure in MEASURES:
        if measure.name in {"l1", "pointing"}:
            np.testing.assert_array_equal(whole.values[measure.name], measure(subject, explained, mask).numpy())
    assert not {"pointing", "inverse_localisation"} & set(Measured.of(subject, explained, MEASURES).values)


def test_explainers_are_paired_by_image_whatever_their_order(subject: Subject, explained: Explanation) -> None:
    chosen = [measure for measure in MEASURES if measure.name == "l1"]
    ids = torch.arange(len(explained)) + 100
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    first = Measured.of(subject, explained, chosen, ids)
    second = Measured.of(subject, explained[order], chosen, ids[order])
    assert first.keys == list(zip(ids.tolist(), explained.foil.tolist(), strict=True))
    table = rows({"a": first, "b": second})
    assert [row["mean"] for row in table] == [table[0]["mean"]] * 2
    assert table[1]["n_paired"] == len(explained)
    assert table[1]["effect"] == 0
