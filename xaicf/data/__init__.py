"""Data modules: one family of data sets, one file."""

from xaicf.data.attribute_folder import AttributeFolder
from xaicf.data.bam import BAM
from xaicf.data.base import ImageData, LabelledImages, Split
from xaicf.data.biased import BiasedMNIST
from xaicf.data.celeba import CelebA, CelebAHair
from xaicf.data.cifar10 import CIFAR10
from xaicf.data.coloured import ColouredMNIST
from xaicf.data.cub import CUB200
from xaicf.data.digits import Digits
from xaicf.data.domains import TwoDomains
from xaicf.data.faces import Faces
from xaicf.data.files import ImageFiles
from xaicf.data.fine_grained import FGVCAircraft, Flowers102, Food101, StanfordCars
from xaicf.data.folder import ImageFolder
from xaicf.data.imagenet import ILSVRC2012
from xaicf.data.late import LateClassMNIST
from xaicf.data.mnist import MNIST, FashionMNIST
from xaicf.data.morpho import MorphoMNIST
from xaicf.data.planted import Square
from xaicf.data.svhn import SVHN
from xaicf.data.table import ImageTable

__all__ = [
    "BAM",
    "CIFAR10",
    "CUB200",
    "ILSVRC2012",
    "MNIST",
    "SVHN",
    "AttributeFolder",
    "BiasedMNIST",
    "CelebA",
    "CelebAHair",
    "ColouredMNIST",
    "Digits",
    "FGVCAircraft",
    "Faces",
    "FashionMNIST",
    "Flowers102",
    "Food101",
    "ImageData",
    "ImageFiles",
    "ImageFolder",
    "ImageTable",
    "LabelledImages",
    "LateClassMNIST",
    "MorphoMNIST",
    "Split",
    "Square",
    "StanfordCars",
    "TwoDomains",
]
