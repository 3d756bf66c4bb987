"""Connects a run with the results of earlier ones: what need not be checked again, and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losscheck.cache import Cache, Kept
    from losscheck.loss import FoundLoss
    from losscheck.report import Versions
    from losscheck.settings import Settings
    from losscheck.worker.pool import WorkerOptions
    from losscheck.worker.results import Outcome

#: Rules whose findings say that the next check may see something else.
_MOODY = ("LC007",)


@dataclass
class Earlier:
    """The results of earlier runs that still hold, and where those of this run go."""

    found: Mapping[int, Kept] = field(default_factory=dict)  #: by the place of the loss in the run
    cache: Cache | None = None  #: None: nothing is kept
    options: Callable[[FoundLoss], WorkerOptions] | None = None
    is_fuller: bool = False  #: something was kept

    def keep(self, loss: FoundLoss, outcome: Outcome, versions: Versions) -> None:
        """Keep a result, if the next check would see the same."""
        from losscheck.cache import Kept

        report, footprint = outcome.report, outcome.footprint
        if self.cache is None or self.options is None or report is None or footprint is None:
            return
        if not _is_kept(self.options(loss)):
            return
        if footprint.reason or any(finding.code in _MOODY for finding in report.findings):
            return
        kept = Kept(report, versions.python, versions.tensorflow, versions.keras)
        self.cache.keep(loss, self.options(loss), kept, footprint.files)
        self.is_fuller = True

    def close(self) -> None:
        """Keep the cache small."""
        if self.cache is not None and self.is_fuller:
            self.cache.prune()


def earlier_results(
    settings: Settings, losses: Sequence[FoundLoss], options: Callable[[FoundLoss], WorkerOptions]
) -> Earlier:
    """The results of earlier runs for some losses.

    Raises:
        LosscheckError: the interpreter cannot probe losses.

    """
    from losscheck.cache import Cache, is_off

    if not losses or is_off() or not settings.of_run("cache"):
        return Earlier()
    from losscheck.worker.interpreter import choose_interpreter

    cache = Cache(
        choose_interpreter(settings.python()), (settings.of_run("device"), settings.of_run("memory"))
    )
    found = {}
    for index, loss in enumerate(losses):
        chosen = options(loss)
        if _is_kept(chosen) and (kept := cache.look_up(loss, chosen)) is not None:
            found[index] = kept
    return Earlier(found, cache, options)


def _is_kept(options: WorkerOptions) -> bool:
    """Whether results with these options are kept: not what scripts need, and a model may read any file."""
    return not options.repro and options.model is None
