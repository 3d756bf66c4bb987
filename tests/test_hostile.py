"""The wall: whatever a loss does, it gets its answer, the others keep theirs, and nothing is left behind.

`fixtures/hostile` holds one hostile loss a file. `# expect: LC009` marks the line that owes a finding at
warning or above, `# answer: …` tells why a file could not be checked; a file without either is right.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from zoo.labels import expected

HOSTILE = Path(__file__).parent.parent / "fixtures" / "hostile"
KERAS = version("keras").partition(".")[0]
ANSWER = re.compile(r"# answer: (.+)")
#: seconds and GiB: enough for a right loss on a busy machine, and for it alone
LIMITS = ("--timeout", "12", "--memory", "0.6")
IMPORT = "import tensorflow as tf\n\n\n"
RIGHT = "def {name}(y_true, y_pred):\n    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)\n"
ROUNDED = RIGHT.replace("- y_pred", "- tf.round(y_pred)")
#: 10 MB of data, as a generated file has them
DATA = (
    "DATA = (\n"
    + "    'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v'\n" * 140_000
    + ")\n\n\n"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@dataclass(frozen=True)
class Ran:
    """A run over the zoo."""

    folder: Path
    report: dict
    code: int
    stderr: str
    left_files: list
    left_processes: list

    def findings(self):
        """``(path, line, code)`` of what was found at warning or above."""
        found = [finding for loss in self.report["losses"] for finding in loss["findings"]]
        return {(f["path"], f["line"], f["code"]) for f in found if f["severity"] != "note"}

    def answers(self):
        """Path → why it could not be checked."""
        return {
            failure["target"].partition(":")[0]: failure["message"] for failure in self.report["failures"]
        }


def make_zoo(folder):
    """Copy the zoo, and make what cannot be stored; strew right and broken losses in between."""
    shutil.copytree(HOSTILE, folder, ignore=shutil.ignore_patterns("__pycache__", "README.md"))
    right = IMPORT + RIGHT.format(name="squared_loss")
    (folder / "latin.py").write_bytes(right.replace("squared", "größer").encode("latin-1"))
    (folder / "null_bytes.py").write_bytes(right.encode() + b"\0")
    (folder / "mit Leerzeichen und Übermut 損失.py").write_text(right, encoding="utf-8")
    (folder / "ten_megabytes.py").write_text(IMPORT + DATA + RIGHT.format(name="late_loss"))
    (folder / "folder.py").mkdir()
    (folder / "around").symlink_to(folder, target_is_directory=True)
    (folder / "to_itself.py").symlink_to(folder / "to_itself.py")
    (folder / "to_nothing.py").symlink_to(folder / "no_such_file.py")
    os.mkfifo(folder / "pipe.py")
    (folder / "locked.py").write_text(right)
    (folder / "locked.py").chmod(0)
    for letter in "abcdefghijklmnopqrstuvwxyz"[::3]:
        (folder / f"{letter}_neighbour.py").write_text(right)
        (folder / f"{letter}_rounded.py").write_text(IMPORT + ROUNDED.format(name="rounded_loss"))


def stored():
    """Path in the zoo and text of each file that is stored: it carries what is expected of it."""
    return {
        str(path.relative_to(HOSTILE)): path.read_text(encoding="utf-8")
        for path in sorted(HOSTILE.rglob("*.py"))
    }


def processes_of(marker):
    """The processes in whose environment a text stands; a zombie has none."""
    return [
        int(process.name) for process in Path("/proc").glob("[0-9]*") if marker in environment_of(process)
    ]


def environment_of(process):
    try:
        return (process / "environ").read_bytes().decode(errors="replace")
    except OSError:  # gone, or another user's
        return ""


def environment(temporary, **more):
    temporary.mkdir(exist_ok=True)
    return os.environ | {"TMPDIR": str(temporary), "NO_COLOR": "1"} | more


def run_zoo(place, **more):
    folder, temporary = place / "zoo", place / "temporary"
    make_zoo(folder)
    command = [sys.executable, "-m", "losscheck", ".", "--format", "json", "-j", "3", *LIMITS]
    done = subprocess.run(
        command, cwd=folder, env=environment(temporary, **more), capture_output=True, check=False
    )
    return Ran(
        folder,
        json.loads(done.stdout),
        done.returncode,
        done.stderr.decode(),
        sorted(temporary.iterdir()),
        processes_of(str(temporary)),
    )


@pytest.fixture(
    scope="module",
    params=["fork", pytest.param("no-fork", marks=pytest.mark.long)],
)
def ran(request, tmp_path_factory):
    more = {} if request.param == "fork" else {"LOSSCHECK_NO_FORK": "1"}
    return run_zoo(tmp_path_factory.mktemp("hostile"), **more)


def test_the_zoo_is_a_zoo():
    assert len(list(HOSTILE.rglob("*.py"))) >= 40


def test_each_hostile_loss_gets_its_findings_at_their_lines_and_no_other(ran):
    marked = {(path, line, code) for path, text in stored().items() for code, line in expected(text, KERAS)}
    neighbours = {(path.name, 5, "LC201") for path in ran.folder.glob("?_rounded.py")}
    assert ran.findings() == marked | neighbours | {("null_bytes.py", 1, "LC010")}


def test_what_cannot_be_checked_says_why(ran):
    answers = {path: match[1] for path, text in stored().items() if (match := ANSWER.search(text))}
    answers["latin.py"] = "cannot read `latin.py`: it is not UTF-8 text"
    if os.geteuid():  # root reads everything
        answers["locked.py"] = "cannot read `locked.py`: Permission denied"
    assert ran.answers() == answers
    assert ran.code == 2


def test_the_losses_in_between_keep_their_own_results(ran):
    neighbours = [loss for loss in ran.report["losses"] if loss["path"].endswith("_neighbour.py")]
    assert len(neighbours) == 9
    assert {tuple(loss["modes"].items()) for loss in neighbours} == {
        (
            ("eager", "pass"),
            ("graph", "pass"),
            ("gradient", "pass"),
            ("fit", "pass"),
            ("xla", "pass"),
            ("replicas", "skipped"),
            ("reload", "fail"),
            ("symbolic", "fail"),
        )
    }


def test_the_results_stand_in_the_order_of_the_files(ran):
    paths = [loss["path"] for loss in ran.report["losses"]]
    assert paths == sorted(paths, key=lambda path: (path.count(os.sep), path))


def test_nothing_is_left_running_and_nothing_in_the_temporary_folder(ran):
    assert (ran.left_processes, ran.left_files) == ([], [])


def test_nothing_of_what_they_print_comes_through(ran):
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("path", "line"),
    [("memory_bomb.py", 8), ("memory_bomb_at_import.py", 8), ("memory_bomb_elsewhere.py", 16)],
)
def test_a_loss_that_takes_too_much_memory_is_told_with_its_line(ran, path, line):
    (loss,) = (loss for loss in ran.report["losses"] if loss["path"] == path)
    (finding,) = loss["findings"]
    assert finding["message"] == (
        "the process took more than 0.6 GiB of memory while the loss was probed;"
        f" the last line of it that ran is {line}"
    )


def test_what_a_loss_prints_is_shown_on_request_and_harmless(tmp_path):
    shutil.copy(HOSTILE / "output_for_terminals.py", tmp_path)
    shutil.copy(HOSTILE / "output_binary.py", tmp_path)
    command = [sys.executable, "-m", "losscheck", "output_for_terminals.py", "output_binary.py", "--verbose"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path / "t"), capture_output=True, check=False
    )
    shown = [line.strip() for line in done.stdout.decode().splitlines() if line.strip().startswith("| ")]
    assert "| ::error::HOSTILE" in shown
    assert any("ABCDEFGHIJKLMNOPQRSTUVWXYZ" in line for line in shown)
    assert not set(done.stdout) & (set(range(32)) - {ord("\n")})


def start(place, *names):
    """Start a run over some of the zoo, and wait until their processes are at work."""
    for name in names:
        shutil.copy(HOSTILE / name, place)
    temporary = place / "temporary"
    process = subprocess.Popen(
        [sys.executable, "-m", "losscheck", *names, "-j", "2", "--timeout", "600"],
        cwd=place,
        env=environment(temporary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a signal for it is not one for the tests
    )
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end and not list(temporary.glob("*/*/stack.txt")):
        time.sleep(0.1)
    return process, temporary


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, b"losscheck: interrupted\n"), (signal.SIGTERM, -signal.SIGTERM, b"")],
)
def test_a_signal_ends_the_run_and_leaves_nothing(tmp_path, number, code, words):
    process, temporary = start(tmp_path, "hangs_in_c.py", "hangs_at_a_lock.py")
    assert len(processes_of(str(temporary))) >= 3, "the command line, the server and a child"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, b"", words)
    end = time.monotonic() + 20
    while (processes_of(str(temporary)) or list(temporary.iterdir())) and time.monotonic() < end:
        time.sleep(0.1)
    assert (processes_of(str(temporary)), list(temporary.iterdir())) == ([], [])
