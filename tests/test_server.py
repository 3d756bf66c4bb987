"""``losscheck --server``: real servers, which give the reports that runs give without one."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from waiting_child import is_waiting

from losscheck.exceptions import LosscheckError
from losscheck.warm import address

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a server forks, on Linux only")

HEAD = "import os\nimport time\nimport tensorflow as tf\n\n\ndef {}_loss(y_true, y_pred):\n"
BODY = "    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)\n"
LOSSES = {
    "clean": BODY,
    "broken": BODY.replace("y_pred)", "tf.round(y_pred))"),
    "hanging": "    while True: time.sleep(0.01)\n",
    "exiting": "    os._exit(3)\n",
    "printing": f"    print('here I am')\n{BODY}",
    "raising": "    return y_true.no_such_name\n",
}
AWARE = (
    "import os\nimport tensorflow as tf\nfrom helper import WORD\n"
    "print(WORD, os.environ.get('SHIFT'), os.getcwd(), open('here.txt').read())\n\n\n"
    f"def aware_loss(y_true, y_pred):\n{BODY}"
)
STARTED = re.compile(
    r"server started \(pid (\d+)\): TensorFlow \S+, Keras \S+, Python \S+; ends after 30 min without a run\n"
)


class Place:
    """A folder for sockets, and runs that look for a server there."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lc"))  # a socket's path is short
        self.sockets = self.folder / "losscheck"

    def popen(self, *arguments, cwd="/", **environment):
        clean = {name: value for name, value in os.environ.items() if name != "LOSSCHECK_NO_SERVER"}
        return subprocess.Popen(
            [sys.executable, "-m", "losscheck", *arguments],
            cwd=cwd,
            env=clean
            | {"XDG_RUNTIME_DIR": str(self.folder), "NO_COLOR": "1", "COLUMNS": "100"}
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *arguments, **more):
        with self.popen(*arguments, **more) as process:
            out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    def processes(self):
        """All that was started from here and is still there, but for the child that waits for a loss."""
        mark = f"XDG_RUNTIME_DIR={self.folder}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_zombie = (process / "stat").read_text().rpartition(") ")[2].startswith("Z")
                is_ours = mark in (process / "environ").read_bytes()
                if is_ours and not is_zombie and not is_waiting(process.name):
                    found.append(int(process.name))
        return sorted(found)

    def files(self):
        return sorted(path.name for path in self.sockets.iterdir())

    def status(self):
        return self.run("--server", "status")

    def runs(self):
        """How many runs the server has checked losses for."""
        return int(re.search(r", (\d+) runs?;", self.status()[1])[1])

    def close(self):
        self.run("--server", "stop")
        shutil.rmtree(self.folder)


def wait_for(is_true):
    end = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)


def untimed(report):
    if isinstance(report, dict):
        return {key: untimed(value) for key, value in report.items() if key != "seconds"}
    return [untimed(entry) for entry in report] if isinstance(report, list) else report


def without_times(text):
    return re.sub(r"\d+\.\d+ s\b", "… s", text)


@pytest.fixture(scope="module")
def place():
    place = Place()
    yield place
    place.close()
    assert place.processes() == []


