"""Each measure against an independent computation, image by image, on a small random network."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Explanation, Status, Subject
from xaicf.evaluation import MEASURES, Measure, attribution, counterfactual

SHAPE = (1, 16, 16)


def llh(subject: Subject, image: Tensor) -> np.ndarray:
    """Give log-likelihoods of one image, written out."""
    with torch.no_grad():
        y: np.ndarray = subject.classifier(image[None])[0].numpy()
    return y - y.max() - math.log(np.exp(y - y.max()).sum())


def by_image(subject: Subject, explained: Explanation, one: Callable[..., float]) -> list[float]:
    assert explained.counterfactual is not None
    assert explained.attribution is not None
    return [
        one(
            x=explained.inputs[row],
            after=explained.counterfactual[row],
            map_=explained.attribution[row].numpy(),
            fact=int(explained.fact[row]),
            foil=int(explained.foil[row]),
        )
        for row in range(len(explained))
    ]


def naive_cout(subject: Subject, x: Tensor, after: Tensor, fact: int, foil: int, steps: int = 16) -> float:
    order = np.argsort(-np.abs((after - x).numpy()).max(0).ravel(), kind="stable")
    curves: dict[int, list[float]] = {fact: [], foil: []}
    for step in range(steps + 1):
        mixed = x.clone().flatten()
        chosen = order[: round(step / steps * len(order))]
        mixed[chosen] = after.flatten()[chosen]
        probability = np.exp(llh(subject, mixed.view(*SHAPE)))
        for role, curve in curves.items():
            curve.append(probability[role])
    area = {role: sum((a + b) / 2 / steps for a, b in itertools.pairwise(c)) for role, c in curves.items()}
    return area[foil] - area[fact]


def naive_area(subject: Subject, x: Tensor, map_: np.ndarray, fact: int, inserting: bool, steps: int = 16) -> float:
    hidden = attribution.blurred(x[None])[0]
    order = np.argsort(-map_.sum(0).ravel(), kind="stable")
    curve = []
    for step in range(steps + 1):
        first = np.zeros(len(order), dtype=bool)
        first[order[: round(step / steps * len(order))]] = True
        shown = torch.where(torch.from_numpy(first == inserting).view(*SHAPE), x, hidden)
        curve.append(float(np.exp(llh(subject, shown))[fact]))
    return sum((a + b) / 2 / steps for a, b in itertools.pairwise(curve))


def naive_kept(subject: Subject, x: Tensor, kept: np.ndarray, fact: int, foil: int) -> float:
    shown = torch.where(torch.from_numpy(kept), x, attribution.blurred(x[None])[0])
    p = np.exp(llh(subject, shown))
    return float(p[fact] / (p[fact] + p[foil]))


def naive_gini(values: np.ndarray) -> float:
    """Mean absolute difference of all pairs over twice the mean."""
    return float(np.abs(values[:, None] - values[None]).mean() / (2 * values.mean()))


def naive_third(y: np.ndarray, fact: int, foil: int) -> float:
    return max(0.0, max(y[j] for j in range(4) if j not in {fact, foil}) - max(y[fact], y[foil]))


NAIVE: dict[str, Callable[..., Callable[..., float]]] = {
    "validity": lambda s: lambda after, foil, **_: float(llh(s, after).max() - llh(s, after)[foil] <= 0.01),
    "boundary_residual": lambda s: lambda after, fact, foil, **_: abs(llh(s, after)[fact] - llh(s, after)[foil]),
    "third_class_violation": lambda s: lambda after, fact, foil, **_: naive_third(llh(s, after), fact, foil),
    "l1": lambda s: lambda x, after, **_: float(np.abs((x - after).numpy()).mean()),
    "l2": lambda s: lambda x, after, **_: float(np.linalg.norm((x - after).numpy())),
    "changed_share": lambda s: lambda x, after, **_: float((np.abs((x - after).numpy()) > 0.05).mean()),
    "cout": lambda s: lambda x, after, fact, foil, **_: naive_cout(s, x, after, fact, foil),
    "deletion": lambda s: lambda x, map_, fact, **_: naive_area(s, x, map_, fact, inserting=False),
    "insertion": lambda s: lambda x, map_, fact, **_: naive_area(s, x, map_, fact, inserting=True),
    "keep_positive": lambda s: lambda x, map_, fact, foil, **_: naive_kept(s, x, map_ > 0, fact, foil),
    "keep_negative": lambda s: lambda x, map_, fact, foil, **_: naive_kept(s, x, map_ < 0, fact, foil),
    "sign_recourse": lambda s: (
        lambda x, map_, fact, **_: float(
            np.exp(llh(s, (x + 0.003 * torch.from_numpy(np.sign(map_))).clamp(0, 1)))[fact] - np.exp(llh(s, x))[fact]
        )
    ),
    "gini": lambda s: lambda map_, **_: naive_gini(np.abs(map_.sum(0)).ravel()),
}


def measure(name: str) -> Measure:
    (found,) = (one for one in MEASURES if one.name == name)
    return found


@pytest.mark.parametrize("name", sorted(NAIVE))
def test_measure_is_its_definition(name: str, subject: Subject, explained: Explanation) -> None:
    expected = by_image(subject, explained, NAIVE[name](subject))
    assert len(set(expected)) > 1  # else the comparison shows little
    np.testing.assert_allclose(measure(name)(subject, explained).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_connectedness() -> None:
    before, after = torch.zeros(3, 1, 6, 6), torch.zeros(3, 1, 6, 6)
    after[0, 0, 0, :3] = 1  # three in a row, and one far away
    after[0, 0, 5, 5] = 1
    after[1, 0, [0, 1], [0, 1]] = 1  # two that touch at a corner
    classes = torch.zeros(3, dtype=torch.int64)
    explained = Explanation(before, classes, classes + 1, classes + 1, counterfactual=after)
    found = counterfactual.connectedness(Subject(nn.Flatten()), explained)
    assert found[:2].tolist() == [0.75, 1]
    assert found[2].isnan()


def test_reported_numbers_are_taken_over(subject: Subject, explained: Explanation) -> None:
    for number, name in enumerate(("latent_distance", "latent_l1", "gradient_evaluations", "completeness_error")):
        assert not measure(name).applies(explained)
        told = Explanation(**{**vars(explained), "scalars": {name: torch.arange(6.0) + number}})
        assert measure(name).applies(told)
        assert measure(name)(subject, told).tolist() == [number + row for row in range(6)]


@pytest.mark.parametrize("one", MEASURES, ids=lambda one: one.name)
def test_rows_that_do_not_count_are_nan_and_left_out_of_the_mean(
    one: Measure, subject: Subject, explained: Explanation
) -> None:
    status = torch.tensor([Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE] + 3 * [Status.SOLVED])
    scalars = {
        name: torch.rand(6) for name in ("latent_distance", "latent_l1", "gradient_evaluations", "completeness_error")
    }
    mixed = Explanation(**{**vars(explained), "status": status, "scalars": scalars})
    mask = torch.zeros(6, *SHAPE[1:], dtype=torch.bool)
    mask[:, 3:9, :8] = True
    assert one.applies(mixed, mask)
    assert one.applies(mixed) != one.needs_mask
    values = one(subject, mixed, mask)
    assert values[2].isnan()
    assert values[1].isnan() == (one.over == "solved")
    assert values[[0, 3, 4, 5]].isfinite().all()
    metric = one.metric()
    assert metric.higher_is_better == one.higher_is_better
    for rows in (slice(0, 4), slice(4, 6)):
        metric.update(subject, mixed[rows], mask[rows])
    assert torch.isclose(metric.compute(), values[values.isfinite()].mean())


def test_the_networks_are_left_alone(subject: Subject, explained: Explanation) -> None:
    subject.classifier.train()
    before = {name: tensor.clone() for name, tensor in subject.classifier.state_dict().items()}
    for one in MEASURES:
        if one.applies(explained):
            one(subject, explained)
    assert subject.classifier.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in subject.classifier.state_dict().items())
