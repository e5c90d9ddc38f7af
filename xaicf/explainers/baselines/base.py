"""The baseline: images that a method compares with, made for a question."""

from abc import ABC, abstractmethod

from torch import Tensor

from xaicf.core import Images, InputError, Labels, Seat, Subject


class Baseline(ABC):
    """Makes, for each image, what it would be without its features, or some images of what it might be instead.

    Attributes:
        needs: which seats of the :class:`Subject` must be taken beside the classifier.
        whole_reference: whether it wants all training images as the reference, not just some.
    """

    whole_reference = False
    needs: tuple[Seat, ...] = ()

    @property
    def name(self) -> str:
        """Name it in logs and file names."""
        return type(self).__name__.lower()

    def check(self, subject: Subject) -> None:
        """Raise :class:`InputError` where ``subject`` lacks what the baseline needs."""
        for seat in self.needs:
            if getattr(subject, seat) is None:
                raise InputError(f"baseline {self.name} needs a {seat}, and the subject has none")

    @abstractmethod
    def __call__(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> Tensor:
        """Give a baseline for each image, or n of them, that a method's maps are the mean over.

        Args:
            subject: the classifier and its helpers.
            inputs: (B, C, H, W) in [0, 1].
            fact: (B,).
            foil: (B,).

        Returns:
            (B, C, H, W), or (B, n, C, H, W).
        """

    def solve(self, subject: Subject, inputs: Images, fact: Labels, foil: Labels) -> tuple[Tensor, Tensor | None]:
        """Give the same, and for baselines that are searched for the :class:`~xaicf.core.Status` of each (B,)."""
        return self(subject, inputs, fact, foil), None
