"""Foils chosen by policy, and answers spread back over the questions."""

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Batch, Explanation, InputError, Labels, Status, Subject
from xaicf.explainers import Attribution, Bent, Explainer, PredictionDifference, ask, pose
from xaicf.explainers.question import FoilPolicy, check_questions, with_reference

LOGITS = torch.tensor([[0.0, 3.0, 2.0, 1.0], [5.0, 1.0, 1.5, 4.0], [0.0, 0.1, 0.2, 0.3]])


class Echo(Explainer):
    """Answers with numbers that tell which image was explained, with which classes."""

    def _explain(self, subject: Subject, inputs: Tensor, fact: Labels, foil: Labels) -> Explanation:
        return Explanation(
            inputs,
            fact,
            foil,
            torch.full_like(fact, Status.SOLVED),
            counterfactual=inputs / 2,
            scalars={"seen": inputs.flatten(1).amax(1), "asked": (10 * fact + foil).to(inputs.dtype)},
            trace={"path": inputs.flatten(1)[:, :3]},
        )


class Brightness(nn.Module):
    """Four classes by brightness: an image of value v in all pixels is of class floor(4 v)."""

    def forward(self, images: Tensor) -> Tensor:
        centres = torch.tensor([0.125, 0.375, 0.625, 0.875]).to(images)
        return -20 * (images.mean((1, 2, 3))[:, None] - centres).abs()


VALUES = torch.tensor([0.1, 0.9, 0.35, 0.6, 0.12])
IMAGES = VALUES[:, None, None, None].expand(5, 1, 4, 4).contiguous()
CLASSES = [0, 3, 1, 2, 0]


def test_second() -> None:
    posed = pose(LOGITS)
    assert posed.row.tolist() == [0, 1, 2]
    assert posed.fact.tolist() == [1, 0, 3]
    assert posed.foil.tolist() == [2, 3, 2]
    assert posed.applicable.all()


def test_label() -> None:
    posed = pose(LOGITS, "label", torch.tensor([1, 2, 0]))
    assert posed.foil.tolist() == [1, 2, 0]
    assert posed.applicable.tolist() == [False, True, True]


def test_one_class() -> None:
    posed = pose(LOGITS, 3)
    assert posed.foil.tolist() == [3, 3, 3]
    assert posed.applicable.tolist() == [True, True, False]


def test_all() -> None:
    posed = pose(LOGITS, "all")
    assert posed.row.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert posed.fact.tolist() == [1, 1, 1, 0, 0, 0, 3, 3, 3]
    assert posed.foil.tolist() == [0, 2, 3, 1, 2, 3, 0, 1, 2]
    assert posed.applicable.all()


@pytest.mark.parametrize("policy", ["third", 4, -1, 1.0])
def test_unknown_policy(policy: FoilPolicy) -> None:
    with pytest.raises(InputError, match=r"second, label, all or a class in \[0, 4\), got " + str(policy)):
        pose(LOGITS, policy)


def test_label_without_labels() -> None:
    with pytest.raises(InputError, match="needs the labels"):
        pose(LOGITS, "label")


@pytest.mark.parametrize("label", [[1, 2], [1, 2, 4], [1, 2, -1]])
def test_wrong_labels(label: list[int]) -> None:
    with pytest.raises(InputError, match="label"):
        pose(LOGITS, "label", torch.tensor(label))


def test_every_question_has_a_row_in_its_place() -> None:
    found = ask(Echo(), Subject(Brightness()), IMAGES, foil=0)
    assert len(found) == 5
    assert found.fact.tolist() == CLASSES
    assert found.foil.tolist() == [0] * 5
    assert torch.equal(found.inputs, IMAGES)
    assert found.status.dtype == torch.int64
    assert found.status.tolist() == [Status(s) for s in (-1, 1, 1, 1, -1)]
    blank = torch.tensor([True, False, False, False, True])
    for name, tensor in found.tensors().items():
        if name not in {"inputs", "fact", "foil", "status"}:
            assert torch.equal(tensor.isnan().flatten(1).all(1) if tensor.ndim > 1 else tensor.isnan(), blank), name
            assert not tensor[~blank].isnan().any(), name
    assert torch.equal(found.scalars["seen"][~blank], VALUES[~blank])
    assert found.scalars["asked"][~blank].tolist() == [30, 10, 20]
    assert found.counterfactual is not None
    assert found.trace is not None
    assert torch.equal(found.counterfactual[~blank], IMAGES[~blank] / 2)
    assert torch.equal(found.trace["path"][~blank], IMAGES[~blank].flatten(1)[:, :3])


