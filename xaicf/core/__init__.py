"""Vocabulary and contracts: what is explained, the result, the interfaces, checkpoints."""

from xaicf.core.attributes import other_side, same_side
from xaicf.core.checkpoint import load_frozen, network_sha256, read_checkpoint, sha256
from xaicf.core.classes import other_classes
from xaicf.core.errors import CheckpointError, ClassifierError, DataError, InputError, UserError, is_out_of_memory
from xaicf.core.explanation import Explanation, Status
from xaicf.core.frozen import as_found
from xaicf.core.interfaces import FITNESS, Editor, Encoder, Generator, Translator
from xaicf.core.recipe import build, recipe
from xaicf.core.separate import one_module_per_use, with_shared_weights
from xaicf.core.subject import NETWORKS, Seat, Subject
from xaicf.core.types import Attributes, Batch, Flags, Images, ImageShape, Labels, Latents, Logits, PerImage, SplitName

__all__ = [
    "FITNESS",
    "NETWORKS",
    "Attributes",
    "Batch",
    "CheckpointError",
    "ClassifierError",
    "DataError",
    "Editor",
    "Encoder",
    "Explanation",
    "Flags",
    "Generator",
    "ImageShape",
    "Images",
    "InputError",
    "Labels",
    "Latents",
    "Logits",
    "PerImage",
    "Seat",
    "SplitName",
    "Status",
    "Subject",
    "Translator",
    "UserError",
    "as_found",
    "build",
    "is_out_of_memory",
    "load_frozen",
    "network_sha256",
    "one_module_per_use",
    "other_classes",
    "other_side",
    "read_checkpoint",
    "recipe",
    "same_side",
    "sha256",
    "with_shared_weights",
]
