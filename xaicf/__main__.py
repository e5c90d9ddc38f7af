"""``python -m xaicf``."""

import sys

from xaicf.cli import main

if __name__ == "__main__":
    sys.exit(main())
