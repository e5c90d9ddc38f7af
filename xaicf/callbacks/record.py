"""Explanations of one validation on disk: pictures, tensors, numbers, and the page that shows them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xaicf.core import Explanation, Labels, Status
from xaicf.store import Folder, Manifest, Part, part_name, write_part
from xaicf.viz import Page, panel
from xaicf.viz.page import Summary, summarise

_INTRODUCTION = (
    "Each question is about one image of the validation split: why does the classifier say this class (the fact), and "
    "not that one (the foil)? The same images were explained after earlier epochs."
)


@dataclass(frozen=True)
class Record:
    """What one explainer said of the samples.

    Attributes:
        name: of the explainer.
        explanation: rows in the order of sample ids.
        index: sample ids (B,).
        label: true classes (B,).
        class_names: one for each class.
        seconds_per_image: mean over processes.
    """

    name: str
    explanation: Explanation
    index: Labels
    label: Labels
    class_names: Sequence[str]
    seconds_per_image: float

    def scalars(self) -> dict[str, float]:
        """Give :func:`mean_scalars` and the time."""
        return {"seconds_per_image": self.seconds_per_image, **mean_scalars(self.explanation)}

    def summary(self) -> Summary:
        """Give what the page's table says of it."""
        scalars = {name: values.double().numpy() for name, values in self.explanation.scalars.items()}
        found = summarise(self.explanation.status.numpy(), scalars)
        return replace(found, means={"seconds_per_image": (self.seconds_per_image, found.solved), **found.means})


def mean_scalars(explanation: Explanation) -> dict[str, float]:
    """Give means over the solved rows, and the share of solved rows among those applicable."""
    solved = explanation.status == Status.SOLVED
    asked = int((explanation.status != Status.NOT_APPLICABLE).sum())
    values = {"solved": int(solved.sum()) / asked} if asked else {}
    for name, numbers in explanation.scalars.items():
        chosen = numbers[solved & numbers.isfinite()]
        if len(chosen):
            values["distance" if name == "latent_distance" else name] = float(chosen.double().mean())
    return values


@dataclass(frozen=True)
class Written:
    """What a logger may take: numbers and pictures, and the store with the rest.

    Attributes:
        scalars: by name.
        pictures: PNG files by name.
        store: the folder.
    """

    scalars: dict[str, float]
    pictures: dict[str, Path]
    store: Path


def write_record(folder: Path, epoch: int, records: Sequence[Record]) -> Written:
    """Write a validation's explanations into ``folder/epoch_NNNN``, a store, and the page ``folder/index.html``.

    Args:
        folder: of the run's explanations.
        epoch: number of the epoch.
        records: one for each explainer.

    Returns:
        Numbers and picture files for the loggers, and the store.
    """
    home = folder / f"epoch_{epoch:04d}"
    scalars: dict[str, float] = {}
    pictures: dict[str, Path] = {}
    ids = sorted(set(records[0].index.tolist()))
    asked = [record.name for record in records]
    Manifest(asked, "val", ids, len(ids), len(ids), list(records[0].class_names)).write(Folder(home))
    shown = Page()
    for record in records:
        shown.add(record.name, record.explanation, record.index, record.label, record.class_names)
        write_part(Folder(home / record.name), part_name(0), Part(record.explanation, record.index, record.label))
        scalars |= {f"explain/{record.name}/{name}": value for name, value in record.scalars().items()}
        for row in range(len(record.explanation)):
            one = record.explanation[row]
            id_, label, foil = (int(values[row]) for values in (record.index, record.label, record.explanation.foil))
            names = record.class_names
            heading = f"{record.name} · sample {id_} · labelled {names[label]}"
            # One key for a sample in all epochs, so that a logger shows its course; a foil only where it asks many.
            asks_many = int((record.index == id_).sum()) > 1
            key = f"{record.name}/sample_{id_:05d}" + (f"_not_{foil}" if asks_many else "")
            path = home / f"{key}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            panel(one, names, heading).save(path, compress_level=1)
            pictures[f"explain/{key}"] = path
    (home / "scalars.json").write_text(json.dumps({"epoch": epoch, **scalars}, indent=2) + "\n")
    title = f"Why this class, and not that one? After epoch {epoch}"
    html = shown.html(title, _INTRODUCTION, {record.name: record.summary() for record in records})
    (folder / "index.html").write_text(html, encoding="utf-8", errors="replace")
    return Written(scalars, pictures, home)
