"""The curve of a loss in the terminal: dots of braille, or stars where there is no Unicode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

from losscheck.drawing import Curve, Drawing
from losscheck.reporters.page import Page, Piece
from losscheck.reporters.scale import bad_ranges, scale_of

_HEIGHT = 6  # rows of a panel
_LABEL = 8  # columns for the numbers of an axis
_NARROWEST, _WIDEST = 18, 44  # columns of a panel
_BRAILLE = 0x2800
#: The bits of a braille character by column and row of its dots.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

_Row = tuple[Piece, ...]


def write_plot(page: Page, drawing: Drawing, *, indent: int) -> None:
    """Write loss and gradient for each label, side by side where the page is wide enough."""
    curve = drawing.curve
    if curve is None:
        page.paragraph((drawing.no_curve, "dim"), indent=indent, label=("no curve: ", "dim"))
        return
    page.paragraph((curve.caption, "dim"), indent=indent, label=("curve: ", "dim"))
    half = (page.width - indent - 2) // 2 - _LABEL - 2
    is_beside = half >= _NARROWEST
    width = min(_WIDEST, half if is_beside else page.width - indent - _LABEL - 2)
    for line in curve.lines:
        page.line(" " * indent, (line.label, "bold"))
        panels = [
            _panel(page, curve, "loss", line.loss, width),
            _panel(page, curve, "gradient", line.gradient, width),
        ]
        rows = zip(*panels, strict=True) if is_beside else ((row,) for panel in panels for row in panel)
        for row in rows:
            gap: list[Piece] = [" " * indent]
            for pieces in row:
                page_row: list[Piece] = [*gap, *pieces]
                gap = [*page_row, "  "]
            page.line(*page_row)


def _panel(page: Page, curve: Curve, title: str, values: Sequence[float] | None, width: int) -> list[_Row]:
    """A heading, the rows of the drawing, and the axis with what is not finite; all equally wide."""
    is_wide = page.style.unicode
    heading = f"{title} over {curve.axis}"[:width].ljust(width)
    rows: list[_Row] = [(" " * (_LABEL + 2), (heading, "dim"))]
    if values is None:
        words = "None: disconnected"[:width]
        for row in range(_HEIGHT):
            text = words.center(width) if row == _HEIGHT // 2 else " " * width
            rows.append((" " * _LABEL, ("│ " if is_wide else "| ", "dim"), (text, "bold red")))
    else:
        scale = scale_of([values[curve.inside]])
        labels = {0: scale.high, _HEIGHT - 1: scale.low}
        zero = round((1 - scale.share(0.0)) * _HEIGHT - 0.5)
        if 0 < zero < _HEIGHT - 1:
            labels[zero] = 0.0
        canvas = _Canvas(width, dots=(2, 4) if is_wide else (1, 1))
        canvas.draw([(_share(curve, x), scale.share(v)) for x, v in zip(curve.x, values, strict=True)])
        for row, text in enumerate(canvas.rows()):
            label = f"{labels[row]:.3g}" if row in labels else ""
            rows.append((f"{label:>{_LABEL}}", ("│ " if is_wide else "| ", "dim"), (text, "cyan")))
    rows.append(_axis(page, curve, values or (), width))
    first, last = f"{curve.x[0]:.3g}", f"{curve.x[-1]:.3g}"
    rows.append((" " * (_LABEL + 2), (first + last.rjust(width - len(first)), "dim")))
    return rows


def _share(curve: Curve, x: float) -> float:
    return (x - curve.x[0]) / (curve.x[-1] - curve.x[0])


def _axis(page: Page, curve: Curve, values: Sequence[float], width: int) -> _Row:
    """A line in which the places where a value is not finite are marked."""
    is_bad = [False] * width
    for bad in bad_ranges(values):
        start, end = (min(width - 1, int(_share(curve, curve.x[at]) * width)) for at in (bad.first, bad.last))
        is_bad[start : end + 1] = [True] * (end + 1 - start)
    line, mark, corner = ("─", "×", "└─") if page.style.unicode else ("-", "x", "+-")
    pieces: list[Piece] = [" " * _LABEL, (corner, "dim")]
    pieces += [(mark, "bold red") if bad else (line, "dim") for bad in is_bad]
    return tuple(pieces)


class _Canvas:
    """Cells of dots."""

    def __init__(self, width: int, dots: tuple[int, int]) -> None:
        self._dots = dots
        self._cells = [[0] * width for _ in range(_HEIGHT)]
        self._width, self._height = width * dots[0], _HEIGHT * dots[1]

    def draw(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw from point to point, in shares of the canvas; where one is not finite there is a gap."""
        for (x1, y1), (x2, y2) in zip_longest(points, points[1:], fillvalue=points[-1]):
            if not math.isfinite(y1):
                continue
            ends = (y1, y2 if math.isfinite(y2) else y1)
            low, high = (min(2.0, max(-1.0, y)) for y in ends)
            steps = max(1, math.ceil(abs(high - low) * self._height), math.ceil((x2 - x1) * self._width))
            for step in range(steps + 1):
                part = step / steps
                self._set(x1 + (x2 - x1) * part, low + (high - low) * part)

    def _set(self, x: float, y: float) -> None:
        column = min(self._width - 1, int(x * self._width))
        row = math.floor((1 - y) * self._height)
        if 0 <= row < self._height:
            across, down = column % self._dots[0], row % self._dots[1]
            self._cells[row // self._dots[1]][column // self._dots[0]] |= _DOTS[across][down]

    def rows(self) -> list[str]:
        """The cells as characters."""
        if self._dots == (1, 1):
            return ["".join("*" if cell else " " for cell in row) for row in self._cells]
        return ["".join(chr(_BRAILLE + cell) if cell else " " for cell in row) for row in self._cells]
