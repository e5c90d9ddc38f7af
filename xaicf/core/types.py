"""Names for the tensors that travel through the package. Every tensor has its batch dimension first."""

from typing import Literal, NotRequired, TypedDict

from jaxtyping import Bool, Float, Int64
from torch import Tensor

Images = Float[Tensor, "batch channels height width"]
"""Images, float in [0, 1]."""

Logits = Float[Tensor, "batch classes"]
"""The outputs of a classifier, before any softmax."""

Labels = Int64[Tensor, "batch"]
"""Class indices in [0, classes)."""

Latents = Float[Tensor, "batch latent"]
"""Codes of a generator."""

Attributes = Float[Tensor, "batch attributes"]
"""How far each image has each attribute, float in [0, 1]."""

PerImage = Float[Tensor, "batch"]
"""One number for each image."""

Flags = Bool[Tensor, "batch"]
"""One truth value for each image."""

ImageShape = tuple[int, int, int]
"""Channels, height, width."""

SplitName = Literal["train", "val", "test"]
"""A part of a data set."""


class Batch(TypedDict):
    """What a data module hands to a task.

    ``image`` is (B, C, H, W) float32 in [0, 1], ``label`` (B,) int64, ``index`` (B,) int64: the
    sample's stable id in its split. Where it is known which pixels matter, ``mask`` is (B, H, W) bool,
    true on them. Where the data has attributes, ``attributes`` is (B, A) float32 in [0, 1], named by the
    data module's ``attribute_names``.
    """

    image: Images
    label: Labels
    index: Labels
    mask: NotRequired[Tensor]
    attributes: NotRequired[Tensor]
