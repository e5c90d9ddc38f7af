"""What a study is: figures or tables of a paper, made again, with the published numbers beside ours."""

import json
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from xaicf import load_frozen
from xaicf.core import DataError, InputError
from xaicf.evaluation.statistics import bootstrap_mean, wilson
from xaicf.studies.training import trained

COUNTS = re.compile(r"images$|^most$|^drawn$")
"""Settings of a study that say how many images there are to be."""

Better = Literal["lower", "higher"]
"""Which way a number is good."""


@dataclass(frozen=True)
class Row:
    """A number of a study.

    Attributes:
        measure: what it is.
        ours: the number; None where it cannot be computed.
        low: lower end of its spread or interval, as the study says.
        high: upper end.
        n: over how many images or other units, for each seed.
        published: the paper's.
        goal: what it is to reach.
        better: which way is good, None for neither.
    """

    measure: str
    ours: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    published: float | None = None
    goal: float | None = None
    better: Better | None = None

    def __post_init__(self) -> None:
        # NaN is no JSON, and says no more than None.
        for name in ("ours", "low", "high"):
            value = getattr(self, name)
            if value is not None and np.isnan(value):
                object.__setattr__(self, name, None)

    @classmethod
    def over_seeds(
        cls,
        measure: str,
        values: Sequence[float],
        n: int | None = None,
        published: float | None = None,
        goal: float | None = None,
        better: Better | None = None,
    ) -> Self:
        """Give the mean over seeds, with the least and the largest."""
        known = np.asarray(values, float)
        if not len(known) or np.isnan(known).any():
            return cls(measure, None, n=n, published=published, goal=goal, better=better)
        return cls(measure, float(known.mean()), float(known.min()), float(known.max()), n, published, goal, better)

    @classmethod
    def share(cls, measure: str, which: Tensor, goal: float | None = None, better: Better | None = None) -> Self:
        """Give the share of flags (N,) that are true, with Wilson's interval of 95 %; unknown for none."""
        if len(which) == 0:
            return cls(measure, None, n=0, goal=goal, better=better)
        low, high = wilson(int(which.sum()), len(which))
        return cls(measure, float(which.double().mean()), low, high, len(which), None, goal, better)

    @classmethod
    def mean(cls, measure: str, values: Tensor, goal: float | None = None, better: Better | None = None) -> Self:
        """Give the mean of those of values (N,) that are not NaN, with its bootstrap interval of 95 %."""
        found = bootstrap_mean(values.double().numpy())
        if found.n == 0:
            return cls(measure, None, n=0, goal=goal, better=better)
        return cls(measure, found.mean, found.low, found.high, found.n, None, goal, better)

    @classmethod
    def median(cls, measure: str, values: Tensor, goal: float | None = None, better: Better | None = None) -> Self:
        """Give the median of those of values (N,) that are not NaN, with the quartiles."""
        known = values[~values.isnan()].double()
        if len(known) == 0:
            return cls(measure, None, n=0, goal=goal, better=better)
        low, middle, high = torch.quantile(known, torch.tensor([0.25, 0.5, 0.75]).double()).tolist()
        return cls(measure, middle, low, high, len(known), None, goal, better)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None or self.better is None:
            return None
        if self.ours is None:
            return False
        return self.ours <= self.goal if self.better == "lower" else self.ours >= self.goal


@dataclass(frozen=True)
class Place:
    """Where a study works.

    Attributes:
        output: folder of its result and pictures.
        networks: folder that keeps what it trains.
        root: of the data; as the configurations say if left out.
        quick: whether it is only to run through, in a minute.
    """

    output: Path
    networks: Path
    root: str | None = None
    quick: bool = False

    def network(
        self,
        config: str,
        seed: int = 0,
        checkpoint: str | None = None,
        data: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        trainer: Mapping[str, Any] | None = None,
    ) -> nn.Module:
        """Give a frozen network of a configuration, trained unless it is there; see :func:`trained`.

        Args:
            config: file for ``python -m xaicf fit``.
            seed: of everything.
            checkpoint: file name, for one that the training has kept beside the best.
            data: arguments of the data that differ from the file's.
            model: arguments of the model that do.
            trainer: settings of the trainer that do.
        """
        changed = {"data": data, "model": model}
        changes = {part: {"init_args": dict(values)} for part, values in changed.items() if values}
        if trainer and not self.quick:
            changes["trainer"] = dict(trainer)
        best = trained(config, self.networks, self.root, seed, self.quick, changes)
        return load_frozen(best if checkpoint is None else best.parent / checkpoint)


