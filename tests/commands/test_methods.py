"""The table of methods and classifiers."""

import re

import pytest
import torch
from torch import nn

from xaicf.cli import main
from xaicf.commands.methods import ask
from xaicf.explainers.contrast import Contrast

SMALL = ["--image-shape", "3", "32", "32", "--methods", "gradient", "deeplift", "gradcam"]


def test_a_factory_is_asked_by_the_methods_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--factory", "torchvision.models.efficientnet_b0", *SMALL]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "| method | efficientnet_b0 |"
    assert told[2] == "| `gradient` | 8/8 |"
    assert told[3] == "| `deeplift` | – (1) |"
    assert told[4] == "| `gradcam` | 8/8 |"
    (reason,) = (line for line in told if line.startswith("(1)"))
    assert re.match(r"\(1\) the method has no rule for 1\.features\.0\.2, a SiLU; integrated_gradients, .*", reason)


def test_completeness_stands_beside_the_maps() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()
    cell = ask(network, (1, 8, 8), "deeplift")
    assert cell.maps == cell.asked == len(Contrast.__args__)  # type: ignore[attr-defined]
    assert cell.error < 1e-3
    assert (cell.flagged, cell.reasons) == (0, ())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--checkpoint", "a.ckpt", "--factory", "b.c"], "give one of --checkpoint and --factory"),
        (["--factory", "nowhere.network"], "nowhere.network cannot be imported"),
        (["--checkpoint", "missing.ckpt"], "missing.ckpt"),
        (["--methods", "magic"], "magic"),
        (["--factory", "torchvision.models.resnet18", "--image-shape", "1", "8", "8"], "images of"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", *arguments]) == 2
    told = capsys.readouterr().err.strip()
    assert len(told.splitlines()) == 1
    assert re.search(words, told)
