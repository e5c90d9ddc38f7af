"""``explain`` writes a whole split into a store, goes on where it was ended, and says mistakes in one line."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from lightning import Trainer, seed_everything
from PIL import Image
from torch import Tensor, nn

from xaicf import load_frozen
from xaicf.cli import main
from xaicf.commands.explain import parse_bytes
from xaicf.core import Explanation, InputError, Status, Subject
from xaicf.data import Digits
from xaicf.explainers import Attribution, CDeepEx, ask
from xaicf.explainers.chunked import ask_in_chunks
from xaicf.nn import ConvDecoder, ConvEncoder, TwoConv, foreign_classifier
from xaicf.store import Folder, Manifest, explainers, parts, read, table, verify
from xaicf.tasks import VAE, Classifier, Task

SHAPE = (1, 32, 32)
QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False}
PATIENCE = 60
"""Seconds in which a run whose other process was killed must end."""

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


def train(task: Task, path: Path, **options: Any) -> None:
    quiet = {**QUIET, "enable_checkpointing": False, "enable_model_summary": False, "limit_val_batches": 0}
    trainer = Trainer(default_root_dir=path.parent, **quiet, **options)
    trainer.fit(task, datamodule=Digits())
    trainer.save_checkpoint(path)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints of a tiny classifier and a tiny generator."""
    home = tmp_path_factory.mktemp("networks")
    seed_everything(0)
    small = partial(TwoConv, channels=(4, 8), hidden=16, mean=[0.5], std=[0.5])
    train(Classifier(small, SHAPE, 10), home / "classifier.ckpt", max_epochs=4)
    encoder, decoder = (partial(network, channels=(4, 8), hidden=16) for network in (ConvEncoder, ConvDecoder))
    train(VAE(SHAPE, 4, encoder=encoder, decoder=decoder), home / "vae.ckpt", max_epochs=2)
    return home


@pytest.fixture(autouse=True)
def _in_an_empty_folder(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in networks.glob("*.ckpt"):
        Path(path.name).symlink_to(path)


def loaded(path: str) -> dict[str, Any]:
    return with_arguments("xaicf.load_frozen", path=path)


def with_arguments(class_path: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": class_path, "init_args": arguments}


GRADIENT = with_arguments("Attribution", method="gradient", contrast="pair")
GRADCAM = with_arguments("Attribution", method="gradcam", contrast="pair")
SEARCH = with_arguments("CDeepEx", epsilon=0.1)


def config(name: str = "given.yaml", **arguments: Any) -> str:
    """Write a configuration that explains ten digits in blocks of four; ``arguments`` replace its own."""
    arguments = {
        "classifier": loaded("classifier.ckpt"),
        "generator": loaded("vae.ckpt"),
        "explainers": [GRADIENT],
        "ids": list(range(10)),
        "block_size": 4,
        **arguments,
    }
    model = {"class_path": "Explain", "init_args": arguments}
    trainer = {**QUIET, "devices": 1}
    Path(name).write_text(json.dumps({"data": {"class_path": "Digits"}, "model": model, "trainer": trainer}))
    return f"--config={name}"


def explain(*arguments: str, output: str = "store", **changed: Any) -> int:
    return main(["explain", config(**changed), f"--output={output}", *arguments])


def by_hand(explainer: Attribution | CDeepEx, foil: Any = "second", ids: range = range(10)) -> Explanation:
    """Ask directly, in the chunks of the store."""
    data = Digits()
    subject = Subject(load_frozen("classifier.ckpt"), load_frozen("vae.ckpt"))
    batch = data.samples(ids, "test")
    return ask(explainer, subject, batch["image"], foil, batch["label"])


def assert_equal(found: Explanation, expected: Explanation, **tolerance: float) -> None:
    before, after = expected.tensors(), found.tensors()
    assert set(after) == set(before)
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, equal_nan=True, **(tolerance or {"rtol": 0, "atol": 0}))


def hashes(store: Path) -> dict[str, str]:
    """Hash every file but the manifest; of a mark, all but how long its part took."""
    files = sorted(path for path in store.rglob("*") if path.is_file() and path.name != "manifest.json")
    found = {}
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".json":
            data = json.dumps({**json.loads(data), "seconds": None}).encode()
        found[path.relative_to(store).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def times(store: str | Path = "store") -> dict[str, int]:
    return {path.relative_to(store).as_posix(): path.stat().st_mtime_ns for path in Path(store).rglob("*.*")}


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


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"classifier": loaded("none.ckpt")}, "checkpoint not found: none.ckpt"),
        ({"classifier": loaded("vae.ckpt")}, "classifier must be a module that maps images to logits, got VAE"),
        ({"generator": None, "explainers": [SEARCH]}, "CDeepEx needs a generator, and the subject has none"),
        ({"explainers": []}, "explainers must be one or more with different names, got []"),
        ({"explainers": [GRADIENT, GRADIENT]}, "got ['gradient-pair', 'gradient-pair']; a mapping names them"),
        (
            {"explainers": {"a/b": GRADIENT}},
            "explainer names may hold letters, digits, _, - and, but first, ., got a/b",
        ),
        ({"ids": [3, 999]}, "ids must be in [0, 359) for the test split, got 999"),
        ({"ids": [-1]}, "ids must be in [0, 359) for the test split, got -1"),
        ({"ids": [3, 3]}, "ids must name one or more samples, each once"),
        ({"ids": []}, "ids must name one or more samples, each once"),
        ({"block_size": 0}, "block_size must be at least 1, got 0"),
        ({"foil": 10}, "foil must be second, label, all or a class in [0, 10), got 10"),
        ({"foil": "third"}, "got third"),
        ({"split": "tset"}, "got tset"),
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


