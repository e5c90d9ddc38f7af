"""Blocks of samples, dealt out to processes."""

import itertools
from collections.abc import Iterator, Sequence

from lightning import Trainer
from lightning.pytorch.strategies import ParallelStrategy
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # documented, but not in its __all__
from torch.utils.data import Dataset, DistributedSampler

from xaicf.core import Batch, SplitName, UserError
from xaicf.data import ImageData
from xaicf.store import Manifest


class Blocks(Dataset[tuple[int, Batch]]):
    """The blocks of a store that are to be explained, each with its number."""

    def __init__(self, data: ImageData, split: SplitName, manifest: Manifest, blocks: Sequence[int]) -> None:
        self.data = data
        self.split: SplitName = split
        self.manifest = manifest
        self.blocks = blocks

    def __len__(self) -> int:
        """Give the number of blocks."""
        return len(self.blocks)

    def __getitem__(self, position: int) -> tuple[int, Batch]:
        """Give a block's number and samples."""
        block = self.blocks[position]
        return block, self.data.samples(self.manifest.block(block), self.split)


class Turns:
    """Gives out 0, 1, 2, ..., each number once among all processes. Every process makes one at the same time.

    Args:
        trainer: that knows the processes.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.alone = itertools.count()
        self.shared: TCPStore | None = None
        if trainer.world_size > 1:
            assert isinstance(trainer.strategy, ParallelStrategy)
            assert trainer.strategy.cluster_environment is not None
            address, first = trainer.strategy.cluster_environment.main_address, trainer.is_global_zero
            port = 0
            if first:
                self.shared = TCPStore(address, port, is_master=True, wait_for_workers=False)
                port = self.shared.port
            port = trainer.strategy.broadcast(port)
            if not first:
                self.shared = TCPStore(address, port, is_master=False, wait_for_workers=False)

    def next(self) -> int:
        """Take the next number.

        Raises:
            UserError: the process that counts has ended.
        """
        if self.shared is None:
            return next(self.alone)
        try:
            return int(self.shared.add("turns", 1)) - 1
        except RuntimeError as error:
            raise UserError("process 0 has ended; the same command goes on where it was") from error


class Dealt(DistributedSampler[int]):
    """Gives each process the next block as soon as it is free, so that all end together.

    Args:
        blocks: all of them; any process may get none.
        turns: shared by the processes.
    """

    def __init__(self, blocks: Blocks, turns: Turns) -> None:
        super().__init__(blocks, num_replicas=1, rank=0, shuffle=False)
        self.turns = turns
        self.blocks = blocks.blocks
        self.count = len(blocks)
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        """Give the positions of this process; ``taken`` are those that all processes have taken by then."""
        while (position := self.turns.next()) < self.count:
            self.taken = position + 1
            yield position

    def __len__(self) -> int:
        """Give the most that a process may get."""
        return self.count
