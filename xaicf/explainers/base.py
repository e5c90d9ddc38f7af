"""The explainer: options in the constructor, subject and data in the call."""

from abc import ABC, abstractmethod
from dataclasses import replace

import torch
from torch import Tensor

from xaicf.core import (
    ClassifierError,
    Explanation,
    Images,
    InputError,
    Labels,
    Logits,
    PerImage,
    Seat,
    Status,
    Subject,
    as_found,
)
from xaicf.core.logits import PROBABILITIES, are_probabilities, checked_logits


class Explainer(ABC):
    """Answers "why fact, and not foil?" for a batch of images.

    A subclass writes :meth:`_explain`; this class checks the question, keeps the networks as they were
    found and adds the probabilities before and after.

    Attributes:
        needs: which seats of the :class:`Subject` must be taken beside the classifier.
        whole_reference: whether it wants all training images as the reference, not just some.
        takes_softmax_off: whether the method makes do with a classifier that gives probabilities.
    """

    takes_softmax_off = False
    whole_reference = False
    needs: tuple[Seat, ...] = ()

    @property
    def name(self) -> str:
        """Name the method in logs and file names."""
        return type(self).__name__.lower()

    def check(self, subject: Subject) -> None:
        """Raise :class:`InputError` where ``subject`` lacks what the method needs."""
        for seat in self.needs:
            if getattr(subject, seat) is None:
                raise InputError(
                    f"{type(self).__name__} needs {'an' if seat == 'editor' else 'a'} {seat}, and the subject has none"
                )

    def preflight(self, subject: Subject, inputs: Images) -> None:
        """Raise :class:`ClassifierError` where the method cannot go through the classifier, tried on images."""
        if are_probabilities(classify(subject, inputs)):
            raise ClassifierError(PROBABILITIES)

    def from_start(self, number: int) -> "Explainer | None":
        """Give the same method with its search begun elsewhere, by number; None where it has one start only."""
        return None

    def explain(
        self,
        subject: Subject,
        inputs: Images,
        fact: Labels | int | None = None,
        foil: Labels | int | None = None,
    ) -> Explanation:
        """Explain a batch of images.

        Works under ``no_grad`` and inference mode. Parameters, buffers, modes, ``requires_grad``, hooks
        and the global random state are left as found, also after an error.

        Args:
            subject: the classifier and its helpers, on the device of ``inputs``.
            inputs: images (B, C, H, W), float in [0, 1].
            fact: the class to explain, one or (B,); the classifier's answer if left out.
            foil: the class asked about, one or (B,); the most likely class but ``fact`` if left out.

        Returns:
            One row per image. ``scalars`` holds ``fact_probability`` and ``foil_probability`` of the input
            and, where there is a counterfactual, ``fact_probability_after`` and ``foil_probability_after``; where there
            is one baseline for each, ``fact_probability_baseline`` and ``foil_probability_baseline``. A row whose map
            or counterfactual is not finite is not solved, whatever the method says.

        Raises:
            InputError: images outside [0, 1], not finite or not four-dimensional; fact or foil out of
                range; fact and foil equal; a seat of the subject is empty that the method needs.
            ClassifierError: the classifier does not take the images, gives no logits for them, or probabilities, or the
                method cannot go through it.
            TypeError: the method gives something else than an explanation.
            ValueError: it gives one of another number of images.
        """
        self.check(subject)
        _check_images(inputs)
        with as_found(*subject.modules):
            images = inputs.detach().clone()
            logits = checked_logits(subject.classifier, images)
            if are_probabilities(logits) and not self.takes_softmax_off:
                raise ClassifierError(PROBABILITIES)
            fact, foil = resolve_classes(logits, fact, foil)
            explanation = self._answer(subject, images, fact, foil)
            scalars = {**explanation.scalars, **_probabilities(logits, fact, foil, "")}
            if explanation.counterfactual is not None:
                after = checked_logits(subject.classifier, explanation.counterfactual)
                scalars |= _probabilities(after, fact, foil, "_after")
            if explanation.baseline is not None:
                compared = checked_logits(subject.classifier, explanation.baseline)
                scalars |= _probabilities(compared, fact, foil, "_baseline")
            return replace(explanation, scalars=scalars)

    def _answer(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        given: object = self._explain(subject, inputs, fact, foil)
        method = f"{type(self).__name__}._explain"
        if not isinstance(given, Explanation):
            raise TypeError(f"{method} must give an Explanation, got {type(given).__name__}")
        if len(given) != len(inputs):
            raise ValueError(f"{method} must explain {len(inputs)} images, got {len(given)}")
        finite = torch.ones(len(inputs), dtype=torch.bool, device=inputs.device)
        for answer in (given.attribution, given.counterfactual):
            if answer is not None:
                finite &= answer.flatten(1).isfinite().all(1)
        status = given.status.where(finite | (given.status != Status.SOLVED), Status.UNSOLVED)
        return replace(given, status=status).detach()

    @abstractmethod
    def _explain(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Explanation:
        """Explain checked images; autograd records, networks are frozen and in eval mode."""


def resolve_classes(
    logits: Logits, fact: Labels | int | None = None, foil: Labels | int | None = None
) -> tuple[Labels, Labels]:
    """Fill in the classes that a question leaves out.

    Args:
        logits: of the classifier (B, classes).
        fact: one class or (B,); argmax if left out.
        foil: one class or (B,); the most likely class but ``fact`` if left out.

    Returns:
        fact and foil, each (B,) int64.

    Raises:
        InputError: a class is out of range, or fact and foil are equal.
    """
    fact = logits.argmax(1) if fact is None else check_classes("fact", fact, logits)
    if foil is None:
        foil = logits.scatter(1, fact[:, None], -torch.inf).argmax(1)
    else:
        foil = check_classes("foil", foil, logits)
    equal = (fact == foil).nonzero().flatten()
    if len(equal):
        row = int(equal[0])
        raise InputError(f"foil must differ from fact, got {int(foil[row])} for both of image {row}")
    return fact, foil


def check_classes(role: str, classes: Labels | int, logits: Logits) -> Labels:
    """Give classes as (B,) int64 on the device of the logits.

    Raises:
        InputError: not integers, another number than images, or out of range; ``role`` names them.
    """
    count, num_classes = logits.shape
    classes = torch.as_tensor(classes, device=logits.device)
    if classes.is_floating_point() or classes.is_complex() or classes.dtype == torch.bool:
        raise InputError(f"{role} must hold integers, got {classes.dtype}")
    if classes.ndim > 1 or classes.numel() not in {1, count}:
        raise InputError(f"{role} must be one class or {count}, got shape {tuple(classes.shape)}")
    outside = classes[(classes < 0) | (classes >= num_classes)]
    if outside.numel():
        raise InputError(f"{role} must be in [0, {num_classes}), got {int(outside.flatten()[0])}")
    # A clone: classes made in inference mode could not be saved for a backward pass.
    return classes.to(torch.int64).expand(count).clone()


def _check_images(inputs: Tensor) -> None:
    if inputs.ndim != 4 or not inputs.is_floating_point():
        raise InputError(f"inputs must be float (B, C, H, W), got {inputs.dtype} of {tuple(inputs.shape)}")
    if inputs.numel() == 0:
        raise InputError(f"inputs must hold at least one image, got shape {tuple(inputs.shape)}")
    if not inputs.isfinite().all():
        raise InputError("inputs must be finite, got NaN or infinity")
    if inputs.min() < 0 or inputs.max() > 1:
        raise InputError(f"inputs must be in [0, 1], got [{inputs.min():.3g}, {inputs.max():.3g}]")


def classify(subject: Subject, inputs: Images) -> Logits:
    """Give the logits (B, classes) of checked images, the networks left as found.

    Raises:
        InputError: images outside [0, 1], not finite or not four-dimensional.
        ClassifierError: the classifier does not take the images, or gives no logits for them.
    """
    _check_images(inputs)
    with as_found(*subject.modules):
        return checked_logits(subject.classifier, inputs.detach().clone())


def _probabilities(logits: Logits, fact: Labels, foil: Labels, suffix: str) -> dict[str, PerImage]:
    probabilities = logits.softmax(1)
    return {
        f"{role}_probability{suffix}": probabilities.gather(1, classes[:, None]).squeeze(1)
        for role, classes in (("fact", fact), ("foil", foil))
    }
