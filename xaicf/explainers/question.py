"""Which foil to ask about, image by image."""

from typing import Literal, NamedTuple

import torch

from xaicf.core import Explanation, Flags, Images, InputError, Labels, Logits, Status, Subject
from xaicf.explainers.base import Explainer, classify, resolve_classes

FoilPolicy = Literal["second", "label", "all"] | int
"""``second``: the second most likely class. ``label``: the true class of misclassified images.
``all``: every class but the fact, a row for each. A number: that class."""


class Questions(NamedTuple):
    """Questions about a batch: the image's row, fact, foil, and whether it makes sense, each (Q,)."""

    row: Labels
    fact: Labels
    foil: Labels
    applicable: Flags


def pose(logits: Logits, policy: FoilPolicy = "second", label: Labels | None = None) -> Questions:
    """Choose the foils for a batch; the fact is the classifier's answer.

    Args:
        logits: of the classifier (B, classes).
        policy: see :data:`FoilPolicy`.
        label: true classes (B,), for the policy ``label``.

    Returns:
        B questions in order; for ``all`` B · (classes - 1), image by image, foils rising. A question is
        not applicable where foil and fact are equal.

    Raises:
        InputError: an unknown policy, a class out of range, or ``label`` without labels.
    """
    count, num_classes = logits.shape
    fact, second = resolve_classes(logits)
    row = torch.arange(count, device=logits.device)
    if policy == "second":
        foil = second
    elif policy == "label":
        if label is None:
            raise InputError("foil policy label needs the labels of the images")
        foil = label.to(fact)
    elif policy == "all":
        row = row.repeat_interleave(num_classes - 1)
        step = torch.arange(num_classes - 1, device=logits.device).repeat(count)
        fact = fact[row]
        foil = step + (step >= fact)
    elif isinstance(policy, int) and 0 <= policy < num_classes:
        foil = torch.full_like(fact, policy)
    else:
        raise InputError(f"foil must be second, label, all or a class in [0, {num_classes}), got {policy}")
    return Questions(row, fact, foil, fact != foil)


def ask(
    explainer: Explainer,
    subject: Subject,
    inputs: Images,
    foil: FoilPolicy = "second",
    label: Labels | None = None,
) -> Explanation:
    """Explain a batch with foils chosen by a policy.

    Args:
        explainer: any.
        subject: the classifier and its helpers.
        inputs: images (B, C, H, W) in [0, 1].
        foil: the policy, see :func:`pose`.
        label: true classes (B,), for the policy ``label``.

    Returns:
        A row for each question, in the order of :func:`pose`. Rows that are not applicable have that
        status and NaN in place of results.

    Raises:
        InputError: see :func:`pose` and :meth:`Explainer.explain`.
    """
    questions = pose(classify(subject, inputs), foil, label)
    rows = questions.applicable.nonzero().flatten()
    images = inputs[questions.row]
    if len(rows) == 0:
        status = torch.full_like(questions.fact, Status.NOT_APPLICABLE)
        return Explanation(images, questions.fact, questions.foil, status)
    answered = explainer.explain(subject, images[rows], questions.fact[rows], questions.foil[rows])
    if len(rows) == len(images):
        return answered

    def spread(name: str, found: torch.Tensor) -> torch.Tensor:
        whole = {"inputs": images, "fact": questions.fact, "foil": questions.foil}.get(name)
        if whole is not None:
            return whole
        blank = torch.nan if found.is_floating_point() else Status.NOT_APPLICABLE
        spread = found.new_full((len(images), *found.shape[1:]), blank)
        return spread.index_copy(0, rows, found)

    return Explanation.from_tensors({name: spread(name, found) for name, found in answered.tensors().items()})
