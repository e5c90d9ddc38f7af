"""Recipes: written in plain values, built again, and no way to run other code."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from xaicf.core import CheckpointError, InputError, build, recipe
from xaicf.nn import SmallVGG, TwoConv


class Pair(nn.Module):
    """Holds two networks made by a factory that it is given."""

    def __init__(self, factory: functools.partial[nn.Module], widths: list[int]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(factory(out_features=width) for width in widths)


def make_linear(width: int) -> nn.Linear:
    return nn.Linear(width, 1)


def make_something(width: int):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return nn.Linear(width, 1)


@pytest.fixture
def factories(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Make an importable module of factories, whatever name pytest gives this file."""
    module = ModuleType("factories")
    for thing in (Pair, make_linear, make_something):
        monkeypatch.setattr(thing, "__module__", "factories")
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "factories", module)
    return module


def test_class_is_named_by_its_public_path() -> None:
    written = recipe(TwoConv, channels=[3, 4])
    assert written["class_path"] == "xaicf.nn.TwoConv"
    assert written["init_args"]["channels"] == [3, 4]


def test_defaults_are_written_so_that_yaml_and_python_agree() -> None:
    assert recipe(TwoConv) == recipe(functools.partial(TwoConv, channels=(10, 20), hidden=50, mean=(0.5,), std=(0.5,)))
    assert recipe(TwoConv)["init_args"]["hidden"] == 50


def test_arguments_win_over_those_of_partials() -> None:
    inner = functools.partial(SmallVGG, hidden=5, dropout=0.1)
    written = recipe(functools.partial(inner, hidden=6, channels=[2]), dropout=0.2)
    expected = {"hidden": 6, "channels": [2], "dropout": 0.2}
    assert written["init_args"] | expected == written["init_args"]


def test_partial_of_a_caller_with_the_class_last_names_the_class() -> None:
    written = recipe(functools.partial(lambda *args, **kwargs: args[-1](**kwargs), TwoConv, hidden=3))
    assert written["class_path"] == "xaicf.nn.TwoConv"
    assert written["init_args"]["hidden"] == 3


def test_round_trip_through_json_gives_the_same_network() -> None:
    arguments: dict[str, Any] = {
        "image_shape": [3, 16, 20],
        "num_classes": 7,
        "hidden": 9,
        "mean": [0.1, 0.2, 0.3],
    }
    built = build(json.loads(json.dumps(recipe(TwoConv, **arguments))))
    expected = TwoConv(**arguments)
    assert str(built) == str(expected)
    built.load_state_dict(expected.state_dict())
    images = torch.rand(2, 3, 16, 20)
    assert torch.equal(built(images), expected(images))


def test_inner_recipe_becomes_a_factory(factories: ModuleType) -> None:
    built = build(recipe(Pair, factory=recipe(nn.Linear, in_features=2), widths=[3, 4]))
    assert [layer.out_features for layer in built.get_submodule("networks").children()] == [3, 4]


def test_annotated_function_is_a_factory(factories: ModuleType) -> None:
    written = recipe(make_linear, width=3)
    assert written["class_path"] == "factories.make_linear"
    assert isinstance(build(written), nn.Linear)


def test_function_that_could_not_be_built_again_is_refused_at_once(factories: ModuleType) -> None:
    """Else a training ends with a checkpoint that nothing can read."""
    with pytest.raises(InputError, match="make_something"):
        recipe(make_something, width=3)


def local_class() -> type[nn.Module]:
    class Local(nn.Module):
        pass

    return Local


@pytest.mark.parametrize(
    "factory", [lambda: nn.Linear(1, 1), local_class(), functools.partial(nn.Linear, 1), nn.Linear(1, 1)]
)
def test_factory_that_no_name_reaches_is_refused(factory: Any) -> None:
    with pytest.raises(InputError, match="network must be"):
        recipe(factory)


def test_hidden_factory_is_refused(factories: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factories, "make_linear", make_something)
    with pytest.raises(InputError, match="importable by name"):
        recipe(make_linear)


@pytest.mark.parametrize("value", [torch.zeros(1), nn.ReLU, {1: 2}, [object()], {"a": [{2}]}])
def test_argument_that_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="Linear argument bias must be plain"):
        recipe(nn.Linear, bias=value)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("owner", "name", "argument"),
    [
        (os, "system", "command"),
        (subprocess, "check_output", "args"),
        (os, "sep", "x"),
        (Path, "cwd", "x"),
        (sys, "nothing", "x"),
    ],
)
def test_what_makes_no_module_is_refused_and_not_called(
    owner: Any, name: str, argument: str, nested: bool, tmp_path: Path
) -> None:
    touched = tmp_path / "touched"
    written: dict[str, Any] = {
        "class_path": f"{owner.__name__}.{name}",
        "init_args": {argument: f"touch {touched}"},
    }
    if nested:
        written = {"class_path": "torch.nn.Linear", "init_args": {"in_features": written, "out_features": 1}}
    with pytest.raises(CheckpointError, match=rf"{owner.__name__}\.{name}"):
        build(written)
    assert not touched.exists()


def test_function_that_makes_a_module_from_source_text_is_refused(tmp_path: Path) -> None:
    """``reduce_graph_module`` is annotated to return a module and executes the text that it is given."""
    touched = tmp_path / "touched"
    arguments = {
        "body": {"_code": "\ndef forward(self): pass\n"},
        "import_block": f"import pathlib; pathlib.Path({str(touched)!r}).touch()\n",
    }
    with pytest.raises(CheckpointError):
        build({"class_path": "torch.fx.graph_module.reduce_graph_module", "init_args": arguments})
    assert not touched.exists()


@pytest.mark.parametrize(
    "written",
    [
        {"class_path": "torch.nn.Linear", "init_args": {"in_features": 1, "out_features": 1, "colour": 2}},
        {"class_path": "torch.nn.Linear", "init_args": {"in_features": -1, "out_features": 1}},
        {"class_path": "torch.nn.Linear", "init_args": [1, 1]},
        {"class_path": "torch.nn.Linear"},
        {"class_path": "Linear", "init_args": {}},
        {"class_path": "no.such.package.Linear", "init_args": {}},
        {"class_path": "..relative", "init_args": {}},
        {},
        3,
    ],
)
def test_recipe_that_fits_nothing_is_refused(written: Any) -> None:
    with pytest.raises(CheckpointError, match="checkpoint"):
        build(written)
