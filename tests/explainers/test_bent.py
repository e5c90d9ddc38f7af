"""Maps of one class bent into contrasts, against a naive loop."""

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.explainers import Attribution, Bent, CDeepEx, PredictionDifference


def linear(seed: int = 0, classes: int = 4) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(49, classes)).double()


def images(count: int = 5) -> Tensor:
    return torch.rand(count, 1, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def naive(classifier: nn.Module, image: Tensor, own: Tensor, other: Tensor, fact: int, foil: int) -> list[Tensor]:
    """Give the maps of one image (1, 1, H, W) that are kept."""
    before = classifier(image).softmax(1)[0]
    kept = []
    for step in range(1, 401):
        bent = own - 0.005 * step * other
        after = classifier((image - bent / bent.abs().max()).clamp(0, 1)).softmax(1)[0]
        if after[fact] < before[fact] and after[foil] > before[foil]:
            kept.append(bent)
    return kept


@pytest.mark.parametrize("method", ["gradient", "input_x_gradient", "occlusion"])
def test_is_the_mean_of_the_maps_that_work(method: str) -> None:
    classifier, inputs = linear(), images()
    why = Attribution(method, "logit")  # type: ignore[arg-type]
    found = Bent(why).explain(Subject(classifier), inputs)
    assert found.attribution is not None
    shares = found.scalars["kept"]
    for row in range(len(inputs)):
        fact, foil, image = int(found.fact[row]), int(found.foil[row]), inputs[row : row + 1]
        own, other = (
            why.explain(Subject(classifier), image, one, two).attribution for one, two in ((fact, foil), (foil, fact))
        )
        assert own is not None
        assert other is not None
        kept = naive(classifier, image, own, other, fact, foil)
        assert shares[row] == pytest.approx(len(kept) / 400)
        assert (found.status[row] == Status.SOLVED) == bool(kept)
        wanted = torch.cat(kept).mean(0) if kept else (own - other)[0]
        assert torch.allclose(found.attribution[row], wanted, atol=1e-12)
    assert shares.max() > 0


def test_a_map_that_never_works_is_unsolved() -> None:
    """The wrong way round, it raises the fact and lowers the foil for every weight."""

    class Wrong(Attribution):
        def _explain(self, subject: Subject, inputs: Tensor, fact: Tensor, foil: Tensor) -> Explanation:
            found = super()._explain(subject, inputs, foil, fact)
            return Explanation(inputs, fact, foil, found.status, found.attribution)

    subject, inputs = Subject(linear(classes=2)), images()
    found = Bent(Wrong("gradient", "pair")).explain(subject, inputs)
    assert (found.status == Status.UNSOLVED).all()
    assert not found.scalars["kept"].any()
    right = Bent(Attribution("gradient", "pair")).explain(subject, inputs)
    assert (right.status == Status.SOLVED).all()


def test_a_classifier_that_is_sure_is_moved_too() -> None:
    """In single precision the probability of the fact is 1 before and after."""
    classifier = linear(classes=2).float()
    with torch.no_grad():
        classifier[1].weight.mul_(60)
    subject, inputs = Subject(classifier), images().float()
    before = classifier(inputs).softmax(1).amax(1)
    assert (before == 1).any()
    found = Bent(Attribution("gradient", "pair"), strength=0.01).explain(subject, inputs)
    assert (found.status == Status.SOLVED).all()


def test_strength_bounds_the_change_of_a_pixel() -> None:
    maps = torch.randn(3, 1, 7, 7, dtype=torch.float64)
    bent = Bent(Attribution("gradient", "logit"), strength=0.2)
    moved = bent.imposed(torch.full_like(maps, 0.5), maps)
    assert (moved - 0.5).abs().amax((1, 2, 3)) == pytest.approx(0.2)
    assert torch.equal((moved - 0.5).sign(), -maps.sign())
    with pytest.raises(InputError, match=r"strength must be in \(0, 1\], got 0"):
        Bent(Attribution("gradient", "logit"), strength=0)


def test_needs_what_its_explainer_needs() -> None:
    with pytest.raises(InputError, match="needs a generator"):
        Bent(CDeepEx()).explain(Subject(linear()), images())
    with pytest.raises(InputError, match="needs a reference"):
        Bent(PredictionDifference()).check(Subject(linear()))
    assert Bent(Attribution("lime", "logit")).name == "bent-lime-logit"
