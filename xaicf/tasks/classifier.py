"""Train any classifier with cross-entropy."""

from collections.abc import Callable, Sequence

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError

from xaicf.core import Batch, Images, ImageShape, InputError, Logits, recipe
from xaicf.core.recipe import Recipe
from xaicf.tasks.base import Task, make_network
from xaicf.tasks.schedule import Schedule


class Classifier(Task):
    """A network from images to logits, trained with cross-entropy.

    Logs the loss, the accuracy and the expected calibration error (15 bins).

    Args:
        network: makes the network from the image shape and the number of classes.
        image_shape: channels, height, width.
        num_classes: number of logits, at least 2.
        class_names: one for each class; their numbers if left out.
        optimizer: makes the optimiser from the parameters.
        schedule: of the learning rate.
        augment: changes an image (C, H, W) in [0, 1] at random, each training image by itself, such as a transform of
            ``torchvision.transforms.v2``.

    Raises:
        InputError: fewer than two classes, another number of names than classes, or a network that cannot be made.
    """

    def __init__(
        self,
        network: Callable[[ImageShape, int], nn.Module],
        image_shape: ImageShape,
        num_classes: int,
        class_names: Sequence[str] | None = None,
        optimizer: OptimizerCallable = torch.optim.Adam,
        schedule: Schedule = "constant",
        augment: nn.Module | None = None,
    ) -> None:
        super().__init__(optimizer, schedule)
        self.augment = augment
        if num_classes < 2:
            raise InputError(f"num_classes must be at least 2, got {num_classes}")
        self.image_shape = image_shape
        self.num_classes = num_classes
        self.class_names = tuple(class_names or map(str, range(num_classes)))
        if len(self.class_names) != num_classes:
            raise InputError(f"class_names must name {num_classes} classes, got {len(self.class_names)}")
        self.network_recipe = recipe(network)
        self.network = make_network(network, image_shape, num_classes)
        metrics = MetricCollection(
            {
                "accuracy": MulticlassAccuracy(num_classes, average="micro"),
                "calibration_error": MulticlassCalibrationError(num_classes),
            }
        )
        self.metrics = nn.ModuleDict(
            {f"{stage}_metrics": metrics.clone(prefix=f"{stage}/") for stage in ("val", "test")}
        )

    def recipe(self) -> Recipe:
        """Write down the network, its image shape and its classes."""
        return recipe(
            Classifier,
            network=self.network_recipe,
            image_shape=list(self.image_shape),
            num_classes=self.num_classes,
            class_names=list(self.class_names),
        )

    def forward(self, images: Images) -> Logits:
        """Map images (B, C, H, W) in [0, 1] to logits (B, num_classes)."""
        logits: Logits = self.network(images)
        return logits

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the mean cross-entropy in nats."""
        images = batch["image"]
        if self.augment is not None:
            images = torch.stack([self.augment(image) for image in images])
        return {"loss": functional.cross_entropy(self(images), batch["label"])}

    def evaluate(self, batch: Batch, stage: str) -> None:
        """Log loss, accuracy and calibration error."""
        logits = self(batch["image"])
        metrics = self.metrics[f"{stage}_metrics"]
        assert isinstance(metrics, MetricCollection)
        metrics.update(logits, batch["label"])
        loss = functional.cross_entropy(logits, batch["label"])
        self.log(f"{stage}/loss", loss, batch_size=len(logits), sync_dist=True, prog_bar=True)
        self.log_dict(metrics, prog_bar=True)
