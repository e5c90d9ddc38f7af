"""Networks that a study needs: trained by the same configurations as any, once for each setting."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from xaicf.core import InputError, UserError
from xaicf.data.base import data_root
from xaicf.shipped import shipped

SHOWS = ("ExplainAtValidationEnd", "LogSamples")
"""Callbacks that show how a training goes; a study does without."""

QUICK = {"max_epochs": 1, "limit_train_batches": 5, "limit_val_batches": 1, "check_val_every_n_epoch": 1}
"""Of the trainer, for networks that are only to be there."""

FINISHED = "finished"


def trained(
    config: str,
    folder: Path,
    root: str | None,
    seed: int = 0,
    quick: bool = False,
    changes: Mapping[str, Any] | None = None,
) -> Path:
    """Train what a configuration says, or find it trained already.

    The folder of a network is named by the SHA-256 of all settings that are given: those of the file, the seed, and the
    changes made here. Checkpoints that the file names, such as that of the classifier that samples are measured by, are
    those of another configuration beside it, and trained first. A training that was cut off goes on from its last
    checkpoint.

    Args:
        config: file for ``python -m xaicf fit``; one that comes with the package is found in any folder.
        folder: that keeps networks.
        root: of the data; as the configuration says if left out.
        seed: of everything.
        quick: train for a few batches.
        changes: of the settings, merged into the file's, such as ``{"data": {"init_args": {"side": 5}}}``.

    Returns:
        The best checkpoint.

    Raises:
        InputError: there is no such file, or it is no configuration.
        UserError: the training ended with an error.
    """
    config = shipped(config)
    settings = _settings(config, seed, quick)
    for holder, key in _checkpoints(settings):
        if not _is_given(changes or {}, key):
            holder[key] = str(trained(_origin(config, holder[key]), folder, root, 0, quick))
    settings = _merged(settings, changes or {})
    # Checkpoints are known by their names, wherever the folder lies.
    plain = json.dumps(_whole(settings), sort_keys=True).replace(f"{folder}/", "")
    digest = hashlib.sha256(plain.encode()).hexdigest()[:12]
    run = folder / f"{Path(config).parent.name}-{Path(config).stem}-{digest}"
    if not (run / FINISHED).exists():
        run.mkdir(parents=True, exist_ok=True)
        settings["trainer"]["default_root_dir"] = str(run)
        (run / "settings.yaml").write_text(yaml.safe_dump(_located(settings, root)))
        command = [sys.executable, "-m", "xaicf", "fit", "--config", str(run / "settings.yaml")]
        command += [] if root is None else ["--data.root", root]
        command += ["--ckpt_path", "last"] if (run / "last.ckpt").exists() else []
        print(f"Training {config} in {run}", flush=True)
        with (run / "log.txt").open("a") as log:
            ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)  # noqa: S603  (this very Python, on a file written above)
        if ended.returncode:
            told = (run / "log.txt").read_text().strip().splitlines()
            raise UserError(f"training {config} failed, see {run / 'log.txt'}: {told[-1] if told else 'no output'}")
        (run / FINISHED).touch()
    return run / "best.ckpt"


def _checkpoints(settings: object) -> Iterator[tuple[dict[str, str], str]]:
    """Find every argument that names a checkpoint, at any depth: what holds it, and its name."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if isinstance(value, str) and value.endswith(".ckpt"):
                yield settings, key
            yield from _checkpoints(value)
    elif isinstance(settings, list):
        for value in settings:
            yield from _checkpoints(value)


def _located(settings: object, root: str | None) -> object:
    """Find files that lie with the data, ``data/...``, in its root."""
    if isinstance(settings, dict):
        return {key: _located(value, root) for key, value in settings.items()}
    if isinstance(settings, list):
        return [_located(value, root) for value in settings]
    if isinstance(settings, str) and settings.startswith("data/"):
        return str(data_root(root) / settings.removeprefix("data/"))
    return settings


def _whole(settings: object) -> object:
    """Write 0.0 as 0: whoever reads a configuration may make the one of the other."""
    if isinstance(settings, dict):
        return {key: _whole(value) for key, value in settings.items()}
    if isinstance(settings, list):
        return [_whole(value) for value in settings]
    return int(settings) if isinstance(settings, float) and settings.is_integer() else settings


def _is_given(changes: Mapping[str, Any], key: str) -> bool:
    """Tell whether a change names another checkpoint for a model's argument."""
    return key in changes.get("model", {}).get("init_args", {})


def _merged(settings: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over settings, at any depth."""
    return settings | {
        key: _merged(settings.get(key) or {}, value) if isinstance(value, Mapping) else value
        for key, value in changes.items()
    }


def _origin(config: str, checkpoint: str) -> str:
    """Name the configuration that writes a checkpoint.

    Raises:
        InputError: none beside ``config`` does.
    """
    for file in sorted(Path(config).parents[1].glob("*/*.yaml")):
        if yaml.safe_load(file.read_text()).get("trainer", {}).get("default_root_dir") == str(Path(checkpoint).parent):
            return str(file)
    raise InputError(f"{config} names {checkpoint}, which no configuration beside it trains")


def _settings(config: str, seed: int, quick: bool) -> dict[str, Any]:
    """Read a configuration, and change what a study changes."""
    try:
        settings = yaml.safe_load(Path(config).read_text())
        trainer = settings["trainer"]
        settings["data"].setdefault("init_args", {})
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{config} is no configuration with data, model and trainer: {error}") from error
    trainer.pop("default_root_dir", None)
    kept = [one for one in trainer.get("callbacks", []) if one["class_path"].rpartition(".")[2] not in SHOWS]
    trainer.update({"logger": False, "enable_progress_bar": False, "callbacks": kept, **(QUICK if quick else {})})
    return {**settings, "seed_everything": seed}
