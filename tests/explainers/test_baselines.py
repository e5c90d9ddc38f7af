"""Baselines: what each is, for every method that compares, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, DeepLiftShap, IntegratedGradients, Occlusion
from torch import Tensor, nn

from xaicf.core import Batch, Explanation, InputError, Status, Subject, Translator, network_sha256
from xaicf.explainers import Attribution, Explainer
from xaicf.explainers.baselines import BASELINES, Baseline, Counterfactual, Ganmex, NearestSample, Samples
from xaicf.explainers.baselines.training import nearest
from xaicf.explainers.methods import METHODS

SHAPE, CLASSES = (2, 8, 8), 4


def classifier() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10), nn.ReLU(), nn.Linear(10, CLASSES)
    return nn.Sequential(*layers).double().eval()


class Shifted(nn.Module, Translator):
    """Lightens the channel that the class says, and says of itself what it is told to."""

    def __init__(self, fitness: dict[str, float] | None = None, trained: str | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))
        self._fitness, self._trained = fitness, trained

    def translate(self, images: Tensor, classes: Tensor) -> Tensor:
        made = images.clone()
        rows = torch.arange(len(images))
        made[rows, classes % 2] = (1 - self.weight) * images[rows, classes % 2] + self.weight
        return made

    @property
    def fitness(self) -> dict[str, float] | None:
        return self._fitness

    @property
    def classifier_sha256(self) -> str | None:
        return self._trained


class Half(Explainer):
    """Gives half of the image as a counterfactual."""

    def _explain(self, subject: Subject, inputs: Tensor, fact: Tensor, foil: Tensor) -> Explanation:
        return Explanation(
            inputs, fact, foil, torch.full_like(fact, Status.SOLVED), counterfactual=inputs / 2, attribution=inputs
        )


def images(count: int = 3) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def reference(count: int = 40) -> Batch:
    image = torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return {"image": image, "label": torch.arange(count) % CLASSES, "index": torch.arange(count)}


def subject() -> Subject:
    return Subject(classifier(), translator=Shifted(), reference=reference())


ALL: dict[str, Any] = {**{name: name for name in BASELINES}, "half": Counterfactual(Half())}
COMPARING = [name for name, way in METHODS.items() if way.compares]


@pytest.mark.parametrize("baseline", ALL.values(), ids=ALL)
@pytest.mark.parametrize("method", COMPARING)
def test_every_baseline_serves_every_method_that_compares(method: Any, baseline: Any) -> None:
    given = subject()
    explainer = Attribution(method, "pair", baseline=baseline)
    found = explainer.explain(given, images())
    assert found.attribution is not None
    assert found.attribution.isfinite().all()
    assert found.attribution.flatten(1).abs().sum(1).min() > 0
    one = explainer.explain(given, images()[1:2], found.fact[1:2], found.foil[1:2])  # whatever the batch
    torch.testing.assert_close(one.attribution, found.attribution[1:2], rtol=1e-5, atol=1e-8)
    made = explainer.baseline(given, images(), found.fact, found.foil) if explainer.baseline else None
    assert made is not None
    if made.ndim == 4:
        assert found.baseline is not None
        torch.testing.assert_close(found.baseline, made)
        logits = given.classifier(made)
        torch.testing.assert_close(
            found.scalars["foil_probability_baseline"], logits.softmax(1).gather(1, found.foil[:, None])[:, 0]
        )
    if method in {"integrated_gradients", "deeplift", "deep_shap"}:
        several = made if made.ndim == 5 else made[:, None]
        score = lambda x: (given.classifier(x) * pair).sum(1)  # noqa: E731
        pair = nn.functional.one_hot(found.fact, CLASSES) - nn.functional.one_hot(found.foil, CLASSES)
        rise = score(images()) - torch.stack([score(one) for one in several.unbind(1)]).mean(0)
        tolerance = 1e-3 if method == "integrated_gradients" else 1e-9
        known = found.status == Status.SOLVED
        assert known.any()
        torch.testing.assert_close(found.attribution.flatten(1).sum(1)[known], rise[known], rtol=tolerance, atol=1e-9)


def test_maps_against_generated_baselines_are_captums() -> None:
    given, inputs = subject(), images()
    fact, foil = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3])
    assert isinstance(given.translator, Shifted)
    with torch.no_grad():
        baselines = given.translator.translate(inputs, foil)

    class Difference(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = given.classifier

        def forward(self, x: Tensor, first: Tensor, second: Tensor) -> Tensor:
            logits = self.network(x)
            return (logits.gather(1, first[:, None]) - logits.gather(1, second[:, None]))[:, 0]

    score = Difference()
    calls = {
        "deeplift": lambda: DeepLift(score).attribute(
            inputs.clone().requires_grad_(), baselines, additional_forward_args=(fact, foil)
        ),
        "occlusion": lambda: Occlusion(score).attribute(
            inputs, (2, 1, 1), baselines=baselines, additional_forward_args=(fact, foil)
        )[:, :1],
    }
    for method, call in calls.items():
        found = Attribution(method, "pair", baseline="ganmex").explain(given, inputs, fact, foil)  # type: ignore[arg-type]
        theirs = call().detach().to(inputs)
        torch.testing.assert_close(found.attribution, theirs, rtol=1e-6, atol=1e-6)
    found = Attribution("integrated_gradients", "pair", baseline="ganmex").explain(given, inputs, fact, foil)
    assert found.attribution is not None
    for row, map_ in enumerate(found.attribution):  # with more steps where fewer are not complete
        one = slice(row, row + 1)
        kept = [
            IntegratedGradients(score).attribute(
                inputs[one], baselines[one], additional_forward_args=(fact[one], foil[one]), n_steps=steps
            )[0]
            for steps in (64, 256, 1024)
        ]
        assert min(float((map_ - theirs).abs().max()) for theirs in kept) < 1e-6


def test_samples_of_deep_shap_are_captums_for_the_same_images() -> None:
    given, inputs = Subject(classifier(), reference=reference(12)), images()
    found = Attribution("deep_shap", "logit", baseline=Samples(count=12)).explain(given, inputs)
    seen = reference(12)["image"]
    theirs = DeepLiftShap(classifier()).attribute(inputs.clone().requires_grad_(), seen, target=found.fact)
    torch.testing.assert_close(found.attribution, theirs.detach(), rtol=1e-6, atol=1e-9)


def test_nearest_sample_is_the_nearest_of_the_foil() -> None:
    given, inputs, foil = reference(), images(20), torch.arange(20) % CLASSES
    made = NearestSample()(Subject(classifier(), reference=given), inputs, (foil + 1) % CLASSES, foil)
    for image, one, found in zip(inputs, foil, made, strict=True):
        pool = given["image"][given["label"] == one].numpy()
        distances = np.sqrt(((pool - image.numpy()) ** 2).sum((1, 2, 3)))
        np.testing.assert_array_equal(found.numpy(), pool[distances.argmin()])
    own = nearest(given["image"], given["label"], given)
    torch.testing.assert_close(own, given["image"])


def test_nearest_sample_is_exact_where_images_hardly_differ() -> None:
    source = torch.Generator().manual_seed(3)
    image = torch.rand(20, 3, 64, 64, generator=source)
    candidates = image.repeat_interleave(6, 0) + 1e-3 * torch.randn(120, 3, 64, 64, generator=source)
    training: Batch = {"image": candidates, "label": torch.zeros(120, dtype=torch.int64), "index": torch.arange(120)}
    made = nearest(image, torch.zeros(20, dtype=torch.int64), training)
    for one, found in zip(image.double(), made, strict=True):
        distances = (candidates.double() - one).square().sum((1, 2, 3))
        assert torch.equal(found, candidates[distances.argmin()])


def test_samples_are_of_the_foil_and_by_the_image_alone() -> None:
    given = Subject(classifier(), reference=reference())
    inputs, foil = images(4), torch.tensor([0, 1, 2, 3])
    made = Samples(of_foil=True, count=5)(given, inputs, (foil + 1) % CLASSES, foil)
    assert made.shape == (4, 5, *SHAPE)
    for one, drawn in zip(foil.tolist(), made, strict=True):
        pool = reference()["image"][reference()["label"] == one]
        assert all(any(torch.equal(image, other) for other in pool) for image in drawn)
        assert len({float(image.sum()) for image in drawn}) == 5
    mirrored = Samples(of_foil=True, count=5)(given, inputs.flip(0), (foil + 1).flip(0) % CLASSES, foil.flip(0))
    torch.testing.assert_close(mirrored.flip(0), made)
    uneven = {**reference(), "label": torch.tensor([0] * 3 + [1] * 37)}
    of_many = Samples(of_foil=True, count=5)(Subject(classifier(), reference=uneven), inputs[:1], foil[:1], foil[1:2])
    assert of_many.shape[1] == 3  # as beside an image whose foil has no more
    every = Samples(count=7)(given, inputs, foil, foil)
    assert every.shape == (4, 7, *SHAPE)
    assert not torch.equal(every[0], every[1])


def test_unfit_translators_are_refused_with_the_number() -> None:
    fit = {
        "validity": 0.99,
        "second_validity": float("nan"),
        "input_dependence": 0.8,
        "relative_distance": 0.6,
        "relative_frechet": 0.1,
    }
    inputs = images()
    for name, value, side in (
        ("validity", 0.5, "least 0.9"),
        ("second_validity", 0.1, "least 0.7"),
        ("input_dependence", 0.03, "least 0.5"),
        ("relative_distance", 1.5, "most 1"),
        ("relative_frechet", 2.0, "most 1"),
    ):
        unfit = Subject(classifier(), translator=Shifted({**fit, name: value}))
        with pytest.raises(InputError, match=f"its {name} is {value:.3g}, and must be at {side}"):
            Attribution("deeplift", "pair", baseline="ganmex").explain(unfit, inputs)
        Attribution("deeplift", "pair", baseline=Ganmex(unfit=True)).explain(unfit, inputs)
        Attribution("deeplift", "pair", baseline=Ganmex({name: value})).explain(unfit, inputs)
    Attribution("deeplift", "pair", baseline="ganmex").explain(Subject(classifier(), translator=Shifted(fit)), inputs)
    own = Shifted(fit, network_sha256(classifier()))
    Attribution("deeplift", "pair", baseline="ganmex").explain(Subject(classifier(), translator=own), inputs)
    other = Subject(classifier(), translator=Shifted(fit, "0" * 64))
    with pytest.raises(InputError, match="trained against another classifier than the subject's"):
        Attribution("deeplift", "pair", baseline=Ganmex(unfit=True)).explain(other, inputs)
    Attribution("deeplift", "pair", baseline=Ganmex(foreign=True)).explain(other, inputs)
    never = Subject(classifier(), translator=Shifted(dict.fromkeys(fit, float("nan"))))
    with pytest.raises(InputError, match="its validity was never measured; validate it with LogTranslations"):
        Attribution("deeplift", "pair", baseline="ganmex").explain(never, inputs)


def test_baselines_that_were_not_found_leave_a_question_unsolved() -> None:
    class Lost(Half):
        def _explain(self, subject: Subject, inputs: Tensor, fact: Tensor, foil: Tensor) -> Explanation:
            found = super()._explain(subject, inputs, fact, foil)
            status = torch.tensor([Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE])
            return replace(found, status=status)

    found = Attribution("deeplift", "pair", baseline=Counterfactual(Lost())).explain(subject(), images())
    assert found.status.tolist() == [Status.SOLVED, Status.UNSOLVED, Status.NOT_APPLICABLE]


def test_baselines_of_another_size_are_refused() -> None:
    small = {**reference(), "image": torch.rand(40, 2, 6, 6, dtype=torch.float64)}
    with pytest.raises(InputError, match=r"samples gives images of \(2, 6, 6\), the inputs are of \(2, 8, 8\)"):
        Attribution("deep_shap", "pair").explain(Subject(classifier(), reference=small), images())


def test_what_is_missing_is_named() -> None:
    bare = Subject(classifier())
    for name, seat in (("mdts", "reference"), ("foil_samples", "reference"), ("ganmex", "translator")):
        with pytest.raises(InputError, match=f"needs a {seat}, and the subject has none"):
            Attribution("deeplift", "pair", baseline=name).explain(bare, images())  # type: ignore[arg-type]
    few = {**reference(), "label": torch.zeros(40, dtype=torch.int64)}
    for name in ("mdts", "foil_samples"):
        with pytest.raises(InputError, match="reference has no image of the foil 2"):
            Attribution("deeplift", "pair", baseline=name).explain(  # type: ignore[arg-type]
                Subject(classifier(), reference=few),
                images(),
                1,
                2,  # type: ignore[arg-type]
            )
    empty = {name: values[:0] for name, values in reference().items()}  # type: ignore[index]
    with pytest.raises(InputError, match="reference has no images"):
        Samples()(Subject(classifier(), reference=empty), images(), torch.zeros(3).long(), torch.ones(3).long())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="count must be at least 1, got 0"):
        Samples(count=0)
    with pytest.raises(InputError, match=r"limits are on validity, .*, got accuracy"):
        Ganmex({"accuracy": 1})
    with pytest.raises(InputError, match="needs an explainer that gives counterfactuals, gradient-pair does not"):
        Attribution("deeplift", "pair", baseline=Counterfactual(Attribution("gradient", "pair"))).explain(
            bare, images()
        )


def test_names_tell_baselines_apart() -> None:
    made: list[Baseline] = [*(make() for make in BASELINES.values()), Counterfactual(Half())]
    names = [Attribution("deeplift", "pair", baseline=one).name for one in made]
    assert len(set(names)) == len(names)
    assert "deeplift-pair-ganmex" in names
