"""The run's side: checks losses in a server that is its like, and by itself where there is none."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from types import TracebackType
from typing import TYPE_CHECKING

from losscheck.choices import Device
from losscheck.exceptions import LosscheckError
from losscheck.loss import FoundLoss
from losscheck.warm import OFF
from losscheck.warm.address import SUFFIX, check_private, folder, likeness, socket_in
from losscheck.worker.results import Outcome, read
from losscheck.worker.terms import Place, Terms
from losscheck.worker.wall import environment

if TYPE_CHECKING:
    from losscheck.warm.wire import Wire
    from losscheck.worker.messages import WorkerOptions
    from losscheck.worker.pool import Pool


class WarmPool:
    """A pool in place of `Pool`: it gives the very same outcomes, with a server or without.

    Entering it looks for a server; without one it enters the run's own pool.

    Args:
        terms: limits of the run.
        device: where losses run.
        python: gives the interpreter that runs them.
        own: makes the workers of a run without a server.

    """

    def __init__(
        self, terms: Terms, device: Device, python: Callable[[], str], own: Callable[[], Pool]
    ) -> None:
        self.tensorflow = ""  #: version in the worker; empty before the first outcome
        self.keras = ""  #: version in the worker; empty before the first outcome
        self.python = ""  #: version of the worker's interpreter; empty before the first outcome
        self._terms = terms
        self._device = device
        self._interpreter = python
        self._make_own = own
        self._own: Pool | None = None
        self._wire: Wire | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> WarmPool:
        self._wire = find_server(self._interpreter, self._device)
        if self._wire is None:
            self._enter_own()
        else:
            self._open.enter_context(self._wire)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(exc_type, exc_value, exc_traceback)

    def run(
        self,
        losses: Sequence[FoundLoss],
        options: Callable[[FoundLoss], WorkerOptions],
        is_over: Callable[[], bool] = lambda: False,
    ) -> Iterator[Outcome]:
        """Check losses; what a server leaves undone, whatever became of it, is checked here.

        Args:
            losses: the losses.
            options: gives what the user said about how to check one of them.
            is_over: as for `Pool.run`; while a server works it is asked between two outcomes.

        """
        left = dict(enumerate(losses))
        if self._wire is not None:
            with contextlib.suppress(OSError, ValueError):
                for outcome in self._ask(self._wire, losses, options):
                    del left[outcome.index]
                    yield outcome
                    if not left or is_over():
                        return
        own = self._enter_own()
        indices = tuple(left)
        for outcome in own.run(tuple(left.values()), options, is_over):
            self.tensorflow, self.keras, self.python = own.tensorflow, own.keras, own.python
            yield replace(outcome, index=indices[outcome.index])

    def _ask(
        self, wire: Wire, losses: Sequence[FoundLoss], options: Callable[[FoundLoss], WorkerOptions]
    ) -> Iterator[Outcome]:
        """What a server finds.

        Raises:
            OSError: it has no time, says nothing or ends.
            ValueError: it says something else.

        """
        from losscheck.warm.wire import AT_ONCE, SILENCE

        umask = os.umask(0o077)
        os.umask(umask)
        place = Place(os.getcwd(), environment(self._device), umask)
        wire.send(
            AT_ONCE,
            ask="run",
            losses=[asdict(loss) for loss in losses],
            options=[asdict(options(loss)) for loss in losses],
            terms=asdict(replace(self._terms, place=place)),
        )
        told = wire.receive(AT_ONCE)
        if "is_busy" in told:
            raise BlockingIOError
        self.tensorflow, self.keras, self.python = told["tensorflow"], told["keras"], told["python"]
        while True:
            told = wire.receive(SILENCE)
            result = read(told["result"])
            yield Outcome(told["index"], result.report, result.failures, result.footprint)

    def _enter_own(self) -> Pool:
        if self._own is None:
            self._own = self._open.enter_context(self._make_own())
        return self._own


def find_server(python: Callable[[], str], device: Device) -> Wire | None:
    """A connection to the server that is this run's like; None if there is none.

    Args:
        python: gives the interpreter that runs the losses.
        device: where they run.

    """
    if sys.platform != "linux" or os.environ.get(OFF):
        return None
    place = folder()
    try:
        check_private(place)
        if not any(name.endswith(SUFFIX) for name in os.listdir(place)):
            return None
        path = socket_in(place, likeness(python(), device))
        if not os.path.exists(path):
            return None
    except (OSError, LosscheckError):
        return None
    from losscheck.warm.wire import AT_ONCE, connect

    with contextlib.suppress(ConnectionRefusedError):  # what a killed server left
        return connect(path, AT_ONCE)
    return None
