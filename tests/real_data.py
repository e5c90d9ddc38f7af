"""Data sets that are no part of the project, in the folder that ``XAICF_DATA`` names."""

import os
from pathlib import Path

import pytest


def real_data(*needed: str) -> str:
    """Give the folder of the data sets.

    What is absent skips the test, but fails it where ``XAICF_DATA_REQUIRED`` says that everything must be there.

    Args:
        needed: files or folders in it that the test reads.
    """
    root = os.environ.get("XAICF_DATA")
    absent = [name for name in needed if not root or not Path(root, name).exists()]
    if not absent:
        assert root, "name what is needed"
        return root
    message = f"{', '.join(absent)} not found in {root}" if root else "XAICF_DATA names no folder of data sets"
    if os.environ.get("XAICF_DATA_REQUIRED"):
        pytest.fail(f"{message}, and XAICF_DATA_REQUIRED is set")
    pytest.skip(message)
