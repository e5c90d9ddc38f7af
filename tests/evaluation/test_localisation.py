"""Localisation against the definition, written out for one image at a time."""

import numpy as np
import torch

from xaicf.core import Explanation, Subject
from xaicf.evaluation import localisation
from xaicf.evaluation.attribution import relevance


def test_pointing_and_inverse_localisation(subject: Subject, explained: Explanation) -> None:
    map_ = relevance(explained)
    mask = torch.rand(map_.shape, generator=torch.Generator().manual_seed(2)) < 0.5
    mask[3] = False
    pointed, located = (
        localisation.pointing(subject, explained, mask),
        localisation.inverse_localisation(subject, explained, mask),
    )
    for row, (one, area) in enumerate(zip(map_.numpy(), mask.numpy(), strict=True)):
        if row == 3:  # an empty mask asks nothing
            assert pointed[row].isnan()
            assert located[row].isnan()
            continue
        place = np.unravel_index(np.abs(one).argmax(), one.shape)
        assert pointed[row] == float(area[place])
        np.testing.assert_allclose(located[row], np.abs(one[~area]).mean() / np.abs(one[area]).mean(), rtol=1e-9)
    assert 0 < pointed.nansum() < 5


def test_a_map_that_is_even_everywhere_has_inverse_localisation_one(subject: Subject, explained: Explanation) -> None:
    even = Explanation(**{**vars(explained), "attribution": torch.ones_like(explained.inputs)})
    mask = torch.zeros(len(even), *even.inputs.shape[2:], dtype=torch.bool)
    mask[:, 2:5, 7:] = True
    assert torch.allclose(localisation.inverse_localisation(subject, even, mask), torch.ones(len(even)).double())
