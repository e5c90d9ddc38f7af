"""One table of what explainers are worth, from what they have left in stores."""

import csv
import functools
import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from xaicf import store
from xaicf.callbacks.logging import log_table
from xaicf.commands.parser import Parser
from xaicf.core import DataError, Explanation, InputError, Status, Subject
from xaicf.data import ImageData
from xaicf.evaluation import MEASURES, bootstrap_mean, compare, realism, robustness
from xaicf.explainers import Explainer

NOTE = (
    "Mean with its bootstrap interval of 95 % and the number of images n. ↑ higher is better, ↓ lower. Measures over "
    "solved images leave the others out; validity, third_class_violation and gradient_evaluations count every image "
    "that was asked about."
)

Values = dict[str, np.ndarray]
"""For each measure a number for each question of a store, NaN where it does not count."""


class Evaluated(NamedTuple):
    """What was measured of an explainer: by question, and of the whole set (value, n)."""

    keys: list[tuple[int, int]]
    values: Values
    whole: dict[str, tuple[float, int]]


def evaluate(
    stores: Sequence[str], images: int | None = None, again: int = 128, reference: int = 2000
) -> dict[str, Evaluated]:
    """Measure every explainer of some stores.

    Args:
        stores: folders or URLs.
        images: of each store, the first ones; all if left out.
        again: images for which explainers are asked again, for the measures of robustness; 0 for none.
        reference: training images for the measures of realism; 0 for none.

    Raises:
        DataError: a store is missing, damaged or not complete.
    """
    found: dict[str, Evaluated] = {}
    for path in stores:
        manifest = store.Manifest.read(store.Folder(path))
        store.same_files(store.Folder(path), manifest)
        subject, explainers = _rebuilt(manifest, reference)
        stop = None if images is None or images >= len(manifest.ids) else manifest.ids[images]
        for name in manifest.explainers:
            title = name if len(stores) == 1 else f"{Path(path).name}/{name}"
            if title in found:
                raise InputError(f"stores hold {title} twice; give their folders different names")
            found[title] = _measured(path, name, subject, len(manifest.class_names), explainers.get(name), stop, again)
    return found


