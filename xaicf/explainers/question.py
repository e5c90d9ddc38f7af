"""Which foil to ask about, image by image."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from xaicf.core import (
    Batch,
    ClassifierError,
    Explanation,
    Flags,
    Images,
    ImageShape,
    InputError,
    Labels,
    Logits,
    Status,
    Subject,
)
from xaicf.explainers.base import Explainer, check_classes, classify, resolve_classes

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
        foil = check_classes("label", label, logits)
    elif policy == "all":
        row = row.repeat_interleave(num_classes - 1)
        step = torch.arange(num_classes - 1, device=logits.device).repeat(count)
        fact = fact[row]
        foil = step + (step >= fact)
    elif isinstance(policy, int) and not isinstance(policy, bool) and 0 <= policy < num_classes:
        foil = torch.full_like(fact, policy)
    else:
        raise InputError(f"foil must be second, label, all or a class in [0, {num_classes}), got {policy}")
    return Questions(row, fact, foil, fact != foil)


def with_reference(subject: Subject, explainers: Iterable[Explainer], reference: Callable[[bool], Batch]) -> Subject:
    """Seat reference images where an explainer needs some and the seat is empty: all, where one wants that.

    Args:
        subject: the classifier and its helpers.
        explainers: to be asked.
        reference: gives labelled training images, all or some.
    """
    wanting = [one for one in explainers if "reference" in one.needs]
    if subject.reference is not None or not wanting:
        return subject
    return replace(subject, reference=reference(any(one.whole_reference for one in wanting)))


def check_questions(
    explainers: Collection[Explainer],
    subject: Subject,
    image_shape: ImageShape,
    class_names: Sequence[str],
    policy: FoilPolicy = "second",
) -> None:
    """Check, before anything is computed, that questions about some data can be asked.

    Args:
        explainers: to be asked.
        subject: the classifier and its helpers.
        image_shape: of the data.
        class_names: of the data.
        policy: of the foils.

    Raises:
        InputError: an explainer lacks a network, or the policy is unknown.
        ClassifierError: the classifier does not fit the images or the classes.
    """
    shown = torch.zeros(1, *image_shape)
    none = torch.zeros(1, dtype=torch.int64)
    seated = with_reference(subject, explainers, lambda _: {"image": shown, "label": none, "index": none})
    for explainer in explainers:
        explainer.check(seated)
    weight = next(subject.classifier.parameters(), torch.empty(0))
    images = torch.zeros(1, *image_shape, device=weight.device)
    logits = classify(subject, images)
    for explainer in explainers:
        explainer.preflight(seated, torch.cat([images, 1 - images]))
    if logits.shape[1] != len(class_names):
        raise ClassifierError(f"classifier has {logits.shape[1]} classes, the data has {len(class_names)}")
    known = getattr(subject.classifier, "class_names", class_names)
    if tuple(known) not in {tuple(class_names), tuple(map(str, range(len(class_names))))}:
        told = [", ".join(map(str, names)) for names in (known, class_names)]
        raise ClassifierError(f"classifier knows the classes {told[0]}, the data has {told[1]}")
    pose(logits, policy, label=logits.argmax(1))


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
    images, fact = inputs[questions.row], questions.fact
    rows = questions.applicable.nonzero().flatten()
    # Where no row makes sense, one is asked a stand-in and blanked, so that every block holds the same tensors.
    asked = rows if len(rows) else torch.zeros_like(fact[:1])
    foils = questions.foil if len(rows) else torch.where(fact == 0, 1, 0)
    answered = explainer.explain(subject, images[asked], fact[asked], foils[asked])

    def spread(found: Tensor) -> Tensor:
        blank = torch.nan if found.is_floating_point() else Status.NOT_APPLICABLE
        whole = found.new_full((len(images), *found.shape[1:]), blank)
        return whole.index_copy(0, rows, found[: len(rows)])

    return replace(answered.map(spread), inputs=images, fact=fact, foil=questions.foil)
