"""Configurations that ship, made so small that they run in a second, and small files of the sets that they name."""

import re
from collections.abc import Callable
from pathlib import Path

from official_data import (
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

CONFIGS = Path(__file__).parents[1] / "configs"
ALL = sorted(path for path in CONFIGS.rglob("*.yaml") if not {"studies", "sweeps"} & set(path.parts))
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
    r"architecture: \w+(?:, weights: \w+)?": "architecture: mobilenet_v3_small",
    r"channels: \[64, 128, 256, 512, 1024\]": "channels: [16, 32]",
}
"""What takes long, and begins with weights that are fetched, in configurations of published sets."""

LARGE = re.compile(r"resnet101|bam/objects")
"""Where configurations of other sets have such too."""

OWN = r"(class_path: ImageFolder\n  init_args: \{image_size: )64"
"""Of a folder of images, whose network stays, since DeepLIFT has rules for its layers."""

SHORTER = {
    r"(class_path: (?:Attribute)?Criticism, init_args: \{)": r"\1steps: 5, ",
    r"(class_path: Prototype, init_args: \{)": r"\1rounds: 5, ",
    r"(method: integrated_gradients, [^}]*tolerance: )0\.\d+": r"\g<1>10.0",
}
"""Searches that take long, of networks that have hardly learned."""


def smaller(config: Path) -> str:
    """Give the text of a configuration with shorter searches, of large images with smaller images and networks."""
    text = config.read_text()
    kind = KIND.search(text)
    large = LARGE.search(text) or (kind is not None and kind[1] in OFFICIAL)
    for pattern, word in (SHORTER | {OWN: r"\g<1>32"} | (SMALLER if large else {})).items():
        text = re.sub(pattern, word, text)
    return text


def arguments_of(config: Path) -> list[str]:
    """Write small files of the set that a configuration names, in this folder; give the options that name them."""
    text = config.read_text()
    kind = KIND.search(text)
    root = Path("data")
    options = ["--data.root=data"]
    if kind is not None and kind[1] in OFFICIAL:
        _once(OFFICIAL[kind[1]], root)
    elif "objects: bam/objects" in text:
        _once(write_bam, root)
        options.append("--data.images_per_class=10")
    elif "class_path: BAM" in text:
        _once(write_scenes, root)
        _once(write_small, root, "FashionMNIST", 20)
        options += ["--data.object_classes=[Bag,Coat]", "--data.images_per_class=10"]
    elif "folder: " in text:
        _once(write_photos, root)
    elif "class_path: ImageFolder" in text:
        _once(write_colours, Path("images"))
        options = ["--data.root=images"]
    elif "class_path: Faces" in text:
        _once(write_faces, root)
    elif (family := FETCHED.search(text)) is not None:
        _once(write_small, root, family[1], 20)  # of two digits, four to test
    else:
        return []
    return options


def write_colours(root: Path) -> None:
    """Write three classes, each of one colour, of which two images are for the test."""
    for name, colour in {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}.items():
        (root / name).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (40 + number, 48), colour).save(root / name / f"{number}.png")


def fit(config: Path, *arguments: str) -> int:
    """Run a configuration, made small, by the command line; give its exit code."""
    few = "--data.batch_size=8"
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    Path(config.name).write_text(smaller(config))
    return main(["fit", f"--config={config.name}", *arguments_of(config), few, *quiet, *arguments])


def train_named(config: Path) -> None:
    """Train for two batches the networks whose checkpoints a configuration names, unless they lie in this folder."""
    for path in sorted({Path(one) for one in re.findall(r"(?:path|classifier): (runs/\S+\.ckpt)", config.read_text())}):
        if path.is_file():
            continue
        (origin,) = (one for one in ALL if f"  default_root_dir: {path.parent}\n" in one.read_text())
        train_named(origin)
        limits = [
            "--trainer.max_epochs=1",
            "--trainer.limit_train_batches=2",
            "--trainer.limit_val_batches=1",
            "--trainer.check_val_every_n_epoch=1",
        ]
        callbacks = ["--trainer.callbacks=null", "--trainer.logger=false", "--trainer.log_every_n_steps=1"]
        assert fit(origin, *limits, *callbacks) == 0
        assert path.is_file()


def _once(write: Callable[..., None], root: Path, *arguments: object) -> None:
    mark = Path(f".{write.__name__}", *map(str, arguments))
    if not mark.exists():
        write(root, *arguments)
        mark.mkdir(parents=True)
