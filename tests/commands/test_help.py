"""What ``--help`` says: how to call, what for, defaults, and an example that the command line takes."""

import shlex

import pytest
from pages import arguments_of, parse_only

from xaicf.cli import OTHERS, main
from xaicf.commands.parser import LIGHTNING, TITLES
from xaicf.studies import STUDIES


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that is wider than lines are to be."""
    monkeypatch.setenv("COLUMNS", "300")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        code = main([*arguments, "--help"])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 120
    return text


def test_all_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys)
    assert text.startswith("usage: python -m xaicf COMMAND")
    for command in (*OTHERS, *LIGHTNING):
        assert text.count(f"\n  {command} ") == 1
    for sentence, _ in LIGHTNING.values():
        assert f" {sentence}\n" in text
    assert arguments_of(shlex.split(text.splitlines()[-1])) is not None


@pytest.mark.parametrize("command", LIGHTNING)
def test_a_command_of_the_trainer_begins_with_what_matters(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, command)
    head = text.splitlines()
    assert head[0].startswith(f"usage: python -m xaicf {command} --config FILE")
    assert head[2] == LIGHTNING[command][0]
    for name in ("trainer", "data", "checkpoint", "last_checkpoint", command):
        assert f"{TITLES[name]}:" in head
    example = arguments_of(shlex.split(head[-1]))
    assert example is not None
    parse_only(example)


@pytest.mark.parametrize("command", sorted(set(OTHERS) - {"study"}))
def test_every_option_is_explained_with_its_default(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, command)
    assert text.startswith(f"usage: python -m xaicf {command} ")
    assert f"example:\n  python -m xaicf {command} " in text
    assert "None" not in text


def test_data_sets_are_listed_and_a_set_has_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(name in told(capsys, "data") for name in ("AttributeFolder", "ImageTable"))
    assert "--data.batch_size" in told(capsys, "data", "Digits")


def test_studies_are_listed_with_what_they_show(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "study")
    for name, kind in STUDIES.items():
        assert name in text
        assert kind.title in text
    one = told(capsys, "study", "wc_linear")
    assert one.startswith("usage: python -m xaicf study wc_linear --output DIR")
    assert one.rstrip().endswith(
        "python -m xaicf study wc_linear --config configs/studies/wc_linear.yaml --output runs/wc_linear"
    )
