"""``explain`` writes a whole split into a store, goes on where it was ended, and says mistakes in one line."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from explaining import (
    GRADCAM,
    GRADIENT,
    SEARCH,
    assert_equal,
    by_hand,
    config,
    explain,
    hashes,
    loaded,
    times,
    with_arguments,
)
from PIL import Image

from xaicf.cli import main
from xaicf.core import Status, Subject
from xaicf.data import Digits
from xaicf.explainers import Attribution, Bent, CDeepEx, PredictionDifference, ask
from xaicf.nn import foreign_classifier
from xaicf.store import Folder, Manifest, explainers, parts, read, table, verify

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")


HOME = """
import torch
from torch import nn

class Own(nn.Module):
    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(1024, hidden), nn.Tanh(), nn.Linear(hidden, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)
"""


DRAWING = """
import torch
from xaicf.core import Explanation
from xaicf.explainers import Explainer

class Noise(Explainer):
    def _explain(self, subject, inputs, fact, foil):
        return Explanation(inputs, fact, foil, torch.ones_like(fact), attribution=torch.rand(inputs.shape))
"""


class Mistake:
    """Runs ``explain`` where it must fail; gives the one line it says."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, **changed: Any) -> str:
        assert explain(*arguments, **changed) == 2
        said = self.capsys.readouterr().err
        assert said.startswith("xaicf: error: ")
        assert said.count("\n") == 1
        return said.removeprefix("xaicf: error: ").strip()


@pytest.fixture
def mistake(capsys: pytest.CaptureFixture[str]) -> Mistake:
    return Mistake(capsys)


def test_a_split_is_explained_as_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(explainers=[SEARCH, GRADIENT]) == 0
    assert "10 images, 2 explainers in store; 10 images explained now" in capsys.readouterr().out
    assert explainers("store") == ["cdeepex", "gradient-pair"]
    assert [path.name for path in sorted(Path("store/cdeepex").glob("*.json"))] == [
        f"part_00000{block}.json" for block in range(3)
    ]
    assert_equal(read("store", "gradient-pair"), by_hand(Attribution("gradient", "pair")), rtol=0, atol=1e-6)
    found, expected = read("store", "cdeepex"), by_hand(CDeepEx(epsilon=0.1))
    assert torch.equal(found.status, expected.status)
    assert (found.status == Status.SOLVED).any()
    torch.testing.assert_close(found.counterfactual, expected.counterfactual, rtol=0, atol=1e-4)
    assert table("store", "cdeepex")["label"].to_pylist() == Digits().samples(range(10), "test")["label"].tolist()
    checked = verify("store")
    assert (checked.parts, checked.rows) == (6, 20)
    assert checked.certified == int((found.status == Status.SOLVED).sum())


def test_all_samples_of_the_split_are_explained_where_none_is_named() -> None:
    assert explain(ids=None, split="val", block_size=64) == 0
    data = Digits()
    data.setup()
    assert len(read("store")) == len(data.splits["val"])
    label = torch.cat([part.label for part in parts("store")])
    assert torch.equal(label, data.splits["val"].labels)


def test_ids_are_explained_in_rising_order() -> None:
    ids = [30, 2, 17, 5, 11]
    assert explain(ids=ids) == 0
    assert table("store")["index"].to_pylist() == sorted(ids)
    images = Digits().samples(sorted(ids), "test")["image"]
    assert torch.equal(read("store").inputs, images)


def test_ids_may_be_ranges_or_a_file() -> None:
    Path("wrong.txt").write_text("2\n17\n30-31\n")
    assert explain(ids="2,17 30-31", output="ranges") == 0
    assert explain("--model.ids=wrong.txt", output="file") == 0
    assert table("ranges")["index"].to_pylist() == table("file")["index"].to_pylist() == [2, 17, 30, 31]
    assert "wrong.txt" in Manifest.read(Folder("file")).files


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_split_is_the_one_that_is_named(split: Any) -> None:
    assert explain(split=split) == 0
    assert torch.equal(read("store").inputs, Digits().samples(range(10), split)["image"])


