"""MNIST whose training meets one class late."""

from torch.utils.data import DataLoader, Subset

from xaicf.core import Batch, InputError
from xaicf.data.mnist import MNIST


class LateClassMNIST(MNIST):
    """MNIST without one class in training until an epoch, and with it from then on.

    A classifier that is trained on it first knows nothing of the class. Validation and test hold it always. The trainer
    must be told to make loaders anew, ``reload_dataloaders_every_n_epochs: 1``, or the class never comes.

    Reference: CDeepEx, §4.2.

    Args:
        root: folder that holds ``MNIST/raw``; the environment's ``XAICF_DATA`` or ``data`` if left out.
        download: fetch missing files.
        late_class: in [0, 10).
        late_epoch: the first epoch with the class, counted from 0.
        batch_size: images in a batch, for each process.
        seed: of the split.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(
        self,
        root: str | None = None,
        download: bool = False,
        late_class: int = 8,
        late_epoch: int = 2,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(root, download, batch_size, seed)
        if not 0 <= late_class < self.num_classes:
            raise InputError(f"late_class must be in [0, {self.num_classes}), got {late_class}")
        if late_epoch < 0:
            raise InputError(f"late_epoch must be at least 0, got {late_epoch}")
        self.late_class = late_class
        self.late_epoch = late_epoch

    def train_dataloader(self) -> DataLoader[Batch]:
        """Give shuffled training batches of this epoch.

        Raises:
            InputError: the trainer keeps the loader of its first epoch, so that the class would never come.
        """
        whole = super().train_dataloader()
        trainer = self.trainer
        if trainer is None or trainer.current_epoch >= self.late_epoch:
            return whole
        every = getattr(trainer, "reload_dataloaders_every_n_epochs", 1)
        if every != 1:
            raise InputError(f"LateClassMNIST needs a trainer with reload_dataloaders_every_n_epochs 1, got {every}")
        others = (self.split("train").labels != self.late_class).nonzero().flatten().tolist()
        return DataLoader(
            Subset(self.split("train"), others), batch_size=self.batch_size, shuffle=True, collate_fn=whole.collate_fn
        )
