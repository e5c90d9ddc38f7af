"""Configurations that come with the package, under the names that they have in a checkout: ``configs/...``."""

from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = Path(__file__).parent
HOMES = (PACKAGE, PACKAGE.parent)
"""What may hold ``configs``: the package where it was installed from a wheel, its parent in a checkout."""


def shipped(path: str) -> str:
    """Give the package's own file for ``configs/...`` where the current folder has none of that name.

    Args:
        path: of a file, as a user gives it; any other than such a name is given back.
    """
    if Path(path).parts[:1] != ("configs",) or Path(path).exists():
        return path
    return next((str(home / path) for home in HOMES if (home / path).is_file()), path)


def with_shipped(arguments: Sequence[str]) -> list[str]:
    """Find the configurations that a command line names by ``--config`` or ``-c``."""
    return list(_found(arguments))


def _found(arguments: Sequence[str]) -> Iterator[str]:
    before = ""
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if equals and option in {"--config", "-c"}:
            yield f"{option}={shipped(value)}"
        else:
            yield shipped(argument) if before in {"--config", "-c"} else argument
        before = argument
