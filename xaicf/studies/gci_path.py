"""The ways of nines that are to be a 2 or a 6: do they pass through another digit (Fig. 1)?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from matplotlib.figure import Figure

from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.data import MNIST
from xaicf.explainers import Criticism
from xaicf.explainers.way import check_frames
from xaicf.studies.asking import explain_all
from xaicf.studies.inverting import RememberedInversion
from xaicf.studies.paths import draw_paths, passed_through
from xaicf.studies.study import Place, Row, Study, kinds_of

FACT = 9
FOILS = (2, 6)
"""The paper's two ways."""

SHOWN = 9
"""Frames of a way in the picture."""


@dataclass(frozen=True)
class GCIPath(Study):
    """Counts the digits that nines pass through, on the straight way from z0 to their criticism.

    Args:
        classifier: its configuration.
        generators: theirs.
        images: nines of the test, by their label, the first.
        frames: of each way.
        drawn: ways in the picture.
    """

    title: ClassVar[str] = "Ways from a 9 to a 2 and to a 6"
    spread: ClassVar[str] = "Wilson's interval of 95 %"

    classifier: str = "configs/classifier/mnist.yaml"
    generators: Sequence[str] = ("configs/vae/mnist.yaml", "configs/wgan/mnist_latent10.yaml")
    images: int = 100
    frames: int = 41
    drawn: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.drawn <= self.images:
            raise InputError(f"drawn must be in [1, images], got {self.drawn} of {self.images}")
        check_frames(self.frames)
        if self.frames == 0:
            raise InputError("frames must be at least 2, got 0")

    def quick(self) -> Self:
        """Give a nine and one generator."""
        return replace(self, generators=self.generators[:1], images=1, frames=4, drawn=1)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask, count and draw."""
        classifier, data = place.network(self.classifier), MNIST(place.root)
        data.setup()
        nines = (data.split("test").labels == FACT).nonzero().flatten()[: self.images].tolist()
        images = data.samples(nines, "test")["image"]
        rows: list[Row] = []
        figures: dict[str, Figure] = {}
        for kind, config in zip(kinds_of(self.generators), self.generators, strict=True):
            subject = Subject(classifier, place.network(config))
            explainer = Criticism(frames=self.frames, precision="single", inversion=RememberedInversion())
            for foil in FOILS:
                found = explain_all(explainer, subject, images, FACT, foil)
                rows += _ways(f"{kind}: {FACT} to {foil}", found)
                shown = range(min(self.drawn, len(images)))
                name = f"{kind.lower()}_{FACT}_to_{foil}".replace(" ", "_")
                figures[name] = draw_paths(found, shown, SHOWN, data.class_names)
        return rows, figures


def _ways(words: str, found: Explanation) -> list[Row]:
    """Count the ways through another digit, and say which is met most often."""
    solved = found.status == Status.SOLVED
    met = passed_through(found)[solved]
    often = int(met.sum(0).argmax())
    return [
        Row.share(f"{words}: solved", solved, better="higher"),
        Row.share(f"{words}: by way of another digit", met.any(1)),
        Row.share(f"{words}: by way of a 0", met[:, 0]),
        Row.share(f"{words}: by way of a {often}, the most frequent", met[:, often]),
    ]
