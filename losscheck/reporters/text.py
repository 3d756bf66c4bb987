"""The report for people: every loss with its modes, every finding at its line, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from losscheck.finding import Finding, Mode, Severity
from losscheck.report import Failure, LossReport, Report, Status, Suppressed, TaskChoice, TaskSource
from losscheck.reporters import Style
from losscheck.reporters.page import Page, Piece
from losscheck.reporters.plain import one_line
from losscheck.reporters.plot import write_plot
from losscheck.reporters.source import crop, snippet
from losscheck.reporters.summary import refusal, summary

_INDENT = 2
_EVERY = "every mode"
_OUTPUT_LINES = 20  # of what a loss printed; more than a screenful hides the findings
#: How many of the inputs that were tried `--verbose` shows, from the first and from the last.
_SHOWN_TRIES = 8, 4

_COLORS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "cyan"}
_MARKS = {Status.PASS: ("✓", "green"), Status.FAIL: ("✗", "bold red"), Status.SKIPPED: ("–", "dim")}
_TOLD = {
    TaskSource.OPTION: "told by an option",
    TaskSource.COMMENT: "told by a comment",
    TaskSource.ARRAYS: "told by arrays",
    TaskSource.CONFIG: "told by pyproject.toml",
    TaskSource.MODEL: "y_pred told by the model",
}
_SILENCERS = {"comment": "a comment", "baseline": "the baseline"}


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write the losses in order, then what could not be checked, then the summary."""
    page = Page(stream, style)
    fails_on_notes = report.fail_on is Severity.NOTE
    for loss in report.losses:
        if not style.quiet or any(fails_on_notes or f.severity is not Severity.NOTE for f in loss.findings):
            _write_loss(page, loss, fails_on_notes=fails_on_notes)
            page.blank()
    for failure in report.failures:
        _write_failure(page, failure)
    if style.quiet:
        return
    if report.failures:
        page.blank()
    for notice in report.notices:
        page.paragraph((one_line(notice), "dim"))
    page.paragraph((summary(report), _summary_color(report)))
    worst = max(report.findings, key=lambda finding: finding.severity.rank, default=None)
    if worst is not None and worst.severity is not Severity.NOTE:
        page.paragraph((f"`losscheck --explain {worst.code}` says more about a rule", "dim"))
    elif worst is not None and not style.verbose:
        page.paragraph(("`--verbose` says more about the notes", "dim"))


def _write_loss(page: Page, loss: LossReport, *, fails_on_notes: bool) -> None:
    page.line((f"{one_line(loss.shown_path)}:{loss.line} ", ""), (one_line(loss.name), "bold"))
    if not page.style.quiet:
        if loss.task is not None:
            _write_task(page, loss.task)
        if loss.left_out:
            page.paragraph((one_line(loss.left_out), "dim"), indent=_INDENT, label=("not run: ", "dim"))
        if loss.modes:
            _write_modes(page, loss)
    for finding in loss.findings:
        if finding.severity is not Severity.NOTE:
            page.blank()
            _write_finding(page, finding)
    notes = [finding for finding in loss.findings if finding.severity is Severity.NOTE]
    if notes and (fails_on_notes or not page.style.quiet):
        page.blank()
        if page.style.verbose or fails_on_notes:
            for note in notes:
                _write_note(page, note)
        else:
            _write_note_names(page, notes)
    if page.style.plot and loss.drawing is not None:
        page.blank()
        write_plot(page, loss.drawing, indent=_INDENT)
    if page.style.verbose:
        _write_details(page, loss)


def _write_task(page: Page, task: TaskChoice) -> None:
    how = _TOLD.get(task.source, f"{task.source.value}: {one_line(task.name)}")
    specs = f"y_true {one_line(task.y_true)}, y_pred {one_line(task.y_pred)}"
    guessed = [one_line(line) for line in task.evidence[:1] if line.startswith("built with ")]
    page.paragraph(
        specs, (f" ({', '.join((how, *guessed))})", "dim"), indent=_INDENT, label=("inputs: ", "dim")
    )


def _write_modes(page: Page, loss: LossReport) -> None:
    items: list[tuple[Piece, ...]] = []
    reasons: dict[str, list[str]] = {}
    for mode, result in loss.modes.items():
        mark, color = _MARKS[result.status]
        if result.status is Status.FAIL:
            color = _COLORS[loss.worst(mode)]
        items.append((f"{mode.label} ", (mark, color)))
        if result.status is Status.SKIPPED and result.reason:
            reasons.setdefault(one_line(result.reason), []).append(mode.label)
    page.flow(items, indent=_INDENT)
    for reason, labels in reasons.items():
        which = _EVERY if len(labels) == len(Mode) else ", ".join(labels)
        page.paragraph((f"{which} skipped: {reason}", "dim"), indent=_INDENT)


def _write_finding(page: Page, finding: Finding) -> None:
    color = _COLORS[finding.severity]
    page.paragraph(
        (finding.code, color),
        (f" {finding.name} ", "bold"),
        (finding.severity.value, color),
        indent=_INDENT,
    )
    page.paragraph(finding.message, indent=_INDENT)
    _write_source(page, finding, color)
    if path := finding.evidence.get("path"):
        page.paragraph(str(path), indent=_INDENT, label=("path: ", "dim"))
    if page.style.verbose:
        for key, value in finding.evidence.items():
            if key != "path":
                shown = "; ".join(_shortened(value)) if key == "tried" else str(value)
                page.paragraph((one_line(shown), "dim"), indent=_INDENT, label=(f"{key}: ", "dim"))
    if finding.hint:
        page.paragraph(finding.hint, indent=_INDENT, label=("help: ", "bold green"))