def test_policy_label_asks_about_mistakes() -> None:
    label = torch.tensor([0, 1, 1, 2, 3])
    found = ask(Echo(), Subject(Brightness()), IMAGES, "label", label)
    assert found.status.tolist() == [Status(s) for s in (-1, 1, -1, -1, 1)]
    assert torch.equal(found.foil, label)
    assert found.scalars["asked"][[1, 4]].tolist() == [31, 3]


def test_policy_all_repeats_images() -> None:
    found = ask(Echo(), Subject(Brightness()), IMAGES, "all")
    assert len(found) == 15
    assert torch.equal(found.inputs, IMAGES.repeat_interleave(3, 0))
    assert torch.equal(found.scalars["seen"], VALUES.repeat_interleave(3))
    assert found.scalars["asked"].tolist() == [
        10 * fact + foil for fact in CLASSES for foil in range(4) if foil != fact
    ]


def test_second_answers_as_explain_does() -> None:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    explainer = Attribution("gradient", "pair")
    asked, explained = (
        ask(explainer, Subject(classifier), IMAGES),
        explainer.explain(Subject(classifier), IMAGES),
    )
    assert asked.tensors().keys() == explained.tensors().keys()
    for name, tensor in explained.tensors().items():
        assert torch.equal(asked.tensors()[name], tensor), name


def test_no_question_makes_sense() -> None:
    found = ask(Echo(), Subject(Brightness()), IMAGES[[0, 4]], foil=0)
    assert found.status.tolist() == [Status.NOT_APPLICABLE] * 2
    assert found.fact.tolist() == found.foil.tolist() == [0, 0]
    assert torch.equal(found.inputs, IMAGES[[0, 4]])


def test_blocks_with_and_without_answers_can_be_joined() -> None:
    subject = Subject(Brightness())
    parts = [ask(Echo(), subject, images, foil=0) for images in (IMAGES[[0, 4]], IMAGES[1:4])]
    joined = Explanation.cat(parts)
    assert joined.status.tolist() == [Status(s) for s in (-1, -1, 1, 1, 1)]
    assert joined.scalars["seen"].isnan().tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("policy", ["second", "label", "all", 2])
@pytest.mark.parametrize("outside", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("contrast", ["pair", "weighted"])
def test_without_gradients_outside(policy: FoilPolicy, outside: type[torch.no_grad], contrast: str) -> None:
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    explainer = Attribution("gradient", contrast)  # type: ignore[arg-type]
    label = torch.tensor([0, 1, 2, 3, 0])
    expected = ask(explainer, Subject(classifier), IMAGES, policy, label)
    with outside():
        found = ask(explainer, Subject(classifier), IMAGES.clone(), policy, label.clone())
    assert found.attribution is not None
    assert expected.attribution is not None
    assert torch.equal(found.status, expected.status)
    assert torch.equal(found.attribution.nan_to_num(), expected.attribution.nan_to_num())


def test_bad_images_are_refused() -> None:
    with pytest.raises(InputError, match=r"inputs must be in \[0, 1\]"):
        ask(Echo(), Subject(Brightness()), IMAGES * 2)


def test_reference_images_are_seated_where_they_are_needed() -> None:
    reference: Batch = {
        "image": torch.rand(3, 1, 7, 7),
        "label": torch.zeros(3, dtype=torch.int64),
        "index": torch.arange(3),
    }
    subject = Subject(nn.Sequential(nn.Flatten(), nn.Linear(49, 3)))
    needy = [Attribution("gradient", "pair"), Bent(PredictionDifference())]
    assert with_reference(subject, needy[:1], lambda _: reference).reference is None
    seated = with_reference(subject, needy, lambda _: reference)
    assert seated.reference is reference
    assert with_reference(seated, needy, dict).reference is reference  # type: ignore[arg-type]
    check_questions(needy, subject, (1, 7, 7), ("a", "b", "c"))
