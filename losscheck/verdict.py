"""From the rules of one loss to its findings: which explains which, and what stays silent."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from losscheck.finding import Finding, Location, Mode, Severity, code_span, source_line
from losscheck.prober import IdleComment, Prober
from losscheck.probes.frames import UserFiles
from losscheck.probes.raising import raised_from
from losscheck.report import OUT_OF_TIME, Failure, Pending, Suppressed
from losscheck.rule import Rule
from losscheck.suppression import idle_comments, suppress

#: The risky modes, the one that most often ends a process last.
_RISKS = (Mode.REPLICAS, Mode.XLA)
#: Seconds after which the findings so far are kept: a slow loss that runs out of time does not lose them.
_KEPT_EVERY = 5.0

_MAX_MESSAGE = 160


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one loss."""

    findings: tuple[Finding, ...]  #: by line
    suppressed: tuple[Suppressed, ...]  #: those that a comment silences, by line
    skipped: Mapping[str, str]  #: code of a rule that could not look → reason
    failures: tuple[Failure, ...]  #: what went wrong in losscheck itself
    pending: Pending | None = None  #: what comes next; None: this verdict is the last

    @property
    def every(self) -> tuple[Finding, ...]:
        """All findings, the silenced ones included."""
        return (*self.findings, *(entry.finding for entry in self.suppressed))


def run_rules(prober: Prober, rules: Sequence[Rule], explaining: Sequence[Rule] = ()) -> Iterator[Verdict]:
    """Run the rules on one loss.

    A rule that asks for a risky mode first sees it as skipped. When all rules are through, a verdict tells
    which of these modes comes next, so that the findings so far can be kept, and these rules run again.
    So does a verdict every few seconds where a loss is slow. Rules that judge what the others found run last.

    Args:
        prober: what the rules ask.
        rules: the selected ones.
        explaining: the others: they run when a selected one has found something, because what they find
            may explain it; their own findings are dropped at the end.

    """
    answers: dict[str, _Answer] = {}
    last = [rule for rule in rules if rule.is_last]
    rules = [rule for rule in rules if not rule.is_last]
    chosen = {rule.code for rule in (*rules, *last)}
    every = (*rules, *explaining, *last)
    while True:
        for _ in _ask(prober, rules, answers):
            yield _verdict(prober, every, chosen, answers, Pending(None))
        if any(answer.findings for answer in answers.values()):
            for _ in _ask(prober, [rule for rule in explaining if not rule.is_last], answers):
                yield _verdict(prober, every, chosen, answers, Pending(None))
        waiting = {mode for answer in answers.values() for mode in answer.postponed}
        mode = min(waiting, key=_RISKS.index, default=None)
        if mode is None:
            break
        yield _verdict(prober, every, chosen, answers, Pending(mode, prober.risk_location()))
        prober.allowed.add(mode)
    if last:
        prober.idle_comments = _idle_comments(prober, every, answers)
        for _ in _ask(prober, last, answers):
            pass
    yield _verdict(prober, every, chosen, answers, None)


@dataclass(frozen=True)
class _Answer:
    """What one rule says."""

    findings: tuple[Finding, ...] = ()
    skipped: str = ""
    failures: tuple[Failure, ...] = ()
    postponed: frozenset[Mode] = frozenset()  #: risky modes that it asked for before they were allowed


def _ask(prober: Prober, rules: Iterable[Rule], answers: dict[str, _Answer]) -> Iterator[None]:
    """Ask the rules that have not answered, or whose mode is now allowed; pause now and then."""
    since = time.monotonic()
    for rule in rules:
        if rule.code not in answers or answers[rule.code].postponed & prober.allowed:
            answers[rule.code] = _answer(prober, rule)
            if time.monotonic() - since > _KEPT_EVERY:
                yield
                since = time.monotonic()


def _answer(prober: Prober, rule: Rule) -> _Answer:
    reason = next(filter(None, map(prober.lacks, rule.requires)), "")
    if reason:
        return _Answer(skipped=reason)
    prober.postponed.clear()
    try:
        findings = tuple(rule.check(prober))
    except Exception as error:  # a bug of ours must not take the other rules down: it is reported
        return _Answer(
            failures=(bug(prober.loss.target, prober.loss.location.path, f"rule {rule.code}", error),)
        )
    return _Answer(findings, postponed=frozenset(prober.postponed))


