"""The mean over noisy copies of the image."""

from typing import Any

import pytest
import torch
from torch import nn

from xaicf.core import InputError, Subject
from xaicf.explainers import Attribution, CDeepEx, Smoothed
from xaicf.nn import TwoConv


def test_a_linear_classifier_s_gradient_is_its_own_mean() -> None:
    classifier, inputs = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), torch.rand(2, 1, 8, 8)
    plain = Attribution("gradient", "pair")
    found = Smoothed(plain).explain(Subject(classifier), inputs).attribution
    wanted = plain.explain(Subject(classifier), inputs).attribution
    assert found is not None
    assert wanted is not None
    assert torch.allclose(found, wanted, atol=1e-6)


def test_is_the_mean_over_copies_whatever_the_batch() -> None:
    torch.manual_seed(0)
    classifier, inputs = TwoConv((1, 16, 16), 4), torch.rand(5, 1, 16, 16)
    explainer = Smoothed(Attribution("gradient", "weighted"), samples=3, noise=0.2, seed=7)
    whole = explainer.explain(Subject(classifier), inputs)
    source = torch.Generator().manual_seed(7)
    maps = []
    for _ in range(3):
        noisy = (inputs + 0.2 * torch.randn(1, 16, 16, generator=source, dtype=torch.float64).float()).clamp(0, 1)
        maps.append(explainer.explainer.explain(Subject(classifier), noisy, whole.fact, whole.foil).attribution)
    assert whole.attribution is not None
    assert torch.allclose(whole.attribution, sum(maps) / 3, atol=1e-6)  # type: ignore[arg-type]
    for row in range(5):
        one = explainer.explain(Subject(classifier), inputs[row : row + 1]).attribution
        assert one is not None
        assert torch.allclose(one[0], whole.attribution[row], atol=1e-6)
    plain = explainer.explainer.explain(Subject(classifier), inputs).attribution
    assert plain is not None
    assert not torch.allclose(whole.attribution, plain, atol=1e-3)


def test_names_tell_variants_apart() -> None:
    plain: Any = Attribution("gradient", "weighted")
    names = {Smoothed(plain, *options).name for options in ((), (4,), (4, 0.2), (4, 0.2, 1))}
    assert len(names) == 4
    assert Smoothed(plain, 4, 0.2, 1).name == "smoothed-gradient-weighted-4x0.2-seed1"
    assert Smoothed(CDeepEx()).needs == CDeepEx.needs


def test_mistakes() -> None:
    with pytest.raises(InputError, match=r"samples and noise must be positive, got 0 and 0\.1"):
        Smoothed(Attribution(), samples=0)
    with pytest.raises(InputError, match=r"got 16 and 0\.0"):
        Smoothed(Attribution(), noise=0.0)