@pytest.fixture(scope="module")
def pid(place):
    """The number of the server that two commands at once have started."""
    both = [place.popen("--server", "start") for _ in range(2)]
    said = sorted(process.communicate(timeout=300)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    started = STARTED.fullmatch(said[1])
    assert said[0] == f"server already running (pid {started[1]})\n"
    return int(started[1])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name, body in LOSSES.items():
        (folder / f"{name}.py").write_text(HEAD.format(name) + body)
    (folder / "unimportable.py").write_text("import gone\n" + HEAD.format("lost") + BODY)
    return folder


ARGUMENTS = (".", "gone.py", "--timeout", "6", "--format", "json", "--output", "text:report.txt", "--repro")


@pytest.fixture(scope="module")
def both(place, pid, project):
    """JSON, text, scripts and exit code with the server and without, and how many runs the server had."""
    before = place.runs()
    told = []
    for name, more in (("with", {}), ("without", {"LOSSCHECK_NO_SERVER": "1"})):
        scripts = project.parent / f"{name}-server"
        code, out, err = place.run(*ARGUMENTS, str(scripts), cwd=project, **more)
        texts = {path.name: path.read_text() for path in sorted(scripts.iterdir())}
        text = (project / "report.txt").read_text()
        told.append((code, untimed(json.loads(out)), without_times(text), err.replace(name, "…"), texts))
    return told, place.runs() - before


def test_a_run_uses_the_server_without_being_told_and_only_where_it_may(both):
    assert both[1] == 1


@pytest.mark.parametrize("part", range(5), ids=["code", "json", "text", "stderr", "scripts"])
def test_the_report_is_the_very_same_as_without_it(both, part):
    (warm, cold), _ = both

    assert warm[part] == cold[part]
    assert warm[part]


def test_the_report_tells_of_the_losses_that_were_meant(both):
    codes = {loss["name"]: {f["code"] for f in loss["findings"]} for loss in both[0][0][1]["losses"]}

    assert codes["hanging_loss"] == {"LC008"}
    assert codes["exiting_loss"] == {"LC009"}
    assert "LC201" in codes["broken_loss"]
    assert codes["lost_loss"] == {"LC010"}


@pytest.fixture
def aware(tmp_path):
    (tmp_path / "aware.py").write_text(AWARE)
    (tmp_path / "helper.py").write_text("WORD = 'first'\n")
    (tmp_path / "here.txt").write_text("read")
    return tmp_path


def printed(place, *arguments, **more):
    _, out, err = place.run(
        *arguments, "--load", "import", "--select", "LC201,LC010", "--format", "json", **more
    )
    assert err == ""
    return json.loads(out)["losses"][0]["output"]


def test_a_loss_sees_the_folder_the_environment_and_the_files_of_its_run(place, pid, aware):
    before = place.runs()

    assert printed(place, "aware.py", cwd=aware, SHIFT="1") == f"first 1 {aware} read\n"
    (aware / "helper.py").write_text("WORD = 'second'\n")
    assert printed(place, "aware.py", cwd=aware) == f"second None {aware} read\n"
    assert place.runs() == before + 2


def test_switched_off_or_under_another_environment_it_is_not_asked(place, pid, tmp_path):
    before = place.runs()
    for arguments, environment in [
        (["--server", "status"], {"TF_ENABLE_ONEDNN_OPTS": "1"}),
        (["--server", "status"], {"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{tmp_path}"}),
        (["--server", "status", "--device", "gpu"], {}),
    ]:
        code, out, _ = place.run(*arguments, **environment)
        assert (code, out.splitlines()[0]) == (
            1,
            "server not running: `losscheck --server start` starts it",
        )
        assert out.splitlines()[1].startswith(
            f"another server, of another losscheck, interpreter or environment (pid {pid}): "
        )
    code, out, _ = place.run("no_such.py", "--no-server")
    assert (code, place.runs()) == (2, before)


def test_ctrl_c_ends_the_run_and_the_server_goes_on(place, pid, project):
    before, running = place.runs(), place.processes()
    process = place.popen("hanging.py", "--timeout", "600", cwd=project)
    wait_for(lambda: place.runs() == before + 1)
    wait_for(lambda: len(place.processes()) >= len(running) + 2)  # the run, and the fork that hangs

    process.send_signal(signal.SIGINT)

    assert (process.communicate(timeout=60), process.returncode) == (("", "losscheck: interrupted\n"), 130)
    wait_for(lambda: place.processes() == running)
    code, out, _ = place.run("clean.py", "--select", "LC201", "--format", "concise", cwd=project)
    assert (code, without_times(out)) == (0, "1 loss checked in … s: clean\n")
    assert place.runs() == before + 2


def test_a_run_that_is_killed_leaves_nothing_behind(place, pid, project):
    before, running = place.runs(), place.processes()
    process = place.popen("hanging.py", "--timeout", "600", cwd=project)
    wait_for(lambda: place.runs() == before + 1)

    process.kill()
    process.communicate()

    wait_for(lambda: place.processes() == running)


def test_a_run_into_a_closed_pipe_ends_as_without_a_server(place, pid, project):
    process = place.popen("clean.py", "--select", "LC201", cwd=project)
    process.stdout.close()

    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 2


def test_one_of_its_processes_alone_holds_tensorflow(place, pid):
    maps = [Path(f"/proc/{process}/maps").read_text() for process in place.processes()]

    assert sorted("tensorflow" in text for text in maps) == [False, False, True]


def test_the_socket_is_for_its_owner_alone(place, pid):
    assert place.sockets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in place.sockets.glob("*.[sd]*")} == {0o600}


