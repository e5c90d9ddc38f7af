"""Panels of a W&B dashboard, from the names of what runs have logged. The only file that knows W&B's workspaces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import wandb
import wandb_workspaces.reports.v2 as reports
from wandb.errors import Error
from wandb_workspaces import workspaces
from wandb_workspaces.reports.v2.interface import BlockTypes, PanelTypes

from xaicf.callbacks.logging import Kind
from xaicf.core import UserError

View = workspaces.Workspace | reports.Report

STEPS = "trainer/global_step"
"""The x-axis of what is logged within an epoch."""

SAMPLES = 4
"""Samples of each explainer that are shown, those with the lowest ids."""

WIDTH = 24
"""Of a report's page, in its units."""


@dataclass(frozen=True)
class Section:
    """Panels under a heading.

    Attributes:
        name: the heading.
        about: a sentence on how to read it.
        panels: in order.
        columns: panels side by side.
    """

    name: str
    about: str
    panels: Sequence[PanelTypes]
    columns: int = 3


def sections(logged: Mapping[str, Kind]) -> list[Section]:
    """Lay out what runs have logged: their training, their explanations, and how good these are.

    Every panel names keys that are in ``logged``; a section without any panel is left out.

    Args:
        logged: the kind of what was logged, by its key, over all runs.
    """
    numbers = sorted(key for key, kind in logged.items() if kind == "number")
    images = sorted(key for key, kind in logged.items() if kind == "image")
    tables = sorted(key for key, kind in logged.items() if kind == "table")
    explained = [key for key in images if key.startswith("explain/")]
    training: list[PanelTypes] = _curves(numbers, ("train", "val", "test"))
    training += [_slider(key, [key]) for key in images if key not in explained]
    explanations: list[PanelTypes] = [_table(key) for key in tables if key.startswith("explain/")]
    for explainer in dict.fromkeys(key.split("/")[1] for key in explained):
        keys = [key for key in explained if key.split("/")[1] == explainer]
        explanations.append(_slider(explainer, keys[:SAMPLES]))
    return [
        one
        for one in (
            Section("Training", "Curves of training and validation, and what generators draw.", training),
            Section(
                "Explanations",
                "One row for each question: filter and group by explainer, fact, foil, label or status. The sliders "
                "below go through the epochs.",
                explanations,
                columns=1,
            ),
            Section(
                "Measures",
                "Means over the questions that were solved, and the share of them, explainers side by side.",
                [*_measures(numbers), *_other_tables(tables)],
            ),
        )
        if one.panels
    ]


def workspace(entity: str, project: str, name: str, logged: Mapping[str, Kind]) -> workspaces.Workspace:
    """Describe a saved view of a project's workspace; nothing is sent."""
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=name,
        auto_generate_panels=False,
        sections=[
            workspaces.Section(
                name=one.name,
                panels=list(one.panels),
                is_open=True,
                layout_settings=workspaces.SectionLayoutSettings(columns=one.columns, rows=2),
            )
            for one in sections(logged)
        ],
    )


def report(entity: str, project: str, name: str, logged: Mapping[str, Kind]) -> reports.Report:
    """Describe a report on all runs of a project; nothing is sent."""
    blocks: list[BlockTypes] = [reports.TableOfContents()]
    for one in sections(logged):
        # Without a project of its own a set of runs is of the report's, and nobody asks the server for it.
        grid = reports.PanelGrid(runsets=[reports.Runset(name="Runs")], panels=list(one.panels))
        blocks += [reports.H2(one.name), reports.P(one.about), grid]
    return reports.Report(entity=entity, project=project, title=name, blocks=blocks, width="fluid")


def specification(view: View) -> str:
    """Give what is sent to the server, as JSON."""
    found: str = view._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2)  # noqa: SLF001  (the package has no other way to write a view without a server)
    return found


def save(view: View) -> str:
    """Send a view to the server.

    Returns:
        Its address.

    Raises:
        UserError: nobody is logged in, the server cannot be reached, or it refuses.
    """
    try:
        wandb.Api()  # says what is amiss with the key or the server, for which a report has no error of its own
        view.save()  # type: ignore[no-untyped-call]  # the package leaves it untyped
        return str(view.url)
    except (Error, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"W&B did not take the dashboard of {view.entity}/{view.project}: {reason}; --dry_run writes it to a file"
        ) from error


def _curves(numbers: Sequence[str], stages: Sequence[str]) -> list[PanelTypes]:
    """Draw each number that a stage logs, its stages together where they have the same axis."""
    found: dict[tuple[str, str], list[str]] = {}
    for key in numbers:
        stage, _, name = key.partition("/")
        if stage in stages:
            found.setdefault((name, STEPS if stage == "train" else "epoch"), []).append(key)
    return [
        reports.LinePlot(title=f"{name} ({'steps' if x == STEPS else 'epochs'})", x=x, y=list(keys))
        for (name, x), keys in sorted(found.items())
    ]


def _measures(numbers: Sequence[str]) -> list[PanelTypes]:
    """Draw each scalar of explainers over the epochs, and its last value as bars."""
    found: dict[str, list[str]] = {}
    for key in numbers:
        if key.startswith("explain/"):
            found.setdefault(key.rpartition("/")[2], []).append(key)
    panels: list[PanelTypes] = []
    for name, keys in sorted(found.items()):
        panels.append(reports.LinePlot(title=name, x="epoch", y=list(keys)))
        panels.append(reports.BarPlot(title=f"{name}, last", metrics=list(keys)))
    return panels


def _other_tables(tables: Sequence[str]) -> list[PanelTypes]:
    return [_table(key) for key in tables if not key.startswith("explain/")]


def _slider(title: str, keys: Sequence[str]) -> PanelTypes:
    """Show pictures with a slider over the epochs."""
    return reports.MediaBrowser(
        title=title, media_keys=list(keys), num_columns=1, mode="gallery", gallery_axis="step", layout=_across(9)
    )


def _table(key: str) -> PanelTypes:
    """Show a table as runs last logged it."""
    return reports.WeavePanelSummaryTable(table_name=key, layout=_across(16))


def _across(height: int) -> reports.Layout:
    """Take the whole width; one for each panel, since a report moves panels apart by changing theirs."""
    return reports.Layout(w=WIDTH, h=height)