@dataclass(frozen=True)
class Study(ABC):
    """One figure or table of a paper, or several that share their networks.

    Attributes:
        title: what it shows, in a line.
        spread: what low and high of its rows are.
    """

    title: ClassVar[str]
    spread: ClassVar[str] = "least and largest over seeds"

    @property
    def seeds(self) -> Sequence[int]:
        """The seeds of the networks that its numbers are over."""
        return (0,)

    @abstractmethod
    def run(self, place: Place) -> tuple[list[Row], dict[str, Figure]]:
        """Train what is missing, measure, and draw pictures by name."""

    @abstractmethod
    def quick(self) -> Self:
        """Give the same study over a few images and one seed."""


def write(study: Study, name: str, place: Place, command: Sequence[str]) -> list[Row]:
    """Run a study, and write ``result.json`` and its pictures.

    Raises:
        InputError: a number of images is below 1.
        DataError: the folder cannot be written.
        UserError: a training fails, or data is missing.
    """
    for name_, value in vars(study).items():
        if type(value) is int and value < 1 and COUNTS.search(name_):
            raise InputError(f"{name_} must be at least 1, got {value}")
    study = study.quick() if place.quick else study
    rows, figures = study.run(place)
    result = {
        "study": name,
        "title": study.title,
        "seeds": list(study.seeds),
        "quick": place.quick,
        "command": f"python -m xaicf study {_anywhere(command)}",
        "spread": study.spread,
        "rows": [asdict(row) for row in rows],
    }
    try:
        place.output.mkdir(parents=True, exist_ok=True)
        for title, figure in figures.items():
            figure.savefig(place.output / f"{title}.png", dpi=110)
        (place.output / "result.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise DataError(f"cannot write {place.output}: {error.strerror or error}") from error
    return rows


def _anywhere(command: Sequence[str]) -> str:
    """Write arguments down without the folders of this machine."""
    line = shlex.join(command)
    for option, name in (("--data.root", "DATA"), ("--output", "OUT"), ("--networks", "NETWORKS")):
        line = re.sub(rf"{re.escape(option)}[ =]\S+", f"{option} {name}", line)
    return line


def kinds_of(configs: Sequence[str]) -> list[str]:
    """Name the kinds of network that configurations train, by their folders: VAE for ``configs/vae/mnist.yaml``.

    Where two are of a kind, the file's stem is added.

    Raises:
        InputError: a configuration is named twice.
    """
    if len(set(configs)) < len(configs):
        raise InputError(f"configurations must differ, got {list(configs)}")
    kinds = [Path(config).parent.name.upper() for config in configs]
    return [
        kind if kinds.count(kind) == 1 else f"{kind} {Path(config).stem}"
        for kind, config in zip(kinds, configs, strict=True)
    ]


def markdown(rows: Sequence[Row], spread: str) -> str:
    """Lay rows out as a table."""
    arrows = {"lower": " ↓", "higher": " ↑", None: ""}
    verdicts = {True: "met", False: "missed", None: ""}
    lines = [f"| measure | ours [{spread}] | n | published | goal | |", "|---|---|---|---|---|---|"]
    for row in rows:
        interval = "" if row.low is None else f" [{_number(row.low)}, {_number(row.high)}]"
        lines.append(
            f"| {row.measure}{arrows[row.better]} | {_number(row.ours)}{interval} | "
            f"{'' if row.n is None else f'{row.n:,}'} | {'' if row.published is None else _number(row.published)} | "
            f"{'' if row.goal is None else _number(row.goal)} | {verdicts[row.met]} |"
        )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
