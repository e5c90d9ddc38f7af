"""The one result type of every explainer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Self, SupportsIndex

import torch
from torch import Tensor

from xaicf.core.types import Images, Labels, PerImage


class Status(IntEnum):
    """How the search for one image ended."""

    NOT_APPLICABLE = -1
    """The question makes no sense for this image: its foil is its fact."""
    UNSOLVED = 0
    """The search ended without a certificate; the best iterate is given."""
    SOLVED = 1
    """The certificate holds, or the method needs none."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why fact, and not foil, for a batch of images. All tensors have the batch dimension first.

    Attributes:
        inputs: the explained images (B, C, H, W) in [0, 1].
        fact: the class that is explained (B,).
        foil: the class asked about (B,).
        status: a :class:`Status` per image (B,), int64.
        attribution: signed map (B, C or 1, H, W); positive speaks for the fact, negative for the foil.
        counterfactual: the exact images (B, C, H, W) for which the certificate holds.
        baseline: the images (B, C, H, W) that the attribution compares with.
        scalars: one number per image for each name, each (B,).
        trace: the course of a search for each name, each (B, steps, ...).

    Rows that are not applicable hold NaN.
    """

    inputs: Images
    fact: Labels
    foil: Labels
    status: Labels
    attribution: Images | None = None
    counterfactual: Images | None = None
    baseline: Images | None = None
    scalars: dict[str, PerImage] = field(default_factory=dict)
    trace: dict[str, Tensor] | None = None

    def __post_init__(self) -> None:
        for name, tensor in self.tensors().items():
            if tensor.shape[:1] != self.inputs.shape[:1]:
                raise ValueError(f"{name} must have {len(self)} rows like inputs, got shape {tuple(tensor.shape)}")

    @property
    def is_prototype(self) -> bool:
        """Whether the counterfactuals are to be surer of the fact, so that the foil takes no part."""
        return "log_odds_after" in self.scalars

    def __len__(self) -> int:
        """Give the number of images."""
        return self.inputs.shape[0]

    def __getitem__(self, rows: SupportsIndex | slice | Sequence[int] | Tensor) -> Self:
        """Select images; an integer of any kind gives an explanation with one row."""
        if isinstance(rows, SupportsIndex) and getattr(rows, "ndim", 0) == 0:
            rows = [range(len(self))[rows]]
        elif isinstance(rows, tuple):
            rows = list(rows)
        return self.map(lambda tensor: tensor[rows])

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """Apply ``function`` to every tensor."""
        changed: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                changed[item.name] = function(value)
            elif isinstance(value, dict):
                changed[item.name] = {name: function(tensor) for name, tensor in value.items()}
        return replace(self, **changed)  # type: ignore[arg-type]  # fields are gone through by name

    def to(self, device: torch.device | str) -> Self:
        """Move every tensor to ``device``."""
        return self.map(lambda tensor: tensor.to(device))

    def detach(self) -> Self:
        """Cut every tensor from its graph."""
        return self.map(Tensor.detach)

    def tensors(self) -> dict[str, Tensor]:
        """Give every tensor by name, those of ``scalars`` as ``scalars/name`` and of ``trace`` alike."""
        flat: dict[str, Tensor] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                flat[item.name] = value
            elif isinstance(value, dict):
                flat.update({f"{item.name}/{name}": tensor for name, tensor in value.items()})
        return flat

    @classmethod
    def from_tensors(cls, flat: dict[str, Tensor]) -> Self:
        """Undo :meth:`tensors`."""
        nested: dict[str, Tensor | dict[str, Tensor]] = {}
        for name, tensor in flat.items():
            head, _, tail = name.partition("/")
            if tail:
                group = nested.setdefault(head, {})
                assert isinstance(group, dict)
                group[tail] = tensor
            else:
                nested[head] = tensor
        return cls(**nested)  # type: ignore[arg-type]  # the names are those of fields

    @classmethod
    def cat(cls, parts: Sequence[Self]) -> Self:
        """Join explanations of one kind along the batch dimension.

        Raises:
            ValueError: there is none, or they do not hold the same tensors.
        """
        if not parts:
            raise ValueError("cat needs at least one explanation")
        flat = [part.tensors() for part in parts]
        names = set(flat[0])
        for other in flat[1:]:
            if set(other) != names:
                raise ValueError(f"explanations differ in {sorted(names ^ set(other))}")
        return cls.from_tensors({name: torch.cat([one[name] for one in flat]) for name in flat[0]})
