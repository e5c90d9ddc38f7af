"""Measure what explainers have left in a store."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from xaicf import store
from xaicf.core import NETWORKS, DataError, Flags, InputError, Status, Subject
from xaicf.data import ImageData
from xaicf.evaluation import (
    MEASURES,
    About,
    Measure,
    Measured,
    asking_measures,
    autoencoder_measures,
    neighbour_measures,
)
from xaicf.evaluation.realism import frechet_metric
from xaicf.explainers import Explainer
from xaicf.explainers.question import with_reference

READ = ("attribution", "counterfactual")

ABOUT = {
    "frechet_distance": About(
        "counterfactual", "lower", "between the classifier's features of training images and of counterfactuals."
    ),
    "seconds_per_image": About("scalars", "lower", "mean time that the answer to a question took."),
}
"""Of what is measured of a whole set."""


class Evaluator:
    """Measures the explainers of one store.

    Args:
        path: of the store.
        images: the first ones; all if left out.
        again: questions that explainers are asked again; 0 for none.
        reference: training images for the measures of realism; 0 for none.
        device: to compute on.
        measures: further ones, beside those of the package.

    Attributes:
        notes: what could not be measured, and why.

    Raises:
        DataError: the store is missing or damaged, or a file that it was made with has changed.
    """

    def __init__(
        self,
        path: str,
        images: int | None,
        again: int,
        reference: int,
        device: str,
        measures: Sequence[Measure] = (),
    ) -> None:
        self.path = path
        self.again = again
        self.device = torch.device(device)
        self.notes: list[str] = []
        self.manifest = manifest = store.Manifest.read(store.Folder(path))
        store.same_files(store.Folder(path), manifest)
        self.stop = None if images is None or images >= len(manifest.ids) else manifest.ids[images]
        if manifest.arguments.get("classifier") is None:
            raise DataError(f"store {path} was made without settings of its classifier, which evaluate needs")
        self.subject = Subject(**{role: self._network(role) for role in NETWORKS})
        self.data = store.rebuild(manifest.settings.get("data"), ImageData, "data")  # type: ignore[type-abstract]  # what is built is a subclass
        self.data.setup()
        self.masked = "mask" in self.data.samples(manifest.ids[:1], manifest.split)
        self.measures: tuple[Measure, ...] = (*MEASURES, *measures)
        self.frechet: FrechetInceptionDistance | None = None
        if reference:
            self._refer(reference)

    def _network(self, role: str) -> Any:  # noqa: ANN401  (Subject checks it)
        if self.manifest.arguments.get(role) is None:
            return None
        return store.rebuild_network(self.manifest, role).to(self.device)

    def _refer(self, count: int) -> None:
        if "train" not in self.data.splits:
            self.notes.append(f"{self.path}: the data has no train split, so realism is not measured")
            return
        batch = self.data.reference(count=count)
        batch = {**batch, "image": batch["image"].to(self.device), "label": batch["label"].to(self.device)}
        classifier = self.subject.classifier
        try:
            self.measures += neighbour_measures(classifier, batch)
            self.frechet = frechet_metric(classifier, batch["image"])
        except InputError as error:
            self.notes.append(f"{self.path}: {error}, so frechet_distance and neighbours_of_foil are not measured")
        try:
            self.measures += autoencoder_measures(batch, len(self.manifest.class_names))
        except InputError as error:
            self.notes.append(f"{self.path}: {error}, so im1 and im2 are not measured")

    def run(self) -> dict[str, Measured]:
        """Measure every explainer of the store."""
        given = self.manifest.arguments["explainers"]
        listed = given.items() if isinstance(given, dict) else [(None, one) for one in given]
        built = [(name, store.rebuild(one, Explainer, "explainer")) for name, one in listed]  # type: ignore[type-abstract]  # what is built is a subclass
        explainers = {name or one.name: one for name, one in built}
        self.subject = with_reference(self.subject, explainers.values(), self.data.reference)
        return {name: self._measured(name, explainers[name]) for name in self.manifest.explainers}

    def _measured(self, name: str, explainer: Explainer) -> Measured:
        asking = asking_measures(explainer, len(self.manifest.class_names)) if self.again else ()
        found, values = Measured(), defaultdict[str, list[torch.Tensor]](list)
        made = 0
        if self.frechet is not None:
            self.frechet.reset()
        for part in self._pieces(name):
            one = part.explanation.to(self.device)
            mask = self._masks(part.index.tolist()) if self.masked else None
            few = max(0, min(self.again - len(found.keys), len(one)))
            found.images += [hashlib.sha256(image.numpy().tobytes()).digest() for image in part.explanation.inputs]
            found.keys += zip(part.index.tolist(), part.explanation.foil.tolist(), strict=True)
            for measure in self.measures:
                if measure.applies(one, mask):
                    found.about[measure.name] = measure.about
                    values[measure.name].append(measure(self.subject, one, mask).cpu())
            for measure in asking:
                if measure.applies(one):
                    found.about[measure.name] = measure.about
                    told = measure(self.subject, one[:few]).cpu() if few else torch.empty(0, dtype=torch.float64)
                    values[measure.name].append(torch.cat([told, told.new_full((len(one) - few,), math.nan)]))
            if one.counterfactual is not None and self.frechet is not None:
                pictures = one.counterfactual[one.status == Status.SOLVED]
                made += len(pictures)
                if len(pictures):
                    self.frechet.update(pictures, real=False)
        found.values = {measure: torch.cat(parts).numpy() for measure, parts in values.items()}
        if self.frechet is not None and made > 1:
            found.whole["frechet_distance"] = float(self.frechet.compute()), made
        found.whole["seconds_per_image"] = store.seconds(self.path, name)
        found.about |= {title: ABOUT[title] for title in found.whole}
        return found

    def _pieces(self, name: str) -> Iterator[store.Part]:
        """Read what one explainer said of as many images at a time as it was asked about."""
        size = self.manifest.chunk_size
        for part in store.parts(self.path, name, columns=READ, stop=self.stop):
            for begin in range(0, len(part.index), size):
                rows = slice(begin, begin + size)
                yield store.Part(part.explanation[rows], part.index[rows], part.label[rows])

    def _masks(self, ids: Sequence[int]) -> Flags:
        return self.data.samples(ids, self.manifest.split)["mask"].to(self.device)
