"""The worker processes of a pool and the folder of their files; none outlives it."""

from __future__ import annotations

import queue
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from losscheck.choices import Device
from losscheck.worker.messages import Message
from losscheck.worker.process import WorkerProcess


class Crew:
    """Starts and stops workers.

    Args:
        command: command line of the server.
        forks: whether a worker forks a child for each loss.
        device: where losses run.

    """

    def __init__(self, command: Sequence[str], forks: bool, device: Device = Device.CPU) -> None:
        self.workers: list[WorkerProcess] = []
        #: what they say
        self.events: queue.SimpleQueue[tuple[WorkerProcess, Message | None]] = queue.SimpleQueue()
        self._command = tuple(command)
        self._forks = forks
        self._device = device
        self._starts = 0

    def __enter__(self) -> Crew:
        self.folder = Path(tempfile.mkdtemp(prefix="losscheck-"))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        try:
            for worker in tuple(self.workers):
                self.stop(worker)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start another worker.

        Raises:
            OSError: the interpreter cannot be started.

        """
        self._starts += 1
        log = self.folder / f"worker-{self._starts}.log"
        self.workers.append(WorkerProcess(self._command, log, self._forks, self.events, self._device))

    def stop(self, worker: WorkerProcess) -> None:
        """End a worker and what it has started."""
        self.workers.remove(worker)
        worker.stop()

    def dismiss(self) -> None:
        """End the workers of no more use: one that has died, one that has run the user's code itself."""
        for worker in tuple(self.workers):
            has_died = worker.exit_code is not None and worker.hello is not None
            if has_died or (worker.is_used and not self._forks):
                self.stop(worker)