@pytest.mark.parametrize("foil", ["second", "label", "all", 3])
def test_foils_follow_their_policy(foil: str | int) -> None:
    assert explain(foil=foil, ids=list(range(20))) == 0
    found, rows = read("store"), table("store")
    expected = by_hand(Attribution("gradient", "pair"), foil, range(20))
    assert_equal(found, expected, rtol=0, atol=1e-6)
    assert rows["index"].to_pylist() == [id_ for id_ in range(20) for _ in range(9 if foil == "all" else 1)]
    assert torch.equal(found.status == Status.NOT_APPLICABLE, found.fact == found.foil)
    if foil == "label":
        assert rows["label"].to_pylist() == found.foil.tolist()
        assert (found.status == Status.NOT_APPLICABLE).any()


def test_a_mapping_names_explainers() -> None:
    assert explain(explainers={"sharp": GRADIENT, "coarse": GRADCAM, "again": GRADIENT}) == 0
    assert explainers("store") == ["sharp", "coarse", "again"]
    assert_equal(read("store", "sharp"), read("store", "again"))
    assert not torch.equal(*(read("store", name).attribution for name in ("sharp", "coarse")))  # type: ignore[arg-type]


def test_only_what_is_missing_is_computed(capsys: pytest.CaptureFixture[str]) -> None:
    arguments: Any = {"explainers": [SEARCH, GRADIENT]}
    assert explain(**arguments) == 0
    whole, before = hashes(Path("store")), times()
    lost = "cdeepex/part_000001"
    Path(f"store/{lost}.json").unlink()
    capsys.readouterr()
    assert explain(**arguments) == 0
    assert "4 images explained now" in capsys.readouterr().out
    after = times()
    assert {name for name in before if after[name] != before[name]} == {
        f"{lost}.{suffix}" for suffix in ("json", "parquet", "safetensors")
    }
    assert hashes(Path("store")) == whole
    assert explain(**arguments) == 0
    assert times() == after
    assert "0 images explained now" in capsys.readouterr().out


def test_what_a_killed_writer_left_is_removed() -> None:
    assert explain() == 0
    whole = hashes(Path("store"))
    for name in (".draft-manifest.json.1", "gradient-pair/.draft-part_000000.json.2"):
        Path("store", name).write_text("half")
    assert explain() == 0
    assert hashes(Path("store")) == whole


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"foil": "label"}, "model.init_args.foil second, not label"),
        ({"block_size": 5}, "block_size 4, not 5"),
        ({"split": "val"}, "settings.model.init_args.split test, not val"),
        ({"ids": [0, 1]}, "ids [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], not [0, 1]"),
        ({"explainers": [GRADCAM]}, "explainers ['gradient-pair'], not ['gradcam-pair']"),
    ],
)
def test_another_configuration_is_refused(changed: dict[str, Any], said: str, mistake: Mistake) -> None:
    assert explain() == 0
    whole, before = hashes(Path("store")), times()
    line = mistake(**changed)
    assert line.startswith("store store was made with ")
    assert line.endswith("choose another folder")
    assert said in line
    assert (hashes(Path("store")), times()) == (whole, before)


def test_another_checkpoint_of_the_same_name_is_refused(networks: Path, mistake: Mistake) -> None:
    assert explain() == 0
    checkpoint = torch.load("classifier.ckpt", weights_only=True)
    Path("classifier.ckpt").unlink()
    torch.save({**checkpoint, "epoch": 99}, "classifier.ckpt")
    assert mistake().startswith("store store was made with files.classifier.ckpt ")


