"""One table of what explainers are worth, from what they have left in stores."""

import math
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from xaicf import store
from xaicf.callbacks.lineage import store_item
from xaicf.callbacks.logging import Table, log_tables
from xaicf.callbacks.stored import SHOWN
from xaicf.callbacks.table import explanation_table, measures_of
from xaicf.commands.evaluator import Evaluator
from xaicf.commands.naming import explainer_names, store_titles
from xaicf.commands.parser import Parser
from xaicf.core import DataError, InputError
from xaicf.evaluation import MEASURES, Measure, Measured, as_csv, as_markdown, rows, wide


def evaluate(
    stores: Sequence[str],
    images: int | None = None,
    again: int = 128,
    reference: int = 2000,
    device: str = "cpu",
    measures: Sequence[Measure] = (),
) -> tuple[list[dict[str, object]], list[str]]:
    """Measure every explainer of some stores, and keep in each store what was measured of it.

    Args:
        stores: folders or URLs.
        images: of each store, the first ones; all if left out.
        again: questions that explainers are asked again, for the measures of robustness; 0 for none.
        reference: training images for the measures of realism; 0 for none.
        device: to compute on.
        measures: further ones, beside those of the package.

    Returns:
        The rows of a table, see :func:`xaicf.evaluation.rows`, and notes on what could not be measured or kept.

    Raises:
        InputError: no store, or one that is named twice.
        DataError: a store is missing, damaged or not complete.
    """
    manifests = {path: store.Manifest.read(store.Folder(path)) for path in stores}
    names = explainer_names(store_titles(stores), manifests)
    found: dict[str, Measured] = {}
    notes: list[str] = []
    for path in stores:
        evaluator = Evaluator(path, images, again, reference, device, measures)
        measured = evaluator.run()
        notes += evaluator.notes
        known = [row for row in rows(measured) if math.isfinite(row["mean"])]  # type: ignore[arg-type]
        try:
            store.write_evaluation(store.Folder(path), store.Evaluation(known, _by_question(measured)))
        except DataError as error:
            notes.append(f"{error}; a report will lack the measures")
        found |= {names[path, name]: one for name, one in measured.items()}
    return rows(found), notes


def _by_question(measured: Mapping[str, Measured]) -> pa.Table:
    names = dict.fromkeys(name for one in measured.values() for name in one.values)
    tables = []
    for explainer, one in measured.items():
        index, foil = np.array(one.keys, dtype=np.int64).T
        blank = np.full(len(index), np.nan)
        columns = {name: one.values.get(name, blank) for name in names}
        tables.append(pa.table({"explainer": [explainer] * len(index), "index": index, "foil": foil, **columns}))
    return pa.concat_tables(tables)


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf evaluate``.

    Raises:
        UserError: a store or the output is at fault.
    """
    parser = Parser(
        "xaicf evaluate",
        "Measure the explainers of stores: a row for each, a column for each measure, with n and intervals.",
        "runs/explain/digits --output runs/explain/digits/table",
    )
    parser.add_argument("stores", nargs="+", metavar="DIR", help="what explain has written, a folder or URL")
    written = parser.add_argument_group("what is written")
    written.add_argument(
        "--output", required=True, metavar="FILE", help="without suffix, or with .csv or .md; both are written"
    )
    written.add_argument("--wandb", metavar="PROJECT", help="log the table there too (default: no)")
    measured = parser.add_argument_group("what is measured")
    measured.add_argument("--images", type=int, metavar="N", help="of each store, the first ones (default: all)")
    measured.add_argument(
        "--again", type=int, default=128, metavar="N", help="questions that are asked again (default: %(default)s)"
    )
    measured.add_argument(
        "--reference",
        type=int,
        default=2000,
        metavar="N",
        help="training images to measure realism by (default: %(default)s)",
    )
    measured.add_argument(
        "--measure",
        action="append",
        default=[],
        metavar="PATH",
        help="import path of a Measure of your own, such as rough.ROUGHNESS; may be repeated (default: none)",
    )
    measured.add_argument("--device", default="cpu", help="to compute on, such as cuda (default: %(default)s)")
    given = parser.parse_args(arguments)
    for name, least in (("images", 1), ("again", 0), ("reference", 0)):
        number = getattr(given, name)
        if number is not None and number < least:
            raise InputError(f"{name} must be at least {least}, got {number}")
    try:
        torch.empty(0, device=given.device)
    except (AssertionError, RuntimeError) as error:
        raise InputError(f"device {given.device} is not there: {error}") from error
    measures = [_own_measure(path) for path in given.measure]
    output = Path(given.output)
    if output.suffix in {".csv", ".md"}:
        output = output.with_suffix("")
    if not output.name or output.is_dir():
        raise InputError(f"output must be a file, got {given.output}")
    _make_folder(output)  # before anything is computed
    files = {suffix: output.with_name(output.name + suffix) for suffix in (".csv", ".md")}
    table, notes = evaluate(given.stores, given.images, given.again, given.reference, given.device, measures)
    _write(files[".csv"], as_csv(table))
    _write(files[".md"], as_markdown(table))
    print(as_markdown(table))
    for note in notes:
        print(f"Note: {note}")
    print(f"Written to {files['.csv']} and {files['.md']}")
    if given.wandb is not None:
        _log(given.wandb, given.stores, table)


def _log(project: str, stores: Sequence[str], table: Sequence[dict[str, object]]) -> None:
    """Log the table, and one of the first images of each store with all that was measured of them."""
    tables = [Table("evaluation", *wide(table))]
    for path, title in store_titles(stores).items():
        evaluation = store.read_evaluation(store.Folder(path))
        measures = None if evaluation is None else measures_of(evaluation)
        found = explanation_table({0: path}, SHOWN, measures)
        tables.append(replace(found, key=found.key if len(stores) == 1 else f"{found.key}/{title}"))
    log_tables(project, "evaluation", tables, [store_item(path) for path in stores])


def _own_measure(path: str) -> Measure:
    try:
        found = pkgutil.resolve_name(path)
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(f"measure {path} cannot be imported: {error}") from error
    if not isinstance(found, Measure):
        raise InputError(f"measure must be the import path of a Measure, got {path}, a {type(found).__name__}")
    if found.name in {measure.name for measure in MEASURES}:
        raise InputError(f"measure {path} must have a name of its own, got {found.name}")
    return found


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
