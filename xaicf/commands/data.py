"""Look at a data set before anything is trained on it: numbers, broken files, duplicates, a contact sheet."""

import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from jsonargparse import ArgumentParser
from PIL import Image

import xaicf.data
from xaicf.commands.building import refusals
from xaicf.commands.parser import WIDTH, Told
from xaicf.commands.surveyed import told
from xaicf.core import DataError, InputError, SplitName
from xaicf.data import ImageData, ImageFolder
from xaicf.data.folder import SUFFIXES
from xaicf.data.survey import examples, survey
from xaicf.viz.contact_sheet import contact_sheet

KNOWN = sorted(
    (
        name
        for name, found in vars(xaicf.data).items()
        if inspect.isclass(found) and issubclass(found, ImageData) and not inspect.isabstract(found)
    ),
    key=str.casefold,
)
"""Data modules that a name may stand for."""

SHOWN = 8
"""Images of each class on the sheet."""

USAGE = f"""\
usage: python -m xaicf data NAME [--data.root ROOT] [--data.OPTION VALUE] [options]

Say what a data set holds, what of it cannot be read or is there twice, and draw a contact sheet. NAME is a data module,
such as MNIST or ImageFolder, or a YAML file whose section data is read; NAME --help says what else it takes. There are

{textwrap.indent(textwrap.fill(", ".join(KNOWN), WIDTH), "  ")}

options:
  --output FILE.png  contact sheet, runs/data/NAME.png if left out
  --images N         look at so many images of each split, evenly; all if left out
  --rows N           classes in the table at most; of more the smallest and the largest are shown (40)

example:
  python -m xaicf data ImageFolder --data.root MY_IMAGES --output sheet.png"""

SURVEYED = {"storage": "stream", "on_error": "stop"}
"""Options of data in files with which each file is read once, and one that is broken is found, and by its name."""


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf data``.

    Raises:
        UserError: a mistake in the arguments, or the data set is missing or cannot be used.
    """
    name, *options = arguments or [""]
    if name in {"-h", "--help"}:
        print(USAGE)
        return
    if not name or name.startswith("-"):
        raise InputError(f"name a data set or a YAML file first: python -m xaicf data NAME, got {name or 'none'}")
    parser = ArgumentParser(prog=f"xaicf data {name}", formatter_class=Told, exit_on_error=False)
    parser.add_subclass_arguments(ImageData, "data", required=True)
    parser.add_argument("--output", type=str | None, default=None)
    parser.add_argument("--images", type=int | None, default=None)
    parser.add_argument("--rows", type=int, default=40)
    section = _section(name)
    if {"-h", "--help"} & set(options):
        parser.parse_args([f"--data.help={section['class_path']}"])
    given = parser.parse_args([f"--data={json.dumps(section)}", *options])
    for option, least in (("images", 1), ("rows", 2)):
        if given[option] is not None and given[option] < least:
            raise InputError(f"{option} must be at least {least}, got {given[option]}")
    output = Path(given.output or Path("runs", "data", f"{Path(name).stem}.png"))
    if output.suffix.lower() != ".png":
        raise InputError(f"output must end with .png, got {output}")
    settings = given.data.init_args
    told_settings = ", ".join(f"{key}: {value}" for key, value in settings.items() if value is not None and value != "")
    asked_to = settings.get("on_error")
    in_files = [option for option in SURVEYED if option in settings]
    for option in in_files:
        settings[option] = SURVEYED[option]
    with refusals(xaicf.data.__all__):
        data: ImageData = parser.instantiate_classes(given).data
    data.prepare_data()
    data.setup()
    splits = {name: data.splits[name] for name in get_args(SplitName) if name in data.splits}
    found = survey(splits, data.num_classes, given.images, data.batch_size)
    print(f"{type(data).__name__} ({told_settings})\n")
    print("\n".join(told(found, data, given.rows)))
    if isinstance(data, ImageFolder) and (others := data.left_out()):
        counted = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common())
        print(f"Left out, by their endings: {counted}; read are {', '.join(SUFFIXES)}\n")
    for name, one in found.splits.items():
        if one.surveyed == len(one.broken):
            raise DataError(f"no image of the {name} split can be read")
    stops = "on_error" in in_files and asked_to != "skip"
    if stops and any(one.broken for one in found.splits.values()):
        print("A training stops at a file that cannot be read; with --data.on_error skip it omits images, not masks.\n")
    name, split = next(iter(splits.items()))
    shown = examples(split, data.num_classes, SHOWN)
    _write(output, contact_sheet(shown, data.class_names, f"{type(data).__name__}, {name}"))
    print(f"Contact sheet in {output}")


def _section(name: str) -> dict[str, Any]:
    """Give ``class_path`` and ``init_args`` of a data module by its name, or of the section ``data`` of a YAML file."""
    if not name.endswith((".yaml", ".yml")):
        if name not in KNOWN and "." not in name:
            raise InputError(f"data set must be one of {', '.join(KNOWN)}, an import path or a YAML file, got {name}")
        return {"class_path": name}
    try:
        settings = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"cannot read {name}: {' '.join(str(error).split())}") from error
    section = settings.get("data") if isinstance(settings, Mapping) else None
    if not isinstance(section, Mapping) or "class_path" not in section:
        raise InputError(f"{name} has no section data with a class_path")
    return dict(section)


def _write(path: Path, sheet: Image.Image) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
