"""Puts what was found in a notebook into its cells: the cell, and the line within it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from losscheck.drawing import Drawing
from losscheck.exceptions import TargetError
from losscheck.finding import Finding, Location
from losscheck.loading.notebook import Notebook, is_notebook, read_notebook
from losscheck.report import LossReport

#: Lines of the notebook's text in what rules and loading say: ``line 40 of n.ipynb``, ``n.ipynb:40``.
_LINE = re.compile(r"\b(?P<before>in|at) line (?P<line>\d+)\b(?: of \S+\.ipynb)?")
_FRAME = re.compile(r"(?P<path>[^\s:]+\.ipynb):(?P<line>\d+)\b")


def in_cells(report: LossReport) -> LossReport:
    """The report of a loss in a notebook with every line in its cell; any other as it is."""
    if not is_notebook(report.path):
        return report
    try:
        notebook = read_notebook(Path(report.path))
    except TargetError:  # it was deleted meanwhile
        return report
    if not notebook.cells:
        return report
    cell, line = notebook.place(report.line)
    return replace(
        report,
        line=line,
        cell=cell.number,
        name=_text(report.name, notebook),
        findings=tuple(_finding(finding, notebook) for finding in report.findings),
        suppressed=tuple(
            replace(entry, finding=_finding(entry.finding, notebook)) for entry in report.suppressed
        ),
        left_out=_text(report.left_out, notebook),
        drawing=report.drawing and _drawing(report.drawing, notebook),
    )


def _drawing(drawing: Drawing, notebook: Notebook) -> Drawing:
    if drawing.path is None:
        return drawing
    nodes = tuple(
        replace(node, location=node.location and _location(node.location, notebook))
        for node in drawing.path.nodes
    )
    return replace(drawing, path=replace(drawing.path, nodes=nodes))


def _finding(finding: Finding, notebook: Notebook) -> Finding:
    return replace(
        finding,
        location=_location(finding.location, notebook),
        message=_text(finding.message, notebook),
        evidence=_plain(finding.evidence, notebook),
    )


def _location(place: Location, notebook: Notebook) -> Location:
    if not is_notebook(place.path):
        return place
    cell, line = notebook.place(place.line)
    end = None if place.end_line is None else line + place.end_line - place.line
    return replace(place, line=line, end_line=end, cell=cell.number)


def _plain(value: Any, notebook: Notebook) -> Any:
    if isinstance(value, str):
        return _text(value, notebook)
    if isinstance(value, Mapping):
        return {key: _plain(item, notebook) for key, item in value.items()}
    return [_plain(item, notebook) for item in value] if isinstance(value, (list, tuple)) else value


def _text(text: str, notebook: Notebook) -> str:
    def in_words(match: re.Match[str]) -> str:
        cell, line = notebook.place(int(match["line"]))
        return f"{match['before']} line {line} of cell {cell.number}"

    def in_frame(match: re.Match[str]) -> str:
        cell, line = notebook.place(int(match["line"]))
        return f"{match['path']}:cell {cell.number}:{line}"

    return _FRAME.sub(in_frame, _LINE.sub(in_words, text))
