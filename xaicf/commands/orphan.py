"""End a process whose launcher has ended, whatever it is doing."""

import os
import sys
import threading
import time

INTERVAL = 1.0
"""Seconds between two looks."""

LAUNCHER = "XAICF_LAUNCHER"
"""Where, in the environment, the first process leaves its number for those that Lightning begins."""

_watched = threading.Event()


def end_with_launcher() -> None:
    """Watch, in the processes that Lightning begins beside the first one, that first one; end when it is gone.

    Lightning's launcher ends all processes when one of those that it began is killed, but nothing ends those when
    the launching process itself is, not even while they wait for it to be met. Nothing is lost: a file of a store
    is complete or absent. To be called in every process as early as may be; further calls do nothing.
    """
    if _watched.is_set():
        return
    _watched.set()
    if "LOCAL_RANK" not in os.environ:  # the first process, or the only one
        os.environ[LAUNCHER] = str(os.getpid())
        return
    if "TORCHELASTIC_RUN_ID" in os.environ or os.environ["LOCAL_RANK"] == "0":  # others look after these
        return
    parent = os.getppid()
    if parent == 1 and os.environ.get(LAUNCHER, "1") != "1":  # it has ended before this process could look
        parent = -1

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL)
        sys.stderr.write("xaicf: error: process 0 has ended; the same command goes on where it was\n")
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
