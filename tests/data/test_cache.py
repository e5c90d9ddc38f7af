"""The cache: made once, went on with after a kill, checked, and shared by processes."""

import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from xaicf.core import DataError
from xaicf.data import ImageFiles
from xaicf.data.broken import home
from xaicf.data.cache import IMAGES, MANIFEST, ROW, ROWS, cached
from xaicf.data.decoding import chunk_size

SHAPE = (3, 8, 8)

FORK = multiprocessing.get_context("fork")  # another interpreter would take seconds to begin


def make_slowly(files: ImageFiles, seconds: float, notes: Path) -> None:
    """Make a cache in chunks of four, without further processes, and note what is decoded."""
    really_decode = ImageFiles._decode

    def slowly(self: ImageFiles, path: str) -> np.ndarray:
        time.sleep(seconds)
        with notes.open("a") as file:
            file.write(f"{path}\n")
        return really_decode(self, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageFiles, "_decode", slowly)
        patch.setattr("xaicf.data.decoding.CHUNK_IMAGES", 4)
        cached(files)


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    """Write 30 images of noise, the last of which is broken."""
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(30):
        noise = Image.fromarray(random.integers(0, 256, (10, 9, 3), np.uint8))
        noise.save(tmp_path / "images" / f"{number:02}.png")
    (tmp_path / "images/29.png").write_bytes(b"no image")
    return ImageFiles([str(tmp_path / "images" / f"{number:02}.png") for number in range(30)], SHAPE)


