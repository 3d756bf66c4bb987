"""The formats in which a report is written, one module each.

A reporter is a module with one function, ``write(report, stream, style)``. To add a format, add its file
and its line in `FORMATS`.
"""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from typing import Protocol, TextIO, cast

from losscheck.report import Report

#: Format name → module; the modules are imported when a format is asked for.
FORMATS = {
    "text": "losscheck.reporters.text",
    "concise": "losscheck.reporters.concise",
    "json": "losscheck.reporters.json",
    "github": "losscheck.reporters.github",
    "gitlab": "losscheck.reporters.gitlab",
    "junit": "losscheck.reporters.junit",
    "sarif": "losscheck.reporters.sarif",
}


@dataclass(frozen=True)
class Style:
    """How a report is to look; a format takes from it what it can use."""

    width: int = 100  #: columns
    color: bool = False  #: whether the stream shows ANSI colours
    unicode: bool = True  #: whether the stream can show ✓ and →
    verbose: bool = False  #: also the evidence, the skipped rules and what the loss printed
    quiet: bool = False  #: findings and failures only
    plot: bool = False  #: also the curve of each loss


class Reporter(Protocol):
    """What a module of a format offers."""

    def write(self, report: Report, stream: TextIO, style: Style) -> None:
        """Write the whole report."""


def load_reporter(name: str) -> Reporter:
    """The reporter of a format in `FORMATS`."""
    return cast("Reporter", importlib.import_module(FORMATS[name]))


def render(name: str, report: Report, style: Style | None = None) -> str:
    """The report in a format, as one string."""
    stream = io.StringIO()
    load_reporter(name).write(report, stream, style or Style())
    return stream.getvalue()