def test_an_unknown_file_system_is_one_line(mistake: Mistake) -> None:
    assert "store nowhere://store is at no file system that is known here" in mistake(output="nowhere://store")


def test_a_store_in_memory_is_as_one_on_disk(tmp_path: Path) -> None:
    assert explain(output="store") == 0
    assert explain(output=f"memory://{tmp_path}/store") == 0
    assert_equal(read(f"memory://{tmp_path}/store"), read("store"))


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
    assert (
        mistake(output=str(mounted / "store")) == f"cannot write {mounted}/store/manifest.json: Read-only file system"
    )


@pytest.mark.skipif(not os.geteuid(), reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(mistake: Mistake) -> None:
    Path("locked").mkdir(0o500)
    assert mistake(output="locked/store") == "cannot write locked/store/manifest.json: Permission denied"


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


@pytest.mark.parametrize("foil", ["second", "all"])
@pytest.mark.parametrize("chunk_size", [1, 3, 7, 100])
def test_chunks_do_not_change_an_explanation(chunk_size: int, foil: Any) -> None:
    subject = Subject(load_frozen("classifier.ckpt"))
    batch = Digits().samples(range(10), "test")
    explainer = Attribution("linear_approximation", "pair")
    found = ask_in_chunks(explainer, subject, batch["image"], foil, batch["label"], chunk_size)
    assert_equal(found, ask(explainer, subject, batch["image"], foil, batch["label"]), rtol=0, atol=1e-5)


class Narrow(nn.Module):
    """A linear classifier that has memory for few images."""

    def __init__(self, most: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 3)
        self.most, self.error = most, error
        self.asked: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append(len(images))
        if len(images) > self.most:
            raise self.error("not enough memory: you tried to allocate 1 byte")
        return self.linear(images.flatten(1))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
@pytest.mark.parametrize("most", [1, 3, 5, 16])
def test_chunks_are_halved_until_they_fit(most: int, error: type[Exception]) -> None:
    torch.manual_seed(0)
    classifier, images = Narrow(most, error), torch.rand(20, 1, 4, 4)
    found = ask_in_chunks(Attribution("gradient", "pair"), Subject(classifier), images, chunk_size=16)
    tried = {size for size in classifier.asked if size > most}
    assert tried == {size for size in (16, 8, 4, 2) if size > most}
    classifier.most = 100
    assert_equal(found, ask(Attribution("gradient", "pair"), Subject(classifier), images), rtol=0, atol=1e-5)


def test_memory_that_does_not_suffice_for_one_image_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        ask_in_chunks(Attribution("gradient"), Subject(Narrow(0)), torch.rand(4, 1, 4, 4), chunk_size=4)


def test_another_error_does_not_shrink_chunks() -> None:
    classifier = Narrow(2, ArithmeticError)
    with pytest.raises(ArithmeticError):
        ask_in_chunks(Attribution("gradient"), Subject(classifier), torch.rand(8, 1, 4, 4), chunk_size=8)
    assert classifier.asked == [8]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("500", 500),
        ("2K", 2048),
        ("2kb", 2048),
        ("1.5M", 3 * 2**19),
        ("2GiB", 2**31),
        (" 1 t ", 2**40),
        ("0.5G", 2**29),
    ],
)
def test_bytes_are_read(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "G", "0", "0.0K", "-1", "1e9", "1,5G", "1P", "nan", "1G2", "0.1"])
def test_no_bytes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="memory must be a number of bytes"):
        parse_bytes(text)


