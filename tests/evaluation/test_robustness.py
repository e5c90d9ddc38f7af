"""What changes when an explainer is asked again."""

import numpy as np
import pytest
import torch
from scipy import stats

from xaicf.core import Explanation, Images, InputError, Labels, Subject
from xaicf.evaluation import asking_measures, robustness
from xaicf.explainers import Attribution, Explainer
from xaicf.nn import TwoConv


def test_ranks_share_ties_as_scipy_does() -> None:
    first = torch.randint(4, (5, 30)).double()
    second = torch.randint(4, (5, 30)).double()
    expected = [stats.spearmanr(a, b).statistic for a, b in zip(first.numpy(), second.numpy(), strict=True)]
    np.testing.assert_allclose(robustness.rank_correlation(first, second).numpy(), expected, rtol=1e-9)


def test_a_map_without_differences_has_no_correlation() -> None:
    assert robustness.rank_correlation(torch.ones(1, 9), torch.rand(1, 9)).isnan().all()


def test_a_method_that_does_not_hear_the_foil_has_correlation_one(subject: Subject, explained: Explanation) -> None:
    deaf, hears = Attribution("gradient", "logit"), Attribution("gradient", "pair")
    for explainer, alike in ((deaf, True), (hears, False)):
        answer = explainer.explain(subject, explained.inputs)
        found = robustness.foil_correlation(explainer, subject, answer)
        assert (found > 0.999).all() == alike
        noisy = robustness.noise_correlation(explainer, subject, answer)
        noise = 0.02 * torch.randn(answer.inputs.shape[1:], generator=torch.Generator().manual_seed(0)).double()
        again = explainer.explain(subject, (answer.inputs + noise).clamp(0, 1), answer.fact, answer.foil)
        maps = [one.attribution.sum(1).flatten(1).numpy() for one in (answer, again) if one.attribution is not None]
        expected = [stats.spearmanr(a, b).statistic for a, b in zip(*maps, strict=True)]
        np.testing.assert_allclose(noisy.numpy(), expected, rtol=1e-6)


def test_another_foil_needs_three_classes(explained: Explanation) -> None:
    torch.manual_seed(0)
    two = Subject(TwoConv((1, 16, 16), 2).double())
    explainer = Attribution("gradient", "pair")
    with pytest.raises(InputError, match="three classes"):
        robustness.foil_correlation(explainer, two, explainer.explain(two, explained.inputs))


class Starts(Explainer):
    """Answers with an image that its start and the input determine; start 2 does not solve dark images."""

    def __init__(self, start: int = 0) -> None:
        self.start = start

    def from_start(self, number: int) -> "Starts":
        return Starts(number)

    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        solved = (inputs.mean((1, 2, 3)) > 0.3) | (self.start != 2)
        after = (inputs + (self.start + 1) / 20 * inputs[:, :, :1, :1]).clamp(0, 2)
        return Explanation(inputs, fact, foil, solved.long(), attribution=inputs - after, counterfactual=after)


def test_diversity_is_the_mean_distance_of_pairs(subject: Subject) -> None:
    torch.manual_seed(0)
    images = torch.rand(4, 1, 16, 16, dtype=torch.float64)
    images[1] *= 0.5
    answer = Starts().explain(subject, images)
    found = robustness.diversity(Starts(), subject, answer)
    for row in range(4):
        starts = [0, 1, 3] if row == 1 else [0, 1, 2, 3]
        after = [(images[row] + (s + 1) / 20 * images[row, :, :1, :1]).numpy() for s in starts]
        pairs = [np.linalg.norm(a - b) for i, a in enumerate(after) for b in after[:i]]
        np.testing.assert_allclose(found[row], np.mean(pairs), rtol=1e-9)


def test_unsolved_answers_do_not_enter(subject: Subject) -> None:
    images = torch.rand(3, 1, 16, 16, dtype=torch.float64) * 0.4
    answer = Starts().explain(subject, images)
    found = robustness.noise_correlation(Starts(2), subject, answer)
    assert found.isnan().all()
    assert robustness.noise_correlation(Starts(1), subject, answer).isfinite().all()


def test_only_what_an_explainer_can_be_asked_is_measured() -> None:
    def names(explainer: Explainer, num_classes: int) -> set[str]:
        return {measure.name for measure in asking_measures(explainer, num_classes)}

    gradient = Attribution("gradient", "pair")
    assert names(gradient, 3) == {"noise_correlation", "foil_correlation"}
    assert names(gradient, 2) == {"noise_correlation"}
    assert names(Starts(), 3) == {"noise_correlation", "foil_correlation", "diversity"}
