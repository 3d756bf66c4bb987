"""The page as a whole: head, overview, one section for each loss, what could not be checked."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from losscheck.finding import Mode, Severity
from losscheck.report import Failure, LossReport, ModeResult, Report, Status
from losscheck.reporters.html.markup import block, prose, text
from losscheck.reporters.html.sections import render_loss
from losscheck.reporters.html.style import STYLE
from losscheck.reporters.summary import refusal, summary

_MARKS = {Status.PASS: "✓", Status.FAIL: "✗", Status.SKIPPED: "–"}


def render_page(report: Report) -> str:
    """One HTML document: no script, nothing to load, every text of the user's escaped."""
    keys = [f"loss-{place}" for place in range(1, len(report.losses) + 1)]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = text(f"losscheck: {_headline(report)}")
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="losscheck {text(report.versions.losscheck)}">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the losses</a>
<header class="top">
<p class="brand">losscheck</p>
<h1>{text(_headline(report))}</h1>
<p class="versions">{text(_versions(report))}</p>
</header>
<main id="main">
{_overview(report.losses, keys)}
{_failures(report.failures)}
{"".join(render_loss(loss, key) for loss, key in zip(report.losses, keys, strict=True))}
</main>
<footer><p>{text(summary(report))}</p></footer>
</body>
</html>
"""


def _headline(report: Report) -> str:
    """``12 losses: 5 errors, 2 warnings``."""
    if not report.losses:
        return summary(report)
    checked, _, counts = summary(report).partition(": ")
    return f"{checked.partition(' checked')[0]}: {counts}"


def _versions(report: Report) -> str:
    versions = report.versions
    named = {
        "losscheck": versions.losscheck,
        "TensorFlow": versions.tensorflow,
        "Keras": versions.keras,
        "Python": versions.python,
    }
    return " · ".join(f"{name} {number}" for name, number in named.items() if number)


def _overview(losses: Sequence[LossReport], keys: Sequence[str]) -> str:
    if not losses:
        return ""
    modes = [mode for mode in Mode if any(mode in loss.modes for loss in losses)]
    head = "".join(f'<th scope="col">{text(mode.label)}</th>' for mode in modes)
    severities = "".join(f'<th scope="col" class="count">{severity.value}s</th>' for severity in Severity)
    rows = "".join(_row(loss, key, modes) for loss, key in zip(losses, keys, strict=True))
    return (
        '<div class="scroll" role="region" tabindex="0" aria-labelledby="overview">'
        '<table class="overview"><caption id="overview">Losses and their modes</caption>'
        f'<thead><tr><th scope="col">loss</th>{severities}{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(loss: LossReport, key: str, modes: Sequence[Mode]) -> str:
    name = (
        f'<th scope="row"><a href="#{key}">{text(loss.name)}</a>'
        f'<span class="place">{text(loss.shown_path)}:{loss.line}</span></th>'
    )
    cells = "".join(_cell(loss.modes.get(mode), loss.worst(mode)) for mode in modes)
    counts = "".join(
        f'<td class="count {severity.value if number else "none"}">{number}</td>'
        for severity in Severity
        for number in [sum(finding.severity is severity for finding in loss.findings)]
    )
    return f"<tr>{name}{counts}{cells}</tr>"


def _cell(result: ModeResult | None, worst: Severity) -> str:
    if result is None:
        return '<td class="skipped"><span class="hidden">not run</span></td>'
    words = result.status.value + (f": {result.reason}" if result.reason else "")
    kind = result.status.value + (f" {worst.value}" if result.status is Status.FAIL else "")
    mark = f'<span aria-hidden="true">{_MARKS[result.status]}</span>'
    said = f'<span class="hidden">{text(words)}</span>'
    return f'<td class="{kind}" title="{text(words)}">{mark}{said}</td>'


def _failures(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    items = "".join(f"<li>{_failure(failure)}</li>" for failure in failures)
    return (
        '<section class="failures" aria-labelledby="failures"><h2 id="failures">Not checked</h2>'
        f"<ul>{items}</ul></section>"
    )


def _failure(failure: Failure) -> str:
    if not failure.is_bug:
        return prose(refusal(failure))
    where = f"{text(failure.target)}, {text(failure.stage)}, {text(failure.type)}"
    trace = f'<pre class="output" tabindex="0">{block(failure.message)}</pre>'
    return f"A bug in losscheck, please report it ({where}){trace}"
