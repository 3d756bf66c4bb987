"""Checking every loss that some targets name, each in a child process."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import losscheck
from losscheck.choices import Device
from losscheck.earlier import earlier_results
from losscheck.exceptions import ConfigError, TargetError
from losscheck.report import Failure, LossReport, ModeResult, Report, Status, Versions
from losscheck.settings import Settings

if TYPE_CHECKING:
    from losscheck.finding import Location
    from losscheck.loading.target import Found
    from losscheck.loss import FoundLoss
    from losscheck.warm.client import WarmPool
    from losscheck.worker.messages import WorkerOptions
    from losscheck.worker.pool import Pool
    from losscheck.worker.results import Outcome

#: Code of the rule that speaks of a file that cannot be imported.
RAISES_ON_LOAD = "LC010"
#: What the configuration is called where it cannot be read.
_CONFIG = "pyproject.toml"
#: Holds while the losses are probed; gives the function to call for each one done.
Watcher = AbstractContextManager[Callable[[], None]]


@dataclass(frozen=True)
class FoundTargets:
    """What reading the targets gave."""

    losses: tuple[FoundLoss, ...]  #: in the order of the targets, each once
    failures: tuple[Failure, ...]  #: targets that name nothing
    files: int  #: files that were read


def find_targets(
    targets: Iterable[str],
    settings: Settings | None = None,
    find: Callable[[str], Found] | None = None,
) -> FoundTargets:
    """Find the losses of all targets; a target that names nothing does not stop the others.

    ``find`` is `find_losses`, or what remembers its answers.
    """
    from losscheck.loading.target import find_losses

    find = find or find_losses
    losses: dict[tuple[Path, str], FoundLoss] = {}
    failures: list[Failure] = []
    files = 0
    for target in dict.fromkeys(targets):
        try:
            found = find(target)
        except TargetError as error:
            failures.append(Failure(target, "target", type(error).__name__, str(error)))
            continue
        failures += [Failure(target, "target", "SyntaxError", problem) for problem in found.problems]
        failures += [Failure(path, "target", "TargetError", reason) for path, reason in found.unreadable]
        files += found.files
        for loss in found.losses:
            losses.setdefault((Path(loss.path).resolve(), loss.name), loss)
    configured = tuple(_configured(losses.values(), settings or Settings(), failures))
    return FoundTargets(configured, tuple(failures), files)


def _configured(
    losses: Iterable[FoundLoss], settings: Settings, failures: list[Failure]
) -> Iterator[FoundLoss]:
    """The losses with what their project's configuration says of them; a broken one is said once."""
    for loss in losses:
        path = Path(loss.path)
        try:
            settings.of_file(path)
            yield replace(loss, spec_config=settings.specs_of(path, loss.name))
        except ConfigError as error:
            failure = Failure(_CONFIG, "config", type(error).__name__, str(error))
            if failure not in failures:
                failures.append(failure)


def check_targets(
    targets: Iterable[str],
    options: Callable[[FoundLoss], WorkerOptions],
    *,
    settings: Settings,
    watch: Callable[[int], Watcher] = lambda total: contextlib.nullcontext(lambda: None),
    pool: Callable[[Settings, int], Pool | WarmPool] | None = None,
) -> Report:
    """Check every loss of the targets.

    Args:
        targets: files, folders, modules, each with or without ``:name``.
        options: makes the options of the child that checks a loss.
        settings: what the command line and the project say.
        watch: called with the number of losses once the children start.
        pool: makes the workers for so many losses, `new_pool` or `find_pool`; None: the former.

    Raises:
        LosscheckError: the interpreter cannot probe losses.

    """
    started = time.perf_counter()
    found = find_targets(targets, settings)
    failures = list(found.failures)
    reports: dict[int, LossReport] = {}
    versions = Versions(losscheck.__version__, platform.python_version())
    earlier = earlier_results(settings, found.losses, options)
    for index, kept in earlier.found.items():
        reports[index] = kept.report
        versions = replace(versions, python=kept.python, tensorflow=kept.tensorflow, keras=kept.keras)
    if due := [index for index in range(len(found.losses)) if index not in reports]:
        losses = [found.losses[index] for index in due]
        with (pool or new_pool)(settings, len(due)) as workers, watch(len(due)) as tick:
            for outcome in probe(workers, losses, options):
                failures += [failure for failure in outcome.failures if not is_said(failure, failures)]
                versions = versions_of(workers)
                if outcome.report is not None:
                    reports[due[outcome.index]] = outcome.report
                    earlier.keep(losses[outcome.index], outcome, versions)
                tick()
        earlier.close()
    return Report(
        versions=versions,
        losses=said_once([report for _, report in sorted(reports.items())]),
        failures=tuple(failures),
        files=found.files,
        seconds=time.perf_counter() - started,
    )


