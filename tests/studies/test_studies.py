"""Studies run through, and what they compute is what it is called."""

import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest
from small_data import write_faces, write_photos, write_scenes, write_small
from torch import Tensor, nn

from xaicf.cli import main
from xaicf.core import Explanation, InputError, Status, UserError
from xaicf.evaluation.statistics import wilson
from xaicf.explainers.solvers import SOLVERS, AugmentedLagrangian
from xaicf.studies import STUDIES, Row, markdown
from xaicf.studies.agreement import agreement
from xaicf.studies.cdeepex_certified import certify
from xaicf.studies.planted import measure
from xaicf.studies.results import main as tables
from xaicf.studies.training import trained

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs/studies").glob("*.yaml"))


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Studies name configurations by their path in the project."""
    root = os.environ.get("XAICF_DATA")
    write_faces(tmp_path / "data")
    write_photos(tmp_path / "data")
    write_scenes(tmp_path / "data")
    for family in ("MNIST", "FashionMNIST"):
        if root and Path(root, family).is_dir():
            (tmp_path / "data" / family).symlink_to(Path(root, family).resolve())
        else:
            write_small(tmp_path / "data", family)
    monkeypatch.delenv("XAICF_DATA", raising=False)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    # Networks that have hardly learned have no ties, and looking for one to the end takes long.
    monkeypatch.setitem(SOLVERS, "augmented_lagrangian", AugmentedLagrangian(outer_steps=2))
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def test_every_study_has_a_configuration() -> None:
    assert [path.stem for path in CONFIGS] == sorted(STUDIES)


@pytest.mark.usefixtures("_trained_here")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_runs_through(config: Path, networks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["study", config.stem, f"--config={config}", "--output=out", f"--networks={networks}", "--quick"]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    result = json.loads(Path("out/result.json").read_text())
    assert result["study"] == config.stem
    assert result["quick"]
    assert result["command"].startswith(f"python -m xaicf study {config.stem} ")
    assert len(result["rows"]) > 1
    names = [row["measure"] for row in result["rows"]]
    assert len(names) == len(set(names))
    assert all(f"| {name}" in told for name in names)
    for row in result["rows"]:
        assert row.keys() == {"measure", "ours", "low", "high", "n", "published", "goal", "better"}
        if row["low"] is not None:
            assert row["low"] <= row["ours"] <= row["high"]
    pictures = list(Path("out").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert min(Image.open(picture).size) > 100


def small(seed: int = 0) -> Path:
    return trained("configs/quickstart/classifier.yaml", Path("networks"), None, seed, quick=True)


def test_networks_are_trained_once() -> None:
    first = small()
    assert first.is_file()
    begun = first.stat().st_mtime_ns
    assert small() == first
    assert first.stat().st_mtime_ns == begun
    settings = (first.parent / "settings.yaml").read_text()
    assert "ExplainAtValidationEnd" not in settings
    assert "seed_everything: 0" in settings


@pytest.mark.usefixtures("_trained_here")
def test_another_seed_is_another_network() -> None:
    first, second = small(), small(1)
    assert first != second
    weights = [torch.load(path, weights_only=True)["state_dict"] for path in (first, second)]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.usefixtures("_trained_here")
def test_a_training_that_was_cut_off_goes_on() -> None:
    """Without the mark at its end, and with a checkpoint."""
    first = small()
    kept = torch.load(first, weights_only=True)["state_dict"]
    (first.parent / "finished").unlink()
    again = small()
    assert again == first
    found = torch.load(again, weights_only=True)["state_dict"]
    assert all(torch.equal(found[name], value) for name, value in kept.items())


def test_a_training_that_fails_says_why() -> None:
    Path("bad.yaml").write_text(Path("configs/quickstart/classifier.yaml").read_text().replace("Digits", "Digitz"))
    with pytest.raises(UserError, match=r"training bad.yaml failed, see .*log.txt: .*Digitz"):
        trained("bad.yaml", Path("networks"), None)
    with pytest.raises(InputError, match=r"missing.yaml is no configuration"):
        trained("missing.yaml", Path("networks"), None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "study must be one of cdeepex_architectures, .*, got none"),
        (["cdeepex"], "got cdeepex"),
        (["cdeepex_bias"], "output"),
        (["cdeepex_bias", "--output=out", "--images=many"], "many"),
        (["cdeepex_bias", "--output=out", "--images=-3"], "images must be at least 1, got -3"),
        (["cdeepex_bias", "--output=out", "--classifier_seeds=[]"], "classifier_seeds must hold a seed"),
        (["wc_recourse", "--output=out", "--steps=[0]"], "steps and epsilons above 0"),
        (["wc_recourse", "--output=out", "--cases=[]"], "there must be a case"),
        (["wc_maps", "--output=out", '--cases=[{"name": "a", "config": "missing.yaml"}]'], "missing.yaml"),
        (["cdeepex_bias", "--output=out", "--epsilon=7"], "epsilon must be one of epsilons"),
        (["cdeepex_path", "--output=out", "--drawn=0"], "drawn must be in"),
        (["cdeepex_path", "--output=out", "--config=missing.yaml"], "missing.yaml"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", *arguments]) == 2
    told = capsys.readouterr().err.strip()
    assert len(told.splitlines()) == 1
    assert re.search(words, told)


def explanation(attribution: Tensor, solved: Sequence[bool], **scalars: Tensor) -> Explanation:
    count = len(attribution)
    inputs = torch.full(attribution.shape, 0.5)
    status = torch.where(torch.tensor(solved), Status.SOLVED, Status.UNSOLVED)
    fact, foil = torch.zeros(count, dtype=torch.int64), torch.ones(count, dtype=torch.int64)
    return Explanation(inputs, fact, foil, status, attribution, inputs - attribution, scalars=scalars)


def test_a_square_is_measured() -> None:
    """Of four maps of 8 × 8 with a square of 2 × 2: two have it alone, one half elsewhere, one is unsolved."""
    maps = torch.zeros(4, 1, 8, 8)
    maps[:2, :, 1:3, 1:3] = -0.2
    maps[2, :, 1:3, 1:3], maps[2, :, 5:7, 5:7] = -0.1, 0.1
    square = slice(1, 3), slice(1, 3)
    scalars = {
        "latent_distance": torch.tensor([1.0, 2.0, 3.0, 100.0]),
        "third_class_margin": torch.tensor([1.0, -1.0, 1.0, -1.0]),
    }
    found = measure(explanation(maps, [True, True, True, False], **scalars), square)
    assert found.solved == 0.75
    assert found.distance == 2
    assert found.third == pytest.approx(1 / 3)
    assert found.rank == 1
    assert found.overlap == 1
    assert found.focus == pytest.approx(16)  # all of the map in a sixteenth of the area
    assert found.visible == 0.5
    turned = measure(explanation(-maps, [True, True, True, False], **scalars), square)
    assert turned.rank > 1
    assert turned.overlap == 0
    assert turned.visible == 0
    none = measure(explanation(maps, [False] * 4, **scalars), square)
    assert none.solved == 0
    assert math.isnan(none.rank)
    assert math.isnan(none.focus)


def test_ties_are_certified_afresh() -> None:
    """Three logits are the means of three image columns; wrong scalars and status change nothing."""

    class Columns(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 10 * images.mean((1, 2))

    ties = torch.zeros(4, 1, 3, 3)
    ties[:, :, :, :2] = 0.5
    ties[1, :, :, 1] = 0.6  # no tie
    ties[2, :, :, 2] = 0.45  # a tie, but the third is near
    ties[3, :, :, 2] = 0.9  # the third wins
    maps = 0.5 - ties
    given = explanation(maps, [True] * 3 + [False], latent_distance=torch.arange(4.0))
    found = certify(Columns(), given, tolerance=0.01, epsilon=1.0)
    assert found.holds.tolist() == [True, False, False, False]
    assert found.third.tolist() == [False, False, False, True]
    assert found.distance[:3].tolist() == [0, 1, 2]
    assert found.distance[3].isnan()


@pytest.mark.parametrize(("count", "total"), [(0, 20), (7, 50), (1000, 1000)])
def test_wilson_is_that_of_scipy(count: int, total: int) -> None:
    wanted = binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_agreement_is_the_mean_correlation() -> None:
    source = torch.Generator().manual_seed(0)
    maps = [torch.randn(3, 1, 4, 4, generator=source) for _ in range(3)]
    solved = [[True, True, False], [True, False, False], [True, True, True]]
    found = agreement([explanation(one, which) for one, which in zip(maps, solved, strict=True)])
    flat = [one.flatten(1).numpy() for one in maps]
    pairs = [np.corrcoef(flat[a][0], flat[b][0])[0, 1] for a, b in ((0, 1), (0, 2), (1, 2))]
    assert found[0] == pytest.approx(np.mean(pairs), abs=1e-6)
    assert found[1] == pytest.approx(np.corrcoef(flat[0][1], flat[2][1])[0, 1], abs=1e-6)
    assert found[2].isnan()


def test_rows_know_whether_a_goal_is_met() -> None:
    row = Row.over_seeds("share", [0.1, 0.3, 0.2], 50, 0.25, 0.15, "higher")
    assert (row.ours, row.low, row.high) == (pytest.approx(0.2), 0.1, 0.3)
    assert row.met
    assert not Row("share", 0.2, goal=0.15, better="lower").met
    assert Row("share", 0.2).met is None
    assert Row.over_seeds("none", [0.1, math.nan], goal=1, better="lower").met is False
    table = markdown([row, Row("loss", -0.5, better="lower")], "range").splitlines()
    assert table[0] == "| measure | ours [range] | n | published | goal | |"
    assert table[2] == "| share ↑ | 0.2 [0.1, 0.3] | 50 | 0.25 | 0.15 | met |"
    assert table[3] == "| loss ↓ | \N{MINUS SIGN}0.5 |  |  |  |  |"


def test_results_are_written_between_the_marks() -> None:
    row = Row("share", 0.5, 0.4, 0.6, 10, None, 0.4, "higher")
    result = {
        "study": "cdeepex_path",
        "title": "A title",
        "seeds": [0, 1],
        "quick": False,
        "command": "python -m xaicf study cdeepex_path",
        "spread": "range",
        "rows": [vars(row)],
    }
    Path("results").mkdir()
    Path("results/cdeepex_path.json").write_text(json.dumps(result))
    Path("RESULTS.md").write_text("before\n<!-- studies -->\nold\n<!-- end of studies -->\nafter\n")
    tables()
    text = Path("RESULTS.md").read_text()
    assert text.startswith("before\n<!-- studies -->\n")
    assert text.endswith("<!-- end of studies -->\nafter\n")
    assert "old" not in text
    assert "| share ↑ | 0.5 [0.4, 0.6] | 10 |  | 0.4 | met |" in text
    assert "`python -m xaicf study cdeepex_path`" in text
    tables()
    assert Path("RESULTS.md").read_text() == text
    Path("results/cdeepex_path.json").write_text(json.dumps({**result, "quick": True}))
    with pytest.raises(SystemExit, match=r"cdeepex_path\.json is of a quick run"):
        tables()
