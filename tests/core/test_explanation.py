"""The result type: rows stay together whatever is done with them."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from xaicf.core import Explanation, Status


def explanation(rows: int, first: int = 0, full: bool = True) -> Explanation:
    """Make an explanation in which every tensor of row i holds the number first + i."""
    ids = torch.arange(first, first + rows)

    def images(channels: int) -> Tensor:
        return ids.float().view(-1, 1, 1, 1).expand(-1, channels, 2, 4).clone()

    return Explanation(
        inputs=images(3),
        fact=ids.clone(),
        foil=ids.clone(),
        status=ids.clone(),
        attribution=images(1) if full else None,
        counterfactual=images(3) if full else None,
        scalars={"distance": ids.double(), "steps": ids.float()} if full else {},
        trace={"llh": ids.float()[:, None, None].repeat(1, 5, 2)} if full else None,
    )


def rows_of(result: Explanation) -> list[int]:
    """Give the row ids, after checking that every tensor agrees on them."""
    ids = result.fact.tolist()
    for name, tensor in result.tensors().items():
        assert tensor.shape[0] == len(ids), name
        assert (
            tensor.flatten(1).double().eq(result.fact.double()[:, None]).all()
            if tensor.ndim > 1
            else (tensor.tolist() == ids)
        ), name
    return [int(id_) for id_ in ids]


def assert_same(one: Explanation, other: Explanation) -> None:
    assert type(one) is type(other)
    flat, expected = one.tensors(), other.tensors()
    assert list(flat) == list(expected)
    for name, tensor in flat.items():
        assert tensor.dtype == expected[name].dtype
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, [0]),
        (-1, [4]),
        (np.int64(2), [2]),
        (slice(1, 4), [1, 2, 3]),
        (slice(None, None, 2), [0, 2, 4]),
        ([3, 0, 3], [3, 0, 3]),
        ((3, 0), [3, 0]),
        (range(2), [0, 1]),
        ([], []),
        (torch.tensor([4, 1]), [4, 1]),
        (torch.tensor([True, False, False, True, True]), [0, 3, 4]),
        (torch.zeros(5, dtype=torch.bool), []),
        (np.array([1, 2]), [1, 2]),
    ],
)
def test_indexing_keeps_the_rows_of_every_tensor_together(rows: Any, expected: list[int]) -> None:
    chosen = explanation(5)[rows]
    assert rows_of(chosen) == expected
    assert len(chosen) == len(expected)
    assert chosen.inputs.shape == (len(expected), 3, 2, 4)
    assert chosen.baseline is None


@pytest.mark.parametrize("row", [5, -6, [5]])
def test_index_out_of_range(row: Any) -> None:
    with pytest.raises(IndexError):
        explanation(5)[row]


@pytest.mark.parametrize("full", [True, False])
def test_cat_undoes_slicing(full: bool) -> None:
    whole = explanation(7, full=full)
    joined = Explanation.cat([whole[:3], whole[3], whole[4:4], whole[4:]])
    assert rows_of(joined) == list(range(7))
    assert_same(joined, whole)


def test_cat_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Explanation.cat([])


def test_cat_names_what_the_parts_do_not_share() -> None:
    other = replace(explanation(2), attribution=None, scalars={"distance": torch.zeros(2), "margin": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"\['attribution', 'scalars/margin', 'scalars/steps'\]"):
        Explanation.cat([explanation(1), other])


@pytest.mark.parametrize("full", [True, False])
def test_tensors_round_trip(full: bool) -> None:
    whole = explanation(3, full=full)
    again = Explanation.from_tensors(whole.tensors())
    assert_same(again, whole)
    assert again.scalars.keys() == whole.scalars.keys()
    assert (again.trace is None) == (whole.trace is None)


def test_tensors_names() -> None:
    assert list(explanation(1).tensors()) == [
        *("inputs", "fact", "foil", "status", "attribution", "counterfactual"),
        *("scalars/distance", "scalars/steps", "trace/llh"),
    ]


def test_scalar_names_may_hold_slashes() -> None:
    whole = replace(explanation(2), scalars={"deletion/auc": torch.rand(2)})
    assert_same(Explanation.from_tensors(whole.tensors()), whole)


def test_to_moves_every_tensor_and_leaves_the_original() -> None:
    whole = explanation(2)
    moved = whole.to("meta")
    assert {tensor.device.type for tensor in moved.tensors().values()} == {"meta"}
    assert {tensor.device.type for tensor in whole.tensors().values()} == {"cpu"}
    assert {name: t.shape for name, t in moved.tensors().items()} == {n: t.shape for n, t in whole.tensors().items()}


def test_detach_cuts_every_tensor_and_keeps_values() -> None:
    weight = torch.ones((), requires_grad=True)
    attached = explanation(2).map(lambda tensor: tensor * weight if tensor.is_floating_point() else tensor)
    assert attached.scalars["distance"].requires_grad
    detached = attached.detach()
    assert not any(tensor.requires_grad for tensor in detached.tensors().values())
    assert_same(detached, explanation(2))


@pytest.mark.parametrize("name", ["fact", "foil", "status", "attribution", "counterfactual", "baseline"])
def test_tensor_with_missing_rows_is_refused(name: str) -> None:
    whole = explanation(3)
    tensor = whole.inputs[:2] if name == "baseline" else getattr(whole, name)[:2]
    with pytest.raises(ValueError, match=rf"{name} must have 3 rows like inputs, got shape \(2"):
        replace(whole, **{name: tensor})


def test_scalar_and_trace_rows_are_checked() -> None:
    with pytest.raises(ValueError, match=r"scalars/distance must have 3 rows like inputs, got shape \(\)"):
        replace(explanation(3), scalars={"distance": torch.tensor(1.0)})
    with pytest.raises(ValueError, match=r"trace/llh must have 3 rows"):
        replace(explanation(3), trace={"llh": torch.zeros(5, 3)})


def test_fields_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        explanation(1).fact = torch.zeros(1)  # type: ignore[misc]


def test_status_values_are_stored_numbers() -> None:
    """Stores on disk hold the numbers, so that they may never change."""
    assert {status.name: int(status) for status in Status} == {
        "NOT_APPLICABLE": -1,
        "UNSOLVED": 0,
        "SOLVED": 1,
    }
