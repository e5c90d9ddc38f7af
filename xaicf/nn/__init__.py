"""Pure networks, parameterised by image shape. They import without Lightning."""

from xaicf.nn.autoencoders import ConvDecoder, ConvEncoder
from xaicf.nn.blocks import Normalize
from xaicf.nn.classifiers import SmallVGG, TorchvisionNet, TwoConv
from xaicf.nn.foreign import foreign_classifier
from xaicf.nn.separate import one_module_per_use

__all__ = [
    "ConvDecoder",
    "ConvEncoder",
    "Normalize",
    "SmallVGG",
    "TorchvisionNet",
    "TwoConv",
    "foreign_classifier",
    "one_module_per_use",
]
