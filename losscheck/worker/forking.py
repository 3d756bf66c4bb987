"""A server that checks each loss in a forked child of its own."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from losscheck.worker.ahead import Ahead, await_request
from losscheck.worker.channel import Channel
from losscheck.worker.child import run_child
from losscheck.worker.memory import LOOK_EVERY, MemoryLimit, memory_of
from losscheck.worker.messages import Check, Ended, Request, RequestFiles, Started
from losscheck.worker.orphans import adopt_orphans, kill_orphans

#: Seconds without a loss after which a child is forked for the next one.
_IDLE = 0.1


@dataclass
class _Child:
    """A child that checks a loss; its process group has its number."""

    pid: int
    request: Request
    deadline: float
    memory: MemoryLimit
    is_ahead: bool  #: whether it was there before the request
    timed_out: bool = False

    def has_missed(self, code: int) -> bool:
        """Whether it was killed while it waited, and the request was sent to nobody."""
        return self.is_ahead and code < 0 and not RequestFiles(Path(self.request.folder)).output.exists()

    def kill(self) -> None:
        """Kill it and what it has started."""
        self.kill_group()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # it may not have made its group yet

    def kill_group(self) -> None:
        """Kill what it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class ForkingServer:
    """Forks a child for each request, ends it at its limits of time and memory, and tells how it ended."""

    def __init__(self, channel: Channel, check: Check) -> None:
        self._channel = channel
        self._check = check
        self._children: dict[int, _Child] = {}
        self._ahead: Ahead | None = None
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        adopt_orphans()
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def run(self) -> NoReturn:
        """Serve until the parent is gone; then leave no child behind."""
        try:
            while (requests := self._wait()) is not None:
                for request in requests:
                    self._start(request)
                self._reap()
                self._kill_late()
                self._kill_large()
        except BrokenPipeError:
            pass  # the parent died between two messages
        finally:
            self._end_all()
            self._channel.clean_up()
        os._exit(0)  # TensorFlow takes its time to leave

    def _wait(self) -> list[Request] | None:
        """Sleep until there is something to do; None when the parent is gone."""
        deadlines = [child.deadline for child in self._children.values() if not child.timed_out]
        timeout = _IDLE if self._ahead is None else None
        if deadlines:
            timeout = max(0.0, min(LOOK_EVERY, *(at - time.monotonic() for at in deadlines)))
        ready, _, _ = select.select([self._channel.requests, self._woken], [], [], timeout)
        if not ready and not self._children and self._ahead is None:
            self._fork_ahead()
        if self._woken in ready:
            os.read(self._woken, 4096)
        return self._channel.receive() if self._channel.requests in ready else []

    def _start(self, request: Request) -> None:
        deadline = time.monotonic() + request.limit
        ahead, self._ahead = self._ahead, None
        is_ahead = ahead is not None and ahead.hand_over(request)
        pid = ahead.pid if ahead is not None and is_ahead else self._fork(lambda: request)
        memory = MemoryLimit(pid, request.memory, memory_of(pid))
        self._children[pid] = _Child(pid, request, deadline, memory, is_ahead)
        self._channel.send(Started(request.number, pid))

    def _fork(self, receive: Callable[[], Request], *private: int) -> int:
        """Fork a child; the number of its process.

        Args:
            receive: gives it its request.
            private: descriptors that are none of its business, beside the server's.

        """
        with _no_thread_warning():
            pid = os.fork()
        if pid == 0:
            private = (*self._channel.descriptors, self._woken, self._wake, *private)
            run_child(receive, self._check, private)
        return pid

    def _fork_ahead(self) -> None:
        """Fork a child for the next request while nobody waits for it."""
        pipe, end = os.pipe()
        self._ahead = Ahead(self._fork(lambda: await_request(pipe), end), end)
        os.close(pipe)

    def _reap(self) -> None:
        """Tell how children have ended; what they left behind ends too."""
        has_ended = False
        while (ended := _next_ended()) is not None:
            pid, code = ended
            child = self._children.pop(pid, None)
            if self._ahead is not None and pid == self._ahead.pid:
                self._ahead.close()
                self._ahead = None
            if child is not None:  # else an orphan
                has_ended = True
                child.kill_group()
                if child.has_missed(code):
                    self._start(child.request)
                    continue
                over, number = child.memory.is_exceeded, child.request.number
                self._channel.send(Ended.by(number, code, timed_out=child.timed_out, out_of_memory=over))
        if has_ended:
            kill_orphans((*self._children, *((self._ahead.pid,) if self._ahead else ())))

    def _kill_late(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if now >= child.deadline and not child.timed_out:
                child.timed_out = True
                child.kill()

    def _kill_large(self) -> None:
        for child in self._children.values():
            if not child.timed_out and child.memory.is_over():
                child.kill()

    def _end_all(self) -> None:
        """Kill everything below this process, also what is orphaned only by that."""
        for child in self._children.values():
            child.kill()
        if self._ahead is not None:
            os.kill(self._ahead.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                kill_orphans(())
                os.waitpid(-1, 0)


def _next_ended() -> tuple[int, int] | None:
    """Number and exit status of a child that has ended; None if there is none."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


@contextlib.contextmanager
def _no_thread_warning() -> Iterator[None]:
    """Python 3.12 warns of a fork beside threads; OpenBLAS, which has one, prepares it for forks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