def _write_source(page: Page, finding: Finding, color: str) -> None:
    place = finding.location
    lines = snippet(place)
    digits = len(str(lines[-1].number)) if lines else 1
    gutter = _INDENT + digits
    labels = ", ".join(mode.label for mode in finding.modes)
    if len(set(finding.modes)) == len(Mode):
        labels = _EVERY
    modes = f" in {labels}" if labels else ""
    where = f"{one_line(place.shown_path)}:{place.line}:{place.column}"
    page.line((" " * gutter + "--> ", "dim"), where, (modes, "dim"))
    ellipsis = page.clean("…")
    for line in crop(lines, page.width - gutter - len(" | "), ellipsis):
        page.line((f"{line.number:>{gutter}} | ", "dim"), line.text)
        if line.end > line.start:
            before = page.cells(line.text[: line.start])
            marks = "^" * max(1, page.cells(line.text[line.start : line.end]))
            page.line((" " * gutter + " | ", "dim"), " " * before, (marks, color))


def _write_note_names(page: Page, notes: Sequence[Finding]) -> None:
    """The notes by name and line: they are often intended, and ``--verbose`` tells the rest."""
    lines: dict[str, list[int]] = {}
    for note in notes:
        lines.setdefault(f"{note.code} {note.name}", []).append(note.location.line)
    text = ", ".join(f"{name} ({', '.join(map(str, sorted(set(at))))})" for name, at in lines.items())
    page.paragraph((text, "dim"), indent=_INDENT, label=("notes: ", _COLORS[Severity.NOTE]))


def _write_note(page: Page, note: Finding) -> None:
    place = f"{one_line(note.location.shown_path)}:{note.location.line}:{note.location.column}"
    page.paragraph(
        (f"{note.code} {note.name} note ", _COLORS[Severity.NOTE]),
        (f"at {place}: {one_line(note.message)}", "dim"),
        indent=_INDENT,
    )
    if note.hint:
        page.paragraph((one_line(note.hint), "dim"), indent=_INDENT, label=("help: ", "dim"))


def _shortened(tries: Sequence[str]) -> list[str]:
    """The first and the last of the tries; the JSON report has them all."""
    first, last = _SHOWN_TRIES
    if len(tries) <= first + last + 1:
        return list(tries)
    return [*tries[:first], f"… {len(tries) - first - last} more in `--format json` …", *tries[-last:]]


def _write_details(page: Page, loss: LossReport) -> None:
    """What only ``--verbose`` shows."""
    if loss.task is not None and loss.task.evidence:
        page.blank()
        page.line(" " * _INDENT, ("how the inputs were chosen", "bold"))
        for line in _shortened(loss.task.evidence):
            page.paragraph((one_line(line), "dim"), indent=2 * _INDENT)
    if loss.suppressed:
        page.blank()
        page.line(" " * _INDENT, (f"findings silenced: {len(loss.suppressed)}", "bold"))
        for entry in loss.suppressed:
            _write_suppressed(page, entry)
    if loss.skipped:
        page.blank()
        page.line(" " * _INDENT, (f"rules skipped: {len(loss.skipped)}", "bold"))
        codes: dict[str, list[str]] = {}
        for code, reason in loss.skipped.items():
            codes.setdefault(one_line(reason), []).append(code)
        for reason, skipped in codes.items():
            page.paragraph((f"{', '.join(skipped)}: {reason}", "dim"), indent=2 * _INDENT)
    if loss.output.strip():
        page.blank()
        page.line(" " * _INDENT, ("what the loss printed", "bold"))
        lines = page.clean(loss.output.rstrip()).split("\n")
        for line in lines[:_OUTPUT_LINES]:
            page.line(" " * 2 * _INDENT, ("| " + line, "dim"))
        if len(lines) > _OUTPUT_LINES:
            page.line(" " * 2 * _INDENT, (f"… {len(lines) - _OUTPUT_LINES} more lines", "dim"))


def _write_suppressed(page: Page, entry: Suppressed) -> None:
    finding = entry.finding
    place = f"{one_line(finding.location.shown_path)}:{finding.location.line}"
    why = f" ({one_line(entry.reason)})" if entry.reason else ""
    text = f"{finding.code} {finding.name} at {place} by {_SILENCERS[entry.by]}{why}"
    page.paragraph((text, "dim"), indent=2 * _INDENT)


def _write_failure(page: Page, failure: Failure) -> None:
    if not failure.is_bug:
        page.paragraph(refusal(failure), label=("not checked: ", "bold red"))
        return
    where = f"({one_line(failure.target)}, {one_line(failure.stage)}, {failure.type})"
    page.paragraph(("a bug in losscheck, please report it", "bold red"), f" {where}")
    for line in page.clean(failure.message.rstrip()).split("\n"):
        page.line(" " * 2 * _INDENT, (line, "dim"))


def _summary_color(report: Report) -> str:
    if report.failures or report.count(Severity.ERROR):
        return "bold red"
    if report.count(Severity.WARNING):
        return "bold yellow"
    return "bold green" if report.losses else "bold"
