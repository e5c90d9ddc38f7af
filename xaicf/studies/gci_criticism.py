"""Criticisms of digits: the smallest changes to the second class, beside those of other explainers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from matplotlib.figure import Figure
from torch import nn

from xaicf.core import Batch, Encoder, Explanation, Images, Status, Subject
from xaicf.data import MNIST
from xaicf.evaluation import counterfactual
from xaicf.evaluation.realism import frechet_metric
from xaicf.explainers import XGEM, CDeepEx, Criticism, Explainer, Prototype, Translation
from xaicf.explainers.baselines import Ganmex
from xaicf.explainers.bisection import length, smallest_change
from xaicf.explainers.criticism import BETAS
from xaicf.explainers.inversion import Inversion
from xaicf.explainers.latent import latent_images
from xaicf.studies.asking import explain_all, predicted
from xaicf.studies.inverting import RememberedInversion
from xaicf.studies.study import Place, Row, Study, kinds_of
from xaicf.viz.heatmap import picture

GRID = 41
"""Values of λ that the bisection is held against."""


@dataclass(frozen=True)
class GCICriticism(Study):
    """Asks for the second class, and asks other explainers the same.

    Where a generator has no encoder each image is inverted once, and the explainers' seconds are without that.

    Args:
        classifier: its configuration.
        generators: theirs, those with an encoder and those without.
        translator: of GANMEX, which is left out where none is named.
        images: of the test, the first.
        few_images: of these, for the grid of λ.
        drawn: of these, in the picture.
    """

    title: ClassVar[str] = "Criticisms: the smallest change to another digit"
    spread: ClassVar[str] = "Wilson's interval of 95 % for shares, bootstrap interval of 95 % for means"

    classifier: str = "configs/classifier/mnist.yaml"
    generators: Sequence[str] = ("configs/vae/mnist.yaml", "configs/wgan/mnist_latent10.yaml")
    translator: str | None = "configs/ganmex/mnist.yaml"
    images: int = 1000
    few_images: int = 50
    drawn: int = 8

    def quick(self) -> Self:
        """Give two images and one generator."""
        return replace(self, generators=self.generators[:1], images=2, few_images=1, drawn=1)

    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Ask, measure and draw."""
        classifier, data = place.network(self.classifier), MNIST(place.root)
        batch = data.samples(range(self.images), "test")
        everyone = data.samples(range(len(data.split("test"))), "test")
        answers = predicted(classifier, everyone["image"])
        rows = [Row.share("accuracy of the classifier", answers == everyone["label"], 0.991, "higher")]
        real = data.reference(count=10000)
        shown: dict[str, Explanation] = {}
        for kind, config in zip(kinds_of(self.generators), self.generators, strict=True):
            subject = Subject(classifier, place.network(config))
            goal = 0.99 if kind.startswith("VAE") else None
            inversion = RememberedInversion()
            if not isinstance(subject.generator, Encoder):
                begin = time.perf_counter()
                explain_all(
                    Criticism(bisections=0, steps=1, precision="single", inversion=inversion), subject, batch["image"]
                )
                seconds = (time.perf_counter() - begin) / len(batch["image"])
                rows.append(
                    Row(f"{kind}: inversion: seconds of an image", seconds, n=len(batch["image"]), better="lower")
                )
            explainers: dict[str, Explainer] = {
                "criticism": Criticism(precision="single", inversion=inversion),
                "CDeepEx": CDeepEx(precision="single", inversion=inversion),
                "xGEMs": XGEM(precision="single", inversion=inversion),
                "prototype": Prototype(precision="single", inversion=inversion),
            }
            for name, explainer in explainers.items():
                wanted = goal if name == "criticism" else None
                told, found = _compared(f"{kind}: {name}", explainer, subject, batch, real["image"], wanted)
                rows += told
                shown[f"{kind}: {name}"] = found[: self.drawn]
            rows += self._against_grid(kind, subject, batch["image"][: self.few_images], inversion)
        if self.translator is not None:
            subject = Subject(classifier, translator=place.network(self.translator))
            told, found = _compared("GANMEX", Translation(Ganmex(unfit=place.quick)), subject, batch, real["image"])
            rows += told
            shown["GANMEX"] = found[: self.drawn]
        return rows, {"counterfactuals": _side_by_side(shown, data.class_names)}

    def _against_grid(self, kind: str, subject: Subject, images: Images, inversion: Inversion) -> list[Row]:
        """Hold the bisection against a descent from the start for each of many λ, the nearest of which counts."""
        explainer = Criticism(precision="single", inversion=inversion)
        ours = explain_all(explainer, subject, images)
        nearest = torch.full_like(ours.scalars["distance"], torch.inf)
        with latent_images(subject, images, ours.fact, False, "single", inversion) as drawing:
            for weight in torch.logspace(-1, 2, GRID if len(images) > 1 else 2).tolist():
                found = smallest_change(
                    drawing.drawn,
                    drawing.classified,
                    lambda _, pictures, rows: length(images[rows] - pictures, explainer.norm),
                    drawing.start,
                    ours.foil,
                    low=weight / 2,
                    high=weight,
                    bisections=0,
                    steps=explainer.steps,
                    step_size=explainer.step_size,
                    betas=BETAS,
                )
                apart = length(images - drawing.drawn(found.point, torch.arange(len(images))), explainer.norm)
                nearest = torch.where(found.reached, torch.minimum(nearest, apart), nearest)
        both = (ours.status == Status.SOLVED) & nearest.isfinite()
        ratio = (ours.scalars["distance"] / nearest)[both]
        return [Row.mean(f"{kind}: L1 / the least on a grid of {GRID} λ", ratio, 1.02, "lower")]


