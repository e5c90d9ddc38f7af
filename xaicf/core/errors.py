"""Mistakes of a user, told apart from defects: one line that names the value and what is allowed."""

import re

import torch


class UserError(Exception):
    """A mistake that the command line reports as one line with exit code 2, without a traceback."""


class InputError(UserError, ValueError):
    """An argument of a public call is out of its range or of the wrong shape."""


class ClassifierError(UserError, ValueError):
    """A classifier does not fit the data, or is no classifier at all."""


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, unsafe, or of another task than the one asked for."""


class DataError(UserError):
    """A data set is missing, empty or unreadable."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory has run out, which torch says on the CPU by a plain ``RuntimeError``."""
    said = re.search("not enough memory|can't allocate memory", str(error))  # on Windows, on Linux
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or said is not None
