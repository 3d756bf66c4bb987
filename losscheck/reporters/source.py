"""The lines of the user's file around a finding, with the columns of the culprit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.finding import Location, source_lines
from losscheck.reporters.plain import is_control

CONTEXT = 2  # lines before and after the culprit
_LONGEST_CULPRIT = 6  # lines; of a longer one (a whole function) only the first is marked
_TAB = "    "


@dataclass(frozen=True)
class SourceLine:
    """A line of the user's file as it is shown."""

    number: int  #: from 1
    text: str  #: tabs expanded, control characters replaced
    start: int = 0  #: first marked character, from 0
    end: int = 0  #: after the last marked character; not above `start`: no mark


def snippet(location: Location, context: int = CONTEXT) -> tuple[SourceLine, ...]:
    """The culprit's lines with some context; nothing where the file cannot be read."""
    lines = source_lines(location.path) if location.cell is None else _read_cell(location.path, location.cell)
    if not 1 <= location.line <= len(lines):
        return ()
    last = location.end_line or location.line
    if not location.line <= last < location.line + _LONGEST_CULPRIT:
        last = location.line
    first_shown, last_shown = max(1, location.line - context), min(len(lines), last + context)
    shown = [
        _source_line(lines[number - 1], number, location, last)
        for number in range(first_shown, last_shown + 1)
    ]
    while shown[0].number < location.line and not shown[0].text:
        del shown[0]
    while shown[-1].number > last and not shown[-1].text:
        del shown[-1]
    return tuple(shown)


def crop(lines: tuple[SourceLine, ...], width: int, ellipsis: str = "…") -> tuple[SourceLine, ...]:
    """The lines cut to a width, all at the same columns, so that the marks can be seen."""
    marked = [line for line in lines if line.end > line.start]
    end = max((line.end for line in marked), default=0)
    start = min((line.start for line in marked), default=0)
    shift = 0
    if end > width - len(ellipsis):
        shift = max(0, min(start - 2 * len(ellipsis), end + len(ellipsis) - width))
    return tuple(_crop_line(line, shift, width, ellipsis) for line in lines)


def _read_cell(path: str, number: int) -> list[str]:
    """Lines of a notebook's cell as the user sees them, magics included."""
    from losscheck.loading.notebook import read_notebook

    try:
        cells = read_notebook(Path(path)).cells
    except TargetError:  # it has changed since
        return []
    return next((cell.lines for cell in cells if cell.number == number), [])


def _source_line(line: str, number: int, location: Location, last: int) -> SourceLine:
    raw = line.rstrip()
    text = _show(raw)
    if not location.line <= number <= last:
        return SourceLine(number, text)
    start = len(_show(raw[: location.column - 1])) if number == location.line else 0
    end = len(text)
    ends_here = number == (location.end_line or location.line)
    if ends_here and location.end_column is not None:
        end = len(_show(raw[: location.end_column - 1]))
    indent = len(text) - len(text.lstrip())
    return SourceLine(number, text, max(start, indent), end)


def _show(text: str) -> str:
    """Source text as it is shown: the same length but for tabs."""
    return "".join(_TAB if c == "\t" else "?" if is_control(c) else c for c in text)


def _crop_line(line: SourceLine, shift: int, width: int, ellipsis: str) -> SourceLine:
    text = line.text[shift:]
    if shift and text:
        text = ellipsis + text[len(ellipsis) :]
    if len(text) > width:
        text = text[: width - len(ellipsis)] + ellipsis
    return SourceLine(
        line.number, text, min(max(line.start - shift, 0), width), min(max(line.end - shift, 0), width)
    )
