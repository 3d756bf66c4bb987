"""The parent's handle of one worker process."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from losscheck.choices import Device
from losscheck.worker.messages import (
    Ended,
    Goodbye,
    Hello,
    Message,
    Request,
    Started,
    Welcome,
    decode,
    encode,
)
from losscheck.worker.orphans import descendants
from losscheck.worker.wall import environment

#: Seconds that an idle worker gets to end its children and itself; it needs milliseconds.
_FAREWELL = 2.0
#: Runs a module of this very losscheck in any interpreter: it puts no folder on `sys.path` (neither the
#: working directory, whose `types.py` would be taken for Python's, nor the place where losscheck lies).
_BOOTSTRAP = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib.util import module_from_spec, spec_from_file_location
folder = sys.argv.pop()
spec = spec_from_file_location("losscheck", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["losscheck"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["losscheck"])
from importlib import import_module
import_module(sys.argv.pop()).main()
"""


def server_command(python: str, module: str = "losscheck.worker.server") -> tuple[str, ...]:
    """The command line that runs ``main`` of a module of this losscheck in an interpreter."""
    return (python, "-c", _BOOTSTRAP, module, str(Path(__file__).resolve().parent.parent))


class WorkerProcess:
    """A worker process, started at once; what it says arrives in a queue.

    Args:
        command: command line of the server.
        log: file for what the server prints itself.
        forks: whether it will fork a child for each loss.
        events: gets ``(self, message)``, and ``(self, None)`` once the process has ended.
        device: where its losses run.

    Raises:
        OSError: the interpreter cannot be started.

    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        forks: bool,
        events: queue.SimpleQueue[tuple[WorkerProcess, Message | None]],
        device: Device = Device.CPU,
    ) -> None:
        self.hello: Hello | None = None
        self.is_used = False  #: whether it was given a loss
        self.started = time.monotonic()
        self._log = log
        self._forks = forks
        self._events = events
        self._children: dict[int, int] = {}
        self._unwanted: set[int] = set()
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=environment(device),
                start_new_session=True,  # Ctrl-C is for the parent alone
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        self._reader = threading.Thread(target=self._read, name="losscheck-worker", daemon=True)
        self._reader.start()
        self.send(Welcome(str(log.parent)))

    @property
    def pid(self) -> int:
        """Its number, which is also that of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def send(self, message: Welcome | Request | Goodbye) -> None:
        """Hand over a message; if the worker has just died, the queue will say so."""
        assert self._process.stdin is not None
        self.is_used = self.is_used or isinstance(message, Request)
        with contextlib.suppress(OSError):
            self._process.stdin.write(encode(message))
            self._process.stdin.flush()

    def kill_child(self, number: int) -> None:
        """End the child that checks a request, now or as soon as it is known; the server goes on."""
        self._unwanted.add(number)
        if (pid := self._children.get(number)) is not None:
            _kill_child(pid)

    def stop(self) -> None:
        """End the process and everything that it or its losses have started."""
        assert self._process.stdin is not None and self._process.stdout is not None
        family = descendants(self._process.pid)  # at the goodbye it may end at once, and they are nobody's
        self.send(Goodbye())
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if self.hello and self._forks:  # it listens at any time
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_FAREWELL)
        family |= descendants(self._process.pid)
        _kill_group(self._process.pid)
        for pid in family:  # some have left the group
            _kill(pid)
        for pid in tuple(self._children.values()):
            _kill_group(pid)
        self._process.kill()
        self._process.wait()
        self._reader.join(_FAREWELL)
        if not self._reader.is_alive():
            self._process.stdout.close()

    def last_words(self) -> str:
        """The last line that the server wrote to its log."""
        with contextlib.suppress(OSError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(
                ValueError, KeyError, TypeError
            ):  # a loss found the pipe and wrote there
                message = decode(line)
                if isinstance(message, Started):
                    self._children[message.number] = message.pid
                    if message.number in self._unwanted:
                        _kill_child(message.pid)
                elif isinstance(message, Ended):
                    self._children.pop(message.number, None)
                self._events.put((self, message))
        self._process.wait()
        self._events.put((self, None))


def _kill_child(pid: int) -> None:
    """Kill a child and what it has started; it may not have made its group yet."""
    _kill_group(pid)
    _kill(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _kill_group(pid: int) -> None:
    """Kill a process and what it has started; it may be gone already."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True, check=False)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
