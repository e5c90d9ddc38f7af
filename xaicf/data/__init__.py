"""Data modules: one family of data sets, one file."""

from xaicf.data.attribute_folder import AttributeFolder
from xaicf.data.bam import BAM
from xaicf.data.base import ImageData, LabelledImages, Split
from xaicf.data.biased import BiasedMNIST
from xaicf.data.celeba import CelebA
from xaicf.data.coloured import ColouredMNIST
from xaicf.data.digits import Digits
from xaicf.data.faces import Faces
from xaicf.data.files import ImageFiles
from xaicf.data.folder import ImageFolder
from xaicf.data.late import LateClassMNIST
from xaicf.data.mnist import MNIST, FashionMNIST
from xaicf.data.morpho import MorphoMNIST
from xaicf.data.planted import Square
from xaicf.data.table import ImageTable

__all__ = [
    "BAM",
    "MNIST",
    "AttributeFolder",
    "BiasedMNIST",
    "CelebA",
    "ColouredMNIST",
    "Digits",
    "Faces",
    "FashionMNIST",
    "ImageData",
    "ImageFiles",
    "ImageFolder",
    "ImageTable",
    "LabelledImages",
    "LateClassMNIST",
    "MorphoMNIST",
    "Split",
    "Square",
]