def test_a_folder_that_is_open_to_others_is_refused(tmp_path, project):
    other = Place()
    other.sockets.mkdir(mode=0o755)
    try:
        assert other.run("--server", "start") == (
            2,
            "",
            f"losscheck: the folder `{other.sockets}` is open to others (mode 0755): `chmod 700` it\n",
        )
        assert other.run("no_such.py", "--quiet")[0] == 2  # runs do without
    finally:
        shutil.rmtree(other.folder)


def test_a_link_is_no_folder_of_sockets(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")

    with pytest.raises(LosscheckError, match="is no folder"):
        address.make_private(str(tmp_path / "link"))


def test_a_socket_whose_path_is_too_long_is_refused_in_one_line(tmp_path):
    with pytest.raises(LosscheckError, match="is too long for a socket: set XDG_RUNTIME_DIR"):
        address.socket_in(str(tmp_path / ("x" * 100)), "name")


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (
            ["start"],
            {"LOSSCHECK_NO_FORK": "1"},
            "a server checks each loss in a fork of itself, which LOSSCHECK_NO_FORK forbids",
        ),
        (
            ["start"],
            {"LOSSCHECK_SERVER_IDLE": "soon"},
            "LOSSCHECK_SERVER_IDLE must be a number of seconds above 0, not `soon`",
        ),
        (["start", "losses.py"], {}, "`--server start` checks nothing: leave out `losses.py`"),
        (["start", "--python", "no/such"], {}, "no such interpreter: no/such"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(place, arguments, environment, message):
    assert place.run("--server", *arguments, **environment) == (2, "", f"losscheck: {message}\n")


def test_a_server_that_cannot_import_tensorflow_says_why_and_leaves_nothing(place, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise RuntimeError('torn')\n")
    files = place.files()
    code, out, err = place.run(
        "--server", "start", PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    )

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("losscheck: the server cannot start: the worker cannot start with ")
    assert err.endswith(": RuntimeError: torn\n")
    assert place.files() == files


def test_without_a_server_status_says_so_and_stop_has_nothing_to_do():
    other = Place()
    try:
        assert other.status() == (1, "server not running: `losscheck --server start` starts it\n", "")
        assert other.run("--server", "stop") == (0, "server not running\n", "")
    finally:
        shutil.rmtree(other.folder)


@pytest.mark.field
def test_a_killed_server_is_missed_by_nobody_and_another_one_ends_when_it_is_idle(project):
    other = Place()
    try:
        other.run("--server", "start")
        running = other.processes()
        process = other.popen(
            "hanging.py", "clean.py", "--select", "LC008,LC201", "--timeout", "8", "--format", "concise",
            cwd=project,
        )  # fmt: skip
        wait_for(lambda: other.runs() == 1)
        (server,) = {int(re.search(r"pid (\d+)", other.status()[1])[1])}
        os.kill(server, signal.SIGKILL)
        out, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (1, "")
        assert "LC008" in out
        assert without_times(out).endswith("2 losses checked in … s: 1 error\n")
        wait_for(lambda: other.processes() == [])
        assert set(running) & set(other.processes()) == set()

        code, out, _ = other.run("--server", "start", LOSSCHECK_SERVER_IDLE="5")
        assert (code, out.split("; ")[1]) == (0, "ends after 5 s without a run\n")
        wait_for(lambda: other.processes() == [])
        assert other.files() == []
    finally:
        other.close()


@pytest.mark.field
def test_while_it_is_busy_another_run_works_alone(place, pid, project):
    before = place.runs()
    first = place.popen("hanging.py", "--timeout", "600", cwd=project)
    wait_for(lambda: place.runs() == before + 1)

    code, out, _ = place.run("clean.py", "--select", "LC201", "--format", "concise", cwd=project)

    assert (code, without_times(out), place.runs()) == (0, "1 loss checked in … s: clean\n", before + 1)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


def test_stop_leaves_no_process_and_no_file(place, pid):
    assert place.run("--server", "stop") == (0, f"server stopped (pid {pid})\n", "")

    wait_for(lambda: place.processes() == [])
    assert place.files() == []
