"""The server: holds a pool whose worker has imported TensorFlow, and lends it to one run at a time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import losscheck
from losscheck.choices import DEFAULT_MEMORY, DEFAULT_TIMEOUT, Device
from losscheck.warm.address import likeness
from losscheck.warm.wire import BEAT, PATIENCE, Wire, listening
from losscheck.worker.messages import read_loss, read_options
from losscheck.worker.pool import Pool
from losscheck.worker.process import server_command
from losscheck.worker.results import Result, written
from losscheck.worker.terms import Place, Terms

#: Seconds between two looks at whether packages, losscheck or the worker have changed.
_LOOK_EVERY = 60.0


@dataclass(frozen=True)
class Start:
    """What the command that starts a server tells it."""

    socket: str  #: path
    desk: str  #: path of the socket that takes command lines
    log: str  #: path of a file for what nobody expects
    python: str  #: interpreter that runs the losses
    device: str  #: value of a `Device`
    idle: float  #: seconds without a run after which it ends


def main() -> None:
    """Serve what the line on stdin says; one line on stdout tells that TensorFlow is imported, or why not."""
    start = Start(**json.loads(sys.stdin.readline()))
    if path := os.environ.get("PYTHONPATH"):  # as seen from where it was started
        os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, path.split(os.pathsep)))
    os.chdir("/")
    device = Device(start.device)
    with (
        _desk(start.desk),  # which imports while the worker imports TensorFlow
        Pool(
            jobs=1, timeout=DEFAULT_TIMEOUT, memory=DEFAULT_MEMORY, device=device, python=start.python
        ) as pool,
    ):
        failure = pool.wait()
        if failure is not None:
            _tell(failure=failure.message)
            return
        server = Server(pool, start)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.end())
        with listening(start.socket) as listener:
            _tell(**server.status())
            server.serve(listener)


class Server:
    """Answers runs and commands, each in a thread.

    Args:
        pool: the workers, which are ready.
        start: what it was told.

    """

    def __init__(self, pool: Pool, start: Start) -> None:
        self._pool = pool
        self._start = start
        self._likeness = self._now()
        self._began = time.time()
        self._used = time.monotonic()
        self._runs = 0
        self._turn = threading.Lock()  # held by the run that has the pool
        self._end = threading.Event()

    def serve(self, listener: socket.socket) -> None:
        """Serve until it is told to end, nobody has come for long, or a run would no longer be its like."""
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        while not self._end.wait(
            min(_LOOK_EVERY, max(0.0, self._used + self._start.idle - time.monotonic()))
        ):
            if self._turn.acquire(blocking=False):
                with self._taken():
                    self._look()
            else:
                self._used = time.monotonic()
        self._remove()  # no run finds it any more; the one that has the pool breaks off
        self._turn.acquire()

    def end(self) -> None:
        """Have it end soon."""
        self._end.set()

    def status(self) -> dict[str, Any]:
        """What the commands tell of it."""
        return {
            "pid": os.getpid(),
            "losscheck": losscheck.__version__,
            "tensorflow": self._pool.tensorflow,
            "keras": self._pool.keras,
            "python": self._pool.python,
            "interpreter": self._start.python,
            "began": self._began,
            "idle": self._start.idle,
            "runs": self._runs,
        }

    def _look(self) -> None:
        """End where there is no reason to go on; else replace a worker that has died."""
        is_idle = time.monotonic() >= self._used + self._start.idle
        if is_idle or self._now() != self._likeness:
            self.end()
            return
        self._pool.renew()
        if self._pool.wait() is not None:
            self.end()

    def _now(self) -> str:
        return likeness(self._start.python, Device(self._start.device))

    def _remove(self) -> None:
        for path in (self._start.socket, self._start.log):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._turn.release()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed: it ends
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with Wire(connection) as wire, contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if wire.peer is None:
                return
            asked = wire.receive(PATIENCE)
            if asked["ask"] == "run":
                self._lend(wire, asked)
                return
            wire.send(PATIENCE, **self.status())
            if asked["ask"] == "stop":
                self.end()
                threading.Event().wait()  # the connection closes when the process is gone

    def _lend(self, wire: Wire, asked: dict[str, Any]) -> None:
        """Check the losses of a run, if no other one has the pool."""
        if self._end.is_set() or not self._turn.acquire(blocking=False):
            wire.send(PATIENCE, is_busy=True)
            return
        with self._taken():
            self._runs += 1
            try:
                self._check(wire, asked)
            finally:
                os.chdir("/")
                self._used = time.monotonic()

    def _check(self, wire: Wire, asked: dict[str, Any]) -> None:
        pool = self._pool
        losses = [read_loss(loss) for loss in asked["losses"]]
        options = iter([read_options(told) for told in asked["options"]])  # the pool asks in their order
        terms = Terms(**{**asked["terms"], "place": Place(**asked["terms"]["place"])})
        assert terms.place is not None
        os.chdir(terms.place.folder)  # the paths of losses, which the judge of their processes reads
        pool.renew()
        wire.send(PATIENCE, tensorflow=pool.tensorflow, keras=pool.keras, python=pool.python)
        is_over = self._until_gone(wire)
        for outcome in pool.run(losses, lambda _: next(options), is_over, terms):
            if any(not failure.target for failure in outcome.failures):  # no worker starts any more
                self.end()
                return
            text = written(Result(outcome.report, outcome.failures, footprint=outcome.footprint))
            wire.send(PATIENCE, index=outcome.index, result=text)

    def _until_gone(self, wire: Wire) -> Callable[[], bool]:
        """Whether a run has gone, or the server is to end; tells the run now and then that it still works."""
        beat = time.monotonic()

        def is_over() -> bool:
            nonlocal beat
            if self._end.is_set() or wire.is_closed():
                return True
            if time.monotonic() >= beat + BEAT:
                beat = time.monotonic()
                try:
                    wire.send(PATIENCE)
                except OSError:
                    return True
            return False

        return is_over


@contextlib.contextmanager
def _desk(path: str) -> Iterator[None]:
    """A process that takes command lines; it ends with this one, whatever ends it."""
    command = server_command(sys.executable, "losscheck.warm.desk")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it has died: runs do without it
            process.stdin.write(json.dumps(path).encode() + b"\n")
            process.stdin.flush()
        yield


def _tell(**data: Any) -> None:
    """Answer the command that has started this server, which then goes."""
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    os.close(null)