def _verdict(
    prober: Prober,
    rules: Sequence[Rule],
    chosen: set[str],
    answers: Mapping[str, _Answer],
    pending: Pending | None,
) -> Verdict:
    by_code = {rule.code: rule for rule in rules}
    findings = [finding for answer in answers.values() for finding in answer.findings]
    kept = [finding for finding in heeded(findings, by_code, prober.loss.location) if finding.code in chosen]
    kept.sort(key=lambda finding: (finding.location.path, finding.location.line, finding.code))
    loud, suppressed = suppress(map(placed, kept), prober.loss.location)
    skipped = {code: answer.skipped for code, answer in answers.items() if answer.skipped}
    skipped |= {code: OUT_OF_TIME for code in by_code if code not in answers}
    return Verdict(
        loud,
        suppressed,
        {code: reason for code, reason in skipped.items() if code in chosen},
        tuple(failure for answer in answers.values() for failure in answer.failures),
        pending,
    )


def _idle_comments(
    prober: Prober, rules: Sequence[Rule], answers: Mapping[str, _Answer]
) -> tuple[IdleComment, ...]:
    """The comments that silence nothing, whichever rules were selected."""
    by_code = {rule.code: rule for rule in rules}
    found = _verdict(prober, rules, set(by_code), answers, None).suppressed
    ran = {code for code, answer in answers.items() if not (answer.skipped or answer.failures)}
    return idle_comments(prober.loss.location, found, by_code, ran)


def bug(target: str, path: str, stage: str, error: Exception) -> Failure:
    """A failure of losscheck itself, with its traceback; or of the user's code that it ran into.

    Args:
        target: the loss.
        path: its file.
        stage: what losscheck was doing.
        error: what was raised.

    """
    raised = raised_from(error, UserFiles(path))
    if raised.location is not None and raised.location.path == path:
        place = f"{path}:{raised.location.line}"
        first, _, _ = raised.message.strip().partition("\n")
        message = (
            f"`{raised.type}` at {place} when losscheck looked at an object there: {first[:_MAX_MESSAGE]}"
        )
        return Failure(target, stage, raised.type, message)
    text = "".join(traceback.format_exception(error))
    return Failure(target, stage, type(error).__name__, text, is_bug=True)


def heeded(findings: Sequence[Finding], rules: Mapping[str, Rule], place: Location) -> list[Finding]:
    """The findings without those that a more specific one explains: one defect, one finding.

    ``place`` is the def line of the loss.
    """
    left = [finding for finding in findings if not rules[finding.code].is_fallback]
    for finding in sorted(findings, key=lambda finding: finding.code):
        if rules[finding.code].is_fallback and not _is_explained(finding, left, place):
            left.append(finding)  # and explains the fallbacks after it
    silenced = {code for finding in left for code in rules[finding.code].supersedes}
    at_line = {(code, *_at(finding)) for finding in left for code in rules[finding.code].silences_at_line}
    return [f for f in left if f.code not in silenced and (f.code, *_at(f)) not in at_line]


def _at(finding: Finding) -> tuple[str, int]:
    return finding.location.path, finding.location.line


def _is_explained(fallback: Finding, findings: Iterable[Finding], place: Location) -> bool:
    """Whether a specific finding explains the failure that a fallback would report.

    It does at the same line, and anywhere if the failure has no line of its own but the def line.
    """
    has_line = _at(fallback) != (place.path, place.line)
    return any(
        finding.severity is Severity.ERROR and (not has_line or _at(finding) == _at(fallback))
        for finding in findings
    )


def placed(finding: Finding) -> Finding:
    """The finding with the columns of its line where the rule gave none."""
    place = finding.location
    if place.end_column is not None or place.column != 1:
        return finding
    start, end = code_span(source_line(place.path, place.line))
    if end == 1:
        return finding
    return replace(finding, location=replace(place, column=start, end_line=place.line, end_column=end))