def _compared(
    words: str, explainer: Explainer, subject: Subject, batch: Batch, real: Images, goal: float | None = None
) -> tuple[list[Row], Explanation]:
    """Measure an explainer's counterfactuals of the second class, and give them."""
    begin = time.perf_counter()
    found = explain_all(explainer, subject, batch["image"])
    seconds = (time.perf_counter() - begin) / len(found)
    solved = found[found.status == Status.SOLVED]
    assert found.counterfactual is not None
    rows = []
    if not isinstance(explainer, Prototype):
        rows.append(Row.share(f"{words}: valid", counterfactual.validity(subject, found) == 1, goal, "higher"))
        third = counterfactual.third_class_violation(subject, found) > 0
        rows.append(Row.share(f"{words}: a third class above", third, better="lower"))
    rows.append(Row.share(f"{words}: solved", found.status == Status.SOLVED, better="higher"))
    if len(solved):
        rows += [
            Row.mean(f"{words}: L1, mean of a pixel", counterfactual.l1(subject, solved), better="lower"),
            Row.mean(f"{words}: L2", counterfactual.l2(subject, solved), better="lower"),
            Row(f"{words}: Fréchet distance in the classifier's features", _frechet(subject.classifier, real, solved),
                n=len(solved), better="lower"),
        ]  # fmt: skip
    if "gradient_evaluations" in found.scalars:
        rows.append(Row.mean(f"{words}: gradients of an image", found.scalars["gradient_evaluations"], better="lower"))
    return [*rows, Row(f"{words}: seconds of an image", seconds, n=len(found), better="lower")], found


def _side_by_side(shown: Mapping[str, Explanation], class_names: Sequence[str]) -> Figure:
    """Draw inputs, and below each what every explainer makes of it; an image that is unsolved is crossed out."""
    first = next(iter(shown.values()))
    figure = Figure(figsize=(1.1 * len(first) + 1.6, 1.1 * (len(shown) + 1) + 0.3), layout="constrained")
    grid = figure.subplots(len(shown) + 1, len(first), squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for column, axes in enumerate(grid[0]):
        axes.imshow(picture(first.inputs[column]))
        axes.set_title(
            f"{class_names[int(first.fact[column])]}, not {class_names[int(first.foil[column])]}?", fontsize=8
        )
    grid[0, 0].set_ylabel("input", fontsize=8)
    for line, (name, found) in zip(grid[1:], shown.items(), strict=True):
        assert found.counterfactual is not None
        line[0].set_ylabel(name.replace(": ", "\n"), fontsize=8)
        for row, axes in enumerate(line):
            axes.imshow(picture(found.counterfactual[row].clamp(0, 1)))
            if found.status[row] != Status.SOLVED:
                axes.plot([0, 1], [0, 1], color="red", linewidth=1, transform=axes.transAxes)
    return figure


def _frechet(classifier: nn.Module, real: Images, found: Explanation) -> float | None:
    assert found.counterfactual is not None
    if len(found) < 2:
        return None
    metric = frechet_metric(classifier, real)
    metric.update(found.counterfactual.clamp(0, 1), real=False)
    return float(metric.compute())