LONG: Any = {"explainers": [SEARCH, GRADIENT], "ids": list(range(48)), "block_size": 2}
"""Two dozen blocks, which take some seconds."""


def begin(ranks: int, output: str, **changed: Any) -> subprocess.Popen[str]:
    """Start ``explain`` on one or two processes, in a process group of their own."""
    given = config(**{**LONG, **changed})
    distributed = ["--trainer.accelerator=cpu", f"--trainer.devices={ranks}"]
    distributed += ["--trainer.strategy=ddp"] if ranks > 1 else []
    command = [sys.executable, "-m", "xaicf", "explain", given, f"--output={output}", *distributed]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def finish(process: subprocess.Popen[str], seconds: float = 200) -> tuple[int, str, str]:
    """Wait for a run; kill all of it where it does not end."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        kill_group(process)
    return process.returncode, out, err


def kill_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def complete(ranks: int, output: str, **changed: Any) -> None:
    code, out, err = finish(begin(ranks, output, **changed))
    assert code == 0, err[-3000:]
    assert ranks == 1 or "GLOBAL_RANK: 1, MEMBER: 2/2" in out


def marks(output: str) -> int:
    return len(list(Path(output).glob("*/part_*.json")))


def assert_same_store(found: str, expected: str) -> None:
    assert hashes(Path(found)) == hashes(Path(expected))
    for name in explainers(expected):
        assert_equal(read(found, name), read(expected, name))
    assert not list(Path(found).rglob(".draft-*"))


@pytest.fixture(scope="module")
def uninterrupted(networks: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that one process has made without being ended."""
    home = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for path in networks.glob("*.ckpt"):
            Path(path.name).symlink_to(path)
        complete(1, "store")
    assert (read(home / "store", "cdeepex").status == Status.SOLVED).any()
    return str(home / "store")


@pytest.mark.parametrize("ids", [48, 3, 1])
def test_two_processes_write_the_store_of_one(ids: int, uninterrupted: str) -> None:
    changed = {"ids": list(range(ids))}
    if ids != 48:
        complete(1, "one", **changed)
    complete(2, "two", **changed)
    assert_same_store("two", uninterrupted if ids == 48 else "one")


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_at_any_moment_it_goes_on_to_the_same_store(ranks: int, uninterrupted: str) -> None:
    moments, whole = random.Random(ranks), marks(uninterrupted)
    reached = []
    for kill in range(3):
        process, found = begin(ranks, "store"), marks("store")
        # Most moments lie within the writing, the first before it and at the start of processes.
        wanted = 0 if kill == 0 else found + moments.randint(1, whole // 6)
        deadline = time.monotonic() + 120
        while marks("store") < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 5 if kill == 0 else 0.2))
        kill_group(process)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        reached.append(marks("store"))
        assert reached == sorted(reached)
    assert 0 < reached[-1] < whole
    complete(ranks, "store")
    assert_same_store("store", uninterrupted)


def descendants(process: subprocess.Popen[str]) -> list[int]:
    """Give the processes of a run that its first one has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in children.read_text().split()] if children.exists() else []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
@pytest.mark.parametrize("victim", [0, 1])
def test_the_death_of_one_process_ends_the_other(victim: int, uninterrupted: str) -> None:
    process = begin(2, "store")
    try:
        while marks("store") < 6:
            assert process.poll() is None, process.communicate()[1][-3000:]
            time.sleep(0.01)
        (second,) = descendants(process)
        began = time.monotonic()
        os.kill((process.pid, second)[victim], signal.SIGKILL)
        while time.monotonic() < began + PATIENCE and (process.poll() is None or running(second)):
            time.sleep(0.05)
        assert not running(second)
        assert process.poll() not in {None, 0}
    finally:
        kill_group(process)
        process.communicate()
    assert marks("store") < marks(uninterrupted)
    complete(2, "store")
    assert_same_store("store", uninterrupted)


def running(pid: int) -> bool:
    """Say whether a process lives; one that has ended may still wait for its parent."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ids": [999]}, "ids must be in [0, 359) for the test split, got 999"),
        ({"classifier": loaded("none.ckpt")}, "checkpoint not found: none.ckpt"),
    ],
    ids=["ids", "checkpoint"],
)
def test_a_mistake_is_one_line_on_any_number_of_processes(ranks: int, changed: Any, said: str) -> None:
    began = time.monotonic()
    code, _, err = finish(begin(ranks, "store", **changed))
    assert code == 2
    assert err == f"xaicf: error: {said}\n"
    assert time.monotonic() - began < PATIENCE + 30
