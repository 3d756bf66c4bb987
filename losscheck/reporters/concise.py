"""One line for each finding, for editors and ``grep``."""

from __future__ import annotations

from typing import TextIO

from losscheck.finding import Finding
from losscheck.report import Report
from losscheck.reporters import Style
from losscheck.reporters.plain import ascii_only, one_line
from losscheck.reporters.summary import failure_line, summary


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write ``losses.py:14:13: LC201 disconnected-gradient error: …`` for each finding, then failures."""
    lines = [*map(_finding_line, report.findings), *map(failure_line, report.failures)]
    if not style.quiet:
        lines.append(summary(report))
    for line in lines:
        stream.write((line if style.unicode else ascii_only(line)) + "\n")


def _finding_line(finding: Finding) -> str:
    place = finding.location
    head = f"{one_line(place.shown_path)}:{place.line}:{place.column}"
    message = one_line(finding.message)
    return f"{head}: {finding.code} {finding.name} {finding.severity.value}: {message}"
