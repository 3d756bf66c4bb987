"""The report as a small piece of HTML that needs nothing else: what a notebook shows."""

from __future__ import annotations

from html import escape

from losscheck.finding import Finding, Severity
from losscheck.report import LossReport, Report, Status
from losscheck.reporters.plain import one_line, plain
from losscheck.reporters.source import SourceLine, snippet
from losscheck.reporters.summary import failure_line, summary

_COLORS = {Severity.ERROR: "#c62828", Severity.WARNING: "#b26a00", Severity.NOTE: "#1565c0"}
_MARKS = {Status.PASS: ("✓", "#2e7d32"), Status.FAIL: ("✗", "#c62828"), Status.SKIPPED: ("–", "#757575")}
_CODE = "margin:.3em 0;padding:.4em;border-left:3px solid {color};overflow-x:auto;line-height:1.3"


def render_html(report: Report) -> str:
    """One ``<div>`` with every loss, every finding and the summary; all text is escaped."""
    parts = [*map(_loss, report.losses), *(_paragraph(failure_line(f)) for f in report.failures)]
    parts.append(f"<p><b>{_text(summary(report))}</b></p>")
    return f'<div class="losscheck">{"".join(parts)}</div>'


def _loss(loss: LossReport) -> str:
    parts = [f"<p><b>{_text(loss.name)}</b> {_text(loss.shown_path)}:{loss.line}"]
    if loss.task is not None:
        parts.append(f"<br>y_true {_text(loss.task.y_true)}, y_pred {_text(loss.task.y_pred)}")
    if loss.modes:
        marks = (
            f'<span title="{_text(result.reason)}">{mode.label} {_colored(*_MARKS[result.status])}</span>'
            for mode, result in loss.modes.items()
        )
        parts.append(f"<br>{' &nbsp; '.join(marks)}")
    return "".join([*parts, "</p>", *map(_finding, loss.findings)])


def _finding(finding: Finding) -> str:
    color = _COLORS[finding.severity]
    head = f"{_colored(finding.code, color)} <b>{_text(finding.name)}</b> {finding.severity.value}"
    place = f"{_text(finding.location.shown_path)}:{finding.location.line}:{finding.location.column}"
    message = escape(plain(finding.message)).replace("\n", "<br>")
    parts = [f'<div style="margin:.6em 0 .6em 1em">{head} <small>{place}</small><br>{message}']
    if lines := snippet(finding.location):
        source = "\n".join(_source_line(line, color) for line in lines)
        parts.append(f'<pre style="{_CODE.format(color=color)}">{source}</pre>')
    if path := finding.evidence.get("path"):
        parts.append(f"<div>path: {_text(str(path))}</div>")
    if finding.hint:
        parts.append(f"<div><b>help:</b> {_text(finding.hint)}</div>")
    return "".join([*parts, "</div>"])


def _source_line(line: SourceLine, color: str) -> str:
    before, marked, after = line.text[: line.start], line.text[line.start : line.end], line.text[line.end :]
    if not marked:
        return f"{line.number:>4} {escape(line.text)}"
    underlined = f'<u style="text-decoration-color:{color}">{escape(marked)}</u>'
    return f"{line.number:>4} {escape(before)}{underlined}{escape(after)}"


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _text(text: str) -> str:
    return escape(one_line(text))


def _colored(text: str, color: str) -> str:
    return f'<b style="color:{color}">{_text(text)}</b>'
