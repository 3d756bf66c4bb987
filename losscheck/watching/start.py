"""Connects a command line with ``--watch`` to a session that writes on stdout."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from losscheck.checking import Watcher, new_pool
from losscheck.loss import FoundLoss
from losscheck.report import Report
from losscheck.reporters import Style, render
from losscheck.reporters.terminal import write_safely
from losscheck.reporters.watching import write_change, write_state
from losscheck.request import Request
from losscheck.watching.session import Display, Session
from losscheck.watching.survey import Survey
from losscheck.worker.pool import WorkerOptions


def watch_targets(
    request: Request,
    options: Callable[[FoundLoss], WorkerOptions],
    style: Style,
    judged: Callable[[Report], Report],
    watch: Callable[[int], Watcher],
) -> Report:
    """Check the targets of a command line on each save; the last state, once Ctrl-C ends it.

    Args:
        request: the command line.
        options: makes the options of the child that checks a loss.
        style: how reports are to look.
        judged: gives a report what fails it, and leaves out what is known.
        watch: as for `check_targets`.

    """

    def changed(files: Sequence[str]) -> None:
        _write(lambda stream: write_change(stream, style, files))

    def state(report: Report, files: int) -> None:
        _write(lambda stream: write_state(stream, style, report, files))

    def show(report: Report) -> None:
        write_safely(render(request.format, report, style), sys.stdout)

    more = [target for target in (request.batch, request.model) if target is not None]
    survey = Survey(request.targets, request.settings, more)
    display = Display(changed, show, state, watch)
    return Session(survey, lambda: new_pool(request.settings), options, display, judged).run()


def _write(write: Callable[[TextIO], None]) -> None:
    stream = io.StringIO()
    write(stream)
    write_safely(stream.getvalue(), sys.stdout)
