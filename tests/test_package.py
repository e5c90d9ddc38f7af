"""What is installed: a wheel that runs in an empty folder, and files that say what the package is."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
import yaml

import xaicf
from xaicf.shipped import shipped, with_shipped

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a wheel, built by what is installed here, without a network."""
    home = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(home), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = home.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(home / "site")
    return home / "site"


def test_a_wheel_holds_every_configuration(unpacked: Path) -> None:
    found = {path.relative_to(unpacked / "xaicf").as_posix() for path in (unpacked / "xaicf").rglob("*.yaml")}
    assert found == {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml")}


def test_the_readme_of_a_wheel_leads_to_files_of_this_version(unpacked: Path) -> None:
    (folder,) = unpacked.glob("*.dist-info")
    about = Distribution.at(folder).metadata
    repository = about["Project-URL"].removeprefix("Repository, ")
    assert repository.startswith("https://")
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", about["Description"])
    assert {bool(mark) for mark, _ in links} == {True, False}
    for mark, link in links:
        before, here, path = link.partition(f"{repository}/{'raw' if mark else 'blob'}/v{about['Version']}/")
        assert (before, bool(here)) == ("", True)
        assert (ROOT / path).exists()


def test_a_wheel_trains_in_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    fit = ["fit", "--config", "configs/quickstart/classifier.yaml", "--trainer.fast_dev_run", "true"]
    fit += ["--trainer.callbacks.init_args.every_n_epochs=1", "--trainer.callbacks.init_args.samples=1"]
    code = "import runpy, xaicf; print(xaicf.__file__); runpy.run_module('xaicf', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, *fit],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(unpacked / "xaicf"))
    assert list(tmp_path.glob("runs/quickstart/classifier/fast_dev_run/explanations/*/*/sample_*.png"))


def test_configurations_are_found_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "configs/quickstart/vae.yaml"
    found = shipped(name)
    assert Path(found).read_text() == (ROOT / name).read_text()
    assert shipped("configs/none.yaml") == "configs/none.yaml"
    assert shipped("other/quickstart/vae.yaml") == "other/quickstart/vae.yaml"
    given = ["fit", "--config", name, f"--config={name}", "-c", name, "--model.path", name]
    assert with_shipped(given) == ["fit", "--config", found, f"--config={found}", "-c", found, "--model.path", name]


def test_a_file_of_ones_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "configs/quickstart/vae.yaml"
    Path(name).parent.mkdir(parents=True)
    Path(name).touch()
    assert shipped(name) == name


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"] == xaicf.__version__
    assert f"## [{project['version']}] - {citation['date-released']}" in (ROOT / "CHANGELOG.md").read_text().split("\n")
    assert citation["repository-code"] == project["urls"]["Repository"]
    assert citation["authors"] == project["authors"]
    assert [one["year"] for one in citation["references"]] == [2020, 2021, 2022, 2019]
