"""Explain a whole split, on any number of processes, into a store."""

import contextlib
import math
import re
import time
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.seed import isolate_rng
from torch import nn
from torch.utils.data import DataLoader

from xaicf.commands.blocks import Blocks, Dealt, Turns
from xaicf.commands.ids import sample_ids
from xaicf.commands.memory import free_memory
from xaicf.commands.orphan import end_with_launcher
from xaicf.core import NETWORKS, Batch, InputError, SplitName, Subject, UserError
from xaicf.data import ImageData
from xaicf.explainers import Explainer, classify, pose
from xaicf.explainers.chunked import ask_in_chunks, bytes_per_image
from xaicf.explainers.question import FoilPolicy, check_questions, with_reference
from xaicf.store import Folder, Manifest, Part, missing_blocks, part_name, write_part
from xaicf.store.manifest import environment, file_digests, weights_digest


class Explain(LightningModule):
    """Asks explainers about the samples of a split, block by block, in Lightning's predict loop.

    Args:
        classifier: what is explained.
        explainers: what to ask; by the names of a mapping, or in a list by their own names, which must differ.
        generator: for explainers that need one.
        translator: likewise.
        editor: likewise.
        foil: ``second``, ``label``, ``all`` or a class, see :func:`pose`.
        split: of the data.
        ids: of samples in the split, see :func:`sample_ids`; all if left out.
        block_size: samples in a part of the store; a block is explained by one process.

    Raises:
        InputError: no explainer, names that are equal, no sample, or a block size below 1.
    """

    def __init__(
        self,
        classifier: nn.Module,
        explainers: dict[str, Explainer] | list[Explainer],
        generator: nn.Module | None = None,
        translator: nn.Module | None = None,
        editor: nn.Module | None = None,
        foil: FoilPolicy = "second",
        split: SplitName = "test",
        ids: list[int] | str | None = None,
        block_size: int = 64,
    ) -> None:
        super().__init__()
        end_with_launcher()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # more processes than blocks
        pairs = explainers.items() if isinstance(explainers, dict) else [(one.name, one) for one in explainers]
        self.explainers = dict(pairs)
        if not self.explainers or len(self.explainers) < len(explainers):
            names = [name for name, _ in pairs]
            raise InputError(
                f"explainers must be one or more with different names, got {names}; "
                "write NAME: {class_path: ...} for each"
            )
        for name in self.explainers:
            if not re.fullmatch(r"[\w-][\w.-]*", name):
                raise InputError(f"explainer names may hold letters, digits, _, - and, but first, ., got {name}")
        if block_size < 1:
            raise InputError(f"block_size must be at least 1, got {block_size}")
        self.subject = Subject(classifier, generator, translator, editor=editor)
        self.networks = nn.ModuleList(self.subject.modules)
        self.foil: FoilPolicy = foil
        self.split: SplitName = split
        self.ids = None if ids is None else sample_ids(ids)
        self.block_size = block_size

    def bind(
        self, data: ImageData, output: str, memory: int | None, settings: dict[str, Any] | None, seed: int | None
    ) -> None:
        """Set what one run is about; see :meth:`Trainer.explain`."""
        self.data = data
        self.folder = Folder(output)
        self.hold = contextlib.ExitStack()
        self.memory = memory
        self.settings = settings or {}
        self.seed = seed
        self.manifest: Manifest
        self.sampler: Dealt
        self.missing: dict[str, list[int]] = {}
        self.began = math.inf

    def check(self, data: ImageData) -> None:
        """Raise, before anything is computed, where classifier, data, explainers and questions do not fit."""
        check_questions(self.explainers.values(), self.subject, data.image_shape, data.class_names, self.foil)

    def prepare_data(self) -> None:
        """Download what is missing, on one process of each node."""
        self.data.prepare_data()

    def predict_dataloader(self) -> DataLoader[tuple[int, Batch]]:
        """Give the missing blocks, each to the process that is free first."""
        self.data.setup("predict")
        self.subject = with_reference(self.subject, self.explainers.values(), self.data.reference)
        found: tuple[Manifest, dict[str, list[int]]] | str | None = None
        failure: UserError | None = None
        if self.trainer.is_global_zero:
            try:
                found = self._claim()
            except UserError as error:
                failure, found = error, str(error)
        # What is missing is what process 0 saw, before any process has written.
        found = self.trainer.strategy.broadcast(found)
        if failure is not None:
            raise failure
        if not isinstance(found, tuple):
            raise SystemExit(2)  # process 0 says why
        self.manifest, self.missing = found
        blocks = sorted({block for lacking in self.missing.values() for block in lacking})
        dataset = Blocks(self.data, self.split, self.manifest, blocks)
        self.sampler = Dealt(dataset, Turns(self.trainer))
        return DataLoader(dataset, batch_size=None, sampler=self.sampler)

    def _claim(self) -> tuple[Manifest, dict[str, list[int]]]:
        size = len(self.data.split(self.split))
        ids = list(range(size)) if self.ids is None else self.ids
        outside = [id_ for id_ in ids if not 0 <= id_ < size]
        if outside:
            raise InputError(f"ids must be in [0, {size}) for the {self.split} split, got {outside[0]}")
        self.hold.enter_context(self.folder.held())
        self.folder.discard_drafts()
        manifest = Manifest(
            explainers=list(self.explainers),
            split=self.split,
            ids=ids,
            block_size=self.block_size,
            chunk_size=self._chunk_size(ids[0]),
            class_names=list(self.data.class_names),
            seed=self.seed,
            settings=self.settings,
            files=file_digests(self.settings),
            samples=self.data.split(self.split).digest(),
            networks={
                role: weights_digest(network)
                for role in NETWORKS
                if (network := getattr(self.subject, role)) is not None
            },
            environment=environment(self.device),
        ).claim(self.folder)
        return manifest, {
            name: missing_blocks(self.folder, manifest, name, unchanged=True) for name in manifest.explainers
        }

    def _chunk_size(self, id_: int) -> int:
        probe = self.data.samples([id_], self.split)["image"].to(self.device)
        needed = max(
            bytes_per_image(explainer, self.subject, probe, self.foil) for explainer in self.explainers.values()
        )
        sharing = 1 if self.device.type == "cuda" else self.trainer.num_devices  # processes of a node share its memory
        budget = self.memory if self.memory is not None else free_memory(self.device) // (2 * sharing)
        return max(1, min(self.block_size, budget // needed))

    def predict_step(self, item: tuple[int, Batch], batch_idx: int) -> int:
        """Explain a block and write what the store lacks of it; give the number of its images."""
        block, batch = item
        for name, explainer in self.explainers.items():
            if block not in self.missing[name]:
                continue
            begin = time.perf_counter()
            images, label = batch["image"], batch["label"]
            row = pose(classify(self.subject, images), self.foil, label).row
            with isolate_rng():  # an explainer that draws, draws the same whatever was explained before
                torch.manual_seed((self.seed or 0) + block)
                answer = ask_in_chunks(explainer, self.subject, images, self.foil, label, self.manifest.chunk_size)
            part = Part(answer.to("cpu"), batch["index"][row].cpu(), label[row].cpu())
            write_part(self.folder / name, part_name(block), part, time.perf_counter() - begin)
        return len(batch["index"])

    def images_of(self, blocks: int) -> int:
        """Give the number of images in the first blocks that are explained now."""
        numbers = self.sampler.blocks[: max(0, blocks)]
        return sum(len(self.manifest.block(number)) for number in numbers)

    def on_predict_start(self) -> None:
        """Take the time, now that every process is there."""
        self.began = time.perf_counter()
