"""Classifiers that a study examines, trained here or made elsewhere, and the images it asks them about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentError, ArgumentParser
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, Dataset, Subset

from xaicf.core import Batch, Images, InputError, Labels, Logits, SplitName
from xaicf.data import ImageData
from xaicf.data.base import data_root
from xaicf.explainers.methods import Method
from xaicf.nn import foreign_classifier
from xaicf.shipped import shipped
from xaicf.studies.asking import BLOCK, logits_of
from xaicf.studies.study import Place

QUICK = 24
"""Images that a quick run looks at."""


@dataclass(frozen=True)
class Foreign:
    """A classifier made elsewhere, see :func:`~xaicf.nn.foreign_classifier`.

    Args:
        factory: import path of what makes it.
        arguments: of the factory.
        state_dict: file with its weights, in the folder of the data.
        mean: that it was trained with.
        std: likewise.
    """

    factory: str
    arguments: dict[str, Any] = field(default_factory=dict)
    state_dict: str | None = None
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)

    def make(self, root: str | None) -> nn.Module:
        """Make it, its weights found in ``root``."""
        weights = None if self.state_dict is None else str(data_root(root) / self.state_dict)
        return foreign_classifier(self.factory, self.arguments, weights, self.mean, self.std)


@dataclass(frozen=True)
class Case:
    """A classifier and the data it is asked about.

    Args:
        name: for rows and pictures.
        config: file for ``python -m xaicf fit``, which names the data, and the classifier unless ``foreign`` does.
        foreign: a classifier made elsewhere, in place of the one that ``config`` trains.
        splits: of the data, laid end to end.
        data: arguments of the data that differ from the file's.
        methods: that say something about it, the one to judge by first.
        images: at most so many, evenly from the splits; all if left out.
    """

    name: str
    config: str
    foreign: Foreign | None = None
    splits: Sequence[SplitName] = ("test",)
    data: dict[str, Any] = field(default_factory=dict)
    methods: Sequence[Method] = ("gradcam", "linear_approximation")
    images: int | None = None

    def examined(self, place: Place) -> "Examined":
        """Train or make the classifier, and read the data.

        Raises:
            UserError: the data is missing, or the classifier cannot be had.
        """
        data = _data(self.config, place.root, self.data)
        data.setup()
        network = place.network(self.config, data=self.data) if self.foreign is None else self.foreign.make(place.root)
        images: ConcatDataset[Batch] = ConcatDataset([data.split(name) for name in self.splits])
        limit = min(QUICK, self.images or QUICK) if place.quick else self.images
        step = 1 if limit is None else max(-(-len(images) // limit), 1)
        labels = torch.cat([data.split(name).labels for name in self.splits])[::step]
        return Examined(self, network, Subset(images, range(0, len(images), step)), labels, data)


@dataclass
class Examined:
    """A classifier with the images it is asked about, which are read a block at a time.

    Args:
        case: what it is.
        network: the classifier.
        samples: N images, a batch of one each.
        labels: (N,).
        data: that the images are of.
    """

    case: Case
    network: nn.Module
    samples: Dataset[Batch]
    labels: Labels
    data: ImageData

    @property
    def class_names(self) -> tuple[str, ...]:
        """One for each class."""
        return self.data.class_names

    def images(self, which: Tensor) -> Images:
        """Read some images (B, C, H, W) in [0, 1], by their positions (B,)."""
        return torch.cat([self.samples[row]["image"] for row in which.tolist()]).float() / 255

    def blocks(self, which: Tensor) -> Iterator[tuple[Tensor, Images]]:
        """Go through chosen images, giving positions and images of a block at a time."""
        for some in torch.split(which, BLOCK):
            yield some, self.images(some)

    @cached_property
    def logits(self) -> Logits:
        """The logits (N, classes) of all images."""
        return torch.cat([logits_of(self.network, images) for _, images in self.blocks(torch.arange(len(self.labels)))])


def _data(config: str, root: str | None, changes: Mapping[str, object]) -> ImageData:
    """Make the data that a configuration names.

    Raises:
        InputError: there is no such file, or its data cannot be made.
    """
    try:
        settings = yaml.safe_load(Path(shipped(config)).read_text())["data"]
        arguments = {**settings.get("init_args", {}), **changes, **({} if root is None else {"root": root})}
        parser = ArgumentParser(exit_on_error=False)
        parser.add_argument("--data", type=ImageData)
        given = parser.parse_object({"data": {**settings, "init_args": arguments}})
        data: ImageData = parser.instantiate_classes(given).data
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{config} is no configuration with data: {error}") from error
    except ArgumentError as error:
        raise InputError(f"{config}: {' '.join(str(error).split())[:200]}") from error
    return data


def _published(depth: int, file: str) -> Case:
    """Give a residual network that others have trained on CIFAR-10."""
    arguments = {"image_shape": [3, 32, 32], "num_classes": 10, "depth": depth}
    arguments |= {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    foreign = Foreign("xaicf.nn.CifarResNet", arguments, f"weights/{file}")
    return Case(f"CIFAR-10 ResNet-{depth}", "configs/classifier/cifar10.yaml", foreign)


CASES: tuple[Case, ...] = (
    _published(20, "resnet20-12fca82f.th"),
    _published(56, "resnet56-4bfd9763.th"),
    Case("Fashion-MNIST", "configs/classifier/fashion_mnist.yaml", methods=("linear_approximation", "gradcam")),
    Case("Tiny ImageNet, 28 classes", "configs/classifier/tiny_imagenet.yaml"),
)
"""Classifiers of photographs and of clothes."""