def _rebuilt(manifest: store.Manifest, reference: int) -> tuple[Subject, dict[str, Explainer]]:
    given = manifest.arguments
    networks = {
        role: store.rebuild(given[role], nn.Module, role)
        for role in ("classifier", "generator", "translator")
        if given.get(role) is not None
    }
    if "classifier" not in networks:
        raise DataError("store was made without settings of its classifier, which evaluate needs")
    batch = None
    if reference:
        data = store.rebuild(manifest.settings.get("data"), ImageData, "data")  # type: ignore[type-abstract]
        data.setup()
        size = len(data.split("train"))
        batch = data.samples(range(0, size, max(1, size // reference)), "train")
    named = given["explainers"]
    listed = named.items() if isinstance(named, dict) else [(None, one) for one in named]
    built = [(name, store.rebuild(one, Explainer, "explainer")) for name, one in listed]  # type: ignore[type-abstract]
    return Subject(**networks, reference=batch), {name or one.name: one for name, one in built}


def _measured(
    path: str, name: str, subject: Subject, num_classes: int, explainer: Explainer | None, stop: int | None, again: int
) -> Evaluated:
    values: dict[str, list[torch.Tensor]] = defaultdict(list)
    keys: list[tuple[int, int]] = []
    made: list[torch.Tensor] = []
    autoencoders = None if subject.reference is None else realism.ClassAutoencoders(subject.reference, num_classes)
    known = None if subject.reference is None else realism.reference_features(subject.classifier, subject.reference)
    for part in store.parts(path, name, columns=("attribution", "counterfactual"), stop=stop):
        one = part.explanation
        asked = again - len(keys)
        keys += zip(part.index.tolist(), one.foil.tolist(), strict=True)
        for measure in MEASURES:
            if measure.applies(one):
                values[measure.name].append(measure(subject, one))
        if one.counterfactual is not None and subject.reference is not None and autoencoders is not None:
            for title, how in (("im1", realism.im1), ("im2", realism.im2)):
                values[title].append(_of_solved(one, functools.partial(how, autoencoders)))
            values["neighbours_of_foil"].append(
                _of_solved(one, lambda e: realism.neighbours_of_foil(subject, e, known=known))
            )
            made.append(one.counterfactual[one.status == Status.SOLVED])
        if explainer is not None and one.attribution is not None:
            for title, function in (
                ("foil_correlation", robustness.foil_correlation),
                ("noise_correlation", robustness.noise_correlation),
            ):
                some = one[: max(0, min(asked, len(one)))]
                rest = torch.full((len(one) - len(some),), torch.nan, dtype=torch.float64)
                told = _of_solved(some, functools.partial(function, explainer, subject)) if len(some) else rest[:0]
                values[title].append(torch.cat([told, rest]))
    whole = {"seconds_per_image": (store.seconds(path, name), len(keys))}
    if made and sum(map(len, made)) > 1 and subject.reference is not None:
        pictures = torch.cat(made)
        distance = realism.frechet_distance(subject.classifier, subject.reference["image"], pictures)
        whole["frechet_distance"] = (distance, len(pictures))
    return Evaluated(keys, {measure: torch.cat(parts).numpy() for measure, parts in values.items()}, whole)


def _of_solved(one: Explanation, function: Callable[[Explanation], torch.Tensor]) -> torch.Tensor:
    values = torch.full((len(one),), torch.nan, dtype=torch.float64)
    rows = (one.status == Status.SOLVED).nonzero().flatten()
    if len(rows):
        values[rows] = function(one[rows]).double()
    return values


BETTER = {
    **{measure.name: measure.higher_is_better for measure in MEASURES},
    "neighbours_of_foil": True,
    "im1": False,
    "im2": False,
    "foil_correlation": False,
    "noise_correlation": True,
    "seconds_per_image": False,
    "frechet_distance": False,
}
"""Whether higher is better."""

COLUMNS = ("explainer", "measure", "better", "n", "mean", "low", "high", "against", "n_paired", "p", "effect")


def rows(found: dict[str, Evaluated]) -> list[dict[str, object]]:
    """Write measurements as rows of a table, each explainer tested against the first that has the measure."""
    written: list[dict[str, object]] = []
    for measure, better in BETTER.items():
        first: tuple[str, Evaluated] | None = None
        for name, one in found.items():
            row: dict[str, object] = {"explainer": name, "measure": measure, "better": "higher" if better else "lower"}
            if measure in one.whole:
                value, n = one.whole[measure]
                written.append(row | {"n": n, "mean": value})
            elif measure in one.values:
                row |= bootstrap_mean(one.values[measure])._asdict()
                if first is None:
                    first = name, one
                else:
                    mine, theirs = (dict(zip(e.keys, e.values[measure], strict=True)) for e in (one, first[1]))
                    both = sorted(mine.keys() & theirs.keys())
                    test = compare(np.array([mine[key] for key in both]), np.array([theirs[key] for key in both]))
                    row |= {"against": first[0], "n_paired": test.n, "p": test.p, "effect": test.effect}
                written.append(row)
    return written


def as_csv(table: Sequence[dict[str, object]]) -> str:
    """Write rows as CSV, a line for each explainer and measure."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    return file.getvalue()


def as_markdown(table: Sequence[dict[str, object]]) -> str:
    """Write rows as a Markdown table, a line for each explainer and a column for each measure."""
    names = list(dict.fromkeys(str(row["explainer"]) for row in table))
    measures = list(dict.fromkeys((str(row["measure"]), str(row["better"])) for row in table))
    cells = {(row["explainer"], row["measure"]): _cell(row) for row in table}
    head = [f"{measure} {'↑' if better == 'higher' else '↓'}" for measure, better in measures]
    lines = [["explainer", *head], ["---"] * (len(head) + 1)]
    for name in names:
        told = [cells.get((name, measure), "–") for measure, _ in measures]
        lines += [[name.replace("|", "\\|"), *told]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{NOTE}\n"


def _cell(row: dict[str, object]) -> str:
    interval = f" [{row['low']:.3g}, {row['high']:.3g}]" if "low" in row else ""
    return f"{row['mean']:.3g}{interval} ({row['n']})"


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf evaluate``.

    Raises:
        UserError: a store or the output is at fault.
    """
    parser = Parser("xaicf evaluate", description="Measure the explainers of stores; writes CSV and Markdown.")
    parser.add_argument("stores", nargs="+", metavar="DIR", help="what explain has written, a folder or URL")
    parser.add_argument("--output", required=True, help="file without suffix, or with .csv or .md; both are written")
    parser.add_argument("--images", type=int, help="of each store, the first ones; all if left out")
    parser.add_argument("--again", type=int, default=128, help="images that explainers are asked about again")
    parser.add_argument("--reference", type=int, default=2000, help="training images for the measures of realism")
    parser.add_argument("--wandb", metavar="PROJECT", help="log the table there too")
    given = parser.parse_args(arguments)
    if given.images is not None and given.images < 1:
        raise InputError(f"images must be at least 1, got {given.images}")
    table = rows(evaluate(given.stores, given.images, given.again, given.reference))
    output = Path(given.output)
    if output.suffix in {".csv", ".md"}:
        output = output.with_suffix("")
    for suffix, text in ((".csv", as_csv(table)), (".md", as_markdown(table))):
        path = output.with_name(output.name + suffix)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(f"cannot write {path}: {error.strerror}") from error
    print(as_markdown(table))
    print(f"Written to {output}.csv and {output}.md")
    if given.wandb is not None:
        log_table(given.wandb, "evaluation", COLUMNS, [[row.get(column) for column in COLUMNS] for row in table])