def new_pool(settings: Settings, count: int | None = None) -> Pool:
    """The workers that the settings ask for, for so many losses.

    Raises:
        LosscheckError: the interpreter cannot probe losses.

    """
    from losscheck.worker.interpreter import choose_interpreter
    from losscheck.worker.pool import Pool

    jobs = settings.of_run("jobs")
    return Pool(
        jobs=jobs if count is None else min(jobs, count),
        timeout=settings.of_run("timeout"),
        memory=settings.of_run("memory"),
        device=Device(settings.of_run("device")),
        python=choose_interpreter(settings.python()),
    )


def find_pool(settings: Settings, count: int) -> WarmPool:
    """The workers of a running server that is this run's like, else its own.

    Raises:
        LosscheckError: as for `new_pool`, once it is entered.

    """
    from losscheck.warm.client import WarmPool
    from losscheck.worker.terms import Terms

    def python() -> str:
        from losscheck.worker.interpreter import choose_interpreter

        return choose_interpreter(settings.python())

    return WarmPool(
        Terms(min(settings.of_run("jobs"), count), settings.of_run("timeout"), settings.of_run("memory")),
        Device(settings.of_run("device")),
        python,
        lambda: new_pool(settings, count),
    )


def probe(
    pool: Pool | WarmPool,
    losses: Sequence[FoundLoss],
    options: Callable[[FoundLoss], WorkerOptions],
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[Outcome]:
    """What becomes of each loss, its lines told as a notebook's cells; none gets lost without a word.

    ``is_over`` breaks off, see `Pool.run`.
    """
    from losscheck.loading.cells import in_cells

    is_broken = False  # the worker cannot start: said once, for the whole run
    for outcome in pool.run(losses, options, is_over):
        is_broken = is_broken or any(not failure.target for failure in outcome.failures)
        if outcome.report is not None:
            yield replace(outcome, report=in_cells(outcome.report))
        elif not outcome.failures and not is_broken:
            yield replace(outcome, failures=(_no_answer(losses[outcome.index]),))
        else:
            yield outcome


def versions_of(pool: Pool | WarmPool) -> Versions:
    """What the losses were probed with."""
    python = pool.python or platform.python_version()
    return Versions(losscheck.__version__, python, pool.tensorflow, pool.keras)


def said_once(reports: Iterable[LossReport]) -> tuple[LossReport, ...]:
    """The reports; what keeps a whole file from being imported is told of its first loss alone."""
    told: dict[tuple[str, Location], str] = {}
    kept = []
    for report in reports:
        raised = next((f for f in report.findings if f.code == RAISES_ON_LOAD), None)
        first = told.setdefault((raised.message, raised.location), report.name) if raised else report.name
        if first == report.name:
            kept.append(report)
            continue
        reason = f"its file cannot be imported, see `{first}`"
        modes = {mode: ModeResult(Status.SKIPPED, reason) for mode in report.modes}
        others = tuple(finding for finding in report.findings if finding is not raised)
        kept.append(replace(report, findings=others, modes=modes))
    return tuple(kept)


def is_said(failure: Failure, earlier: Iterable[Failure]) -> bool:
    """Whether the same was said of another loss: a model that cannot be built fails for each of them."""
    return failure.stage == "inputs" and failure.message in {
        e.message for e in earlier if e.stage == "inputs"
    }


def _no_answer(loss: FoundLoss) -> Failure:
    """A loss that got lost must not look clean."""
    reason = "the child process gave neither a report nor a reason"
    return Failure(loss.target, "worker", "NoAnswer", reason, is_bug=True)
