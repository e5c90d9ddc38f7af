"""Blocks of samples, dealt out to processes."""

from collections.abc import Iterator, Sequence

from torch.utils.data import Dataset, DistributedSampler

from xaicf.core import Batch, SplitName
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


class Unrepeated(DistributedSampler[int]):
    """Deals blocks out in turn. Lightning's own sampler refuses a process that gets none."""

    def __init__(self, blocks: Blocks, processes: int, rank: int) -> None:
        super().__init__(blocks, processes, rank, shuffle=False)
        self.positions = range(rank, len(blocks), processes)

    def __iter__(self) -> Iterator[int]:
        """Give the positions of this process."""
        return iter(self.positions)

    def __len__(self) -> int:
        """Give how many they are."""
        return len(self.positions)
