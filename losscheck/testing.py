"""What the pytest plugin does once a loss is asked for: items, their verdicts, and `parametrize`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from losscheck.checking import FoundTargets, find_targets
from losscheck.finding import Finding, Severity
from losscheck.loading.address import shown_path, split_target
from losscheck.loss import FoundLoss
from losscheck.registry import FAMILIES
from losscheck.report import Failure, LossReport, Report, Versions
from losscheck.reporters import Style, render
from losscheck.reporters.summary import failure_line
from losscheck.settings import Settings


class Losses:
    """The losses of a test session and their reports, each made when its first item runs.

    Args:
        targets: files, folders, modules, each with or without ``:name``; paths are those of the ini's folder.
        config: pytest's.

    Raises:
        pytest.UsageError: a target names nothing, or no target names a loss.

    """

    def __init__(self, targets: Iterable[str], config: pytest.Config) -> None:
        self._config = config
        self._settings = Settings()
        self._open = ExitStack()
        self._pool: Any = None
        self._reports: dict[str, tuple[LossReport | None, tuple[Failure, ...]]] = {}
        self._by_path: dict[Path, list[FoundLoss]] = {}
        found = self._found(targets)
        if found.failures:
            raise pytest.UsageError("\n".join(map(failure_line, found.failures)))
        for loss in found.losses:
            self._by_path.setdefault(Path(loss.path).resolve(), []).append(loss)

    @property
    def paths(self) -> Sequence[Path]:
        """The files that hold them."""
        return tuple(self._by_path)

    def collector(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """What makes the items of a file; None for a file that is none of ours."""
        found = self._by_path.get(path.resolve())
        return LossFile.from_parent(parent, path=path, found=found, losses=self) if found else None

    def report(self, loss: FoundLoss) -> tuple[LossReport | None, tuple[Failure, ...]]:
        """Check a loss in a child process, once; its report and what could not be checked."""
        key = loss.target
        if key not in self._reports:
            if self._pool is None:
                self._pool = self._open.enter_context(self._new_pool())
            (outcome,) = self._pool.run([loss], self._options)
            self._reports[key] = outcome.report, outcome.failures
        return self._reports[key]

    def is_idle(self, session: pytest.Session) -> bool:
        """Whether losses were wanted, the tests ran, and no loss was probed."""
        is_collection = session.config.getoption("collectonly") or hasattr(session.config, "workerinput")
        is_spread = session.config.pluginmanager.hasplugin("dsession")
        if is_collection or is_spread:
            return False
        left = not self._by_path or any(isinstance(item, LossItem) for item in session.items)
        return left and not any(report for report, _ in self._reports.values())

    def close(self) -> None:
        """End the child processes."""
        self._open.close()

    def _found(self, targets: Iterable[str]) -> FoundTargets:
        """The losses, read from the ini's folder and named from the working directory."""
        here = Path.cwd()
        os.chdir(self._config.rootpath)
        try:
            found = find_targets(targets, self._settings)
            paths = [Path(loss.path).resolve() for loss in found.losses]
        finally:
            os.chdir(here)
        losses = [_named_from_here(loss, path) for loss, path in zip(found.losses, paths, strict=True)]
        return replace(found, losses=tuple(losses))

    def _new_pool(self) -> Any:
        from losscheck.worker.pool import Pool

        timeout = self._config.getini("losscheck_timeout") or self._settings.of_run("timeout")
        return Pool(jobs=1, timeout=float(timeout))

    def _options(self, loss: FoundLoss) -> Any:
        """What the project's configuration says of the file of a loss."""
        from losscheck.worker.pool import WorkerOptions

        return WorkerOptions(**asdict(self._settings.of_file(Path(loss.path))))


