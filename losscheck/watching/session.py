"""The loop of ``--watch``: check all once, then on each save what it concerns, until Ctrl-C."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import losscheck
from losscheck.checking import Watcher, is_said, probe, said_once, versions_of
from losscheck.loading.address import shown_path
from losscheck.loss import FoundLoss
from losscheck.report import Failure, Report, Versions
from losscheck.watching.stamps import Stamps
from losscheck.watching.survey import Key, Survey, Surveyed
from losscheck.worker.pool import Pool, WorkerOptions
from losscheck.worker.results import Outcome


@dataclass(frozen=True)
class Display:
    """Where the session shows what it does."""

    changed: Callable[[Sequence[str]], None]  #: files that were saved
    report: Callable[[Report], None]  #: what was checked just now
    state: Callable[[Report, int], None]  #: how all losses stand, and how many files are watched
    watch: Callable[[int], Watcher]  #: as for `check_targets`


class Session:
    """Checks losses again and again.

    Args:
        survey: finds the losses.
        pool: makes the workers, once there is a loss.
        options: makes the options of the child that checks a loss.
        display: gets the reports.
        judged: gives a report what fails it, and leaves out what is known.

    """

    def __init__(
        self,
        survey: Survey,
        pool: Callable[[], Pool],
        options: Callable[[FoundLoss], WorkerOptions],
        display: Display,
        judged: Callable[[Report], Report],
    ) -> None:
        self._survey = survey
        self._make_pool = pool
        self._pool: Pool | None = None
        self._display = display
        self._options = options
        self._judged = judged
        self._stamps = Stamps(survey.paths)
        self._now = Surveyed()
        self._outcomes: dict[Key, Outcome] = {}
        self._said: tuple[Failure, ...] = ()
        self._versions = Versions(losscheck.__version__, platform.python_version())

    def run(self) -> Report:
        """Watch until Ctrl-C; the report on all losses as they were then.

        It ends by itself where there is nothing to wait for: no target names anything, no worker starts.

        Raises:
            KeyboardInterrupt: Ctrl-C came before all losses were checked once.
            LosscheckError: the interpreter cannot probe losses.

        """
        with contextlib.ExitStack() as stack:
            due = self._read(())
            is_first = True
            try:
                while True:
                    due = self._check(due, stack)
                    whole = self._whole()
                    is_lost = not whole.files and is_first  # no target names a file
                    if is_lost or any(not failure.target for failure in whole.failures):
                        return whole
                    if not due:
                        is_first = False
                        self._display.state(whole, self._stamps.files)
                    if changed := self._stamps.wait(is_patient=not due):
                        self._display.changed(sorted(map(shown_path, changed)))
                        due = self._read(changed, due)
            except KeyboardInterrupt:
                if is_first:
                    raise
                return self._whole()

    def _read(self, changed: Iterable[Path], left: Iterable[Key] = ()) -> list[Key]:
        """Read the targets; the losses to check: those that a change concerns, then those that were left."""
        before, now = self._now, self._survey.read(changed)
        self._now = now
        self._stamps.settle()
        files = frozenset(changed)
        concerned = [
            key
            for key, loss in now.losses.items()
            if key not in before.losses or files & loss.files or loss.differs_from(before.losses[key])
        ]
        return list(dict.fromkeys([*concerned, *(key for key in left if key in now.losses)]))

    def _check(self, due: Sequence[Key], stack: contextlib.ExitStack) -> list[Key]:
        """Check losses and show what was found; those that are left since a file was saved meanwhile."""
        started = time.perf_counter()
        fresh: dict[Key, Outcome] = {}
        if due:
            losses = [self._now.losses[key] for key in due]
            files = frozenset[Path]().union(*(loss.files for loss in losses))
            if self._pool is None:
                self._pool = stack.enter_context(self._make_pool())
            with self._display.watch(len(losses)) as tick:
                for outcome in probe(
                    self._pool,
                    [loss.found for loss in losses],
                    self._options,
                    lambda: self._stamps.has_changed(files),
                ):
                    fresh[due[outcome.index]] = outcome
                    tick()
            self._versions = versions_of(self._pool)
            self._pool.renew()
        self._outcomes |= fresh
        new = [failure for failure in self._now.failures if failure not in self._said]
        self._said = self._now.failures
        report = self._report(fresh, new, time.perf_counter() - started)
        if report.losses or report.failures:
            self._display.report(report)
        return [key for key in due if key not in fresh]

    def _whole(self) -> Report:
        """The report on all losses as they were when they were last checked."""
        return self._report(self._now.losses, self._now.failures)

    def _report(self, keys: Container[Key], said: Iterable[Failure], seconds: float = 0.0) -> Report:
        failures = list(said)
        reports = []
        for key in self._now.losses:
            if key in keys and (outcome := self._outcomes.get(key)) is not None:
                failures += [failure for failure in outcome.failures if not is_said(failure, failures)]
                reports += [outcome.report] if outcome.report is not None else []
        report = Report(
            versions=self._versions,
            losses=said_once(reports),
            failures=tuple(failures),
            files=self._now.files,
            seconds=seconds,
        )
        return self._judged(report)
