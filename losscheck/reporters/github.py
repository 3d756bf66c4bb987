"""GitHub's workflow commands: each finding becomes an annotation at its line in the pull request.

Reference: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import TextIO

from losscheck.finding import Finding, Severity
from losscheck.report import Failure, Report
from losscheck.reporters import Style
from losscheck.reporters.plain import one_line, plain
from losscheck.reporters.summary import failure_line, summary

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_IN_TEXT = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_TEXT | str.maketrans({":": "%3A", ",": "%2C"})


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write ``::error file=losses.py,line=14,…::message`` for each finding and failure, then the summary."""
    lines = [*map(_finding_line, report.findings), *map(_failure_line, report.failures)]
    if not style.quiet:
        lines.append(summary(report))
    for line in lines:
        stream.write(line + "\n")


def _finding_line(finding: Finding) -> str:
    place = finding.location
    properties: dict[str, object] = {"file": plain(place.path).replace("\\", "/"), "line": place.line}
    if place.end_line not in (None, place.line):
        properties["endLine"] = place.end_line  # GitHub refuses columns on more than one line
    else:
        properties["col"] = place.column
        if place.end_column is not None:
            properties["endColumn"] = place.end_column
    properties["title"] = f"{finding.code} {finding.name}"
    text = one_line(finding.message) + (f"\n{one_line(finding.hint)}" if finding.hint else "")
    return _command(_COMMANDS[finding.severity], properties, text)


def _failure_line(failure: Failure) -> str:
    return _command("error", {"title": "losscheck"}, failure_line(failure))


def _command(name: str, properties: dict[str, object], text: str) -> str:
    shown = ",".join(f"{key}={str(value).translate(_IN_PROPERTY)}" for key, value in properties.items())
    return f"::{name} {shown}::{text.translate(_IN_TEXT)}"
