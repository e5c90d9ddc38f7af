"""Each measure against an independent computation, image by image, on a small random network."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA
from torch import Tensor, nn

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.evaluation import MEASURES, Measure, attribution, counterfactual, realism, robustness
from xaicf.explainers import Attribution
from xaicf.nn import TwoConv

SHAPE = (1, 16, 16)
COUNT = 6


@pytest.fixture
def subject() -> Subject:
    torch.manual_seed(0)
    network = TwoConv(SHAPE, 4).double().eval()
    with torch.no_grad():
        list(network.parameters())[-2].mul_(30)  # else every class is as likely as any other
    return Subject(network)


@pytest.fixture
def explained() -> Explanation:
    random = torch.Generator().manual_seed(1)
    inputs, after = torch.rand(2, COUNT, *SHAPE, generator=random, dtype=torch.float64)
    after = torch.where(torch.rand(COUNT, *SHAPE, generator=random) < 0.7, inputs, after)
    fact = torch.arange(COUNT) % 4
    return Explanation(
        inputs,
        fact,
        (fact + 1 + torch.arange(COUNT) % 2) % 4,
        torch.full((COUNT,), Status.SOLVED),
        attribution=torch.randn(COUNT, *SHAPE, generator=random, dtype=torch.float64),
        counterfactual=after,
    )


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
    assert measure("latent_distance")(subject, explained).isnan().all()
    scalars = {"latent_distance": torch.arange(6.0), "gradient_evaluations": torch.arange(6.0) + 3}
    told = Explanation(**{**vars(explained), "scalars": scalars})
    assert measure("latent_distance")(subject, told).tolist() == [0, 1, 2, 3, 4, 5]
    assert measure("gradient_evaluations")(subject, told).tolist() == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("one", MEASURES, ids=lambda one: one.name)
def test_rows_that_do_not_count_are_nan_and_left_out_of_the_mean(
    one: Measure, subject: Subject, explained: Explanation
) -> None:
    status = torch.tensor([Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE] + 3 * [Status.SOLVED])
    scalars = {"latent_distance": torch.rand(6), "gradient_evaluations": torch.rand(6)}
    mixed = Explanation(**{**vars(explained), "status": status, "scalars": scalars})
    values = one(subject, mixed)
    assert values[2].isnan()
    assert values[1].isnan() == (one.over == "solved")
    assert values[[0, 3, 4, 5]].isfinite().all()
    metric = one.metric()
    assert metric.higher_is_better == one.higher_is_better
    for rows in (slice(0, 4), slice(4, 6)):
        metric.update(subject, mixed[rows])
    assert torch.isclose(metric.compute(), values[values.isfinite()].mean())


def test_ranks_share_ties_as_scipy_does() -> None:
    first = torch.randint(4, (5, 30)).double()
    second = torch.randint(4, (5, 30)).double()
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(first.numpy(), second.numpy(), strict=True)]
    np.testing.assert_allclose(attribution.rank_correlation(first, second).numpy(), expected, rtol=1e-9)


def test_pointing_and_inverse_localisation(explained: Explanation) -> None:
    map_ = attribution.relevance(explained)
    mask = torch.zeros_like(map_, dtype=torch.bool)
    mask[:, :, :8] = True
    top = map_.flatten(1).argmax(1) % 16 < 8
    assert attribution.pointing(explained, mask).bool().tolist() == top.tolist()
    expected = [float(one[~m].abs().mean() / one[m].abs().mean()) for one, m in zip(map_, mask, strict=True)]
    np.testing.assert_allclose(attribution.inverse_localisation(explained, ~mask, mask).numpy(), expected, rtol=1e-9)


def test_frechet_distance_is_the_formula() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 3))
    real, made = torch.rand(600, 1, 4, 4), torch.rand(300, 1, 4, 4) ** 2
    with torch.no_grad():
        a, b = (network[:3](images).double().numpy() for images in (real, made))
    root = np.linalg.eigvals(np.cov(a.T) @ np.cov(b.T)).real.clip(0) ** 0.5
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * root.sum()
    assert realism.frechet_distance(network, real, made) == pytest.approx(expected, rel=1e-4)
    assert realism.frechet_distance(network, real, real) == pytest.approx(0, abs=1e-5)


def test_neighbours_of_foil() -> None:
    """Reference images lie on a line, the two halves of which the classifier calls 0 and 1."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[0.0], [1.0]]))
        network[1].bias.copy_(torch.tensor([0.5, 0.0]))
    line = torch.linspace(0, 1, 101).view(-1, 1, 1, 1)
    reference = {"image": line, "label": torch.zeros(101, dtype=torch.int64), "index": torch.arange(101)}
    after = torch.tensor([0.1, 0.9, 0.5]).view(-1, 1, 1, 1)
    zero = torch.zeros(3, dtype=torch.int64)
    explained = Explanation(after, zero, zero + 1, zero + 1, counterfactual=after)
    found = realism.neighbours_of_foil(Subject(network, reference=reference), explained, k=5)
    assert found[:2].tolist() == [0, 1]
    assert 0 < found[2] < 1
    with pytest.raises(InputError, match="reference"):
        realism.neighbours_of_foil(Subject(network), explained)


