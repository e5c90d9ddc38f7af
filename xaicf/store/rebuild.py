"""Build again what a store was made with."""

from typing import TypeVar

from jsonargparse import ArgumentError, ArgumentParser
from torch import nn

from xaicf.core import DataError
from xaicf.store.manifest import Manifest, weights_digest

T = TypeVar("T")


def rebuild_network(manifest: Manifest, role: str) -> nn.Module:
    """Build again a network that a store was made with.

    Args:
        manifest: of the store.
        role: a seat of the :class:`~xaicf.core.Subject`, such as ``classifier``.

    Raises:
        DataError: there are no settings of it, it cannot be built, or it comes out with other weights.
        CheckpointError: its checkpoint is missing or damaged.
    """
    network = rebuild(manifest.arguments.get(role), nn.Module, role)
    if manifest.networks.get(role) not in {None, weights_digest(network)}:
        raise DataError(
            f"{role} of the store has other weights than those that it was explained with: its code has changed, or "
            "its weights are random and not kept in a file"
        )
    return network


def rebuild(settings: object, kind: type[T], role: str) -> T:
    """Build again what stands in the settings of a store.

    Args:
        settings: ``class_path`` and ``init_args``.
        kind: what is wanted.
        role: its name in messages.

    Raises:
        DataError: there are no settings of it, or it cannot be built.
        CheckpointError: its checkpoint is missing or damaged.
    """
    if settings is None:
        raise DataError(f"store was made without settings of its {role}")
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--one", type=kind)
    try:
        built = parser.instantiate_classes(parser.parse_object({"one": settings})).one
    except ArgumentError as error:
        raise DataError(f"{role} of the store cannot be built again: {' '.join(str(error).split())}") from error
    assert isinstance(built, kind)
    return built
