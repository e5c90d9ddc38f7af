"""Pure networks, parameterised by image shape. They import without Lightning."""

from xaicf.nn.attgan import AttGANGenerator
from xaicf.nn.autoencoders import ConvDecoder, ConvEncoder
from xaicf.nn.blocks import Normalize
from xaicf.nn.classifiers import SmallVGG, SoftmaxRegression, TorchvisionNet, TwoConv
from xaicf.nn.dcgan import DCGANCritic, DCGANGenerator
from xaicf.nn.foreign import foreign_classifier
from xaicf.nn.resnet import CifarResNet
from xaicf.nn.stargan import StarGANGenerator
from xaicf.nn.strided import StridedClassifier, StridedDecoder, StridedEncoder

__all__ = [
    "AttGANGenerator",
    "CifarResNet",
    "ConvDecoder",
    "ConvEncoder",
    "DCGANCritic",
    "DCGANGenerator",
    "Normalize",
    "SmallVGG",
    "SoftmaxRegression",
    "StarGANGenerator",
    "StridedClassifier",
    "StridedDecoder",
    "StridedEncoder",
    "TorchvisionNet",
    "TwoConv",
    "foreign_classifier",
]
