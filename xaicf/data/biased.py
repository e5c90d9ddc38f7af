"""MNIST with a planted confound."""

from xaicf.data.base import LabelledImages
from xaicf.data.mnist import MNIST
from xaicf.data.planted import MarkedTest, Square


class BiasedMNIST(MNIST):
    """MNIST with a grey square at the top left of every training and validation image of one class.

    A classifier that is trained on it looks for the square. ``mask`` is true on the square of the images
    that carry it.

    Reference: CDeepEx, §4.3.

    Args:
        root: folder that holds ``MNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        side: of the square in pixels, in [1, 27]; its first row and column are the image's second.
        grey: its value, in [0, 1].
        marked_class: in [0, 10).
        marked_test: which test images carry the square: those of the class, all or none.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        side: int = 6,
        grey: float = 0.5,
        marked_class: int = 8,
        marked_test: MarkedTest = "as_trained",
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(root, download, batch_size, seed)
        self.square = Square(side, grey, marked_class, marked_test)
        self.square.check(self.image_shape, self.num_classes)

    def _read(self, train: bool) -> LabelledImages:
        return self.square.planted(super()._read(train), train)
