"""What autograd keeps in memory."""

import threading
from collections.abc import Callable

import torch
from torch import Tensor


def peak_of_autograd(function: Callable[[], object]) -> int:
    """Give the largest number of bytes that graphs hold at a time while ``function`` runs."""
    lock, live, peak = threading.Lock(), 0, 0

    def change(by: int) -> None:
        nonlocal live, peak
        with lock:
            live += by
            peak = max(peak, live)

    class Kept:
        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor
            self.size = tensor.numel() * tensor.element_size()
            change(self.size)

        def __del__(self) -> None:
            change(-self.size)

    with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
        function()
    return peak
