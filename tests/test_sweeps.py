"""Every sweep that ships gives commands that the command line takes, with the values that it samples."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from xaicf.cli import main
from xaicf.core import FITNESS

ROOT = Path(__file__).parents[1]
SWEEPS = sorted((ROOT / "configs/sweeps").glob("*.yaml"))


def command(sweep: dict[str, Any], parameters: dict[str, Any]) -> list[str]:
    """Give the words of what the shell runs for an agent, whose own functions fill in the parameters."""
    given = create_sweep_command_args({"args": {name: {"value": value} for name, value in parameters.items()}})
    filled = [word for part in create_sweep_command(sweep["command"]) for word in given.get(part[2:-1], [part])]
    env, shell, flag, script, name, *arguments = filled
    assert [env, shell, flag, name] == ["${env}", "sh", "-c", "sh"]
    words = shlex.split(script.replace("$WANDB_RUN_ID", "some_run"))
    assert words[:4] == ["exec", "python", "-m", "xaicf"]
    assert words[-1] == "$@"
    return [*words[4:-1], *arguments]


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def at(settings: Any, name: str) -> Any:
    """Find a setting by the option's name: the last of a list, and through ``init_args``."""
    for part in name.split("."):
        inner = settings[-1] if isinstance(settings, list) else settings
        settings = inner[part] if part in inner else inner["init_args"][part]
    return settings


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sampled_values_reach_the_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    sweep = read(path)
    sampled = {name: given["values"][-1] for name, given in sweep["parameters"].items()}
    words = command(sweep, sampled)
    with pytest.raises(SystemExit) as stop:
        main([*words, "--print_config"])
    assert stop.value.code == 0
    settings = yaml.safe_load(capsys.readouterr().out)
    assert {name: at(settings, name) for name in sampled} == sampled
    assert at(settings, "trainer.default_root_dir") == f"runs/sweeps/{path.stem}/some_run"
    assert at(settings, "trainer.logger.group") == path.stem
    assert main([*words, "--model.nonsense=1", "--print_config"]) == 2


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_what_is_lowered_is_logged(path: Path) -> None:
    sweep = read(path)
    assert sweep["method"] in {"grid", "random", "bayes"}
    measures = {*(f"val/{name}" for name in FITNESS), "explain/cdeepex/distance"}
    assert sweep["metric"]["name"] in measures
    assert sweep["metric"]["goal"] in {"minimize", "maximize"}
