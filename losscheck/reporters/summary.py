"""The sentences that several formats share: the summary and what could not be checked."""

from __future__ import annotations

from losscheck.finding import Severity
from losscheck.report import Failure, Report
from losscheck.reporters.plain import one_line


def summary(report: Report) -> str:
    """One line: ``3 losses checked in 2.1 s: 1 error, 2 warnings``."""
    failed = count(len(report.failures), "failure")
    if not report.losses:
        if report.failures:
            return f"no loss checked: {failed}"
        return f"no losses found in {count(report.files, 'file')}"
    counts = [(report.count(severity), severity.value) for severity in Severity]
    parts = [count(number, word) for number, word in counts if number]
    if report.failures:
        parts.append(failed)
    silenced = sum(len(loss.suppressed) for loss in report.losses)
    more = f" ({silenced} silenced)" if silenced else ""
    checked = count(len(report.losses), "loss", "losses")
    if report.is_static:
        found = ", ".join(parts) or "no suspicion"
        return f"{checked} read in {report.seconds:.1f} s, nothing was run: {found}{more}"
    return f"{checked} checked in {report.seconds:.1f} s: {', '.join(parts) or 'clean'}{more}"


def refusal(failure: Failure) -> str:
    """What the user can change, in one line that names the target."""
    target, message = one_line(failure.target), one_line(failure.message)
    return message if target in message else f"{target}: {message}"


def failure_line(failure: Failure) -> str:
    """One line that says what could not be checked and why."""
    if not failure.is_bug:
        return f"not checked: {refusal(failure)}"
    last = one_line(failure.message.rstrip().rpartition("\n")[2])
    stage = one_line(failure.stage)
    return f"a bug in losscheck, please report it ({one_line(failure.target)}, {stage}): {last}"


def count(number: int, word: str, words: str = "") -> str:
    """``1 file``, ``3 files``."""
    return f"{number} {word if number == 1 else words or word + 's'}"