def test_a_damaged_part_is_one_line_and_can_be_made_again(mistake: Mistake) -> None:
    assert explain() == 0
    whole = hashes(Path("store"))
    path = Path("store/gradient-pair/part_000001.safetensors")
    data = bytearray(path.read_bytes())
    data[-9] ^= 4
    path.write_bytes(data)
    line = mistake()
    assert line.startswith("store file store/gradient-pair/part_000001.safetensors is damaged: its SHA-256")
    assert line.endswith("remove part_000001.json to have it made again")
    Path("store/gradient-pair/part_000001.json").unlink()
    assert explain() == 0
    assert hashes(Path("store")) == whole


def test_a_changed_manifest_is_one_line(mistake: Mistake) -> None:
    assert explain() == 0
    path = Path("store/manifest.json")
    path.write_text(path.read_text().replace('"block_size": 4', '"block_size": 2'))
    assert mistake() == "store/manifest.json is damaged: its SHA-256 is not the one that was written"


def test_code_that_gives_other_weights_is_not_mixed(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    classifier = with_arguments("xaicf.nn.foreign_classifier", factory="home_made.Own")
    search = with_arguments("CDeepEx", constrain_others=False, tolerance=0.2)
    for seed in (0, 7):
        Path("home_made.py").write_text(HOME.replace("manual_seed(0)", f"manual_seed({seed})"))
        monkeypatch.delitem(sys.modules, "home_made", raising=False)
        importlib.invalidate_caches()
        shutil.rmtree("__pycache__", ignore_errors=True)
        if seed == 0:
            assert explain(classifier=classifier, explainers=[search]) == 0
        else:
            assert "was made with networks.classifier" in mistake(classifier=classifier, explainers=[search])
            assert main(["verify", "store"]) == 2
            assert "classifier of the store has other weights" in capsys.readouterr().err


def test_random_weights_of_a_factory_are_the_same_when_built_again() -> None:
    factory, arguments = "torchvision.models.squeezenet1_1", {"num_classes": 10}
    first, second = (foreign_classifier(factory, arguments) for _ in range(2))
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(first(images), second(images))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"classifier": loaded("none.ckpt")}, "checkpoint not found: none.ckpt"),
        ({"classifier": loaded("vae.ckpt")}, "classifier must be a module that maps images to logits, got VAE"),
        ({"generator": None, "explainers": [SEARCH]}, "CDeepEx needs a generator, and the subject has none"),
        ({"explainers": []}, "explainers must be one or more with different names, got []"),
        (
            {"explainers": [GRADIENT, GRADIENT]},
            "got ['gradient-pair', 'gradient-pair']; write NAME: {class_path: ...} for each",
        ),
        (
            {"explainers": {"a/b": GRADIENT}},
            "explainer names may hold letters, digits, _, - and, but first, ., got a/b",
        ),
        ({"ids": [3, 999]}, "ids must be in [0, 359) for the test split, got 999"),
        ({"ids": [-1]}, "ids must be in [0, 359) for the test split, got -1"),
        ({"ids": "3-1"}, "ids must be numbers and rising ranges such as 0-1999, got 3-1"),
        ({"ids": [3, 3]}, "ids must name one or more samples, each once"),
        ({"ids": []}, "ids must name one or more samples, each once"),
        ({"block_size": 0}, "block_size must be at least 1, got 0"),
        ({"foil": 10}, "foil must be second, label, all or a class in [0, 10), got 10"),
        ({"foil": "third"}, "got third"),
        ({"split": "tset"}, "got tset"),
        (
            {"explainers": [with_arguments("AttributeCriticism", bounds=[0.9, 0.1])]},
            "bounds must be in [0, 1], the lower first, got 0.9 and 0.1",
        ),
        ({"explainers": [with_arguments("AttributeCriticism")]}, "needs an editor, and the subject has none"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_store(changed: dict[str, Any], said: str, mistake: Mistake) -> None:
    assert said in mistake(**changed)
    assert not Path("store").exists()


@pytest.mark.parametrize("name", ["..", ".", ".draft-one"])
def test_names_that_are_no_folder_of_their_own_are_refused(name: str, mistake: Mistake) -> None:
    assert "explainer names may hold" in mistake(explainers={name: GRADIENT})


@pytest.mark.parametrize("given", ["much", "-1G", "0", "1X"])
def test_memory_that_is_none_is_one_line(given: str, mistake: Mistake) -> None:
    assert f"memory must be a number of bytes such as 500M or 2G, got {given}" in mistake(f"--memory={given}")


def test_memory_sets_the_chunks_and_not_the_result() -> None:
    assert explain("--memory=1K", output="one") == 0
    assert explain("--memory=1T", output="four") == 0
    assert [Manifest.read(Folder(name)).chunk_size for name in ("one", "four")] == [1, 4]
    assert_equal(read("one"), read("four"), rtol=0, atol=1e-5)


def test_a_run_that_would_leave_blocks_out_is_refused(mistake: Mistake) -> None:
    said = "limit_predict_batches and fast_dev_run leave a store incomplete; take --model.ids"
    assert mistake("--trainer.limit_predict_batches=2") == said
    assert mistake("--trainer.fast_dev_run=true") == said


def test_other_samples_under_the_same_ids_are_refused(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain() == 0
    load = Digits.load
    monkeypatch.setattr(
        Digits,
        "load",
        lambda self: {name: part._replace(images=255 - part.images) for name, part in load(self).items()},
    )
    assert mistake().startswith("store store was made with samples ")


def test_an_explainer_that_draws_gives_the_same_after_a_break() -> None:
    Path("drawing.py").write_text(DRAWING)
    sys.path.insert(0, "")
    drawing = [with_arguments("drawing.Noise")]
    assert explain(explainers=drawing) == 0
    whole = hashes(Path("store"))
    for file in Path("store/noise").glob("part_000001.*"):
        file.unlink()
    assert explain(explainers=drawing) == 0
    assert hashes(Path("store")) == whole
    assert read("store").attribution.unique().numel() > 10 * 1024 - 8
    sys.path.remove("")


def test_an_archive_for_reading_is_one_line(mistake: Mistake) -> None:
    with zipfile.ZipFile("there.zip", "w") as archive:
        archive.writestr("anything", "")
    assert mistake(output="zip:///::there.zip").endswith("manifest.json: its file system is for reading")


def test_a_file_system_for_reading_is_one_line(mistake: Mistake) -> None:
    assert "zip://none.zip" in mistake("--output=zip://none.zip")


def test_an_unknown_file_system_is_one_line(mistake: Mistake) -> None:
    assert "store nowhere://store is at no file system that is known here" in mistake(output="nowhere://store")


def test_a_store_in_memory_is_as_one_on_disk(tmp_path: Path) -> None:
    assert explain(output="store") == 0
    assert explain(output=f"memory://{tmp_path}/store") == 0
    assert_equal(read(f"memory://{tmp_path}/store"), read("store"))


def test_a_second_run_on_a_folder_is_refused_while_the_first_goes_on(mistake: Mistake) -> None:
    with Folder("store").held():
        assert mistake() == "store store is being written by another process; wait for its end"
        assert not list(Path("store").iterdir())
    assert explain() == 0
    before = times()
    assert explain() == 0  # the first has let go
    assert times() == before


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "mounted"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("mounting a file system needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_is_one_line_and_the_rest_is_made_later(mounted: Path, mistake: Mistake) -> None:
    ballast = mounted / "ballast"
    ballast.write_bytes(bytes(2**21 - 70 * 2**10))
    line = mistake(output=str(mounted / "store"))
    assert line.startswith(f"cannot write {mounted}/store/gradient-pair/part_")
    assert line.endswith("No space left on device")
    assert not list(mounted.rglob(".draft-*"))
    assert len(read(mounted / "store", partial=True)) in {4, 8}
    ballast.unlink()
    assert explain(output=str(mounted / "store")) == 0
    assert len(read(mounted / "store")) == 10
    verify(mounted / "store")


def test_a_read_only_file_system_is_one_line(mounted: Path, mistake: Mistake) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    assert mistake(output=str(mounted / "store")) == f"cannot write {mounted}/store: Read-only file system"


@pytest.mark.skipif(not os.geteuid(), reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(mistake: Mistake) -> None:
    Path("locked").mkdir(0o500)
    assert mistake(output="locked/store") == "cannot write locked/store: Permission denied"


def test_a_file_in_the_place_of_the_store_is_one_line(mistake: Mistake) -> None:
    Path("store").write_text("")
    assert "store" in mistake()


def test_a_classifier_of_torchvision_by_yaml_alone() -> None:
    torch.manual_seed(0)
    make, mean, std = torchvision.models.squeezenet1_1, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    torch.save(make(num_classes=3).state_dict(), "squeezenet.pt")
    pixels = torch.randint(256, (3, 12, 32, 32, 3), dtype=torch.uint8)
    for name, images in zip("abc", pixels, strict=True):
        Path("images", name).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image.numpy()).save(f"images/{name}/{number}.png")
    foreign = {"factory": "torchvision.models.squeezenet1_1", "arguments": {"num_classes": 3}, "mean": mean, "std": std}
    classifier = with_arguments("xaicf.nn.foreign_classifier", **foreign, state_dict="squeezenet.pt")
    given = config(classifier=classifier, generator=None, explainers=[GRADIENT, GRADCAM], ids=None)
    sections = json.loads(Path("given.yaml").read_text())
    sections["data"] = with_arguments("ImageFolder", root="images", image_size=32)
    Path("given.yaml").write_text(json.dumps(sections))
    assert main(["explain", given, "--output=store"]) == 0
    found = read("store", "gradient-pair")
    network = foreign_classifier(**foreign, state_dict="squeezenet.pt")  # type: ignore[arg-type]
    bare = make(num_classes=3).eval()
    bare.load_state_dict(torch.load("squeezenet.pt", weights_only=True))
    normalised = (found.inputs - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    with torch.no_grad():
        torch.testing.assert_close(network(found.inputs), bare(normalised))
        assert torch.equal(found.fact, bare(normalised).argmax(1))
    expected = ask(Attribution("gradient", "pair"), Subject(network), found.inputs)
    assert_equal(found, expected, rtol=0, atol=1e-5)
    assert "squeezenet.pt" in Manifest.read(Folder("store")).files
    assert verify("store").rows == 2 * len(found)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_classifier_of_ones_own_by_yaml_alone(frozen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("home_made.py").write_text(HOME)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "home_made", raising=False)
    foreign = with_arguments("xaicf.nn.foreign_classifier", factory="home_made.Own", arguments={"hidden": 5})
    classifier = foreign if frozen else with_arguments("home_made.Own", hidden=5)
    search = with_arguments("CDeepEx", constrain_others=False, tolerance=0.2)
    assert explain(classifier=classifier, explainers=[search, GRADIENT]) == 0
    own = sys.modules["home_made"].Own(5)
    found = read("store", "gradient-pair")
    assert torch.equal(found.fact, own(found.inputs).argmax(1))
    assert_equal(found, ask(Attribution("gradient", "pair"), Subject(own), found.inputs), rtol=0, atol=1e-5)
    assert verify("store").certified == int((read("store", "xgem").status == Status.SOLVED).sum()) > 0


def test_methods_that_need_training_images_get_them() -> None:
    bent = with_arguments("Bent", explainer=with_arguments("PredictionDifference", samples=1))
    assert explain(explainers=[bent]) == 0
    found = read("store", "bent-prediction_difference")
    assert_equal(found, by_hand(Bent(PredictionDifference(samples=1))), rtol=0, atol=1e-4)
    assert verify("store").rows == len(found)
