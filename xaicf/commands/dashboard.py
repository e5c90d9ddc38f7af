"""A W&B dashboard from code: panels for what the runs of a folder have logged."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from xaicf.callbacks.logging import LOGGED, Kind
from xaicf.commands.parser import Parser
from xaicf.core import DataError, InputError

NAME = "Why this class, and not that one?"


def logged_keys(folders: Sequence[str]) -> dict[str, Kind]:
    """Gather what the runs under some folders have logged, by the files that :class:`WandbLogger` leaves there.

    Raises:
        DataError: there is no run under a folder, or such a file is damaged.
    """
    found: dict[str, Kind] = {}
    for folder in folders:
        paths = sorted(Path(folder).rglob(f"wandb/*/files/{LOGGED}"))
        if not paths:
            raise DataError(f"no run of a WandbLogger is under {folder}: name the folder that holds wandb, by --runs")
        for path in paths:
            found |= _read(path)
    return found


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf dashboard``.

    Raises:
        UserError: a mistake in the arguments, no run, nobody is logged in, or the server cannot be reached.
    """
    parser = Parser(
        "xaicf dashboard",
        "Make a W&B workspace or report for the runs of a project.",
        "--entity ENTITY --project xaicf --dry_run",
    )
    parser.add_argument("--entity", required=True, help="user or team that owns the project")
    parser.add_argument("--project", required=True, help="that holds, or is to hold, the runs")
    parser.add_argument(
        "--kind", choices=("workspace", "report"), default="workspace", help="of page (default: %(default)s)"
    )
    parser.add_argument("--name", default=NAME, help="of the page (default: %(default)s)")
    parser.add_argument(
        "--runs",
        nargs="+",
        default=["runs"],
        metavar="DIR",
        help="folders that hold wandb folders of runs (default: runs)",
    )
    parser.add_argument("--dry_run", action="store_true", help="send nothing (default: send it)")
    parser.add_argument("--output", metavar="FILE", help="write the specification there too, as JSON (default: no)")
    given = parser.parse_args(arguments)
    for name in ("entity", "project", "name"):
        if not getattr(given, name).strip():
            raise InputError(f"{name} must not be empty")
    logged = logged_keys(given.runs)
    try:
        from xaicf.commands import panels  # noqa: PLC0415  (needs a package that is optional)
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("wandb_workspaces"):
            raise
        raise InputError("dashboard needs the package wandb-workspaces: pip install 'xaicf[dashboard]'") from error
    make = panels.workspace if given.kind == "workspace" else panels.report
    view = make(given.entity, given.project, given.name, logged)
    text = panels.specification(view)
    if given.output is not None:
        _write(Path(given.output), text)
        print(f"Specification in {given.output}")
    elif given.dry_run:
        print(text)
    if not given.dry_run:
        print(f"Dashboard at {panels.save(view)}")


def _read(path: Path) -> Mapping[str, Kind]:
    try:
        found: dict[str, Kind] = json.loads(path.read_text(encoding="utf-8"))
        known = set(found.values()) <= set(get_args(Kind))
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise DataError(f"{path} is damaged; remove it, or the run") from error
    if not known:
        raise DataError(f"{path} is damaged; remove it, or the run")
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
