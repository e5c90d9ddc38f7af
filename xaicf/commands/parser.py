"""Arguments of the commands that need no trainer."""

from argparse import ArgumentParser
from typing import NoReturn

from xaicf.core import InputError


class Parser(ArgumentParser):
    """Takes a mistake for what it is: an error of one line, like any other."""

    def error(self, message: str) -> NoReturn:
        """Raise :class:`InputError`."""
        raise InputError(f"{self.prog}: {message}")