class LossFile(pytest.File):
    """A file with losses."""

    def __init__(self, *, found: list[FoundLoss], losses: Losses, **more: Any) -> None:
        super().__init__(**more)
        self._found = found
        self._losses = losses

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each loss and family of rules."""
        for loss in self._found:
            for family in FAMILIES:
                name = f"{loss.name}[{family}]"
                own = {"loss": loss, "family": family, "losses": self._losses}
                # pytest reads the brackets of an id as a parameter, as `--lf` finds it again
                yield LossItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", **own)


class LossItem(pytest.Item):
    """One family of rules on one loss."""

    def __init__(self, *, loss: FoundLoss, family: str, losses: Losses, **more: Any) -> None:
        super().__init__(**more)
        self.add_marker(pytest.mark.losscheck)
        self._loss = loss
        self._family = family
        self._losses = losses

    def runtest(self) -> None:
        """Fail with the findings of the family, in the words of the command line."""
        report, failures = self._losses.report(self._loss)
        if report is None or failures:
            if self._family != next(iter(FAMILIES)):
                pytest.skip("could not be checked")
            raise LossFailed("\n".join(map(failure_line, failures)))
        judge(report, self._family, {})

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The text of the command line, without a traceback of losscheck."""
        if isinstance(excinfo.value, LossFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The def line of the loss."""
        return self.path, self._loss.line - 1, self.name


class LossFailed(Exception):  # noqa: N818 - reads as the event it is
    """A loss has findings; the text is the report."""


def judge(report: LossReport, family: str, expected: Mapping[str, str]) -> None:
    """Raise `LossFailed` for findings of a family that nobody expects, and for those that are gone."""
    own = [finding for finding in report.findings if finding.code.startswith(FAMILIES[family])]
    loud = tuple(f for f in own if f.severity is not Severity.NOTE and f.code not in expected)
    found = {finding.code for finding in own}
    gone = [
        f"{code} was expected ({reason}) and did not appear: take it out of `expected`"
        for code, reason in expected.items()
        if code.startswith(FAMILIES[family]) and code not in found
    ]
    if loud or gone:
        raise LossFailed("\n".join([*([_text(report, loud)] if loud else []), *gone]))


def _named_from_here(loss: FoundLoss, path: Path) -> FoundLoss:
    shown = shown_path(path)
    target = loss.target if split_target(loss.target).is_module else f"{shown}:{loss.name}"
    return replace(loss, path=shown, target=target)


@dataclass(frozen=True)
class Check:
    """One family of rules, to be run on a loss: what `parametrize` gives a test as ``check``."""

    family: str
    expected: Mapping[str, str]
    options: Mapping[str, Any]

    def __call__(self, loss: Any) -> None:
        """Fail the test with the findings of the family, in the words of the command line."""
        report = _checked(loss, self.options)
        try:
            judge(report, self.family, self.expected)
        except LossFailed as failed:
            pytest.fail(str(failed), pytrace=False)


def parametrize(
    losses: Iterable[Any], *, expected: Mapping[str, str] | None = None, **options: Any
) -> pytest.MarkDecorator:
    """Run a test of ``(loss, check)`` for each loss and family of rules; its body is ``check(loss)``.

    Args:
        losses: functions, `Loss` objects, `Loss` subclasses.
        expected: code of a finding that is intended → the reason. Each of the losses must show it: where
            it does not appear, the test of its family fails.
        options: as for `losscheck.check_loss`: ``y_true``, ``y_pred``, ``task``, ``select``, ``ignore``.

    Raises:
        ValueError: an expected finding has no reason.

    """
    reasons = dict(expected or {})
    for code, reason in reasons.items():
        if not reason.strip():
            raise ValueError(f"say why {code} is expected")
    cases = [
        pytest.param(loss, Check(family, reasons, options), id=f"{_name(loss)}-{family}")
        for loss in losses
        for family in FAMILIES
    ]
    return pytest.mark.parametrize(("loss", "check"), cases)


def _checked(loss: Any, options: Mapping[str, Any]) -> LossReport:
    """The report of a live loss, made once for all families."""
    from losscheck.api import check_loss

    key = (id(loss), repr(sorted(options.items())))
    if key not in _CHECKED:
        report = check_loss(loss, **options)
        if report.failures or not report.losses:
            pytest.fail("\n".join(map(failure_line, report.failures)), pytrace=False)
        _CHECKED[key] = loss, report.losses[0]
    return _CHECKED[key][1]


#: Live losses that were checked, held so that no other object gets their id, with their reports.
_CHECKED: dict[tuple[int, str], tuple[Any, LossReport]] = {}


def _name(loss: Any) -> str:
    return str(getattr(loss, "__name__", None) or getattr(loss, "name", None) or type(loss).__name__)


def _text(report: LossReport, findings: tuple[Finding, ...]) -> str:
    """The findings as the command line shows them."""
    shown = Report(Versions("", ""), losses=(replace(report, findings=findings),))
    return render("text", shown, Style(quiet=True)).rstrip("\n")
