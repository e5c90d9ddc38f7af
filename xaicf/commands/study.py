"""Run a study: a paper's figure or table, with the published numbers beside ours."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from jsonargparse import ArgumentError, ArgumentParser

from xaicf.commands.parser import Told
from xaicf.core import InputError
from xaicf.mistakes import one_line
from xaicf.studies import STUDIES, Place, Study, markdown, write

NETWORKS = "runs/studies/networks"
USAGE = "python -m xaicf study NAME --output DIR [--config FILE] [--OPTION VALUE ...]"
EXAMPLE = "example:\n  python -m xaicf study cdeepex_bias --config configs/studies/cdeepex_bias.yaml --output runs/bias"


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf study``.

    Raises:
        UserError: a mistake in the arguments, or one that the study finds.
    """
    name, *options = arguments or [""]
    if name in {"-h", "--help"}:
        listed = "\n".join(f"  {name:<{max(map(len, STUDIES))}}  {kind.title}" for name, kind in STUDIES.items())
        print(f"usage: {USAGE}\n\nRun a study of a paper; NAME --help tells its settings.\n\n{listed}\n\n{EXAMPLE}")
        return
    study, place = read(name, options)
    rows = write(study, name, place, arguments)
    print(markdown(rows, study.spread))
    print(f"\nResult in {place.output / 'result.json'}")


def read(name: str, options: Sequence[str]) -> tuple[Study, Place]:
    """Read what a study is to do, and where.

    Args:
        name: of the study.
        options: of the command line.

    Raises:
        InputError: there is no such study, or a mistake in the options.
    """
    if name not in STUDIES:
        raise InputError(f"study must be one of {', '.join(STUDIES)}, got {name or 'none'}")
    kind = STUDIES[name]
    parser = ArgumentParser(
        prog=f"xaicf study {name}",
        usage=USAGE.replace("NAME", name),
        description=kind.title,
        epilog=EXAMPLE.replace("cdeepex_bias", name).replace("runs/bias", f"runs/{name}"),
        formatter_class=Told,
        exit_on_error=False,
    )
    parser.add_argument("--config", action="config", help="file of the study's settings")
    parser.add_argument("--output", type=str, required=True, metavar="DIR", help="folder of result.json and pictures")
    parser.add_argument("--data.root", type=str | None, default=None, help="folder of the data")
    parser.add_argument("--networks", type=str, default=NETWORKS, help="folder that keeps trained networks")
    parser.add_argument("--quick", action="store_true", help="run through in a minute; the numbers mean nothing")
    parser.add_class_arguments(kind)
    try:
        given = parser.parse_args(options)
        place = Place(Path(given.output), Path(given.networks), given.data.root, given.quick)
    except ArgumentError as error:
        raise InputError(one_line(str(error), ())) from error
    given = parser.instantiate_classes(given)
    return kind(**{option.name: given[option.name] for option in fields(kind)}), place
