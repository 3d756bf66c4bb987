"""The command line: connects options, checking and reporting, and chooses the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import losscheck
from losscheck.exceptions import LosscheckError
from losscheck.finding import Severity
from losscheck.options import Color, FailOn, Request, parse
from losscheck.reporters import Style, load_reporter, render
from losscheck.reporters.terminal import has_color, has_unicode, width_of, write_safely

if TYPE_CHECKING:
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
        if not request.targets:
            parse(["--help"])
            return _CANNOT_CHECK
        return _check(request)
    except LosscheckError as error:
        line = " ".join(str(error).splitlines())
        write_safely(f"losscheck: {line}\n", sys.stderr)
        return _CANNOT_CHECK


def _check(request: Request) -> int:
    """Check the targets, write the report, give the exit code."""
    from losscheck.checking import Watcher, check_targets

    def worker_options() -> WorkerOptions:
        from losscheck.worker.pool import WorkerOptions

        return WorkerOptions(
            y_true=request.y_true,
            y_pred=request.y_pred,
            task=request.task,
            select=request.select,
            ignore=request.ignore,
            modes=request.modes,
            load=request.load.value,
            batch=request.batch,
            model=request.model,
        )

    def watch(total: int) -> Watcher:
        from losscheck.reporters.progress import progress

        load_reporter(request.format)  # while the children import TensorFlow
        return progress(total, is_shown=not request.quiet)

    report = check_targets(
        request.targets,
        worker_options,
        jobs=request.jobs,
        timeout=request.timeout,
        memory=request.memory,
        device=request.device,
        watch=watch,
    )
    if request.fail_on is not FailOn.NEVER:
        report = replace(report, fail_on=Severity(request.fail_on.value))
    style = Style(
        width=width_of(sys.stdout),
        color=_has_color(request),
        unicode=has_unicode(sys.stdout),
        verbose=request.verbose,
        quiet=request.quiet,
    )
    write_safely(render(request.format, report, style), sys.stdout)
    if request.fail_on is FailOn.NEVER and not report.failures:
        return 0
    return report.exit_code


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
