"""A dashboard names what runs have really logged, and is what the workspaces' own package reads back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from offline import artifacts, entries, read, settings
from wandb_workspaces.reports.v2 import Report
from wandb_workspaces.reports.v2.internal import ReportViewspec
from wandb_workspaces.workspaces import Workspace
from wandb_workspaces.workspaces.internal import View, WorkspaceViewspec

from xaicf import load_frozen
from xaicf.callbacks.logging import Kind
from xaicf.cli import main
from xaicf.commands import panels
from xaicf.core import network_sha256

LOGGED: dict[str, Kind] = {
    "epoch": "number",
    "train/loss": "number",
    "val/loss": "number",
    "val/kl": "number",
    "samples/prior": "image",
    "explain/table": "table",
    "evaluation": "table",
    **{f"explain/{name}/sample_0000{id_}": "image" for name in ("a", "b") for id_ in range(9)},
    **{f"explain/{name}/solved": "number" for name in ("a", "b")},
}

MADE = ("classifier", "vae")
KINDS = ("classifier", "generator")

# One process for all runs, since importing takes longer than they do.
LAUNCHER = """
import sys, wandb
from xaicf.cli import main
for command in (
    ["fit", "--config=classifier.yaml"],
    ["fit", "--config=vae.yaml"],
    ["explain", "--config=explain.yaml", "--output=store"],
):
    assert main(command) == 0
    wandb.finish()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a classifier and a generator of digits for two epochs each, and explain with both; all logged offline."""
    folder = tmp_path_factory.mktemp("runs")
    frozen = {name: {"class_path": "xaicf.load_frozen", "init_args": {"path": f"{name}/best.ckpt"}} for name in MADE}
    asked = [{"class_path": "Attribution", "init_args": {"method": "gradient", "contrast": "pair"}}]
    callback = {"explainers": asked, "samples": 2, "classifier": frozen["classifier"]}
    explain = {"classifier": frozen["classifier"], "generator": frozen["vae"], "explainers": asked, "ids": "0-2"}
    models: dict[str, Any] = {
        "classifier": {"class_path": "Classifier", "init_args": {"network": {"class_path": "TwoConv"}}},
        "vae": {"class_path": "VAE", "init_args": {"latent_dim": 4}},
        "explain": {"class_path": "Explain", "init_args": explain},
    }
    for name, model in models.items():
        logger = {"save_dir": "runs", "group": "digits", "tags": [name], "job_type": name}
        trainer: dict[str, Any] = {
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": name,
            "logger": {"class_path": "xaicf.callbacks.WandbLogger", "init_args": logger},
        }
        if name != "explain":
            trainer |= {"max_epochs": 2, "limit_train_batches": 2, "limit_val_batches": 1, "log_every_n_steps": 1}
        if name == "vae":
            shown = {"class_path": "ExplainAtValidationEnd", "init_args": callback}
            trainer["callbacks"] = [{"class_path": "LogSamples"}, shown]
        config = {"data": {"class_path": "Digits"}, "model": model, "trainer": trainer}
        (folder / f"{name}.yaml").write_text(json.dumps(config))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    environment = {**clean, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return folder


def run_of(home: Path, job: str) -> Path:
    """Find the folder of a run by its job type, as W&B has it."""
    for run in (home / "runs/wandb").glob("offline-run-*"):
        (told,) = (record.run for record in read(run) if record.WhichOneof("record_type") == "run")
        if told.job_type == job:
            assert told.run_group == "digits"
            assert list(told.tags) == [job]
            return run
    raise FileNotFoundError(job)


def named(specification: Any, key: str = "") -> Iterator[str]:
    """Give every key of a run that the JSON of a specification names."""
    if isinstance(specification, dict):
        for inner, value in specification.items():
            if inner in {"metrics", "mediaKeys"}:
                yield from value
            elif inner == "xAxis" and isinstance(value, str):
                yield value
            elif inner == "key" and isinstance(value, dict) and value.get("nodeType") == "const":
                yield value["val"]
            else:
                yield from named(value, inner)
    elif isinstance(specification, list):
        for value in specification:
            yield from named(value, key)


@pytest.mark.parametrize("kind", ["workspace", "report"])
def test_everything_that_panels_name_was_logged(kind: str, home: Path) -> None:
    output = home / f"{kind}.json"
    command = ["dashboard", "--entity=e", "--project=p", f"--kind={kind}", f"--runs={home / 'runs'}"]
    assert main([*command, "--dry_run", f"--output={output}"]) == 0
    specification = json.loads(output.read_text())
    if kind == "workspace":  # its own axis stands for panels without one
        del specification["spec"]["section"]["settings"]
    runs = [run_of(home, job) for job in ("classifier", "vae", "explain")]
    logged = {name for run in runs for entry in entries(run) for name in entry}
    found = set(named(specification))
    assert found <= logged
    assert {
        "train/loss",
        "val/loss",
        "val/accuracy",
        "epoch",
        "trainer/global_step",
        "samples/prior",
        "samples/reconstruction",
        "explain/table",
        "explain/gradient-pair/solved",
        "explain/gradient-pair/sample_00000",
        "explain/gradient-pair/sample_00001",
    } <= found


def test_runs_are_grouped_and_tagged_and_say_what_they_used_and_made(home: Path) -> None:
    networks = {name: network_sha256(load_frozen(home / name / "best.ckpt")) for name in MADE}
    classifier, generator = (f"{kind}-{networks[name][:12]}" for kind, name in zip(KINDS, MADE, strict=True))
    made = {job: [one for one in artifacts(run_of(home, job)) if one.type != "run_table"] for job in (*MADE, "explain")}
    assert classifier in [one.name for one in made["classifier"]]
    assert generator in [one.name for one in made["vae"]]
    assert settings(run_of(home, "vae"))["used"] == [classifier]
    assert settings(run_of(home, "explain"))["used"] == sorted([classifier, generator])
    (explanations,) = made["explain"]
    assert explanations.type == "explanations"
    told = json.loads(explanations.metadata)
    files = {json.loads(one.metadata)["file_sha256"] for job in MADE for one in made[job] if "best" in one.aliases}
    assert set(told["files"].values()) >= files
    (entry,) = (one for one in explanations.manifest.contents if one.path == "manifest.json")
    assert entry.ref == (home / "store/manifest.json").as_uri()


def test_a_store_is_logged_as_a_training_is(home: Path) -> None:
    (entry,) = (one for one in entries(run_of(home, "explain")) if "explain/table" in one)
    assert entry["explain/gradient-pair/solved"] == 1
    table = json.loads((run_of(home, "explain") / "files" / entry["explain/table"]["path"]).read_text())
    assert [row[table["columns"].index("id")] for row in table["data"]] == [0, 1, 2]


def without_tables_layout(specification: Any) -> Any:
    """Leave out where tables stand, which the package does not read back."""
    if isinstance(specification, dict):
        table = specification.get("viewType") == "Weave"
        return {
            key: without_tables_layout(value) for key, value in specification.items() if not (table and key == "layout")
        }
    return [without_tables_layout(one) for one in specification] if isinstance(specification, list) else specification


def test_a_workspace_comes_back_as_it_was() -> None:
    made = panels.workspace("e", "p", "Some view", LOGGED)
    text = panels.specification(made)
    found = json.loads(text)
    spec = WorkspaceViewspec.model_validate(found["spec"])
    again = Workspace._from_model(View(entity="e", project="p", display_name="Some view", name="", id="", spec=spec))
    assert without_tables_layout(json.loads(panels.specification(again))["spec"]) == without_tables_layout(
        found["spec"]
    )
    assert [one.name for one in again.sections] == ["Training", "Explanations", "Measures"]


def test_a_report_comes_back_as_it_was() -> None:
    made = panels.report("e", "p", "Some report", LOGGED)
    found = json.loads(panels.specification(made))
    again = Report._from_model(ReportViewspec.model_validate(found))
    found = without_tables_layout(found["spec"]["blocks"])
    assert without_tables_layout(json.loads(panels.specification(again))["spec"]["blocks"]) == found


@pytest.mark.parametrize("make", [panels.workspace, panels.report])
def test_panels_name_nothing_else(make: Any) -> None:
    found = json.loads(panels.specification(make("e", "p", "n", LOGGED)))
    shown = [key for key in LOGGED if "sample_" not in key or int(key[-1]) < panels.SAMPLES]
    assert set(named(found["spec"])) - {"Step", "_step"} == {*shown, panels.STEPS}


def test_panels_of_a_report_lie_apart_whatever_was_made_before() -> None:
    for _ in range(2):
        found = json.loads(panels.specification(panels.report("e", "p", "n", LOGGED)))
        for block in found["spec"]["blocks"]:
            grid = block.get("metadata", {}).get("panelBankSectionConfig", {}).get("panels", [])
            places = [one["layout"] for one in grid]
            taken = [(at["x"] + x, at["y"] + y) for at in places for x in range(at["w"]) for y in range(at["h"])]
            assert len(set(taken)) == len(taken)


def test_nothing_logged_gives_no_section() -> None:
    assert panels.sections({}) == []
    assert [one.name for one in panels.sections({"val/loss": "number"})] == ["Training"]


@pytest.fixture
def _runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("runs/wandb/run-1/files")
    folder.mkdir(parents=True)
    (folder / "logged.json").write_text(json.dumps(LOGGED))


GIVEN = ("dashboard", "--entity=e", "--project=p")


@pytest.mark.usefixtures("_runs")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dashboard", "--entity=e"], "required: --project"),
        ([*GIVEN, "--kind=page"], "invalid choice: 'page'"),
        ([*GIVEN, "--runs=elsewhere"], "no run of a WandbLogger is under elsewhere"),
        ([*GIVEN, "--project= "], "project must not be empty"),
        ([*GIVEN, "--dry_run", "--output=runs"], "cannot write runs"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("_runs")
def test_a_damaged_record_of_a_run_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/wandb/run-1/files/logged.json").write_text('{"val/loss": "smell"}')
    assert main([*GIVEN, "--dry_run"]) == 2
    assert "logged.json is damaged" in capsys.readouterr().err


@pytest.mark.usefixtures("_runs")
@pytest.mark.parametrize("kind", ["workspace", "report"])
def test_where_nobody_is_logged_in_it_is_told_in_one_line(kind: str, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    environment = {**clean, "HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "WANDB_SILENT": "true"}
    command = [sys.executable, "-m", "xaicf", *GIVEN, f"--kind={kind}"]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "W&B did not take the dashboard of e/p: No API key configured" in done.stderr
