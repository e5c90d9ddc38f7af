"""What a test needs and does not find skips it, or fails it where everything must be there."""

from pathlib import Path

import pytest
from real_data import real_data


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_what_is_absent(
    required: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAICF_DATA_REQUIRED", required)
    monkeypatch.delenv("XAICF_DATA", raising=False)
    with pytest.raises(outcome, match="XAICF_DATA names no folder"):
        real_data("MNIST/raw")
    monkeypatch.setenv("XAICF_DATA", str(tmp_path))
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    assert real_data("MNIST/raw") == str(tmp_path)
    with pytest.raises(outcome, match=f"^smiles, weights not found in {tmp_path}"):
        real_data("MNIST/raw", "smiles", "weights")
