"""Measures losscheck on labelled losses, beside what its users have today: ``python tests/zoo [FOLDER]``.

``--write`` puts the table into README.md. The folder is `fixtures/losses` unless another is named
(`labels.py` says how one is labelled). The other tools name no defect: any alarm of theirs on a broken loss
counts as found. TensorFlow's import is part of losscheck's seconds and not of the others'.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from labels import Labelled, read_labels

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"(<!-- measured: zoo -->\n).*?(<!-- end -->)", re.DOTALL)
#: Linters → their command for files, and what reads path and line of each message from their output.
LINTERS = {
    "pylint": ["pylint", "--disable=all", "--enable=E,W,F", "--score=n", "--msg-template={path}:{line}"],
    "ruff": ["ruff", "check", "--isolated", "--output-format=concise"],
}
MESSAGE = re.compile(r"^(.+\.py):(\d+)")


@dataclass
class Alarms:
    """What one tool said about the files."""

    lines: dict[Path, set[int | None]] = field(default_factory=lambda: defaultdict(set))
    codes: dict[Path, set[tuple[str, int]]] | None = None  #: of losscheck, notes included
    seconds: float = 0.0


def environment():
    """The environment in which every tool runs."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    return os.environ | quiet | {"PYTHONPATH": str(ROOT)}


def timed(command, folder):
    """Output of a command that may find something, and its wall seconds."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode < 0 or "Traceback" in done.stderr:
        raise SystemExit(f"{' '.join(map(str, command[:6]))} gives {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout, time.perf_counter() - start


def run_losscheck(losses, folder):
    """Its alarms, and the rows of its report by file."""
    targets = [target(folder, loss) for loss in losses]
    output, seconds = timed([sys.executable, "-m", "losscheck", "--format", "json", *targets], folder)
    report = json.loads(output)
    alarms = Alarms(codes=defaultdict(set), seconds=seconds)
    rows = defaultdict(list)
    for row in report["losses"]:
        path = (folder / row["path"]).resolve()
        rows[path].append(row)
        for finding in row["findings"]:
            alarms.codes[path].add((finding["code"], finding["line"]))
            if finding["severity"] != "note":
                alarms.lines[path].add(finding["line"])
    for failure in report["failures"]:
        print(f"not checked: {failure['target']}: {failure['message']}", file=sys.stderr)
    return alarms, rows


def run_habits(rows, folder):
    """What a user tries by hand, on the inputs that losscheck found or was told."""
    requests = [
        {"target": row["target"], "y_true": row["task"]["y_true"], "y_pred": row["task"]["y_pred"]}
        for found in rows.values()
        for row in found
        if row["task"]
    ]
    asked, answered = folder / "requests.jsonl", folder / "answers.jsonl"
    asked.write_text("".join(json.dumps(request) + "\n" for request in requests))
    timed([sys.executable, Path(__file__).parent / "habits.py", asked, answered], folder)
    tools = defaultdict(Alarms)
    for said in map(json.loads, answered.read_text().splitlines()):
        alarms = tools[said["habit"]]
        alarms.seconds += said["seconds"]
        if said["alarm"]:
            alarms.lines[(folder / said["target"].partition(":")[0]).resolve()].add(said["line"])
    return tools


def run_linter(name, losses, folder):
    """The messages of a linter."""
    command = LINTERS[name]
    files = sorted({str(loss.path) for loss in losses})
    output, seconds = timed([sys.executable, "-m", *command, *files], folder)
    alarms = Alarms(seconds=seconds)
    for match in map(MESSAGE.match, output.splitlines()):
        if match:
            alarms.lines[(folder / match[1]).resolve()].add(int(match[2]))
    return alarms


def target(folder, loss):
    """How losscheck is told of a loss."""
    path = loss.path.relative_to(folder).as_posix()
    return f"{path}:{loss.name}" if loss.name else path


def is_found(defect, alarms, path):
    """Whether a tool has told of a defect: losscheck by its code, another by any word."""
    if alarms.codes is None:
        return bool(alarms.lines.get(path))
    return any(code in defect.codes for code, _ in alarms.codes.get(path, ()))


def is_at_line(defect, alarms, path):
    """Whether it has also told the line."""
    if alarms.codes is None:
        return bool(alarms.lines.get(path, set()) & defect.lines)
    return any(code in defect.codes and line in defect.lines for code, line in alarms.codes.get(path, ()))


def share(values):
    """The share of true ones, in words."""
    values = list(values)
    return f"{sum(values) / len(values):.0%}" if values else "-"


def table(losses, tools):
    """One row for each tool."""
    defects = [(defect, loss.path) for loss in losses for defect in loss.defects]
    right = [loss.path for loss in losses if not loss.defects]
    heads = (
        "",
        f"of {len(defects)} defects found",
        "at the line",
        f"false alarms on {len(right)} right losses",
        "seconds a loss",
    )
    lines = [f"| {' | '.join(heads)} |", "| --- | --- | --- | --- | --- |"]
    for name, alarms in tools.items():
        cells = (
            name,
            share(is_found(defect, alarms, path) for defect, path in defects),
            share(is_at_line(defect, alarms, path) for defect, path in defects),
            share(bool(alarms.lines.get(path)) for path in right),
            f"{alarms.seconds / len(losses):.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def inferred(rows):
    """How many losses nobody told the inputs of, and the share for which they were found."""
    choices = [row for found in rows.values() for row in found if row["task"]]
    guessed = [row for row in choices if row["task"]["source"] == "inferred"]
    return len(guessed), share(set(row["modes"].values()) != {"fail", "skipped"} for row in guessed)


def details(losses, alarms):
    """Each defect that losscheck missed and each false alarm."""
    for loss in losses:
        got = ", ".join(f"{code}@{line}" for code, line in sorted(alarms.codes.get(loss.path, ())))
        for defect in loss.defects:
            if not is_at_line(defect, alarms, loss.path):
                verdict = "off the line" if is_found(defect, alarms, loss.path) else "missed"
                want = f"{'/'.join(sorted(defect.codes))} at {sorted(defect.lines)}"
                print(f"{verdict}: {loss.path.name}: {want}, got {got or 'nothing'}")
        if not loss.defects and alarms.lines.get(loss.path):
            print(f"false alarm: {loss.path.name}: {got}")


def copied(losses, folder):
    """The losses in a folder of their own, with the inputs that nobody could guess in a comment."""
    kept = []
    for loss in losses:
        path = folder / loss.path.parent.name / loss.path.name
        path.parent.mkdir(exist_ok=True)
        path.write_text(loss.text)
        kept.append(Labelled(path, loss.name, loss.defects, loss.y_true, loss.y_pred, loss.needs_spec))
    return kept


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "fixtures" / "losses")
    parser.add_argument("--alone", action="store_true", help="losscheck only, not the other tools")
    parser.add_argument("--write", action="store_true", help="write the table into README.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        losses = copied(read_labels(options.folder, version("keras").partition(".")[0]), folder)
        losscheck, rows = run_losscheck(losses, folder)
        tools = {"losscheck": losscheck}
        if not options.alone:
            tools |= run_habits(rows, folder) | {name: run_linter(name, losses, folder) for name in LINTERS}
        text = table(losses, tools)
        count, found = inferred(rows)
        text += f"\nOf {count} losses that say nothing of their inputs, losscheck found them for {found}.\n"
        details(losses, losscheck)
    print(text)
    if options.write:
        readme = ROOT / "README.md"
        readme.write_text(BLOCK.sub(lambda match: match[1] + text + match[2], readme.read_text()))


if __name__ == "__main__":
    main()
