"""The parent's side: hands losses to worker processes and yields what became of them.

Nothing here imports TensorFlow.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

from losscheck.choices import DEFAULT_MEMORY, Device
from losscheck.loss import FoundLoss
from losscheck.report import Failure
from losscheck.worker.crew import Crew
from losscheck.worker.memory import LOOK_EVERY, MemoryLimit
from losscheck.worker.messages import (
    Broken,
    Ended,
    Hello,
    Message,
    Request,
    WorkerOptions,
    can_fork,
    signal_name,
)
from losscheck.worker.outcome import Job, Judge, judge_with_engine
from losscheck.worker.process import WorkerProcess, server_command
from losscheck.worker.results import Outcome
from losscheck.worker.stacks import library_folders
from losscheck.worker.terms import Terms

__all__ = ["Outcome", "Pool", "WorkerOptions"]

#: Seconds until a worker must have imported TensorFlow; slow disks take a minute.
_STARTUP_LIMIT = 300.0
#: Seconds that a forking server may be late with ending a loss at its limit.
_GRACE = 10.0
#: Seconds between two looks at limits and at the size of the output.
_TICK = 0.1
_MAX_ATTEMPTS = 2


class Pool:
    """Worker processes that check losses in isolation: no loss can hang, kill or change the parent.

    Entering the pool starts the first worker, which imports TensorFlow while the parent goes on; leaving it
    ends every process and deletes every file.

    Args:
        jobs: how many losses are checked at a time.
        timeout: seconds that one loss may take.
        memory: GiB that one loss may take above the import of TensorFlow.
        device: where losses run.
        options: what the user said about how to check.
        python: interpreter of the workers; losscheck need not be installed for it, TensorFlow must.
        command: command line of another server (tests).
        judge: another judge of the processes that a loss hung or killed (tests).

    """

    def __init__(
        self,
        *,
        jobs: int,
        timeout: float,
        memory: float = DEFAULT_MEMORY,
        device: Device = Device.CPU,
        options: WorkerOptions = WorkerOptions(),  # noqa: B008 - frozen
        python: str = sys.executable,
        command: Sequence[str] | None = None,
        judge: Judge = judge_with_engine,
    ) -> None:
        self.tensorflow = ""  #: version in the worker; empty before the first outcome
        self.keras = ""  #: version in the worker; empty before the first outcome
        self.python = ""  #: version of the worker's interpreter; empty before the first outcome
        self._own_terms = self._terms = Terms(max(1, jobs), timeout, memory)
        self._options = options
        self._judge = judge
        self._forks = can_fork()
        self._crew = Crew(command or server_command(python), self._forks, device)
        self._running: dict[int, tuple[WorkerProcess, Job]] = {}
        self._waiting: deque[Job] = deque()
        self._requests, self._looked = 0, 0.0
        self._broken: Failure | None = None
        self._libraries: frozenset[str] = frozenset()

    def __enter__(self) -> Pool:
        self._crew.__enter__()
        self._start_worker()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        self._crew.__exit__(exc_type, exc_value, exc_traceback)

    def run(
        self,
        losses: Sequence[FoundLoss],
        options: Callable[[FoundLoss], WorkerOptions] | None = None,
        is_over: Callable[[], bool] = lambda: False,
        terms: Terms | None = None,
    ) -> Iterator[Outcome]:
        """Check losses; yields their outcomes as they finish, as often as it is called.

        Args:
            losses: the losses.
            options: gives what the user said about how to check one of them; None: the pool's own options.
            is_over: is asked at least twice a second; True breaks off what is being checked.
            terms: limits and place of these losses alone; None: those of the pool.

        """
        self._terms = terms or self._own_terms
        self._waiting.extend(
            self._job(index, loss, options(loss) if options else self._options)
            for index, loss in enumerate(losses)
        )
        try:
            while (self._waiting or self._running) and not is_over():
                if self._broken and not self._crew.workers:
                    yield from self._give_up(self._broken)
                    return
                self._hand_out()
                yield from self._handle_next()
        finally:
            self._waiting.clear()
            self._abandon()

    def renew(self) -> None:
        """Between two runs: replace a worker that has died, and one that has run the user's code itself."""
        self._crew.dismiss()
        if not self._crew.workers and not self._broken:
            self._start_worker()

    def wait(self) -> Failure | None:
        """Between two runs: wait until TensorFlow is imported; why that cannot be, if it cannot."""
        while not self._broken and not any(worker.hello for worker in self._crew.workers):
            self._hand_out()
            for _ in self._handle_next():
                pass
        return self._broken

    def _abandon(self) -> None:
        """End what is being checked; a server that forks stays, with TensorFlow imported."""
        running = tuple(self._running.items())
        self._running.clear()
        for number, (worker, _) in running:
            if self._forks:
                worker.kill_child(number)
            elif worker in self._crew.workers:
                self._crew.stop(worker)

    def _job(self, index: int, loss: FoundLoss, options: WorkerOptions) -> Job:
        self._requests += 1
        folder = str(self._crew.folder / str(self._requests))
        limits = self._terms.timeout, self._terms.memory
        return Job.of(index, Request(self._requests, loss, options, folder, *limits, self._terms.place))

    def _start_worker(self) -> None:
        try:
            self._crew.start()
        except OSError as error:
            self._break(type(error).__name__, f"the worker cannot start: {error}")

    def _break(self, kind: str, message: str) -> None:
        if self._broken is None:
            self._broken = Failure("", "worker", kind, message)

    def _hand_out(self) -> None:
        """Give waiting losses to free workers and start as many workers as there is work for."""
        wanted = 1 if self._forks else min(self._terms.jobs, len(self._waiting) + len(self._running))
        while len(self._crew.workers) < wanted and not self._broken:
            self._start_worker()
        for worker in self._crew.workers:
            while worker.hello and self._waiting and self._has_room(worker):
                job = self._waiting.popleft()
                job.begin()
                self._running[job.request.number] = (worker, job)
                if not self._forks:  # else the worker itself watches its children
                    job.memory = MemoryLimit(worker.pid, job.request.memory)
                worker.send(job.request)

    def _has_room(self, worker: WorkerProcess) -> bool:
        """Whether it may have the next loss; one that saw its worker die is tried again alone."""
        load = [job for owner, job in self._running.values() if owner is worker]
        is_alone = self._waiting[0].attempts > 0 or any(job.attempts > 1 for job in load)
        return len(load) < (self._terms.jobs if self._forks and not is_alone else 1)

    def _handle_next(self) -> Iterator[Outcome]:
        """Wait for the next event or time limit and draw the conclusions."""
        with contextlib.suppress(queue.Empty):
            worker, message = self._crew.events.get(timeout=self._patience())
            yield from self._handle(worker, message)
        if not self._patience():  # also where so much is said that the queue is never empty
            self._looked = time.monotonic()
            yield from self._handle_time()

    def _handle(self, worker: WorkerProcess, message: Message | None) -> Iterator[Outcome]:
        if worker not in self._crew.workers:
            return  # a last word of one that was stopped
        if isinstance(message, Hello):
            worker.hello = message
            self.tensorflow, self.keras, self.python = message.tensorflow, message.keras, message.python
            self._libraries = frozenset(message.libraries) - frozenset(library_folders())
        elif isinstance(message, Broken):
            self._break(message.type, message.message)
        elif isinstance(message, Ended) and message.number in self._running:
            yield self._conclude(message)
            if message.is_last:
                self._crew.stop(worker)
        elif isinstance(message, Ended):  # of a run that was broken off
            shutil.rmtree(self._crew.folder / str(message.number), ignore_errors=True)
        elif message is None:
            yield from self._handle_death(worker)

    def _patience(self) -> float:
        """Seconds until the next look at what needs one."""
        tick = _TICK if self._forks else LOOK_EVERY
        return max(0.0, self._looked + tick - time.monotonic())

    def _handle_time(self) -> Iterator[Outcome]:
        """Look at limits, output and silent deaths."""
        now = time.monotonic()
        for worker in tuple(self._crew.workers):
            if worker.exit_code is not None and self._crew.events.empty():
                yield from self._handle_death(worker)
            elif not worker.hello and now >= worker.started + _STARTUP_LIMIT:
                self._break("TimeoutError", f"the worker did not start within {_STARTUP_LIMIT:.0f} s")
                self._crew.stop(worker)
        for number, (worker, job) in tuple(self._running.items()):
            job.bound_output()
            is_large = job.memory is not None and job.memory.is_over()
            is_late = now >= job.since + job.request.limit + (_GRACE if self._forks else 0.0)
            if number not in self._running or not (is_large or is_late):
                continue
            if self._forks:
                yield from self._handle_death(worker)
            else:
                self._crew.stop(worker)
                yield self._conclude(Ended(number, timed_out=not is_large, out_of_memory=is_large))

    def _handle_death(self, worker: WorkerProcess) -> Iterator[Outcome]:
        """A worker has ended without being told to."""
        self._crew.stop(worker)
        code = worker.exit_code or 0
        how = f"exit code {code}" if code >= 0 else signal_name(-code)
        if not worker.hello:
            words = worker.last_words()
            self._break(
                "WorkerDied", f"the worker ended while it started ({how}){': ' if words else ''}{words}"
            )
        for job in [job for owner, job in self._running.values() if owner is worker]:
            if not self._forks:
                yield self._conclude(Ended.by(job.request.number, code))
                continue
            del self._running[job.request.number]
            if job.attempts < _MAX_ATTEMPTS:
                self._waiting.appendleft(job)
            else:
                yield job.lost(f"the worker process died twice while it checked this loss ({how})")

    def _conclude(self, ended: Ended) -> Outcome:
        _, job = self._running.pop(ended.number)
        return job.conclude(ended, self._judge, self._libraries)

    def _give_up(self, failure: Failure) -> Iterator[Outcome]:
        """No worker can be started: no loss is checked, and the reason is said once."""
        failures: tuple[Failure, ...] = (failure,)
        while self._waiting:
            yield Outcome(self._waiting.popleft().index, None, failures)
            failures = ()
