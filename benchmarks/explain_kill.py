"""How many of many kills a store survives, bit by bit.

    python benchmarks/explain_kill.py --data-root DATA --ranks 2

MNIST test images are explained with CDeepEx and a gradient, once without a break and once with ``--kills`` kills of
all processes by SIGKILL at random moments, half of them while parts are written and half anywhere from the start
of Python on; each is followed by a run that goes on. After every kill the parts that are complete must be, byte by
byte, those of the store without a break; in the end every file but the manifest must be, and no draft may be left.
The value is the share of kills after which all was so, 0 where the final store differs.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import torch
from _explaining import SEARCH, finish, kill, mnist_config, start

from xaicf.core import UserError
from xaicf.store import explainers, read

GOAL = 1.0


def hashes(store: Path) -> dict[str, str]:
    """Give the SHA-256 of every file but the manifest and the marks, which keep times; drafts included."""
    files = [path for path in store.rglob("*") if path.is_file() and path.suffix != ".json"]
    return {path.relative_to(store).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def complete(store: Path) -> dict[str, str]:
    """Give the hashes of the parts that are complete."""
    return {name: digest for name, digest in hashes(store).items() if (store / name).with_suffix(".json").is_file()}


def marks(store: Path) -> int:
    """Count the parts that are complete."""
    return len(list(store.glob("*/part_*.json")))


def equal(found: Path, expected: Path) -> bool:
    """Compare files and what is read from them."""
    if hashes(found) != hashes(expected):
        return False
    for name in explainers(expected):
        before, after = read(expected, name).tensors(), read(found, name).tensors()
        if any(not torch.equal(after[key].nan_to_num(-1), tensor.nan_to_num(-1)) for key, tensor in before.items()):
            return False
    return True


def main() -> int:
    """Print a line for each kill and a JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", help="folder that holds MNIST/raw; XAICF_DATA or data if left out")
    parser.add_argument("--runs", default="runs", help="folder of the trained networks")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--block-size", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    moments, survived = random.Random(args.seed), []  # noqa: S311  (moments, no secrets)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        config = mnist_config(
            home / "given.yaml", SEARCH, args.runs, args.data_root, args.images, block_size=args.block_size
        )
        whole, store = home / "whole", home / "store"
        try:
            finish(start(config, whole, 1))
            expected = hashes(whole)
            for number in range(args.kills):
                process, before = start(config, store, args.ranks), marks(store)
                if number % 2:
                    enough = before + moments.randint(1, max(1, marks(whole) // args.kills))
                    while marks(store) < enough and process.poll() is None:
                        time.sleep(0.002)
                time.sleep(moments.uniform(0, 0.2 if number % 2 else 8))
                kill(process)
                kept = complete(store)
                survived.append(kept.items() <= expected.items() and marks(store) >= before)
                print(f"kill {number}: {marks(store)} of {marks(whole)} parts, {survived[-1]}", flush=True)
            left = marks(whole) - marks(store)
            finish(start(config, store, args.ranks))
        except UserError as error:
            print(f"explain_kill: error: {error}", file=sys.stderr)
            return 2
        same = equal(store, whole)
    value = sum(survived) / len(survived) if same else 0.0
    result = {
        "name": "explain_kill",
        "value": round(value, 4),
        "unit": "kills survived bit by bit / kills",
        "better": "higher",
        "goal": GOAL,
        "n": len(survived),
        "spread": [float(min(survived)), float(max(survived))],
        "final_store_equal": same,
        "parts_left_after_last_kill": left,
        "ranks": args.ranks,
        "images": args.images,
        "torch": torch.__version__,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
