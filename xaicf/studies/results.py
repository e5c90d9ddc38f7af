"""Write the results of studies into ``RESULTS.md``: ``python -m xaicf.studies.results``, or ``make results``."""

import json
import sys
from pathlib import Path

from xaicf.studies.study import Row, markdown

MANY = 100
"""Of a study with more rows those up to the last goal are shown."""

BEGIN, END = "<!-- studies -->", "<!-- end of studies -->"


def main() -> None:
    """Put a table for each ``results/<study>.json`` between the marks in ``RESULTS.md``."""
    page = Path("RESULTS.md")
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = [_table(file) for file in sorted(Path("results").glob("*.json"))]
    page.write_text("\n".join([f"{before}{BEGIN}", *tables, f"{END}{after}"]))


def _table(file: Path) -> str:
    result = json.loads(file.read_text())
    if result["quick"]:
        sys.exit(f"{file.name} is of a quick run, whose numbers mean nothing")
    rows = [Row(**row) for row in result["rows"]]
    seeds = ", ".join(map(str, result["seeds"]))
    about = f"{result['title']}: `{result['command']}`, seed {seeds}."
    shown = rows
    if len(rows) > MANY:
        shown = rows[: 1 + max((place for place, row in enumerate(rows) if row.goal is not None), default=MANY)]
    rest = f"\n\n{len(rows) - len(shown):,} further rows in `{file}`." if len(shown) < len(rows) else ""
    return f"\n### {result['study']}\n\n{about}\n\n{markdown(shown, result['spread'])}{rest}\n"


if __name__ == "__main__":
    main()