def test_pixels_are_those_of_the_files_and_are_decoded_once(files: ImageFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = files.read(torch.arange(30))
    cached(files)
    monkeypatch.setattr(Image, "open", None)
    cache = cached(files)
    assert torch.equal(cache.read(torch.arange(30)), expected)
    rows = torch.tensor([7, 3, 7])
    assert torch.equal(cache.read(rows), expected[rows])
    assert cache.broken == [29]
    assert json.loads((cache.folder / MANIFEST).read_text())["broken"] == [files.paths[29]]


def test_another_size_crop_file_or_time_is_another_cache(files: ImageFiles, tmp_path: Path) -> None:
    folders = {cached(files).folder}
    folders.add(cached(ImageFiles(files.paths, (1, 8, 8))).folder)
    folders.add(cached(ImageFiles(files.paths, SHAPE, crop=4)).folder)
    folders.add(cached(ImageFiles(files.paths[:-1], SHAPE)).folder)
    os.utime(files.paths[0], ns=(1, 1))
    folders.add(cached(files).folder)
    folders.add(cached(files, str(tmp_path / "elsewhere")).folder)
    assert len(folders) == 6


def test_the_folder_is_the_one_that_is_named(
    files: ImageFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home(files).parent == tmp_path / "images/.xaicf"
    monkeypatch.setenv("XAICF_CACHE", str(tmp_path / "all"))
    assert home(files).parent == tmp_path / "all"
    assert home(files, str(tmp_path / "own")).parent == tmp_path / "own"
    (tmp_path / "own").write_text("a file")
    with pytest.raises(
        DataError, match=r"cache .*own.* cannot be written: .*name another folder by .*XAICF_CACHE, or by cache"
    ):
        cached(files, str(tmp_path / "own"))


@pytest.mark.parametrize("by_environment", [False, True])
def test_sets_of_the_same_names_sizes_and_times_share_a_folder(
    by_environment: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = str(tmp_path / "shared")
    if by_environment:
        monkeypatch.setenv("XAICF_CACHE", shared)
    for name, grey in (("one", 50), ("two", 200)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "0.bmp"
        Image.new("L", (8, 8), grey).save(path)
        os.utime(path, ns=(1, 1))
        pixels = cached(ImageFiles([str(path)], SHAPE), None if by_environment else shared).read(torch.tensor([0]))
        assert (pixels == grey).all()


def test_images_may_be_moved_with_their_cache(files: ImageFiles, tmp_path: Path) -> None:
    name = home(files).name
    (tmp_path / "images").rename(tmp_path / "moved")
    assert home(ImageFiles([path.replace("/images/", "/moved/") for path in files.paths], SHAPE)).name == name


@pytest.mark.parametrize("name", [IMAGES, ROWS])
def test_a_cut_off_cache_is_named(files: ImageFiles, name: str) -> None:
    path = cached(files).folder / name
    size = path.stat().st_size
    os.truncate(path, size - 1)
    with pytest.raises(DataError, match=rf"cache {path} must have {size} bytes, got {size - 1}; remove "):
        cached(files)
    path.unlink()
    with pytest.raises(DataError, match=rf"cache {path} must have {size} bytes, got 0"):
        cached(files)


@pytest.mark.parametrize("kept_time", [False, True])
def test_one_altered_byte_is_found(files: ImageFiles, kept_time: bool) -> None:
    folder = cached(files).folder
    path, at = folder / IMAGES, 17 * 192 + 100
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        (value,) = file.read(1)
        file.seek(at)
        file.write(bytes([value ^ 1]))
    if kept_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    cache = cached(files)
    cache.read(torch.arange(17))
    with pytest.raises(DataError, match=rf"cache {path} was altered at image 17; remove {folder}, and it is made anew"):
        cache.read(torch.arange(15, 20))


def test_altered_checksums_and_a_damaged_seal_are_found(files: ImageFiles) -> None:
    folder = cached(files).folder
    rows = np.fromfile(folder / ROWS, ROW)
    rows["checksum"][3] += 1
    (folder / ROWS).write_bytes(rows.tobytes())
    with pytest.raises(DataError, match=rf"cache {folder / ROWS} was altered"):
        cached(files)
    (folder / MANIFEST).write_text("{")
    with pytest.raises(DataError, match=rf"cache {folder / MANIFEST} is damaged"):
        cached(files)


def test_what_was_written_before_a_kill_is_not_decoded_again(files: ImageFiles, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    killed = FORK.Process(target=make_slowly, args=(files, 0.1, first))
    killed.start()
    while not first.exists() or len(first.read_text().splitlines()) < 14:
        time.sleep(0.01)
        assert killed.is_alive()
    killed.kill()
    killed.join()
    (written,) = home(files).rglob(IMAGES)
    assert not (written.parent / MANIFEST).exists()
    assert written.stat().st_size >= 8 * 192
    with written.open("ab") as file:  # what a kill in the middle of a chunk leaves
        file.write(b"half an image")
    make_slowly(files, 0, second)
    before, after = (set(path.read_text().splitlines()) for path in (first, second))
    assert before | after == set(files.paths)
    assert len(before & after) <= 2 * 4  # of the chunk under way, and of one that was decoded but not written
    assert torch.equal(cached(files).read(torch.arange(30)), files.read(torch.arange(30))[0])


def test_a_damaged_beginning_is_cut_off_before_going_on(files: ImageFiles) -> None:
    folder = cached(files).folder
    (folder / MANIFEST).unlink()
    os.truncate(folder / IMAGES, 20 * 192)
    with (folder / IMAGES).open("r+b") as file:
        file.seek(11 * 192)
        file.write(bytes(8))
    cache = cached(files)
    assert torch.equal(cache.read(torch.arange(30)), files.read(torch.arange(30))[0])
    assert cache.broken == [29]


def test_one_process_makes_it_and_the_other_waits(tmp_path: Path, files: ImageFiles) -> None:
    both = [FORK.Process(target=make_slowly, args=(files, 0.02, tmp_path / "notes")) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert sorted((tmp_path / "notes").read_text().splitlines()) == files.paths


def test_many_images_are_decoded_by_several_processes(
    files: ImageFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xaicf.data.decoding.CHUNK_IMAGES", 2)
    monkeypatch.setattr("xaicf.data.decoding.ALONE", 1)
    monkeypatch.setattr("xaicf.data.decoding.processors", lambda: 2)
    assert chunk_size(files) == 2
    cache = cached(files, str(tmp_path / "cache"))
    assert torch.equal(cache.read(torch.arange(30)), files.read(torch.arange(30))[0])
    assert cache.broken == [29]


def test_too_little_room_is_said_before_anything_is_decoded(files: ImageFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    with pytest.raises(DataError, match=r"cannot be written: 0.0 GB are needed and 0.0 GB are free; name another"):
        cached(files)
