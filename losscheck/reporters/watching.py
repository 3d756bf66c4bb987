"""What ``--watch`` writes around the reports: which files changed, and how things stand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

from losscheck.finding import Severity
from losscheck.report import Report
from losscheck.reporters import Style
from losscheck.reporters.page import Page
from losscheck.reporters.plain import one_line
from losscheck.reporters.summary import count

_NAMED = 3  # files; of more only the number is told


def write_change(stream: TextIO, style: Style, files: Sequence[str]) -> None:
    """A rule across the page that says which files changed."""
    page = Page(stream, style)
    names = ", ".join(map(one_line, files[:_NAMED]))
    more = f" and {count(len(files) - _NAMED, 'other')}" if len(files) > _NAMED else ""
    text = f"── {names}{more} changed "
    page.blank()
    page.line((text + "─" * max(2, page.width - len(text)), "dim"))
    page.blank()


def write_state(stream: TextIO, style: Style, report: Report, files: int) -> None:
    """One line: ``14:03:22 · 12 losses, 1 error · watching 14 files · Ctrl-C ends``."""
    parts = [count(len(report.losses), "loss", "losses") if report.losses else "no losses"]
    counts = [(report.count(severity), severity.value) for severity in Severity]
    parts += [count(number, word) for number, word in counts if number and word != Severity.NOTE.value]
    parts += [count(len(report.failures), "failure")] if report.failures else []
    if len(parts) == 1 and report.losses:
        parts.append("clean")
    pieces = (time.strftime("%H:%M:%S"), ", ".join(parts), f"watching {count(files, 'file')}", "Ctrl-C ends")
    Page(stream, style).line((" · ".join(pieces), "dim"))
