"""Objects cut out of MS-COCO's photographs, as BAM has them.

python -m xaicf.data.coco --annotations instances_train2017.json --images train2017 --output DATA/bam/objects
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli
from PIL import Image, ImageDraw

from xaicf.core import DataError, InputError
from xaicf.core.errors import UserError
from xaicf.data.files import UNREADABLE

BAM_OBJECTS = ("backpack", "bird", "dog", "elephant", "kite", "pizza", "stop sign", "toilet", "truck", "zebra")
"""The ten of BAM."""


def cut_out(
    annotations: str,
    images: str,
    output: str,
    categories: Sequence[str] = BAM_OBJECTS,
    most: int = 1000,
    smallest: float = 0.05,
) -> None:
    """Write the objects of some categories as PNG files with an alpha channel, in a folder for each category.

    Each is cut along its outline to its bounding box. Crowds are left out, and of the rest those that cover little of
    their photograph, and those whose outline is no polygon but run lengths, which are counted. What is there is written
    anew.

    Args:
        annotations: file such as ``instances_train2017.json``.
        images: folder of the photographs.
        output: folder to write into.
        categories: names, as MS-COCO has them.
        most: of each category, the first by their numbers.
        smallest: least share of the photograph that is covered, in [0, 1].

    Raises:
        DataError: a file is missing or damaged, an object is of no photograph or category that is listed, or a category
            has no such object.
        InputError: there is no such category, or an option is out of its range.
    """
    if most < 1 or not 0 <= smallest <= 1:
        raise InputError(f"most must be at least 1 and smallest in [0, 1], got {most} and {smallest}")
    given = _read(Path(annotations))
    names = {entry["id"]: entry["name"] for entry in given["categories"]}
    for name in categories:
        if name not in names.values():
            raise InputError(f"{annotations} has no category {name}, only {', '.join(sorted(names.values()))}")
    photos = {entry["id"]: entry for entry in given["images"]}
    written: Counter[str] = Counter()
    run_lengths = 0
    for entry in sorted(given["annotations"], key=lambda entry: int(entry["id"])):
        category, photo = names.get(entry["category_id"]), photos.get(entry["image_id"])
        if category is None or photo is None:
            kind, number = ("category", entry["category_id"]) if category is None else ("image", entry["image_id"])
            raise DataError(f"{annotations} lists no {kind} {number}, which annotation {entry['id']} is of")
        little = entry["area"] < smallest * photo["width"] * photo["height"]
        if category not in categories or written[category] == most or entry["iscrowd"] or little:
            continue
        if isinstance(entry["segmentation"], dict):
            run_lengths += 1
            continue
        written[category] += 1
        path = Path(output, category.replace(" ", "_"), f"{entry['id']:012}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut(Path(images, photo["file_name"]), entry).save(path)
    if run_lengths:
        print(f"{run_lengths} objects are left out, whose outlines are no polygons but run lengths", flush=True)
    for name in categories:
        if not written[name]:
            raise DataError(f"{annotations} has no {name} that covers {smallest:g} of its photograph")


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        found: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"annotations cannot be read: {path}: {error}") from error
    if not isinstance(found, dict) or not {"annotations", "categories", "images"} <= found.keys():
        raise DataError(f"{path} must hold MS-COCO's annotations, categories and images")
    return found


def _cut(path: Path, entry: dict[str, Any]) -> Image.Image:
    """Cut an object of MS-COCO out of a photograph."""
    try:
        with Image.open(path) as file:
            photo = file.convert("RGB")
    except UNREADABLE as error:
        raise DataError(f"image cannot be read: {path}") from error
    opaque = Image.new("L", photo.size)
    for outline in entry["segmentation"]:
        ImageDraw.Draw(opaque).polygon(list(zip(outline[::2], outline[1::2], strict=True)), fill=255)
    photo.putalpha(opaque)
    left, top, width, height = entry["bbox"]
    right, bottom = max(int(left + width), int(left) + 1), max(int(top + height), int(top) + 1)
    return photo.crop((int(left), int(top), right, bottom))


def main() -> int:
    """Run the command; a user's mistake is told in one line."""
    try:
        auto_cli(cut_out, as_positional=False)
    except UserError as error:
        print(f"xaicf: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
