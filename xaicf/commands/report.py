"""Stores as one page: explainers in numbers, and side by side on each image."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xaicf.commands.measured import Measurements, measure_rows, measured
from xaicf.commands.naming import explainer_names, store_titles
from xaicf.commands.parser import Parser
from xaicf.core import DataError, InputError
from xaicf.store import Folder, Manifest, parts, read_evaluation, table
from xaicf.studies.study import Row
from xaicf.viz import Page
from xaicf.viz.page import Finding, Study, Summary, summarise

TITLE = "Why this class, and not that one?"
NOTHING = Measurements({}, {}, {}, {})
SHOWN = ("attribution", "counterfactual", "baseline", "trace")
RESULT = "result.json"
"""What a study writes."""
INLINE = 6000
"""Images that one file holds and a browser opens well."""


def report(
    stores: Sequence[str],
    output: str,
    images: int | None = None,
    results: Sequence[str] = (),
    inline: int = INLINE,
) -> None:
    """Write stores of explanations as one HTML page that needs no network.

    Args:
        stores: their folders or URLs. An explainer that several hold is told apart by the folder's name.
        output: the page's file; folders are made.
        images: most images on the page, those with the lowest ids, all if left out; its table is over all.
        results: of studies to show, each a ``result.json``; beside them those that lie in or next to a store.
        inline: images up to which the page holds all its pictures; those of more lie in a folder beside it,
            ``PAGE_files``, and are loaded as they come into view.

    Raises:
        InputError: no store, one that is named twice, or a number below 0 or of no image.
        DataError: a store or a result is missing, damaged or not complete, or the page cannot be written.
    """
    if images is not None and images < 1:
        raise InputError(f"images must be at least 1, got {images}")
    if inline < 0:
        raise InputError(f"inline must be at least 0, got {inline}")
    studies = [_study(Path(file)) for file in dict.fromkeys([*map(str, results), *_found(stores)])]
    titles = store_titles(stores)
    manifests = {store: Manifest.read(Folder(store)) for store in stores}
    names = explainer_names(titles, manifests)
    ids = sorted({index for manifest in manifests.values() for index in manifest.ids})
    shown = ids[:images]
    evaluations = {store: read_evaluation(Folder(store)) for store in stores}
    found: dict[str, Measurements] = {}
    for (store, explainer), name in names.items():
        evaluation = evaluations[store]
        found[name] = NOTHING if evaluation is None else measured(evaluation, explainer)
    without = [titles[store] for store in stores if evaluations[store] is None]
    path = Path(output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        page = Page(path.with_name(f"{path.stem}_files") if len(shown) > inline else None)
        summaries = _add(page, names, manifests, found, shown[-1] + 1)
        introduction = _introduction(manifests, len(ids), len(shown))
        html = page.html(TITLE, introduction, summaries, measure_rows(found), _without_measures(without), studies)
        path.write_bytes(html.encode(errors="replace"))
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
    parser.add_argument("--images", type=int, metavar="N", help="most images on the page (default: all)")
    parser.add_argument(
        "--results", nargs="+", default=[], metavar="FILE", help="result.json of studies to show (default: none)"
    )
    parser.add_argument(
        "--inline",
        type=int,
        default=INLINE,
        metavar="N",
        help="images that the page holds by itself; pictures of more lie in PAGE_files (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    report(given.stores, given.output, given.images, given.results, given.inline)
    print(f"Report in {given.output}")


def _add(
    page: Page,
    names: Mapping[tuple[str, str], str],
    manifests: Mapping[str, Manifest],
    found: Mapping[str, Measurements],
    stop: int,
) -> dict[str, Summary]:
    """Add what stores hold of ids below ``stop``, and sum up all that they hold, by explainer."""
    summaries = {}
    for (store, explainer), name in names.items():
        rows = table(store, explainer)
        scalars = {key: rows[f"scalars/{key}"].to_numpy() for key in _own_scalars(rows.column_names, found[name])}
        summaries[name] = summarise(rows["status"].to_numpy(), scalars)
        if manifests[store].ids[0] >= stop:
            continue
        for part in parts(store, explainer, SHOWN, stop=stop):
            measures = found[name].of(part.index, part.explanation.foil)
            page.add(name, part.explanation, part.index, part.label, manifests[store].class_names, measures)
    return summaries


def _found(stores: Sequence[str]) -> list[str]:
    """Give the results of studies that lie in or next to local stores."""
    places = [folder / RESULT for store in stores for folder in (Path(store), Path(store).parent)]
    return list(dict.fromkeys(str(place) for place in places if place.is_file()))


def _study(file: Path) -> Study:
    """Read what a study has written.

    Raises:
        DataError: the file is missing, or holds no result of a study.
    """
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        rows = [Row(**row) for row in result["rows"]]
        seeds = ", ".join(str(seed) for seed in result["seeds"])
        quick = " A quick run, whose numbers mean nothing." if result["quick"] else ""
        about = f"{result['study']}: {result['command']}, seed {seeds}.{quick}"
        return Study(str(result["title"]), about, str(result["spread"]), [_finding(row) for row in rows])
    except OSError as error:
        raise DataError(f"cannot read result {file}: {error.strerror or error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file} is not the result.json of a study, or is damaged") from error


def _finding(row: Row) -> Finding:
    higher = {"higher": True, "lower": False, None: None}[row.better]
    return Finding(row.measure, row.ours, row.low, row.high, row.n, row.published, row.goal, higher, row.met)


def _own_scalars(columns: Sequence[str], measures: Measurements) -> list[str]:
    """Name the scalars of a table that no measure replaces."""
    names = [column.removeprefix("scalars/") for column in columns if column.startswith("scalars/")]
    return [name for name in names if name not in measures.means]


def _without_measures(stores: Sequence[str]) -> str:
    if not stores:
        return ""
    return f"Not evaluated: {', '.join(stores)}. `python -m xaicf evaluate DIR --output table` adds the measures."


def _introduction(manifests: dict[str, Manifest], samples: int, shown: int) -> str:
    titles = store_titles(list(manifests))
    made = "; ".join(f"{titles[store]} ({_about(one)})" for store, one in manifests.items())
    some = f" The {shown:,} images with the lowest ids of {samples:,} are shown; the table is over all."
    return (
        f"Each question is about one image: why this class (the fact), and not that one (the foil)? Made from {made}."
        f"{some if shown < samples else ''}"
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
