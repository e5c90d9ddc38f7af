"""End a process whose parent has ended, whatever it is doing."""

import os
import sys
import threading
import time

INTERVAL = 1.0
"""Seconds between two looks."""


def end_with_parent() -> None:
    """Watch, from a thread, the process that began this one; end when it is gone.

    Lightning's launcher ends all processes when one of those that it began is killed, but nothing ends those when
    the launching process itself is. Nothing is lost: a file of a store is complete or absent.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL)
        sys.stderr.write("xaicf: error: process 0 has ended; the same command goes on where it was\n")
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
