"""``losscheck --server start``, ``stop`` and ``status``."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from losscheck.choices import Device, ServerAction
from losscheck.exceptions import LosscheckError
from losscheck.settings import Settings
from losscheck.warm.address import (
    DESK_SUFFIX,
    SUFFIX,
    check_private,
    desk_likeness,
    folder,
    likeness,
    make_private,
    socket_in,
)
from losscheck.warm.daemon import Start
from losscheck.warm.wire import PATIENCE, connect
from losscheck.worker.interpreter import choose_interpreter
from losscheck.worker.messages import NO_FORK, can_fork
from losscheck.worker.orphans import descendants
from losscheck.worker.process import server_command

#: Environment variable: seconds without a run after which a server ends.
IDLE = "LOSSCHECK_SERVER_IDLE"
_DEFAULT_IDLE = 1800.0
#: Seconds that it gets to end a run, its worker and itself.
_FAREWELL = 15.0
#: Exit code of ``status`` where a run from here would find no server.
_NOT_RUNNING = 1


@dataclass(frozen=True)
class Running:
    """A server of this user."""

    path: Path  #: of its socket
    pid: int
    status: dict[str, Any] | None  #: what it says of itself; None: it does not answer


def act(action: ServerAction, settings: Settings) -> tuple[int, str]:
    """Do what is asked of the server; the exit code and a line to show.

    Raises:
        LosscheckError: it cannot be done.

    """
    if not can_fork():
        reason = f"{NO_FORK} forbids" if os.environ.get(NO_FORK) else "this system does not allow"
        raise LosscheckError(f"a server checks each loss in a fork of itself, which {reason}")
    if action is ServerAction.START:
        return 0, _start(settings)
    place = Path(folder())
    if action is ServerAction.STOP:
        stopped = [f"server stopped (pid {_stop(server)})" for server in list(_servers(place))]
        return 0, "\n".join(stopped) or "server not running"
    return _status(place, settings)


def _start(settings: Settings) -> str:
    place = Path(folder())
    python, device, idle = _python(settings), Device(settings.of_run("device")), _idle()
    make_private(str(place))
    with _alone(place):
        path = socket_in(str(place), likeness(python, device))
        for server in _servers(place):
            if str(server.path) == path and server.status is not None:
                return f"server already running (pid {server.pid})"
            if str(server.path) == path:
                _stop(server)
        desk = socket_in(str(place), desk_likeness(), DESK_SUFFIX)
        log = f"{os.path.splitext(path)[0]}.log"
        told = _launch(Start(path, desk, log, python, device.value, idle))
    return f"server started (pid {told['pid']}): {_versions(told)}; {_ends(told)}"


def _launch(start: Start) -> dict[str, Any]:
    """Start a server and wait until it has imported TensorFlow.

    Raises:
        LosscheckError: it has not.

    """
    log = Path(start.log)
    with log.open("wb") as file:
        process = subprocess.Popen(
            server_command(sys.executable, "losscheck.warm.daemon"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            start_new_session=True,
        )
    try:
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):  # it has died: it says nothing either
            process.stdin.write(json.dumps(asdict(start)).encode() + b"\n")
            process.stdin.close()
        line = process.stdout.readline()
        process.stdout.close()
        told: dict[str, Any] = json.loads(line) if line else {"failure": _last_line(log)}
    except BaseException:
        _kill(process.pid)
        log.unlink(missing_ok=True)
        raise
    if "failure" in told:
        process.wait()
        log.unlink(missing_ok=True)
        raise LosscheckError(f"the server cannot start: {told['failure']}")
    process.returncode = 0  # it lives on: no warning that nobody waits for it
    return told


def _stop(server: Running) -> int:
    """End a server and everything below it; its number."""
    if server.status is not None:
        with contextlib.suppress(OSError, ValueError):
            wire = connect(str(server.path), PATIENCE)
            if wire is not None:
                with wire:
                    wire.send(PATIENCE, ask="stop")
                    wire.receive(PATIENCE)
                    wire.receive(_FAREWELL)  # closes when the process is gone
    if _is_alive(server.pid):
        _kill(server.pid)
    _clean_up(server.path)
    return server.pid


def _status(place: Path, settings: Settings) -> tuple[int, str]:
    own = f"{likeness(_python(settings), Device(settings.of_run('device')))}{SUFFIX}"
    servers = sorted(_servers(place), key=lambda server: server.path.name != own)
    lines = [_described(server, server.path.name == own) for server in servers]
    if any(server.path.name == own and server.status for server in servers):
        return 0, "\n".join(lines)
    return _NOT_RUNNING, "\n".join(["server not running: `losscheck --server start` starts it", *lines])


def _described(server: Running, is_own: bool) -> str:
    told = server.status
    title = "server running" if is_own else "another server, of another losscheck, interpreter or environment"
    if told is None:
        return f"{title} (pid {server.pid}), but it does not answer"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(told["began"]))
    runs = "1 run" if told["runs"] == 1 else f"{told['runs']} runs"
    return f"{title} (pid {server.pid}): {_versions(told)}; since {since}, {runs}; {_ends(told)}"


def _versions(told: dict[str, Any]) -> str:
    return f"TensorFlow {told['tensorflow']}, Keras {told['keras']}, Python {told['python']}"


def _ends(told: dict[str, Any]) -> str:
    minutes = told["idle"] / 60
    idle = f"{minutes:g} min" if minutes >= 1 else f"{told['idle']:g} s"
    return f"ends after {idle} without a run"


def _servers(place: Path) -> Iterator[Running]:
    """The servers of this user; what killed ones left is deleted."""
    try:
        check_private(str(place))
    except FileNotFoundError:
        return
    for path in place.glob(f"*{DESK_SUFFIX}"):
        with contextlib.suppress(ConnectionRefusedError):
            if (wire := connect(str(path), PATIENCE)) is not None:
                with wire:
                    continue
        path.unlink(missing_ok=True)
    for path in sorted(place.glob(f"*{SUFFIX}")):
        try:
            wire = connect(str(path), PATIENCE)
        except ConnectionRefusedError:
            _clean_up(path)
            continue
        if wire is None:
            continue
        with wire:
            pid, status = wire.peer, None
            with contextlib.suppress(OSError, ValueError):
                wire.send(PATIENCE, ask="status")
                status = wire.receive(PATIENCE)
        if pid is not None:
            yield Running(path, pid, status)


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the folder while a server starts: a second one waits and then finds it."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _python(settings: Settings) -> str:
    return choose_interpreter(settings.python())


def _idle() -> float:
    told = os.environ.get(IDLE, "")
    try:
        idle = float(told or _DEFAULT_IDLE)
    except ValueError:
        idle = math.nan
    if not 0 < idle < math.inf:
        raise LosscheckError(f"{IDLE} must be a number of seconds above 0, not `{told}`")
    return idle


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it ended without a word")


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _kill(pid: int) -> None:
    """End a server that does not end itself, with what is below it."""
    for process in (pid, *descendants(pid)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def _clean_up(path: Path) -> None:
    for left in (path, path.with_suffix(".log")):
        left.unlink(missing_ok=True)
