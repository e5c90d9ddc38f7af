"""Prototypes: surer, nearer under a stronger pull, and the same whatever the batch."""

from typing import Any

import pytest
import torch
from linear_world import LinearGenerator, inputs, subject

from xaicf.core import InputError, Status, Subject
from xaicf.evaluation import counterfactual
from xaicf.explainers import Prototype
from xaicf.explainers.prototype import log_odds
from xaicf.viz.panel import panel, title

__all__ = ["subject"]  # pytest finds it here


def test_log_odds_are_those_of_the_probability() -> None:
    logits = torch.randn(8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(8) % 5
    p = logits.softmax(1).gather(1, classes[:, None]).squeeze(1)
    torch.testing.assert_close(log_odds(logits, classes), p.logit())


def test_is_surer_of_the_same_class(subject: Subject) -> None:
    found = Prototype().explain(subject, inputs())
    assert found.counterfactual is not None
    before, after = (log_odds(subject.classifier(one), found.fact) for one in (inputs(), found.counterfactual))
    torch.testing.assert_close(found.scalars["log_odds"], before)
    torch.testing.assert_close(found.scalars["log_odds_after"], after)
    assert (after > before + 1).all()
    assert (found.status == Status.SOLVED).all()


def test_a_stronger_pull_stays_nearer_and_gets_less(subject: Subject) -> None:
    far, near = (Prototype(pull=pull, rounds=30, rise=1e-3).explain(subject, inputs()).scalars for pull in (0.0, 0.9))
    assert (near["distance"] < far["distance"]).all()
    assert (near["log_odds_after"] < far["log_odds_after"]).all()


def test_ends_where_nothing_rises_any_more(subject: Subject) -> None:
    found = Prototype(rise=1e6, rounds=50).explain(subject, inputs())
    # The first point counts, and five that are no better end it.
    assert (found.scalars["gradient_evaluations"] <= 2 * 6).all()
    assert (found.scalars["latent_distance"] == 0).all()


def test_trace_ends_at_the_prototype(subject: Subject) -> None:
    found = Prototype(frames=4, rounds=10).explain(subject, inputs())
    assert found.trace is not None
    assert found.trace["probabilities"].shape == (16, 4, 4)
    torch.testing.assert_close(found.trace["images"][:, -1], found.counterfactual)


def test_does_not_depend_on_the_batch(subject: Subject) -> None:
    together = Prototype(rounds=20, frames=4).explain(subject, inputs())
    for row in range(4):
        alone = Prototype(rounds=20, frames=4).explain(subject, inputs()[row : row + 1]).tensors()
        for name, tensor in together[[row]].tensors().items():
            torch.testing.assert_close(alone[name], tensor, rtol=0, atol=1e-4)


def test_attribution_is_what_there_should_be_more_of(subject: Subject) -> None:
    found = Prototype(rounds=20).explain(subject, inputs())
    assert found.is_prototype
    assert found.counterfactual is not None
    assert found.attribution is not None
    assert torch.equal(found.attribution, found.counterfactual - found.inputs)
    # Nothing is asked of the foil.
    assert counterfactual.validity(subject, found).isnan().all()
    made = panel(found[0], tuple("abcd"), "prototype")
    assert title(found[0], "a", "b", "prototype") == ("What would be a surer a?", "prototype · solved")
    assert made.size == (1060, 282)


def test_a_step_back_that_is_never_taken_is_not_counted(subject: Subject) -> None:
    both, one = (Prototype(pull=pull, rounds=1).explain(subject, inputs()).scalars for pull in (0.5, 0.0))
    assert (both["gradient_evaluations"] == 2).all()
    assert (one["gradient_evaluations"] == 1).all()


def test_images_that_are_done_leave_the_batch(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    decode = LinearGenerator.decode
    monkeypatch.setattr(LinearGenerator, "decode", lambda self, z: drawn.append(len(z)) or decode(self, z))
    found = Prototype(rise=0.2).explain(subject, inputs())
    evaluations = found.scalars["gradient_evaluations"]
    assert evaluations.min() < evaluations.max()
    # Beside the gradients: a last value of each image, its reconstruction and the prototype.
    assert sum(drawn) == evaluations.sum() + 3 * len(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pull": 1.0}, r"pull must be in \[0, 1\), got 1.0"),
        ({"rise": 0.0}, "rise and step_size must be > 0"),
        ({"norm": "l0"}, "norm must be l1 or l2, got l0"),
    ],
)
def test_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Prototype(**options)
