"""``losscheck --watch`` as a process: one session, in which files are saved in every way that editors do."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from waiting_child import is_waiting

BROKEN = """\
import tensorflow as tf


def rounded_error(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)), axis=-1)
"""
MENDED = BROKEN.replace("tf.round(y_pred)", "y_pred")
HANGING = BROKEN.replace("    return", "    while True: pass\n    return")
HELPED = """\
import tensorflow as tf
from helper import bend


def bent_error(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - bend(y_pred)), axis=-1)
"""
HELPER = "import tensorflow as tf\n\n\ndef bend(x):\n    return tf.round(x)\n"
SECOND = 1_700_000_000_000_000_000  # nanoseconds
STATE = re.compile(r"^\d\d:\d\d:\d\d · (.*) · Ctrl-C ends$")


class Watching:
    """A running ``losscheck --watch`` and what it has printed."""

    def __init__(self, folder, *arguments, **environment):
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._answers = []
        self._lines = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "losscheck", "--watch", *arguments],
            cwd=folder,
            env=os.environ
            | {"TMPDIR": str(self.temporary), "PYTHONIOENCODING": "utf-8", "COLUMNS": "200", "NO_COLOR": "1"}
            | {"PYTHONDONTWRITEBYTECODE": ""}  # the case in which an old `__pycache__` may be read
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.said = 0

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self._lines.append(line)
                if STATE.match(line):
                    self._answers.append("".join(self._lines))
                    self._lines.clear()
                self._news.notify_all()

    def answer(self):
        """What it prints next, up to the line that tells the state."""
        with self._news:
            assert self._news.wait_for(lambda: len(self._answers) > self.said, timeout=180), self._lines
            self.said += 1
            return self._answers[self.said - 1]

    def wait_for(self, is_true):
        end = time.monotonic() + 180
        while not is_true():
            assert time.monotonic() < end
            time.sleep(0.05)

    def processes(self):
        """All that was started for it and is still there, itself too, but no child that waits for a loss."""
        mark = f"TMPDIR={self.temporary}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes() and not is_waiting(process.name):
                    found.append(int(process.name))
        return found

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def close(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    source = folder / "src"
    source.mkdir()
    (source / "losses.py").write_text(BROKEN)
    (source / "bent.py").write_text(HELPED)
    save(source / "helper.py", HELPER, at=SECOND)
    (source / "model.py").write_text("def build():\n    return 1\n")
    return folder


def save(path, text, at):
    """Write a file whose time of change is that many nanoseconds."""
    path.write_text(text)
    os.utime(path, ns=(at, at))


@pytest.fixture(scope="module")
def session(folder):
    """What is said after each change, by the name of the change; TensorFlow is imported twice in all."""
    watching = Watching(folder, "src", "--format", "concise", "--select", "LC201,LC010", "--timeout", "600")
    source = folder / "src"
    losses = source / "losses.py"
    said = {}
    try:
        said["start"] = watching.answer()
        losses.write_text(MENDED)
        said["mend"] = watching.answer()
        (source / "losses.tmp").write_text(BROKEN)
        (source / "losses.tmp").replace(losses)
        said["rename over"] = watching.answer()
        (source / "other_losses.py").write_text(BROKEN)
        said["new file"] = watching.answer()
        (source / "other_losses.py").unlink()
        said["delete"] = watching.answer()
        losses.write_text(MENDED.replace("y_pred):", "y_pred:"))
        said["syntax error"] = watching.answer()
        losses.write_text(MENDED)
        said["syntax mended"] = watching.answer()
        save(source / "helper.py", HELPER.replace("round", "asinh"), at=SECOND + 1)
        said["helper"] = watching.answer()
        (source / "model.py").write_text("def build():\n    return 2\n")
        said["no loss"] = watching.answer()
        losses.write_text(HANGING)
        watching.wait_for(lambda: len(watching.processes()) > 2)  # losscheck, the server, and the loss
        losses.write_text(BROKEN)
        said["hang mended"] = watching.answer()
        (server,) = (pid for pid in watching.processes() if pid != watching.process.pid)
        os.kill(server, signal.SIGKILL)
        losses.write_text(MENDED)
        said["worker killed"] = watching.answer()
        losses.write_text(BROKEN)
        said["last"] = watching.answer()
        said["exit code"] = watching.end()
        said["left"] = watching.processes(), list(watching.temporary.iterdir())
    finally:
        watching.close()
    return said


def state(answer):
    return STATE.match(answer.splitlines()[-1])[1]


def findings(answer):
    """File, line and code of each finding."""
    return re.findall(r"^(\S+\.py:\d+):\d+: (LC\d+)", answer, re.MULTILINE)


def changed(answer):
    return re.findall(r"^── (.*) changed ─+$", answer, re.MULTILINE)


CUT = [("src/losses.py:5", "LC201")]


def test_at_first_all_losses_are_checked(session):
    assert findings(session["start"]) == [("src/helper.py:5", "LC201"), *CUT]
    assert state(session["start"]) == "2 losses, 2 errors · watching 4 files"
    assert changed(session["start"]) == []


def test_then_only_what_was_saved(session):
    assert changed(session["mend"]) == ["src/losses.py"]
    assert findings(session["mend"]) == []
    assert "\n1 loss checked in " in session["mend"]
    assert state(session["mend"]) == "2 losses, 1 error · watching 4 files"


def test_an_editor_may_save_by_renaming(session):
    assert changed(session["rename over"]) == ["src/losses.py"]
    assert findings(session["rename over"]) == CUT


def test_a_new_file_in_the_folder_is_checked(session):
    assert changed(session["new file"]) == ["src/other_losses.py"]
    assert findings(session["new file"]) == [("src/other_losses.py:5", "LC201")]
    assert state(session["new file"]) == "3 losses, 3 errors · watching 5 files"


def test_a_deleted_file_is_forgotten(session):
    assert changed(session["delete"]) == ["src/other_losses.py"]
    assert "checked in" not in session["delete"]
    assert state(session["delete"]) == "2 losses, 2 errors · watching 4 files"


def test_a_syntax_error_is_a_finding_and_the_watch_goes_on(session):
    assert findings(session["syntax error"]) == [("src/losses.py:4", "LC010")]
    assert state(session["syntax error"]) == "2 losses, 2 errors · watching 4 files"
    assert findings(session["syntax mended"]) == []
    assert state(session["syntax mended"]) == "2 losses, 1 error · watching 4 files"


def test_a_module_that_a_loss_imports_is_watched_and_read_anew_in_the_same_second(session):
    assert changed(session["helper"]) == ["src/helper.py"]
    assert "\n1 loss checked in " in session["helper"]
    assert state(session["helper"]) == "2 losses, clean · watching 4 files"


def test_a_file_without_a_loss_costs_no_check(session):
    assert changed(session["no loss"]) == ["src/model.py"]
    assert "checked in" not in session["no loss"]


def test_a_loss_that_hangs_is_given_up_when_it_is_saved_again(session):
    assert findings(session["hang mended"]) == CUT


def test_a_worker_that_died_is_started_again(session):
    assert findings(session["worker killed"]) == []
    assert state(session["worker killed"]) == "2 losses, clean · watching 4 files"


def test_ctrl_c_gives_the_exit_code_of_the_last_state_and_leaves_nothing(session, folder):
    assert state(session["last"]) == "2 losses, 1 error · watching 4 files"
    assert session["exit code"] == 1
    assert session["left"] == ([], [])
    assert [path.name for path in folder.rglob("__pycache__")] == []


@pytest.mark.field
def test_without_a_fork_a_changed_module_is_read_anew_all_the_same(tmp_path):
    (tmp_path / "bent.py").write_text(HELPED)
    save(tmp_path / "helper.py", HELPER, at=SECOND)
    watching = Watching(
        tmp_path, "bent.py", "--format", "concise", "--select", "LC201", LOSSCHECK_NO_FORK="1"
    )
    try:
        assert findings(watching.answer()) == [("helper.py:5", "LC201")]
        save(tmp_path / "helper.py", HELPER.replace("round", "asinh"), at=SECOND + 1)
        assert findings(watching.answer()) == []
        assert watching.end() == 0
        assert watching.processes() == []
    finally:
        watching.close()
    assert list(watching.temporary.iterdir()) == []


@pytest.fixture
def quick(tmp_path):
    """Run ``losscheck --watch`` where no loss is probed, and interrupt it at its first state."""

    def run(*arguments):
        watching = Watching(tmp_path, *arguments)
        try:
            return watching.answer(), watching.end()
        finally:
            watching.close()

    return run


def test_a_folder_without_a_loss_is_watched_and_clean(quick, tmp_path):
    (tmp_path / "model.py").write_text("x = 1\n")

    answer, code = quick(".")

    assert (state(answer), code) == ("no losses · watching 1 file", 0)


def test_a_target_that_is_not_there_ends_it_at_once(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "losscheck", "--watch", "losess.py"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == "not checked: no such file: losess.py\n\nno loss checked: 1 failure\n"


def test_one_of_several_that_is_not_there_is_waited_for(quick, tmp_path):
    (tmp_path / "model.py").write_text("x = 1\n")

    answer, code = quick("model.py", "soon.py")

    assert "not checked: no such file: soon.py" in answer
    assert (state(answer), code) == ("no losses, 1 failure · watching 1 file", 2)


def test_the_formats_for_machines_are_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "losscheck", "--watch", ".", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (2, "losscheck: `--watch` writes text or concise, not `json`\n")


def test_the_processes_are_really_looked_for(tmp_path):
    (tmp_path / "model.py").write_text("x = 1\n")
    watching = Watching(tmp_path, ".")
    try:
        watching.answer()
        assert watching.processes() == [watching.process.pid]
    finally:
        watching.close()
