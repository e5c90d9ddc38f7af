"""Studies of published sets run through as configured, on small files in their formats, with small networks."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
import yaml
from configurations import CONFIGS, smaller
from official_data import write_celeba, write_imagenet
from PIL import Image

from xaicf.cli import main

WRITERS = {"celeba": write_celeba, "imagenet": partial(write_imagenet, train=False)}
"""By the folder of a configuration; of ImageNet the validation images are all that is asked."""

NETWORKS = {
    r"torchvision\.models\.\w+": "torchvision.models.squeezenet1_1",
    r"weights: \w+": "weights: null, num_classes: 4",
}
"""Instead of large ones, with weights that are fetched."""


@pytest.mark.usefixtures("_trained_here")
@pytest.mark.parametrize(
    "config", sorted(CONFIGS.glob("studies/*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_runs_through(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = config.read_text()
    for named in set(re.findall(r"configs/[\w/]+\.yaml", text)):
        Path(named).parent.mkdir(parents=True, exist_ok=True)
        Path(named).write_text(smaller(CONFIGS.parent / named))
    text = "".join(re.split(r"(?=^  - name: )", text, flags=re.MULTILINE)[:2])  # of several networks one
    for pattern, word in NETWORKS.items():
        text = re.sub(pattern, word, text)
    Path("config.yaml").write_text(text)
    WRITERS[config.parent.name](Path("data"))
    where = ["--output=out", "--networks=networks", "--data.root=data"]
    where += ["--steps=[1]"] if config.stem == "wc_recourse" else []
    assert main(["study", config.stem, "--config=config.yaml", *where, "--quick"]) == 0
    result = json.loads(Path("out/result.json").read_text())
    assert result["study"] == config.stem
    assert result["quick"]
    measures = [row["measure"] for row in result["rows"]]
    for case in yaml.safe_load(text)["cases"]:
        assert any(measure.startswith(case.get("case", case)["name"]) for measure in measures)
    pictures = list(Path("out").glob("*.png"))
    assert pictures
    assert all(min(Image.open(picture).size) > 100 for picture in pictures)
