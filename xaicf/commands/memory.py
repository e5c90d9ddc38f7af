"""How much memory explaining may take."""

import re
from pathlib import Path

import psutil
import torch

from xaicf.core import InputError

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_bytes(text: str) -> int:
    """Read an amount of memory.

    >>> parse_bytes("1.5G")
    1610612736

    Raises:
        InputError: it is none.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    amount = 0 if match is None else int(float(match[1]) * UNITS[match[2].upper()])
    if amount < 1:
        raise InputError(f"memory must be a number of bytes such as 500M or 2G, got {text}")
    return amount


def free_memory(device: torch.device) -> int:
    """Give the bytes that are free on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free: int = psutil.virtual_memory().available
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free
