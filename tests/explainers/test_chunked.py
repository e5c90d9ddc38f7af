"""Explaining some images at a time, fewer where memory runs out."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from xaicf.core import Explanation, Subject
from xaicf.explainers import Attribution, ask
from xaicf.explainers.chunked import ask_in_chunks


def assert_close(found: Explanation, expected: Explanation) -> None:
    before, after = expected.tensors(), found.tensors()
    assert set(after) == set(before)
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, equal_nan=True, rtol=0, atol=1e-5)


@pytest.mark.parametrize("foil", ["second", "all"])
@pytest.mark.parametrize("chunk_size", [1, 3, 7, 100])
def test_chunks_do_not_change_an_explanation(chunk_size: int, foil: Any) -> None:
    torch.manual_seed(0)
    subject = Subject(nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4)))
    images, label = torch.rand(10, 1, 8, 8), torch.arange(10) % 4
    explainer = Attribution("linear_approximation", "pair")
    found = ask_in_chunks(explainer, subject, images, foil, label, chunk_size)
    assert_close(found, ask(explainer, subject, images, foil, label))


class Narrow(nn.Module):
    """A linear classifier that has memory for few images."""

    def __init__(self, most: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 3)
        self.most, self.error = most, error
        self.asked: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append(len(images))
        if len(images) > self.most:
            raise self.error("not enough memory: you tried to allocate 1 byte")
        return self.linear(images.flatten(1))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
@pytest.mark.parametrize("most", [1, 3, 5, 16])
def test_chunks_are_halved_until_they_fit(most: int, error: type[Exception]) -> None:
    torch.manual_seed(0)
    classifier, images = Narrow(most, error), torch.rand(20, 1, 4, 4)
    found = ask_in_chunks(Attribution("gradient", "pair"), Subject(classifier), images, chunk_size=16)
    tried = {size for size in classifier.asked if size > most}
    assert tried == {size for size in (16, 8, 4, 2) if size > most}
    classifier.most = 100
    assert_close(found, ask(Attribution("gradient", "pair"), Subject(classifier), images))


def test_memory_that_does_not_suffice_for_one_image_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        ask_in_chunks(Attribution("gradient"), Subject(Narrow(0)), torch.rand(4, 1, 4, 4), chunk_size=4)


def test_another_error_does_not_shrink_chunks() -> None:
    classifier = Narrow(2, ArithmeticError)
    with pytest.raises(ArithmeticError):
        ask_in_chunks(Attribution("gradient"), Subject(classifier), torch.rand(8, 1, 4, 4), chunk_size=8)
    assert classifier.asked == [8]


class Greedy(nn.Module):
    """A linear classifier that asks the machine for more memory than there is when it gets many images."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 3)
        self.most = most

    def forward(self, images: Tensor) -> Tensor:
        if len(images) > self.most:
            torch.empty(10**16, dtype=torch.uint8)
        return self.linear(images.flatten(1))


def test_memory_that_the_machine_refuses_shrinks_chunks() -> None:
    torch.manual_seed(0)
    classifier, images = Greedy(3), torch.rand(10, 1, 4, 4)
    with pytest.raises(RuntimeError, match="memory"):
        classifier(images)
    found = ask_in_chunks(Attribution("gradient", "pair"), Subject(classifier), images, chunk_size=8)
    classifier.most = 100
    assert_close(found, ask(Attribution("gradient", "pair"), Subject(classifier), images))