def test_im1_and_im2_are_their_definitions_with_principal_components() -> None:
    random = torch.Generator().manual_seed(0)
    images = torch.rand(60, 1, 4, 4, generator=random)
    label = torch.arange(60) % 3
    images[label == 1, :, :2] = 0.5
    made = realism.ClassAutoencoders({"image": images, "label": label, "index": label}, 3, components=4)
    after, fact = torch.rand(5, 1, 4, 4, generator=random), torch.tensor([0, 1, 2, 0, 1])
    explained = Explanation(after, fact, (fact + 1) % 3, torch.ones_like(fact), counterfactual=after)

    def again(x: Tensor, of: Tensor) -> np.ndarray:
        pca = PCA(4).fit(of.flatten(1).numpy())
        back: np.ndarray = pca.inverse_transform(pca.transform(x.flatten()[None].numpy()))[0]
        return back

    for row in range(5):
        x, (t, f) = after[row], (int(explained.fact[row]), int(explained.foil[row]))
        flat = x.flatten().numpy()
        errors = [((flat - again(x, images[label == c])) ** 2).sum() for c in (f, t)]
        assert realism.im1(made, explained)[row] == pytest.approx(errors[0] / errors[1], rel=1e-4)
        apart = ((again(x, images[label == f]) - again(x, images)) ** 2).sum() / flat.sum()
        assert realism.im2(made, explained)[row] == pytest.approx(apart, rel=1e-4)


def test_a_class_without_images_has_no_autoencoder() -> None:
    image = torch.rand(4, 1, 4, 4)
    label = torch.tensor([0, 0, 0, 1])
    with pytest.raises(InputError, match="class 1 has 1"):
        realism.ClassAutoencoders({"image": image, "label": label, "index": label}, 2)


def test_a_method_that_does_not_hear_the_foil_has_correlation_one(subject: Subject, explained: Explanation) -> None:
    deaf, hears = Attribution("gradient", "logit"), Attribution("gradient", "pair")
    for explainer, alike in ((deaf, True), (hears, False)):
        answer = explainer.explain(subject, explained.inputs)
        found = robustness.foil_correlation(explainer, subject, answer)
        assert (found > 0.999).all() == alike
        noisy = robustness.noise_correlation(explainer, subject, answer)
        assert ((noisy > 0) & (noisy <= 1)).all()


def test_another_foil_needs_three_classes(explained: Explanation) -> None:
    torch.manual_seed(0)
    two = Subject(TwoConv(SHAPE, 2).double())
    explainer = Attribution("gradient", "pair")
    with pytest.raises(InputError, match="three classes"):
        robustness.foil_correlation(explainer, two, explainer.explain(two, explained.inputs))


def test_the_networks_are_left_alone(subject: Subject, explained: Explanation) -> None:
    subject.classifier.train()
    before = {name: tensor.clone() for name, tensor in subject.classifier.state_dict().items()}
    for one in MEASURES:
        one(subject, explained)
    assert subject.classifier.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in subject.classifier.state_dict().items())
