"""Checks as many fuzzed losses as are asked for: ``python -m tests.fuzz 2000 [--kind trees] [--seed 0]``.

Each that losscheck fails on, or whose planted defect it misses, is shrunk and written to a file.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from . import runs


def main():
    """Run, print one line for each failure and one at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", type=int, help="losses of each kind")
    parser.add_argument("--kind", choices=list(runs.KINDS), action="append", help="default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-shrink", action="store_true", help="write failing losses as they are")
    parser.add_argument("--folder", type=Path, default=Path("fuzzed"), help="for the failing losses")
    options = parser.parse_args()
    fallen, say = 0, _speaker()
    with (
        tempfile.TemporaryDirectory() as folder,
        runs.Runner(folder, is_shrinking=not options.no_shrink) as runner,
    ):
        for kind in options.kind or runs.KINDS:
            start, before, seed = time.perf_counter(), runner.count, options.seed
            while runner.count - before < options.count:
                seed += 1
                for number, fall in enumerate(runner.batch(kind, seed)):
                    fallen += 1
                    path = options.folder / f"{kind}_{seed}_{number}.py"
                    options.folder.mkdir(exist_ok=True, parents=True)
                    path.write_text(fall.commented(), encoding="utf-8")
                    say(f"{path}: {fall.summary}")
            count, seconds = runner.count - before, time.perf_counter() - start
            say(f"{kind}: {count} losses, {seconds / count:.2f} s each, seeds {options.seed + 1} to {seed}")
    say(f"{runner.count} losses checked, {fallen} fell out")
    return int(fallen > 0)


def _speaker():
    """What prints a line; whatever the losses and TensorFlow print from now on is dropped."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    return lambda line: print(line, file=stream)


if __name__ == "__main__":
    sys.exit(main())
