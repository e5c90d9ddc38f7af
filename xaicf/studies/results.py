"""Write the results of studies into ``RESULTS.md``: ``python -m xaicf.studies.results``, or ``make results``."""

import json
import sys
from pathlib import Path

from xaicf.studies.study import Row, markdown

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
    return f"\n### {result['study']}\n\n{about}\n\n{markdown(rows, result['spread'])}\n"


if __name__ == "__main__":
    main()
