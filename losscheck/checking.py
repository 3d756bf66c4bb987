"""Checking every loss that some targets name, each in a child process."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import losscheck
from losscheck.exceptions import ConfigError, TargetError
from losscheck.report import Failure, LossReport, ModeResult, Report, Status, Versions
from losscheck.worker.wall import DEFAULT_MEMORY, Device

if TYPE_CHECKING:
    from losscheck.finding import Location
    from losscheck.loss import FoundLoss
    from losscheck.worker.pool import WorkerOptions

#: Code of the rule that speaks of a file that cannot be imported.
RAISES_ON_LOAD = "LC010"
#: Holds while the losses are probed; gives the function to call for each one done.
Watcher = AbstractContextManager[Callable[[], None]]


@dataclass(frozen=True)
class FoundTargets:
    """What reading the targets gave."""

    losses: tuple[FoundLoss, ...]  #: in the order of the targets, each once
    failures: tuple[Failure, ...]  #: targets that name nothing
    files: int  #: files that were read


def find_targets(targets: Iterable[str]) -> FoundTargets:
    """Find the losses of all targets; a target that names nothing does not stop the others."""
    from losscheck.loading.target import find_losses

    losses: dict[tuple[Path, str], FoundLoss] = {}
    failures: list[Failure] = []
    files = 0
    for target in dict.fromkeys(targets):
        try:
            found = find_losses(target)
        except TargetError as error:
            failures.append(Failure(target, "target", type(error).__name__, str(error)))
            continue
        failures += [Failure(target, "target", "SyntaxError", problem) for problem in found.problems]
        failures += [Failure(path, "target", "TargetError", reason) for path, reason in found.unreadable]
        files += found.files
        for loss in found.losses:
            losses.setdefault((Path(loss.path).resolve(), loss.name), loss)
    configured = tuple(_configured(loss, failures) for loss in losses.values())
    return FoundTargets(configured, tuple(failures), files)


def _configured(loss: FoundLoss, failures: list[Failure]) -> FoundLoss:
    """The loss with what its project's configuration says of it; a broken one is a failure, said once."""
    from losscheck.config import FILE, find_config

    path = Path(loss.path)
    try:
        config = find_config(path)
    except ConfigError as error:
        failure = Failure(FILE, "config", type(error).__name__, str(error))
        if failure not in failures:
            failures.append(failure)
        return loss
    return loss if config is None else replace(loss, spec_config=config.specs_of(path, loss.name))


def check_targets(
    targets: Iterable[str],
    options: Callable[[], WorkerOptions],
    *,
    jobs: int,
    timeout: float,
    memory: float = DEFAULT_MEMORY,
    device: Device = Device.CPU,
    watch: Callable[[int], Watcher] = lambda total: contextlib.nullcontext(lambda: None),
) -> Report:
    """Check every loss of the targets.

    Args:
        targets: files, folders, modules, each with or without ``:name``.
        options: makes the options of the children; called only if there is a loss.
        jobs: children at the same time, at most.
        timeout: seconds for each loss.
        memory: GiB for each loss, above the import of TensorFlow.
        device: where the losses run.
        watch: called with the number of losses once the children start.

    """
    started = time.perf_counter()
    found = find_targets(targets)
    failures = list(found.failures)
    reports: dict[int, LossReport] = {}
    is_broken = False  # the worker cannot start: said once, for the whole run
    python, tensorflow, keras = platform.python_version(), "", ""
    if found.losses:
        from losscheck.loading.cells import in_cells
        from losscheck.worker.pool import Pool

        count = len(found.losses)
        pool = Pool(jobs=min(jobs, count), timeout=timeout, memory=memory, device=device, options=options())
        with pool, watch(count) as tick:
            for outcome in pool.run(found.losses):
                failures += [failure for failure in outcome.failures if not _is_said(failure, failures)]
                is_broken = is_broken or any(not failure.target for failure in outcome.failures)
                if outcome.report is not None:
                    reports[outcome.index] = in_cells(outcome.report)
                elif not outcome.failures and not is_broken:
                    failures.append(_no_answer(found.losses[outcome.index]))
                tick()
            python, tensorflow, keras = pool.python or python, pool.tensorflow, pool.keras
    return Report(
        versions=Versions(losscheck.__version__, python, tensorflow, keras),
        losses=_said_once([report for _, report in sorted(reports.items())]),
        failures=tuple(failures),
        files=found.files,
        seconds=time.perf_counter() - started,
    )


def _said_once(reports: Iterable[LossReport]) -> tuple[LossReport, ...]:
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


def _is_said(failure: Failure, earlier: Iterable[Failure]) -> bool:
    """Whether the same was said of another loss: a model that cannot be built fails for each of them."""
    return failure.stage == "inputs" and failure.message in {
        e.message for e in earlier if e.stage == "inputs"
    }


def _no_answer(loss: FoundLoss) -> Failure:
    """A loss that got lost must not look clean."""
    reason = "the child process gave neither a report nor a reason"
    return Failure(loss.target, "worker", "NoAnswer", reason, is_bug=True)
