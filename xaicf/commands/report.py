"""Stores as one page: explainers in numbers, and side by side on each image."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from xaicf.commands.measured import Measurements, measure_rows, measured
from xaicf.commands.naming import explainer_names, store_titles
from xaicf.commands.parser import Parser
from xaicf.core import DataError, InputError
from xaicf.store import Folder, Manifest, parts, read_evaluation, table
from xaicf.viz.gallery import Gallery
from xaicf.viz.summary import Summary, summarise

TITLE = "Why this class, and not that one?"
NOTHING = Measurements({}, {}, {}, {})
SHOWN = ("attribution", "counterfactual", "baseline")


def report(stores: Sequence[str], output: str, images: int = 2000) -> None:
    """Write stores of explanations as one HTML page that needs no network.

    Args:
        stores: their folders or URLs. An explainer that several hold is told apart by the folder's name.
        output: the page's file; folders are made.
        images: most images on the page, those with the lowest ids; its table is over all.

    Raises:
        InputError: no store, one that is named twice, or a number of images below 1.
        DataError: a store is missing, damaged or not complete, or the page cannot be written.
    """
    if images < 1:
        raise InputError(f"images must be at least 1, got {images}")
    titles = store_titles(stores)
    manifests = {store: Manifest.read(Folder(store)) for store in stores}
    names = explainer_names(titles, manifests)
    ids = sorted({index for manifest in manifests.values() for index in manifest.ids})
    stop = ids[:images][-1] + 1
    evaluations = {store: read_evaluation(Folder(store)) for store in stores}
    gallery, summaries, found = Gallery(), dict[str, Summary](), dict[str, Measurements]()
    for (store, explainer), name in names.items():
        evaluation = evaluations[store]
        found[name] = NOTHING if evaluation is None else measured(evaluation, explainer)
        rows = table(store, explainer)
        scalars = {key: rows[f"scalars/{key}"].to_numpy() for key in _own_scalars(rows.column_names, found[name])}
        summaries[name] = summarise(rows["status"].to_numpy(), scalars)
        if manifests[store].ids[0] >= stop:
            continue
        for part in parts(store, explainer, SHOWN, stop=stop):
            measures = found[name].of(part.index, part.explanation.foil)
            gallery.add(name, part.explanation, part.index, part.label, manifests[store].class_names, measures)
    without = [titles[store] for store in stores if evaluations[store] is None]
    page = gallery.html(
        TITLE, _introduction(manifests, len(ids), images), summaries, measure_rows(found), _without_measures(without)
    )
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_bytes(page.encode(errors="replace"))
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror or error}") from error


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf report``.

    Raises:
        UserError: a mistake in the arguments, or one that :func:`report` finds.
    """
    parser = Parser(
        "xaicf report",
        "Write stores as one HTML page that needs no network.",
        "runs/explain/digits --output runs/explain/digits/page.html",
    )
    parser.add_argument("stores", nargs="+", metavar="DIR", help="folder or URL of a store")
    parser.add_argument("--output", required=True, metavar="PAGE", help="file to write, such as page.html")
    parser.add_argument(
        "--images", type=int, default=2000, metavar="N", help="most images on the page (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    report(given.stores, given.output, given.images)
    print(f"Report in {given.output}")


def _own_scalars(columns: Sequence[str], measures: Measurements) -> list[str]:
    """Name the scalars of a table that no measure replaces."""
    names = [column.removeprefix("scalars/") for column in columns if column.startswith("scalars/")]
    return [name for name in names if name not in measures.means]


def _without_measures(stores: Sequence[str]) -> str:
    if not stores:
        return ""
    return f"Not evaluated: {', '.join(stores)}. `python -m xaicf evaluate DIR --output table` adds the measures."


def _introduction(manifests: dict[str, Manifest], samples: int, images: int) -> str:
    made = "; ".join(f"{PurePosixPath(Folder(store).root).name} ({_about(one)})" for store, one in manifests.items())
    some = f"The {images:,} images with the lowest ids of {samples:,} are shown; the table is over all. "
    return (
        f"Made from {made}. {some if images < samples else ''}"
        "Each row below asks one question about one image: why this class (the fact), and not that one (the foil)? "
        "In a map, red speaks for the fact and blue for the foil, and where nothing speaks the image shows "
        "through in grey. Each map has its own scale: full colour is its largest value, which stands below it."
    )


def _about(manifest: Manifest) -> str:
    """Say which data, classifier and other networks a store is about, as far as its settings tell."""
    told = {"data": manifest.settings.get("data"), **{role: manifest.arguments.get(role) for role in manifest.networks}}
    parts = [f"{name} {_named(one)}" for name, one in told.items() if one]
    return ", ".join([f"{len(manifest.ids):,} images of the {manifest.split} split", *parts])


def _named(setting: dict[str, Any]) -> str:
    """Name what a setting builds: its class or function, and the file or factory that it takes."""
    arguments = setting.get("init_args", {})
    source = next((arguments[key] for key in ("path", "factory", "state_dict") if arguments.get(key)), None)
    name = str(setting.get("class_path", "")).rpartition(".")[2]
    return name if source is None else str(source)
