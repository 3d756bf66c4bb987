"""What losscheck costs, as ratios measured in one run: ``python tests/benchmark.py``.

Seconds differ by machine and by what else it does; the ratio to importing TensorFlow, measured in turn with
the rest, says more.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOSS = """\
import tensorflow as tf

def dice_loss(y_true, y_pred):  # losscheck: y_true=float32[B,16,16,1]:binary y_pred=float32[B,16,16,1]:prob
    overlap = tf.reduce_sum(y_true * y_pred, axis=[1, 2, 3])
    return 1.0 - (2.0 * overlap + 1.0) / (tf.reduce_sum(y_true + y_pred, axis=[1, 2, 3]) + 1.0)
"""
COPIES = 8
YARDSTICK = "import tensorflow"


def seconds(command, folder):
    """Wall time of a process that must not fail."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} gives {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def subjects(folder):
    """What is measured → its command."""
    (folder / "model.py").write_text("def build():\n    return 1\n")
    (folder / "losses.py").write_text(LOSS)
    copies = folder / "copies"
    copies.mkdir()
    for number in range(COPIES + 1):
        (copies / f"losses_{number}.py").write_text(LOSS)
    here = [sys.executable, "-m", "losscheck"]
    return {
        YARDSTICK: [sys.executable, "-c", "import tensorflow"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "--help": [*here, "--help"],
        "--rules": [*here, "--rules"],
        "--explain LC201": [*here, "--explain", "LC201"],
        "a file without losses": [*here, "model.py"],
        "one loss": [*here, "losses.py", "--fail-on", "never", "--jobs", "1"],
        f"{COPIES + 1} losses": [*here, "copies", "--fail-on", "never", "--jobs", "1"],
    }


def main():
    """Measure in turn, so that a busy minute hits all of them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rounds", type=int, default=5, help="runs of each, of which the median counts (%(default)s)"
    )
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        commands = subjects(Path(name))
        for command in commands.values():
            seconds(command, name)  # fills the caches of the disk and of Python
        runs = [{what: seconds(command, name) for what, command in commands.items()} for _ in range(rounds)]
    median = {what: statistics.median(run[what] for run in runs) for what in commands}
    one, many = "one loss", f"{COPIES + 1} losses"
    median["each further loss"] = statistics.median((run[many] - run[one]) / COPIES for run in runs)
    print(f"| what | seconds | × {YARDSTICK} |\n| --- | ---: | ---: |")
    for what, took in median.items():
        print(f"| {what} | {took:.2f} | {took / median[YARDSTICK]:.2f} |")


if __name__ == "__main__":
    main()
