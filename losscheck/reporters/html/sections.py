"""What the page says of one loss: its inputs, its findings with their source, its drawings, the details."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from losscheck.exceptions import LosscheckError
from losscheck.finding import Finding, Mode, Severity
from losscheck.report import LossReport, TaskSource
from losscheck.reporters.html.curve import render_curve
from losscheck.reporters.html.graph import render_path
from losscheck.reporters.html.markup import block, paragraphs, prose, text
from losscheck.reporters.plain import plain
from losscheck.reporters.source import SourceLine, snippet

_TOLD = {
    TaskSource.INFERRED: "inferred",
    TaskSource.OPTION: "told by an option",
    TaskSource.COMMENT: "told by a comment",
    TaskSource.ARRAYS: "told by arrays",
    TaskSource.CONFIG: "told by pyproject.toml",
    TaskSource.MODEL: "told by the model",
}


def render_loss(loss: LossReport, key: str) -> str:
    """The section of a loss; ``key`` begins every id in it."""
    findings = sorted(loss.findings, key=lambda finding: -finding.severity.rank)
    loud = [finding for finding in findings if finding.severity is not Severity.NOTE]
    notes = [finding for finding in findings if finding.severity is Severity.NOTE]
    parts = [
        f'<section class="loss" id="{key}" aria-labelledby="{key}-name">',
        f'<header><h2 id="{key}-name">{text(loss.name)}</h2>',
        f'<p class="place">{text(loss.shown_path)}:{loss.line}</p></header>',
        _inputs(loss),
        *(_finding(finding, f"{key}-finding-{place}") for place, finding in enumerate(loud, 1)),
    ]
    if not loud:
        parts.append('<p class="clean">No errors, no warnings.</p>')
    parts.append(_drawings(loss, key))
    if notes:
        said = "".join(_note(note) for note in notes)
        parts.append(_details(f"{len(notes)} note{'s' * (len(notes) > 1)}", f'<ul class="notes">{said}</ul>'))
    return "".join([*parts, *_more(loss), "</section>"])


def _inputs(loss: LossReport) -> str:
    rows = []
    if loss.task is not None:
        source = _TOLD[loss.task.source]
        if loss.task.source is TaskSource.INFERRED:
            source += f" as {loss.task.name}"
        rows = [("y_true", loss.task.y_true, ""), ("y_pred", loss.task.y_pred, source)]
    items = "".join(
        f"<div><dt>{name}</dt><dd><code>{text(spec)}</code> <span>{text(how)}</span></dd></div>"
        for name, spec, how in rows
    )
    if loss.left_out:
        items += f"<div><dt>not run</dt><dd>{text(loss.left_out)}</dd></div>"
    return f'<dl class="inputs">{items}</dl>' if items else ""


def _finding(finding: Finding, key: str) -> str:
    kind = finding.severity.value
    place = f"{text(finding.location.shown_path)}:{finding.location.line}:{finding.location.column}"
    modes = ", ".join(mode.label for mode in finding.modes)
    if len(set(finding.modes)) == len(Mode):
        modes = "every mode"
    parts = [
        f'<article class="finding {kind}" aria-labelledby="{key}">',
        f'<h3 id="{key}"><span class="badge {kind}">{kind}</span> ',
        f'<span class="code">{text(finding.code)}</span> {text(finding.name)}</h3>',
        f'<p class="message">{prose(finding.message)}</p>',
        f'<p class="place">{place}{f" in {text(modes)}" if modes else ""}</p>',
        _source(finding),
    ]
    if finding.hint:
        parts.append(f'<p class="hint"><b>Help</b> {prose(finding.hint)}</p>')
    if finding.evidence:
        rows = "".join(
            f"<div><dt>{text(str(name))}</dt><dd>{text(str(value))}</dd></div>"
            for name, value in finding.evidence.items()
        )
        parts.append(_details("Evidence", f'<dl class="evidence">{rows}</dl>'))
    return "".join([*parts, _rule(finding.code), "</article>"])


def _source(finding: Finding) -> str:
    lines = snippet(finding.location)
    if not lines:
        return ""
    rows = "\n".join(_source_line(line) for line in lines)
    return f'<pre class="source" tabindex="0" aria-label="source"><code>{rows}</code></pre>'


def _source_line(line: SourceLine) -> str:
    number = f'<span class="number" data-line="{line.number:>4}"></span>'
    before, marked, after = line.text[: line.start], line.text[line.start : line.end], line.text[line.end :]
    if not marked:
        return f"{number}{block(line.text)}"
    return f"{number}{_code(before)}<mark>{_code(marked)}</mark>{_code(after)}"


def _code(words: str) -> str:
    return escape(plain(words))


def _rule(code: str) -> str:
    """What ``--explain`` says of the rule in prose; nothing for a rule that this version does not have."""
    from losscheck.explain import sections, summary
    from losscheck.registry import rule

    try:
        known = rule(code)
    except LosscheckError:
        return ""
    body = f"<p>{prose(summary(known))}</p>"
    body += "".join(f"<h4>{text(title)}</h4>{paragraphs(words)}" for title, words in sections(known))
    return _details(f"About {code} {known.name}", body)


def _note(note: Finding) -> str:
    place = f"{text(note.location.shown_path)}:{note.location.line}"
    hint = f'<br><span class="hint">{prose(note.hint)}</span>' if note.hint else ""
    return (
        f'<li><span class="code">{text(note.code)}</span> {text(note.name)}'
        f' <span class="place">{place}</span><br>{prose(note.message)}{hint}</li>'
    )


def _drawings(loss: LossReport, key: str) -> str:
    if loss.drawing is None:
        return ""
    curve, path = loss.drawing.curve, loss.drawing.path
    figures = [
        render_path(path, loss.findings, loss.name, f"{key}-path") if path is not None else "",
        render_curve(curve, loss.name, f"{key}-curve") if curve is not None else "",
    ]
    whys: dict[str, list[str]] = {}
    for what, why in (("gradient path", loss.drawing.no_path), ("curve", loss.drawing.no_curve)):
        if why:
            whys.setdefault(why, []).append(what)
    reasons = [
        f'<p class="no-drawing">No {" and no ".join(what)}: {prose(why)}.</p>' for why, what in whys.items()
    ]
    return f'<div class="drawings">{"".join(figures)}</div>{"".join(reasons)}'


def _more(loss: LossReport) -> Iterator[str]:
    """What ``--verbose`` shows in the terminal."""
    if loss.task is not None and loss.task.evidence:
        yield _details("How the inputs were chosen", _items(loss.task.evidence))
    if loss.skipped:
        codes: dict[str, list[str]] = {}
        for code, reason in loss.skipped.items():
            codes.setdefault(reason, []).append(code)
        yield _details(
            "Rules skipped", _items([f"{', '.join(found)}: {why}" for why, found in codes.items()])
        )
    if loss.output.strip():
        yield _details(
            "What the loss printed", f'<pre class="output" tabindex="0">{block(loss.output)}</pre>'
        )


def _items(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{prose(line)}</li>' for line in lines)}</ul>"


def _details(title: str, body: str) -> str:
    return f"<details><summary>{text(title)}</summary>{body}</details>"
