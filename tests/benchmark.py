"""What losscheck costs, as ratios measured in one run: ``python tests/benchmark.py``.

Seconds differ by machine and by what else it does; the ratio to importing TensorFlow, measured in turn with
the rest, says more. ``--write`` puts the table into README.md.
"""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
LOSS = """\
import tensorflow as tf

def dice_loss(y_true, y_pred):  # losscheck: y_true=float32[B,16,16,1]:binary y_pred=float32[B,16,16,1]:prob
    overlap = tf.reduce_sum(y_true * y_pred, axis=[1, 2, 3])
    return 1.0 - (2.0 * overlap + 1.0) / (tf.reduce_sum(y_true + y_pred, axis=[1, 2, 3]) + 1.0)
"""
#: What a user would write to see the four modes of one loss.
BY_HAND = """\
import numpy as np
import tensorflow as tf
import keras
from losses import dice_loss

y_true = np.random.randint(0, 2, (8, 16, 16, 1)).astype("float32")
y_pred = np.random.rand(8, 16, 16, 1).astype("float32")
dice_loss(tf.constant(y_true), tf.constant(y_pred))
tf.function(dice_loss)(tf.constant(y_true), tf.constant(y_pred))
with tf.GradientTape() as tape:
    watched = tf.Variable(y_pred)
    value = dice_loss(tf.constant(y_true), watched)
assert np.isfinite(tape.gradient(value, watched)).all()
model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(1, 1, activation="sigmoid")])
model.compile("sgd", dice_loss)
model.fit(y_pred, y_true, batch_size=5, verbose=0)
"""
YARDSTICK = "import tensorflow"
ONE = "one loss"
FEW, HUNDRED, THOUSAND = 10, 100, 1000
FILES_WITHOUT = 1000
#: A file without losses as projects have them: some kilobytes of functions.
ORDINARY = (
    "import os\n\n\n"
    + "def build(path, size=3):\n    return [os.path.join(path, str(n)) for n in range(size)]\n\n\n" * 40
)


def seconds(command, folder, **environment):
    """Wall time of a process that must not fail."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | environment
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} gives {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


def subjects(folder):
    """What is measured in each round → its command; what is measured once → its command."""
    (folder / "model.py").write_text(ORDINARY)
    (folder / "losses.py").write_text(LOSS)
    (folder / "by_hand.py").write_text(BY_HAND)
    many = [(f"copies_{count}", count, LOSS) for count in (FEW, HUNDRED, THOUSAND)]
    for name, count, text in (*many, ("without", FILES_WITHOUT, ORDINARY)):
        (folder / name).mkdir()
        for number in range(count):
            (folder / name / f"{name}_{number}.py").write_text(text)
    for path in folder.rglob("*.py"):
        os.utime(path, (1e9, 1e9))  # what was edited during a run is not kept
    here = [sys.executable, "-m", "losscheck"]
    always = ["--fail-on", "never", "--isolated", "--no-server"]
    anew = [*always, "--no-cache"]
    in_turn = {
        YARDSTICK: [sys.executable, "-c", "import tensorflow"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "--help": [*here, "--help"],
        "--rules": [*here, "--rules"],
        "a file without losses": [*here, "model.py"],
        f"{FILES_WITHOUT:,} files without losses": [*here, "without"],
        "the four modes by hand": [sys.executable, "by_hand.py"],
        ONE: [*here, "losses.py", *anew],
        f"{FEW} losses, -j 1": [*here, f"copies_{FEW}", *anew, "-j", "1"],
        f"{FEW} losses, -j 2": [*here, f"copies_{FEW}", *anew, "-j", "2"],
        "one loss, kept": [*here, "losses.py", *always],
        f"{HUNDRED} losses, kept": [*here, f"copies_{HUNDRED}", *always],
    }
    once = {
        f"{HUNDRED} losses, -j 2": [*here, f"copies_{HUNDRED}", *anew, "-j", "2"],
        f"{THOUSAND:,} losses, -j 2": [*here, f"copies_{THOUSAND}", *anew, "-j", "2"],
    }
    return in_turn, once


def megabytes(command, folder):
    """The most memory in MB: of the command's process, of the worker, of one child, of all together."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    most = [0.0] * 4
    while process.poll() is None:
        generations = [[_shared_fairly(pid) for pid in pids] for pids in _generations(process.pid)]
        now = [max(sizes, default=0.0) for sizes in generations]
        most = [max(pair) for pair in zip(most, [*now, sum(map(sum, generations))], strict=True)]
        time.sleep(0.05)
    return most


def _generations(pid):
    """The process, its children, and all below them."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
    children = {child for child, parent in parents.items() if parent == pid}
    below, new = set(), children
    while new := {child for child, parent in parents.items() if parent in new} - below:
        below |= new
    return {pid}, children, below


def _shared_fairly(pid):
    """MB of a process, each page shared with others counted in parts."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


def measured(rounds):
    """The table, in Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {"LOSSCHECK_CACHE_DIR": str(folder / "cache")}
        commands, once = subjects(folder)
        for command in commands.values():
            seconds(command, name, **environment)  # fills the caches of the disk, of Python and our own
        here = [sys.executable, "-m", "losscheck"]
        runs = [
            {what: seconds(command, name, **environment) for what, command in commands.items()}
            for _ in range(rounds)
        ]
        seconds([*here, "--server", "start"], name, **environment)
        try:
            warm = [*here, "losses.py", "--no-cache", "--fail-on", "never", "--isolated"]
            served = []
            for _ in range(rounds + 1):
                time.sleep(1)  # nobody saves and runs without a pause, in which a worker gets ready
                served.append(seconds(warm, name, **environment))
            del served[0]
        finally:
            seconds([*here, "--server", "stop"], name, **environment)
        memory = megabytes(commands[f"{FEW} losses, -j 2"], name) if sys.platform == "linux" else None
        alone = {what: seconds(command, name, **environment) for what, command in once.items()}
    median = {what: statistics.median(run[what] for run in runs) for what in commands}
    for jobs in (1, 2):
        label = f"{FEW} losses, -j {jobs}"
        further = statistics.median((run[label] - run[ONE]) / (FEW - 1) for run in runs)
        median[f"each further loss, -j {jobs}"] = further
    median["one loss, warm server"] = statistics.median(served)
    median |= {f"{what} (once)": took for what, took in alone.items()}
    rows = [f"| {what} | {took:.2f} | {took / median[YARDSTICK]:.2f} |" for what, took in median.items()]
    table = [f"| what | seconds | × `{YARDSTICK}` |", "| --- | ---: | ---: |", *rows]
    if memory is not None:
        words = "parent {:.0f} MB, worker {:.0f} MB, a child {:.0f} MB, all together {:.0f} MB".format(
            *memory
        )
        table += ["", f"Memory with two losses at a time, shared pages in parts: {words}."]
    return "\n".join(table)


def main():
    """Measure in turn, so that a busy minute hits all of them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rounds", type=int, default=5, help="runs of each, of which the median counts (%(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    asked = parser.parse_args()
    table = measured(asked.rounds)
    print(table)
    if asked.write:
        text = README.read_text(encoding="utf-8")
        block = re.compile(r"(<!-- benchmark -->\n).*?(<!-- end -->)", re.DOTALL)
        README.write_text(block.sub(lambda m: f"{m[1]}{table}\n{m[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
