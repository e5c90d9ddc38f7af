"""Check stores."""

from collections.abc import Sequence

from xaicf.commands.parser import Parser
from xaicf.store import verify


def main(arguments: Sequence[str]) -> None:
    """Run ``python -m xaicf verify``.

    Raises:
        UserError: something is missing, changed, or does not hold.
    """
    parser = Parser("xaicf verify", "Check stores: complete, unchanged, certificates hold.", "runs/explain/digits")
    parser.add_argument("stores", nargs="+", metavar="DIR", help="what explain has written, a folder or URL")
    parser.add_argument(
        "--certify",
        type=int,
        default=256,
        metavar="N",
        help="counterfactuals of each explainer to certify again (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    for path in given.stores:
        found = verify(path, given.certify)
        print(f"{path}: {found.parts} parts, {found.rows} rows, unchanged; {found.certified} certificates hold")
