"""The command line: connects options, checking and reporting, and chooses the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import losscheck
from losscheck.choices import FailOn
from losscheck.exceptions import LosscheckError
from losscheck.finding import Severity
from losscheck.options import Color, Request, parse
from losscheck.reporters import Style, load_reporter, render
from losscheck.reporters.files import write_output
from losscheck.reporters.plain import one_line
from losscheck.reporters.terminal import has_color, has_unicode, width_of, write_safely

if TYPE_CHECKING:
    from losscheck.loss import FoundLoss
    from losscheck.report import Report
    from losscheck.worker.pool import WorkerOptions

_CANNOT_CHECK = 2  # exit code


def run(arguments: Sequence[str]) -> int:
    """Do what a command line asks for and give the exit code."""
    try:
        request = parse(arguments)
        if request is None:
            return 0
        if request.version:
            write_safely(f"losscheck {losscheck.__version__}\n", sys.stdout)
            return 0
        if request.explain is not None or request.rules:
            return _show_rules(request)
        if request.show_config:
            place = request.targets[0].partition(":")[0] if request.targets else "."
            write_safely(request.settings.shown(Path(place)), sys.stdout)
            return 0
        targets = request.targets or request.settings.targets()
        if not targets:
            parse(["--help"])
            return _CANNOT_CHECK
        return _check(replace(request, targets=targets))
    except LosscheckError as error:
        write_safely(f"losscheck: {one_line(str(error))}\n", sys.stderr)  # it may quote what was typed
        return _CANNOT_CHECK


def _check(request: Request) -> int:
    """Check the targets, write the report, give the exit code."""
    from losscheck.checking import Watcher, check_targets

    settings = request.settings
    fail_on = settings.of_run("fail-on")

    def worker_options(loss: FoundLoss) -> WorkerOptions:
        from losscheck.worker.pool import WorkerOptions

        return WorkerOptions(
            y_true=request.y_true,
            y_pred=request.y_pred,
            task=request.task,
            batch=request.batch,
            model=request.model,
            **asdict(settings.of_file(Path(loss.path))),
        )

    def watch(total: int) -> Watcher:
        from losscheck.reporters.progress import progress

        load_reporter(request.format)  # while the children import TensorFlow
        return progress(total, is_shown=not request.quiet)

    report = check_targets(request.targets, worker_options, settings=settings, watch=watch)
    if fail_on != FailOn.NEVER.value:
        report = replace(report, fail_on=Severity(fail_on))
    report = _without_known(report, request)
    style = Style(
        width=width_of(sys.stdout),
        color=_has_color(request),
        unicode=has_unicode(sys.stdout),
        verbose=request.verbose,
        quiet=request.quiet,
    )
    write_safely(render(request.format, report, style), sys.stdout)
    for output in request.outputs:
        write_output(output, report)
    if fail_on == FailOn.NEVER.value and not report.failures:
        return 0
    return report.exit_code


def _without_known(report: Report, request: Request) -> Report:
    """The report without the findings of the baseline, which is written first where that is asked for."""
    known, written = request.settings.baseline(), request.write_baseline
    if known is None and written is None:
        return report
    from losscheck.baseline import leave_out_known, write_baseline

    if written is None:
        assert known is not None
        return leave_out_known(report, known)
    count = write_baseline(report, written)
    findings = "1 finding" if count == 1 else f"{count} findings"
    return replace(leave_out_known(report, written), notices=(f"{written} now knows {findings}",))


def _show_rules(request: Request) -> int:
    """Show the page of one rule, or all rules; Markdown as it is unless a terminal can show it better."""
    from losscheck.explain import page, table
    from losscheck.registry import all_rules, rule

    markdown = table(all_rules()) if request.explain is None else page(rule(request.explain))
    if not _has_color(request):
        write_safely(markdown, sys.stdout)
        return 0
    from rich.console import Console
    from rich.markdown import Markdown

    Console(width=width_of(sys.stdout), force_terminal=True).print(Markdown(markdown))
    return 0


def _has_color(request: Request) -> bool:
    return has_color(sys.stdout) if request.color is Color.AUTO else request.color is Color.ALWAYS
