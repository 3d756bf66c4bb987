"""The curve of a loss as SVG: the loss above, its gradient below, over the same predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from losscheck.drawing import Curve
from losscheck.reporters.html.markup import element, number, prose, text
from losscheck.reporters.scale import Scale, bad_ranges, scale_of

_WIDTH, _LEFT, _RIGHT, _TOP = 440.0, 52.0, 10.0, 22.0
_PANEL, _GAP, _BOTTOM = 128.0, 34.0, 40.0
_THINNEST = 4.0  #: a band of a single point

_PANELS = ("loss", "gradient")  #: from above to below; the last one has the numbers of the axis
_Panel = tuple[str, list[tuple[float, ...] | None]]


def render_curve(curve: Curve, name: str, key: str) -> str:
    """A figure with both panels, a legend, and in words where a number is not finite.

    Args:
        curve: what to draw.
        name: of the loss.
        key: begins every id.

    """
    panels: list[_Panel] = list(
        zip(
            _PANELS,
            ([line.loss for line in curve.lines], [line.gradient for line in curve.lines]),
            strict=True,
        )
    )
    height = _TOP + 2 * _PANEL + _GAP + _BOTTOM
    bad = list(_bad_sentences(curve))
    description = f"{curve.axis} goes from {number(curve.x[0])} to {number(curve.x[-1])}. {'; '.join(bad)}"
    drawn = "".join(
        _panel(curve, title, lines, _TOP + place * (_PANEL + _GAP), key)
        for place, (title, lines) in enumerate(panels)
    )
    axis = element(
        "text", text(curve.axis), class_="axis", x=_LEFT + _inner() / 2, y=height - 6, text_anchor="middle"
    )
    svg = element(
        "svg",
        element("title", text(f"Loss and gradient of {name} over {curve.axis}"), id=f"{key}-title")
        + element("desc", text(description), id=f"{key}-desc")
        + _pattern(key)
        + drawn
        + axis,
        class_="curve",
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )
    caption = f"<p>{prose(curve.caption[:1].upper() + curve.caption[1:])}.</p>"
    if bad:
        caption += f'<p class="bad">Not finite: {prose("; ".join(bad))}.</p>'
    words = f"{_legend(curve, bool(bad))}<figcaption>{caption}</figcaption>"
    return f'<figure class="drawing"><h3>Curve</h3><div class="beside">{svg}<div>{words}</div></div></figure>'


def _inner() -> float:
    return _WIDTH - _LEFT - _RIGHT


def _across(curve: Curve, x: float) -> float:
    return _LEFT + _inner() * (x - curve.x[0]) / (curve.x[-1] - curve.x[0])


def _panel(curve: Curve, title: str, lines: Sequence[tuple[float, ...] | None], top: float, key: str) -> str:
    """One set of lines with its frame, ticks and bands."""
    known = [line for line in lines if line is not None]
    scale = scale_of([line[curve.inside] for line in known])
    bottom = top + _PANEL
    clip = f"{key}-{title}"
    parts = [
        element("clipPath", _box(_LEFT, top, _inner(), _PANEL), id=clip),
        element("text", text(title), class_="heading", x=_LEFT, y=top - 7),
        *_outside(curve, top),
        *(_grid(scale, top) if known else ()),
        *_x_ticks(curve, bottom, has_numbers=title == _PANELS[-1]),
    ]
    bands: set[tuple[float, float]] = set()
    for values in known:
        bands |= {_band(curve, bad.first, bad.last) for bad in bad_ranges(values)}
    parts += [
        _box(start, top, end - start, _PANEL, class_="bad-band", fill=f"url(#{key}-hatch)")
        for start, end in sorted(bands)
    ]
    for place, line in enumerate(lines):
        if line is not None:
            path = _path(curve, line, scale, top)
            parts.append(element("path", class_=f"line line-{place}", d=path, clip_path=f"url(#{clip})"))
    if len(known) < len(lines):
        words = "None: no gradient reaches y_pred" if not known else "None for the other lines"
        parts.append(
            element(
                "text", words, class_="none", x=_LEFT + _inner() / 2, y=top + _PANEL / 2, text_anchor="middle"
            )
        )
    parts.append(
        element(
            "text", _beyond(scale, known), class_="cut-off", x=_LEFT + _inner(), y=top - 7, text_anchor="end"
        )
    )
    parts.append(_box(_LEFT, top, _inner(), _PANEL, class_="frame"))
    return "".join(parts)


def _box(x: float, y: float, width: float, height: float, **attributes: str) -> str:
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def _outside(curve: Curve, top: float) -> Iterator[str]:
    """Shade what lies outside the domain."""
    for start, end in ((curve.x[0], curve.low), (curve.high, curve.x[-1])):
        if end > start:
            left, right = _across(curve, start), _across(curve, end)
            yield _box(left, top, right - left, _PANEL, class_="outside")


def _grid(scale: Scale, top: float) -> Iterator[str]:
    for tick in scale.ticks(4):
        y = top + _PANEL * (1 - scale.share(tick))
        yield element(
            "line", class_="zero" if tick == 0 else "grid", x1=_LEFT, x2=_LEFT + _inner(), y1=y, y2=y
        )
        yield element("text", number(tick), class_="tick", x=_LEFT - 6, y=y + 3.5, text_anchor="end")


def _x_ticks(curve: Curve, bottom: float, *, has_numbers: bool) -> Iterator[str]:
    for tick in Scale(curve.x[0], curve.x[-1]).ticks(6):
        x = _across(curve, tick)
        yield element("line", class_="mark", x1=x, x2=x, y1=bottom, y2=bottom + 4)
        if has_numbers:
            yield element("text", number(tick), class_="tick", x=x, y=bottom + 15, text_anchor="middle")


def _band(curve: Curve, first: int, last: int) -> tuple[float, float]:
    """From half-way to the point before to half-way to the point after, and wide enough to be seen."""
    x = curve.x
    start = _across(curve, (x[first] + x[max(0, first - 1)]) / 2)
    end = _across(curve, (x[last] + x[min(len(x) - 1, last + 1)]) / 2)
    missing = max(0.0, _THINNEST - (end - start)) / 2
    return round(max(_LEFT, start - missing), 2), round(min(_WIDTH - _RIGHT, end + missing), 2)


def _path(curve: Curve, line: Sequence[float], scale: Scale, top: float) -> str:
    """A path with a gap wherever a value is not finite; a lone point is a short dash."""
    parts = []
    is_drawing = False
    for x, value in zip(curve.x, line, strict=True):
        if not math.isfinite(value):
            is_drawing = False
            continue
        share = min(3.0, max(-2.0, scale.share(value)))  # far out of the panel no coordinate is drawn right
        place = f"{_across(curve, x):.2f} {top + _PANEL * (1 - share):.2f}"
        parts.append(f"L{place}" if is_drawing else f"M{place}h.01")
        is_drawing = True
    return "".join(parts)


def _beyond(scale: Scale, lines: Sequence[Sequence[float]]) -> str:
    """How far the lines go on outside the panel; empty where they do not."""
    finite = [value for line in lines for value in line if math.isfinite(value)]
    words = [f"↑ up to {number(max(finite))}"] if scale.is_cut_above else []
    words += [f"↓ down to {number(min(finite))}"] if scale.is_cut_below else []
    return "   ".join(words)


def _pattern(key: str) -> str:
    hatch = element("path", class_="hatch", d="M-1 1l2-2M0 6l6-6M5 7l2-2")
    return element("pattern", hatch, id=f"{key}-hatch", width=6.0, height=6.0, patternUnits="userSpaceOnUse")


def _legend(curve: Curve, has_bad: bool) -> str:
    items = [
        f'<li><svg class="swatch" viewBox="0 0 28 8" aria-hidden="true">'
        f"{element('path', class_=f'line line-{place}', d='M1 4h26')}</svg>{text(line.label)}</li>"
        for place, line in enumerate(curve.lines)
    ]
    if curve.low > curve.x[0] or curve.high < curve.x[-1]:
        items.append('<li><span class="swatch outside" aria-hidden="true"></span>outside its domain</li>')
    if has_bad:
        items.append('<li><span class="swatch bad-band" aria-hidden="true"></span>not finite</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'


def _bad_sentences(curve: Curve) -> Iterator[str]:
    """``loss for y_true = 1 at 0 (+∞)``, for every stretch."""
    for line in curve.lines:
        for what, values in (("loss", line.loss), ("gradient", line.gradient or ())):
            for bad in bad_ranges(values):
                first, last = number(curve.x[bad.first]), number(curve.x[bad.last])
                where = f"at {first}" if bad.first == bad.last else f"from {first} to {last}"
                yield f"{what} for {line.label} {where} ({bad.kind})"
