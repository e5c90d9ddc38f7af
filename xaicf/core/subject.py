"""What is explained, and the help at hand."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from xaicf.core.errors import ClassifierError, InputError
from xaicf.core.interfaces import Editor, Generator, Translator
from xaicf.core.types import Batch

Seat = Literal["generator", "translator", "reference", "editor"]
"""What may help a classifier."""

NETWORKS = ("classifier", "generator", "translator", "editor")
"""The seats that networks take."""


@dataclass(frozen=True)
class Subject:
    """A classifier and the networks that help to explain it.

    Args:
        classifier: any module that maps images (B, C, H, W) in [0, 1] to logits (B, classes); it
            normalises inside itself.
        generator: a module that is a :class:`Generator`, for methods that search its latent space.
        translator: a module that is a :class:`Translator`, for methods that need class-targeted images.
        reference: labelled images of the training split, for baselines made of real samples.
        editor: a module that is an :class:`Editor`, for methods that change an image's attributes.

    Raises:
        ClassifierError: ``classifier`` is a generator, a translator or an editor, or no module.
        InputError: ``generator``, ``translator`` or ``editor`` lacks its interface.
    """

    classifier: nn.Module
    generator: nn.Module | None = None
    translator: nn.Module | None = None
    reference: Batch | None = None
    editor: nn.Module | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.classifier, nn.Module) or isinstance(self.classifier, Generator | Translator | Editor):
            raise ClassifierError(
                f"classifier must be a module that maps images to logits, got {type(self.classifier).__name__}"
            )
        for role, network, interface in (
            ("generator", self.generator, Generator),
            ("translator", self.translator, Translator),
            ("editor", self.editor, Editor),
        ):
            if network is not None and not (isinstance(network, interface) and isinstance(network, nn.Module)):
                article = "an" if interface is Editor else "a"
                raise InputError(
                    f"{role} must be a module that is {article} {interface.__name__}, got {type(network).__name__}"
                )

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        """The networks that are there, the classifier first."""
        return tuple(network for role in NETWORKS if (network := getattr(self, role)) is not None)
