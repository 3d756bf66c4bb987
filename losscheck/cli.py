"""The command line: connects options, checking and reporting, and chooses the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import losscheck
from losscheck.choices import FailOn
from losscheck.exceptions import ConfigError, LosscheckError
from losscheck.finding import Severity
from losscheck.options import parse
from losscheck.reporters import Style, load_reporter, render
from losscheck.reporters.files import write_output
from losscheck.reporters.plain import one_line
from losscheck.reporters.terminal import has_color, has_unicode, width_of, write_safely
from losscheck.request import Color, Request

if TYPE_CHECKING:
    from losscheck.loss import FoundLoss
    from losscheck.report import Report
    from losscheck.worker.messages import WorkerOptions

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
        if request.server is not None:
            from losscheck.warm.commands import act

            code, text = act(request.server, request.settings)
            write_safely(f"{text}\n", sys.stdout)
            return code
        if request.clear_cache:
            from losscheck.cache import clear

            clear()
            if not request.targets:
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
    settings = request.settings
    settings.of_run("fail-on")  # a broken configuration is told before anything slow starts
    if request.static:
        from losscheck.static import read_targets

        return _show(request, read_targets(request.targets, settings))
    from losscheck.checking import Watcher, check_targets, find_pool, new_pool

    def worker_options(loss: FoundLoss) -> WorkerOptions:
        from losscheck.worker.messages import WorkerOptions

        return WorkerOptions(
            y_true=request.y_true,
            y_pred=request.y_pred,
            task=request.task,
            batch=request.batch,
            model=request.model,
            **asdict(settings.of_file(Path(loss.path))),
            drawing=request.plot or request.html is not None,
            repro=request.repro is not None,
        )

    def watch(total: int) -> Watcher:
        from losscheck.reporters.progress import progress

        load_reporter(request.format)  # while the children import TensorFlow
        return progress(total, is_shown=not request.quiet)

    if request.watch:
        from losscheck.watching.start import watch_targets

        def judged(report: Report) -> Report:
            try:
                return _judged(report, request)
            except ConfigError:  # the session tells of it, and goes on
                return report

        report = watch_targets(request, worker_options, _style(request), judged, watch)
        return _exit_code(request, report)
    pool = new_pool if request.no_server else find_pool
    return _show(
        request, check_targets(request.targets, worker_options, settings=settings, watch=watch, pool=pool)
    )


def _show(request: Request, report: Report) -> int:
    """Write the report, give the exit code."""
    report = _judged(report, request)
    write_safely(render(request.format, report, _style(request)), sys.stdout)
    for output in request.outputs:
        write_output(output, report)
    if request.html is not None:
        from losscheck.reporters.html import write_page

        write_page(report, request.html)
    if request.repro is not None:
        _write_scripts(request, report)
    return _exit_code(request, report)


def _exit_code(request: Request, report: Report) -> int:
    is_lenient = request.settings.of_run("fail-on") == FailOn.NEVER.value
    return 0 if is_lenient and not report.failures else report.exit_code


def _style(request: Request) -> Style:
    return Style(
        width=width_of(sys.stdout),
        color=_has_color(request),
        unicode=has_unicode(sys.stdout),
        verbose=request.verbose,
        quiet=request.quiet,
        plot=request.plot,
    )


def _judged(report: Report, request: Request) -> Report:
    """The report with what fails it, and without what the baseline knows, which may be written first."""
    fail_on = request.settings.of_run("fail-on")
    if fail_on != FailOn.NEVER.value:
        report = replace(report, fail_on=Severity(fail_on))
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


def _write_scripts(request: Request, report: Report) -> None:
    """Write the scripts and say so in a line, on stderr where stdout is for a program."""
    from losscheck.repro import write_scripts

    assert request.repro is not None
    words = write_scripts(report, Path(request.repro)).words
    write_safely(f"{words}\n", sys.stdout if request.format == "text" else sys.stderr)


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
