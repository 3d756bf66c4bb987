"""``--static``: the losses of some targets, read for what their rules suspect. Nothing is run or imported."""

from __future__ import annotations

import ast
import functools
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import losscheck
from losscheck.checking import find_targets
from losscheck.exceptions import LosscheckError, TargetError
from losscheck.finding import Finding, Location, Mode
from losscheck.loading.cells import in_cells
from losscheck.loading.definitions import Definitions, read_definitions
from losscheck.loading.expression import parse_expression
from losscheck.loading.source import parse, read_text
from losscheck.loading.subject import Subject, find_subject
from losscheck.loading.usages import lambda_at
from losscheck.loss import FoundLoss
from losscheck.reading.source import Source, read_source
from losscheck.registry import all_rules
from losscheck.report import Failure, LossReport, ModeResult, Report, Status, Versions
from losscheck.rule import Rule
from losscheck.selection import select
from losscheck.settings import Settings
from losscheck.suppression import suppress
from losscheck.verdict import bug, heeded, placed

NOT_RUN = "not run: --static"
_NOT_READ = "its code is not in this file"


def read_targets(targets: Iterable[str], settings: Settings | None = None) -> Report:
    """The suspicions of the selected rules on every loss of the targets.

    Args:
        targets: files, folders, modules, each with or without ``:name``.
        settings: what the command line and the project say.

    Raises:
        LosscheckError: none of the selected rules reads the source.

    """
    started = time.perf_counter()
    settings = settings or Settings()
    if not any(rule.reads_source for rule in _rules(settings, Path.cwd())):
        raise LosscheckError(
            "no selected rule reads the source: `losscheck --rules` marks those that `--static` runs"
        )
    found = find_targets(targets, settings)
    failures = list(found.failures)
    reports = []
    for loss in found.losses:
        report, bugs = suspect(loss, _rules(settings, Path(loss.path)))
        reports.append(in_cells(report))
        failures += bugs
    return Report(
        versions=Versions(losscheck.__version__, platform.python_version()),
        losses=tuple(reports),
        failures=tuple(failures),
        files=found.files,
        seconds=time.perf_counter() - started,
        is_static=True,
    )


def _rules(settings: Settings, path: Path) -> tuple[Rule, ...]:
    """The rules that are selected for the losses of a file."""
    chosen = settings.of_file(path)
    return select(all_rules(), chosen.select, chosen.ignore)


def suspect(loss: FoundLoss, rules: Sequence[Rule]) -> tuple[LossReport, tuple[Failure, ...]]:
    """What the rules suspect of one loss, and what went wrong in losscheck itself."""
    started = time.perf_counter()
    source = source_of(loss)
    failures: list[Failure] = []
    found: dict[tuple[str, int], Finding] = {}
    for rule in rules:
        findings, failed = _suspicions(rule, source)
        failures += failed
        for finding in findings:
            key = (finding.code, finding.location.line)
            if key not in found or finding.severity.rank > found[key].severity.rank:
                found[key] = finding
    by_code = {rule.code: rule for rule in rules}
    place = source.def_location()
    kept = heeded(list(found.values()), by_code, place)
    ranked = sorted(kept, key=lambda finding: (finding.location.line, finding.code))
    loud, silenced = suppress(map(placed, ranked), Location(loss.path, loss.line))
    is_read = source.error is not None or source.function is not None or bool(source.module.classes)
    report = LossReport(
        target=loss.target,
        path=loss.path,
        line=loss.line,
        name=loss.name,
        kind=loss.kind.value,
        modes={mode: ModeResult(Status.SKIPPED, NOT_RUN) for mode in Mode},
        findings=loud,
        suppressed=silenced,
        skipped={
            rule.code: NOT_RUN if is_read else _NOT_READ
            for rule in rules
            if not (rule.reads_source and is_read)
        },
        seconds=time.perf_counter() - started,
    )
    return report, tuple(failures)


def _suspicions(rule: Rule, source: Source) -> tuple[list[Finding], list[Failure]]:
    try:
        return list(rule.suspect(source)), []
    except Exception as error:  # a bug of ours must not take the other rules down: it is reported
        return [], [bug(source.loss.target, source.loss.path, f"source side of rule {rule.code}", error)]


def source_of(loss: FoundLoss) -> Source:
    """The prepared source of a loss; without events where its file, or its code, is not to be read."""
    try:
        text = read_text(Path(loss.path))
        tree, definitions = _parsed(text)
        subject = _subject(loss, tree, definitions)
    except SyntaxError as error:
        return Source(loss, error=error)
    except TargetError:  # the file was deleted meanwhile, or its code is elsewhere
        return Source(loss)
    return read_source(loss, text, tree, definitions, subject)


@functools.lru_cache(maxsize=8)  # the losses of one file come one after another
def _parsed(text: str) -> tuple[ast.Module, Definitions]:
    tree = parse(text)
    return tree, read_definitions(tree)


def _subject(loss: FoundLoss, tree: ast.Module, definitions: Definitions) -> Subject | None:
    if loss.name == f"lambda at line {loss.line}":
        function = lambda_at(tree, loss.line)
        holder = (node for node in tree.body if node.lineno <= loss.line <= (node.end_lineno or node.lineno))
        return Subject(function, next(holder, tree.body[0])) if function is not None else None
    return find_subject(definitions, parse_expression(loss.name))
