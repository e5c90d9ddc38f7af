"""Every configuration that ships trains, validates and explains, on small data and without a network."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from official_data import (
    publish,
    write_adult_faces,
    write_aircraft,
    write_bam,
    write_cars,
    write_celeba,
    write_cifar10,
    write_cub,
    write_domains,
    write_flowers,
    write_food,
    write_imagenet,
    write_svhn,
)
from PIL import Image
from small_data import write_faces, write_photos, write_scenes, write_small

from xaicf.cli import main
from xaicf.explainers.solvers import SOLVERS, AugmentedLagrangian, SequentialQuadratic
from xaicf.store import explainers, verify

CONFIGS = Path(__file__).parents[1] / "configs"
ALL = sorted(path for path in CONFIGS.rglob("*.yaml") if not {"studies", "sweeps"} & set(path.parts))
UNFIT = "xaicf.explainers.baselines.Ganmex"
EXPLAINERS = re.compile(r"  - \{?class_path: (?:Attribution|CDeepEx|Criticism|Prototype)\b")
FETCHED = re.compile(r"^  class_path: (?:Biased|LateClass|Coloured|Morpho)?(MNIST|FashionMNIST)$", re.MULTILINE)
OFFICIAL = {
    "AttributeFolder": write_adult_faces,
    "CIFAR10": write_cifar10,
    "CUB200": write_cub,
    "CelebA": write_celeba,
    "CelebAHair": write_celeba,
    "FGVCAircraft": write_aircraft,
    "Flowers102": write_flowers,
    "Food101": write_food,
    "ILSVRC2012": write_imagenet,
    "SVHN": write_svhn,
    "StanfordCars": write_cars,
    "TwoDomains": write_domains,
}
KIND = re.compile(r"^  class_path: (\w+)$", re.MULTILINE)
"""The first is that of the data."""

SMALLER = {
    r"image_size: \d+": "image_size: 32",
    r"workers: \d+": "workers: 0",
    r"batch_size: (?:64|128)": "batch_size: 4",
    r"architecture: \w+(?:, weights: \w+)?": "architecture: mobilenet_v3_small",
    r"channels: \[64, 128, 256, 512, 1024\]": "channels: [16, 32]",
}
"""What takes long, and begins with weights that are fetched, in configurations of published sets."""

SHORTER = {
    r"(class_path: (?:Attribute)?Criticism, init_args: \{)": r"\1steps: 5, ",
    r"(class_path: Prototype, init_args: \{)": r"\1rounds: 5, ",
}
"""Searches that take long, of networks that have hardly learned."""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("XAICF_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    # Networks that have hardly learned have no ties, and looking for one to the end takes long.
    monkeypatch.setitem(SOLVERS, "augmented_lagrangian", AugmentedLagrangian(outer_steps=2))
    monkeypatch.setitem(SOLVERS, "sequential_quadratic", SequentialQuadratic(steps=5))
    monkeypatch.setenv("WANDB_MODE", "offline")
    publish(monkeypatch)
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def arguments_of(config: Path) -> list[str]:
    """Write small files for a published set, once, or for another set."""
    text = config.read_text()
    kind = KIND.search(text)
    if kind is not None and kind[1] in OFFICIAL:
        if not Path("data", kind[1]).is_file():
            OFFICIAL[kind[1]](Path("data"))
            Path("data", kind[1]).touch()
        return ["--data.root=data"]
    if "objects: bam/objects" in text:
        write_bam(Path("data"))
        return ["--data.root=data", "--data.images_per_class=10"]
    return data_arguments(config)


def data_arguments(config: Path) -> list[str]:
    """Write small files for a data set that is not bundled."""
    if "class_path: BAM" in config.read_text():
        write_scenes(Path("data"))
        write_small(Path("data"), "FashionMNIST")
        return ["--data.root=data", "--data.object_classes=[Bag,Coat]", "--data.images_per_class=10"]
    if "folder: " in config.read_text():
        write_photos(Path("data"))
        return ["--data.root=data"]
    if "class_path: ImageFolder" in config.read_text():
        colours = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}
        for name, colour in colours.items():
            Path("images", name).mkdir(parents=True, exist_ok=True)
            for number in range(20):  # of which two are for the test
                Image.new("RGB", (40 + number, 48), colour).save(Path("images", name, f"{number}.png"))
        return ["--data.root=images", *(["--data.batch_size=4"] if "image_size: 224" in config.read_text() else [])]
    if "class_path: Faces" in config.read_text():
        write_faces(Path("data"))
        return ["--data.root=data"]
    family = FETCHED.search(config.read_text())
    if family is None:
        return []
    write_small(Path("data"), family[1], test=20)  # of two digits, four
    return ["--data.root=data"]


def smaller(config: Path) -> str:
    """Give the text of a configuration, of a published set with smaller images and networks."""
    text = config.read_text()
    kind = KIND.search(text)
    if (kind is None or kind[1] not in OFFICIAL) and not re.search("resnet101|bam/objects", text):
        return text
    for pattern, word in SMALLER.items():
        text = re.sub(pattern, word, text)
    return text


def fit(config: Path, *arguments: str) -> int:
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    Path(config.name).write_text(smaller(config))
    return main(["fit", f"--config={config.name}", *arguments_of(config), *quiet, *arguments])


def train_named(config: Path) -> None:
    """Train, for two batches, the networks whose checkpoints a configuration names."""
    for path in sorted({Path(one) for one in re.findall(r"(?:path|classifier): (runs/\S+\.ckpt)", config.read_text())}):
        (origin,) = (one for one in ALL if f"  default_root_dir: {path.parent}\n" in one.read_text())
        limits = [
            "--trainer.max_epochs=1",
            "--trainer.limit_train_batches=2",
            "--trainer.limit_val_batches=1",
            "--trainer.check_val_every_n_epoch=1",
        ]
        callbacks = ["--trainer.callbacks=null", "--trainer.logger=false", "--trainer.log_every_n_steps=1"]
        train_named(origin)
        assert fit(origin, *limits, *callbacks) == 0
        assert path.is_file()


@pytest.mark.parametrize("config", ALL, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_runs_as_it_stands(config: Path) -> None:
    dry = ["--trainer.fast_dev_run=true"]
    few = ["--trainer.callbacks.init_args.every_n_epochs=1", "--trainer.callbacks.init_args.samples=1"]
    if config.parent.name == "trainer":
        if not torch.cuda.is_available():
            dry += ["--trainer.accelerator=cpu", "--trainer.devices=1"]
        assert fit(CONFIGS / "classifier/digits.yaml", f"--config={config}", *dry, *few) == 0
        return
    train_named(config)
    if config.parent.name == "explain":
        arguments = [*arguments_of(config), "--model.ids=[0,2,3]", "--model.block_size=2", "--output=store"]
        text = smaller(config)
        for pattern, word in SHORTER.items():
            text = re.sub(pattern, word, text)
        if "translator: " in text:  # of two batches, which nobody has measured
            assert main(["explain", f"--config={config}", *arguments]) == 2
            unfit = f"{{class_path: {UNFIT}, init_args: {{unfit: true}}}}"
            text = text.replace("baseline: ganmex}", f"baseline: {unfit}}}")
            translation = f"{{class_path: Translation, init_args: {{source: {unfit}}}}}"
            text = text.replace("class_path: Translation", translation.removeprefix("{").removesuffix("}"))
        Path("asked.yaml").write_text(text)
        assert main(["explain", "--config=asked.yaml", *arguments]) == 0
        assert verify("store").rows == 3 * len(explainers("store"))
        return
    text = config.read_text()
    if "class_path: ExplainAtValidationEnd" in text:
        dry += few
    assert fit(config, *dry) == 0
    (root,) = re.findall(r"^  default_root_dir: (\S+)$", text, re.MULTILINE)
    root = f"{root}/fast_dev_run"
    written = {path.parent.name for path in Path(root).rglob("epoch_0000/*/sample_*.png")}
    assert len(written) == len(EXPLAINERS.findall(text))
    if "class_path: LogSamples" in text:
        assert Path(root, "samples/epoch_0000/prior.png").is_file()


def test_every_run_has_a_folder_of_its_own() -> None:
    folders = re.findall(r"^  default_root_dir: (\S+)$", "".join(path.read_text() for path in ALL), re.MULTILINE)
    assert (
        len(folders)
        == len(set(folders))
        == len([path for path in ALL if path.parent.name not in {"explain", "trainer"}])
    )


def test_networks_and_weights_that_are_named_are_torchvision_s() -> None:
    for path in ALL:
        for architecture, weights in re.findall(r"architecture: (\w+), weights: (\w+)", path.read_text()):
            assert weights in torchvision.models.get_model_weights(architecture).__members__
    cases = yaml.safe_load((CONFIGS / "studies/imagenet/wc_recourse.yaml").read_text())["cases"]
    assert len({case["foreign"]["factory"] for case in cases}) == 9
    for case in cases:
        name = case["foreign"]["factory"].rpartition(".")[2]
        assert case["foreign"]["arguments"]["weights"] in torchvision.models.get_model_weights(name).__members__


def test_studies_name_configurations_that_ship() -> None:
    named = {
        one
        for path in CONFIGS.rglob("*.yaml")
        for one in re.findall(r"configs/[\w/]+\.yaml", path.read_text())
        if "studies" in path.parts
    }
    assert named
    assert all((CONFIGS.parent / one).is_file() for one in named)
