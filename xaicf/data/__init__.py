"""Data modules: one family of data sets, one file."""

from xaicf.data.base import ImageData, LabelledImages, Split
from xaicf.data.biased import BiasedMNIST
from xaicf.data.digits import Digits
from xaicf.data.files import ImageFiles
from xaicf.data.folder import ImageFolder
from xaicf.data.mnist import MNIST, FashionMNIST

__all__ = [
    "MNIST",
    "BiasedMNIST",
    "Digits",
    "FashionMNIST",
    "ImageData",
    "ImageFiles",
    "ImageFolder",
    "LabelledImages",
    "Split",
]
