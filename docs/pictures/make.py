"""Draw the pictures of the methods' pages: ``python docs/pictures/make.py [NAME ...]``, after training what they show.

Needs, in the current folder, what these write: ``python -m xaicf fit`` with ``configs/quickstart/classifier.yaml``,
``configs/quickstart/vae.yaml`` and ``configs/ganmex/digits.yaml``, all on bundled digits.
"""

import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from xaicf import load_frozen
from xaicf.core import Explanation, Subject
from xaicf.data import Digits
from xaicf.explainers import Attribution, CDeepEx, Criticism, Prototype, Translation
from xaicf.explainers.baselines import Ganmex

HERE = Path(__file__).parent
MAPS = "RdBu_r"


def main() -> None:
    """Draw those that are named, or all four."""
    subject = Subject(load_frozen("runs/quickstart/classifier/best.ckpt"), load_frozen("runs/quickstart/vae/best.ckpt"))
    images = Digits().samples(range(60), "test")["image"]
    drawings = {draw.__name__: draw for draw in (cdeepex, weighted_contrast, introspection, ganmex)}
    for name in sys.argv[1:] or drawings:
        figure = drawings[name](subject, images)
        drawn = BytesIO()
        figure.savefig(drawn, dpi=80)
        Image.open(drawn).convert("RGB").quantize(64).save(HERE / f"{name}.png", optimize=True)
        plt.close(figure)


def cdeepex(subject: Subject, images: Tensor) -> Figure:
    """Draw three digits, their ties, the maps and what the classifier gives."""
    chosen = first_of(subject, images)
    found = CDeepEx().explain(subject, images[chosen])
    assert found.counterfactual is not None
    assert found.attribution is not None
    figure, axes = plt.subplots(3, 4, figsize=(8.6, 6.2), layout="constrained")
    for row, places in enumerate(axes):
        fact, foil = int(found.fact[row]), int(found.foil[row])
        residual = float(found.scalars["boundary_residual"][row])
        picture(places[0], found.inputs[row], f"a {fact}, not a {foil}")
        picture(places[1], found.counterfactual[row], f"the nearest tie (to {residual:.0e} nats)")
        signed(places[2], found.attribution[row], f"red: for {fact}, blue: for {foil}")
        bars(places[3], subject, found, row)
    return figure


def weighted_contrast(subject: Subject, images: Tensor) -> Figure:
    """Draw the maps of the least sure image by four contrasts."""
    chosen = torch.softmax(subject.classifier(images), 1).amax(1).argmin()
    image = images[chosen][None]
    contrasts = ("logit", "mean", "weighted", "pair")
    found = [Attribution("linear_approximation", contrast).explain(subject, image) for contrast in contrasts]
    fact, foil = int(found[0].fact), int(found[0].foil)
    about = {
        "logit": f"logit of {fact} alone",
        "mean": "less the mean of the others",
        "weighted": "less each rival, by how likely",
        "pair": f"less that of {foil}",
    }
    figure, axes = plt.subplots(1, 5, figsize=(11, 2.7), layout="constrained")
    picture(axes[0], image[0], f"a {fact}, or is it a {foil}?")
    for place, contrast, one in zip(axes[1:], contrasts, found, strict=True):
        assert one.attribution is not None
        signed(place, one.attribution[0], f"{contrast}\n{about[contrast]}")
    return figure


def introspection(subject: Subject, images: Tensor) -> Figure:
    """Draw digits, the least edit that makes the second class, and what would make them surer."""
    chosen = first_of(subject, images)
    least = Criticism().explain(subject, images[chosen])
    surer = Prototype().explain(subject, images[chosen])
    assert least.counterfactual is not None
    assert surer.counterfactual is not None
    assert least.attribution is not None
    assert surer.attribution is not None
    figure, axes = plt.subplots(3, 5, figsize=(10.4, 6.4), layout="constrained")
    for row, places in enumerate(axes):
        fact, foil = int(least.fact[row]), int(least.foil[row])
        before, after = (float(surer.scalars[name][row]) for name in ("log_odds", "log_odds_after"))
        picture(places[0], least.inputs[row], f"a {fact}")
        picture(places[1], least.counterfactual[row], f"criticism: a {foil}")
        signed(places[2], least.attribution[row], f"red: for {fact}, blue: for {foil}")
        picture(places[3], surer.counterfactual[row], f"prototype: {before:.1f} → {after:.1f} nats")
        signed(places[4], surer.attribution[row], "red: more, blue: less")
    return figure


def ganmex(subject: Subject, images: Tensor) -> Figure:
    """Draw digits redrawn as each class, with the map of one question each."""
    subject = Subject(subject.classifier, translator=load_frozen("runs/ganmex/digits/best.ckpt"))
    chosen = first_of(subject, images)
    asked = Attribution("integrated_gradients", "pair", baseline=Ganmex(unfit=True))
    found = asked.explain(subject, images[chosen])
    assert found.attribution is not None
    figure, axes = plt.subplots(3, 12, figsize=(13, 3.7), layout="constrained")
    for row, places in enumerate(axes):
        fact, foil = int(found.fact[row]), int(found.foil[row])
        redrawn = Translation(Ganmex(unfit=True))
        picture(places[0], found.inputs[row], f"a {fact}")
        for number, place in enumerate(places[1:11]):
            if number == fact:
                place.set_axis_off()
                continue
            made = redrawn.explain(subject, found.inputs[row : row + 1], fact, number).counterfactual
            assert made is not None
            picture(place, made[0], f"as {number}")
        signed(places[11], found.attribution[row], f"{fact}, not {foil}")
    return figure


def first_of(subject: Subject, images: Tensor, classes: Sequence[int] = (7, 4, 3)) -> Tensor:
    """Choose the first image that the classifier takes for each class."""
    fact = subject.classifier(images).argmax(1)
    return torch.stack([(fact == one).nonzero()[0, 0] for one in classes])


def picture(place: Axes, image: Tensor, title: str) -> None:
    """Show a grey image."""
    place.imshow(image[0], cmap="gray", vmin=0, vmax=1)
    place.set_title(title, fontsize=9)
    place.set_axis_off()


def signed(place: Axes, attribution: Tensor, title: str) -> None:
    """Show a signed map on a scale centred on zero."""
    shown = attribution.sum(0)
    most = float(shown.abs().max()) or 1.0
    place.imshow(shown, cmap=MAPS, vmin=-most, vmax=most)
    place.set_title(title, fontsize=9)
    place.set_xticks([])
    place.set_yticks([])


def bars(place: Axes, subject: Subject, found: Explanation, row: int) -> None:
    """Show the classifier's probabilities for an image and for its counterfactual."""
    assert found.counterfactual is not None
    for offset, images, colour, name in (
        (-0.2, found.inputs, "0.35", "image"),
        (0.2, found.counterfactual, "tab:orange", "tie"),
    ):
        values = torch.softmax(subject.classifier(images[row : row + 1]), 1)[0]
        place.bar(torch.arange(len(values)) + offset, values, 0.4, color=colour, label=name)
    place.set_xticks(range(10))
    place.set_ylim(0, 1)
    place.set_title("probability of each class", fontsize=9)
    place.legend(fontsize=8)
    place.tick_params(labelsize=8)


if __name__ == "__main__":
    main()
