"""From the rules of one loss to its findings: which explains which, and what stays silent."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from losscheck.finding import Finding, Severity, code_span, source_line
from losscheck.loss import LoadedLoss
from losscheck.prober import Prober
from losscheck.report import Failure
from losscheck.rule import Rule


def run_rules(
    prober: Prober, rules: Sequence[Rule], explaining: Sequence[Rule] = ()
) -> tuple[tuple[Finding, ...], dict[str, str], tuple[Failure, ...]]:
    """Run the rules on one loss.

    Args:
        prober: what the rules ask.
        rules: the selected ones.
        explaining: the others: they run when a selected one has found something, because what they find
            may explain it; their own findings are dropped at the end.

    Returns:
        Findings by line, the skipped rules with their reasons, and what went wrong in losscheck itself.

    """
    findings, skipped, failures = _check(prober, rules)
    selected = {rule.code for rule in rules}
    if findings and explaining:
        reasons, _, more = _check(prober, explaining)
        findings, failures = findings + reasons, failures + more
    by_code = {rule.code: rule for rule in (*rules, *explaining)}
    kept = [finding for finding in _heeded(findings, by_code, prober.loss) if finding.code in selected]
    kept.sort(key=lambda finding: (finding.location.path, finding.location.line, finding.code))
    return tuple(_placed(finding) for finding in kept), skipped, tuple(failures)


def bug(target: str, stage: str, error: Exception) -> Failure:
    """A failure of losscheck itself, with its traceback."""
    text = "".join(traceback.format_exception(error))
    return Failure(target, stage, type(error).__name__, text, is_bug=True)


def _check(prober: Prober, rules: Iterable[Rule]) -> tuple[list[Finding], dict[str, str], list[Failure]]:
    """What each rule finds by itself."""
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    failures: list[Failure] = []
    for rule in rules:
        reason = next(filter(None, map(prober.lacks, rule.requires)), "")
        if reason:
            skipped[rule.code] = reason
            continue
        try:
            findings += list(rule.check(prober))
        except Exception as error:  # a bug of ours must not take the other rules down: it is reported
            failures.append(bug(prober.loss.target, f"rule {rule.code}", error))
    return findings, skipped, failures


def _heeded(findings: Sequence[Finding], rules: Mapping[str, Rule], loss: LoadedLoss) -> list[Finding]:
    """The findings without those that a more specific one explains: one defect, one finding."""
    left = [finding for finding in findings if not rules[finding.code].is_fallback]
    for finding in sorted(findings, key=lambda finding: finding.code):
        if rules[finding.code].is_fallback and not _is_explained(finding, left, loss):
            left.append(finding)  # and explains the fallbacks after it
    silenced = {code for finding in left for code in rules[finding.code].supersedes}
    at_line = {(code, *_at(finding)) for finding in left for code in rules[finding.code].silences_at_line}
    return [f for f in left if f.code not in silenced and (f.code, *_at(f)) not in at_line]


def _at(finding: Finding) -> tuple[str, int]:
    return finding.location.path, finding.location.line


def _is_explained(fallback: Finding, findings: Iterable[Finding], loss: LoadedLoss) -> bool:
    """Whether a specific finding explains the failure that a fallback would report.

    It does at the same line, and anywhere if the failure has no line of its own but the def line.
    """
    has_line = _at(fallback) != (loss.location.path, loss.location.line)
    return any(
        finding.severity is Severity.ERROR and (not has_line or _at(finding) == _at(fallback))
        for finding in findings
    )


def _placed(finding: Finding) -> Finding:
    """The finding with the columns of its line where the rule gave none."""
    place = finding.location
    if place.end_column is not None or place.column != 1:
        return finding
    start, end = code_span(source_line(place.path, place.line))
    if end == 1:
        return finding
    return replace(finding, location=replace(place, column=start, end_line=place.line, end_column=end))
