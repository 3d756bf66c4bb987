"""The path of the gradient as SVG: `y_pred` above, the loss below, what cuts the gradient in red."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from losscheck.drawing import Flow, GradientPath, PathEdge
from losscheck.finding import Finding, Location, Severity
from losscheck.reporters.html.layout import Layout, lay_out
from losscheck.reporters.html.markup import element, prose, text
from losscheck.reporters.source import snippet

_PAD, _GAP = 3.0, 16.0
_ROW, _BOX, _PILL = 78.0, 44.0, 26.0  #: from row to row, height of a node, of an end
_RAISED = 8.0  #: how far `y_pred` is raised, for the mark of a cut below it
_CELL = 6.4  #: width of a character of the code
_HEAD = 7.3  #: width of a character of the types
_HALF = 520.0  #: a wider drawing has the whole width of the page
_MOST_CHARACTERS = 30
_MOST_TYPES = 3
_FEWEST_CHARACTERS = 9


def render_path(path: GradientPath, findings: Iterable[Finding], name: str, key: str) -> str:
    """A figure with the graph and a legend.

    Args:
        path: what to draw.
        findings: those of the loss; their codes stand at their nodes.
        name: of the loss.
        key: begins every id.

    """
    findings = tuple(findings)
    shown = [_Shown(path, place, findings) for place in range(len(path.nodes))]
    widths = [node.width for node in shown]
    pairs = [(edge.source, edge.target) for edge in path.edges]
    layout = lay_out([*widths, 52.0], [*pairs, (len(shown) - 1, len(shown))], _GAP)
    edges = [*path.edges, PathEdge(len(shown) - 1, len(shown), Flow.PASSES)]
    drawn = [_edge(edge, layout, path.is_cut) for edge in edges]
    drawn += [_node(node, layout, place) for place, node in enumerate(shown)]
    drawn.append(_pill("loss", layout, len(shown)))
    width, height = layout.width + 2 * _PAD, (layout.rows - 1) * _ROW + _BOX + 2 * _PAD
    svg = element(
        "svg",
        element("title", text(f"Path of the gradient of {name}"), id=f"{key}-title")
        + element("desc", text(" ".join(_sentences(path, shown))), id=f"{key}-desc")
        + element("g", "".join(drawn), transform=f"translate({_PAD:g} {_PAD:g})"),
        class_="path",
        width=width,
        height=height,
        viewBox=f"0 0 {width:.1f} {height:.1f}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )
    scroll = element(
        "div", svg, class_="scroll", role="region", tabindex="0", aria_label=f"Gradient path of {name}"
    )
    caption = f"<p>{prose(_caption(path))}</p>" + (f"<p>{prose(path.remark)}.</p>" if path.remark else "")
    return (
        f'<figure class="drawing{" wide" * (width > _HALF)}"><h3>Gradient path</h3>{scroll}{_legend(path)}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


class _Shown:
    """A node with its words."""

    def __init__(self, path: GradientPath, place: int, findings: Iterable[Finding]) -> None:
        node = path.nodes[place]
        self.is_source = place == 0 and not node.ops
        self.types = "y_pred" if self.is_source else _types(node.ops)
        self.code = "" if self.is_source else _code(node.location)
        self.number = "" if node.location is None or self.is_source else f"{node.location.line}"
        self.codes = _codes(path, place, findings)
        self.has_gradient = node.has_gradient
        self.is_culprit = path.is_cut and any(e.target == place and e.flow is Flow.CUT for e in path.edges)

    @property
    def label(self) -> str:
        """The types with the line: how the description names it."""
        return f"{self.types} (line {self.number})" if self.number else self.types

    @property
    def width(self) -> float:
        """Of the box."""
        head = len(self.types) * _HEAD + sum(len(code) * _CELL + 12 for code, _ in self.codes)
        code = (len(self.number) + 2 + max(_FEWEST_CHARACTERS, len(self.code))) * _CELL
        return max(head, 0 if self.is_source else code) + 20


def _types(ops: Sequence[str]) -> str:
    if len(ops) <= _MOST_TYPES:
        return " · ".join(ops)
    return f"{ops[0]} · {len(ops) - 2} more · {ops[-1]}"


def _code(place: Location | None) -> str:
    """The user's expression, as far as it fits."""
    lines = [] if place is None else [line for line in snippet(place, context=0) if line.end > line.start]
    code = lines[0].text[lines[0].start : lines[0].end].strip() if lines else ""
    return code if len(code) <= _MOST_CHARACTERS else code[: _MOST_CHARACTERS - 1].rstrip() + "…"


def _codes(path: GradientPath, place: int, findings: Iterable[Finding]) -> list[tuple[str, Severity]]:
    """The findings that speak of this node: of its very expression, else of its line; notes are left out."""
    here = path.nodes[place].location
    if here is None:
        return []
    spans = {_span(node.location) for node in path.nodes if node.location}
    found = {}
    for finding in findings:
        at = finding.location
        is_here = _span(at) == _span(here) if _span(at) in spans else _span(at)[:3] == _span(here)[:3]
        if is_here and finding.severity is not Severity.NOTE:
            found[finding.code] = finding.severity
    return list(found.items())


def _span(place: Location) -> tuple[str, int | None, int, int]:
    return place.path, place.cell, place.line, place.column


def _top(layout: Layout, row: int) -> float:
    return row * _ROW


def _node(node: _Shown, layout: Layout, place: int) -> str:
    if node.is_source:
        return _pill("y_pred", layout, place, is_cut=not node.has_gradient)
    x, y = layout.x[place] - node.width / 2, _top(layout, layout.row[place])
    kind = "culprit" if node.is_culprit else "alive" if node.has_gradient else "dead"
    parts = [
        element("rect", class_="box", x=x, y=y, width=node.width, height=_BOX, rx=6.0),
        element("text", text(node.types), class_="types", x=x + 10, y=y + 18),
        element(
            "text",
            element("tspan", text(node.number), class_="number")
            + element("tspan", text(node.code), dx=8.0 if node.number else 0.0),
            class_="code",
            x=x + 10,
            y=y + 34,
        ),
    ]
    right = x + node.width - 8
    for code, severity in reversed(node.codes):
        parts.append(
            element(
                "text", text(code), class_=f"badge {severity.value}", x=right, y=y + 16, text_anchor="end"
            )
        )
        right -= len(code) * _CELL + 8
    return element("g", "".join(parts), class_=f"node {kind}")


def _pill(words: str, layout: Layout, place: int, *, is_cut: bool = False) -> str:
    """One end of the path."""
    x, y = layout.x[place], _top(layout, layout.row[place])
    if layout.row[place] == 0:
        y += _BOX - _PILL - _RAISED
    width = len(words) * _HEAD + 24
    box = element("rect", class_="box", x=x - width / 2, y=y, width=width, height=_PILL, rx=_PILL / 2)
    label = element("text", text(words), class_="types", x=x, y=y + 17, text_anchor="middle")
    return element("g", box + label, class_="node end dead" if is_cut else "node end")


def _edge(edge: PathEdge, layout: Layout, is_cut: bool) -> str:
    """A smooth line through the rows between, with a mark where the gradient is cut."""
    raised = _RAISED if edge.source == 0 else 0.0
    start = (layout.x[edge.source], _top(layout, layout.row[edge.source]) + _BOX - raised)
    end = (layout.x[edge.target], _top(layout, layout.row[edge.target]) - 1.5)
    points = [start]
    for x, row in layout.bends[edge.source, edge.target]:
        points += [(x, _top(layout, row)), (x, _top(layout, row) + _BOX)]
    points.append((end[0], end[1] - 5))
    parts = [f"M{start[0]:.1f} {start[1]:.1f}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        half = (y1 + y2) / 2
        parts.append(f"C{x1:.1f} {half:.1f} {x2:.1f} {half:.1f} {x2:.1f} {y2:.1f}")
    kind = "cut" if edge.flow is Flow.CUT and is_cut else "side" if edge.flow is Flow.CUT else edge.flow.value
    drawn = element("path", class_="edge", d="".join(parts))
    drawn += element("path", class_="arrow", d=f"M{end[0]:.1f} {end[1]:.1f}l-4-7h8z")
    if edge.flow is Flow.CUT:
        (x1, y1), (x2, y2) = points[-2:]
        drawn += _cross((x1 + x2) / 2, (y1 + y2) / 2)
    return element("g", drawn, class_=f"flow {kind}")


def _cross(x: float, y: float) -> str:
    disc = element("circle", class_="disc", cx=x, cy=y, r=7.0)
    return disc + element("path", class_="cross", d=f"M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6")


def _legend(path: GradientPath) -> str:
    kinds = {edge.flow for edge in path.edges}
    cut = "cut" if path.is_cut else "side"
    words = {
        Flow.PASSES: ("passes", "the gradient comes back"),
        Flow.CUT: (cut, "it is cut here" if path.is_cut else "none comes back this way"),
        Flow.NONE: ("none", "no gradient"),
    }
    items = []
    for flow, (kind, label) in words.items():
        if flow in kinds:
            line = element("path", class_="edge", d="M1 8h34") + (_cross(18, 8) if flow is Flow.CUT else "")
            svg = element(
                "svg",
                element("g", line, class_=f"flow {kind}"),
                class_="swatch wide",
                viewBox="0 0 36 16",
                aria_hidden="true",
            )
            items.append(f"<li>{svg}{label}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def _caption(path: GradientPath) -> str:
    if path.is_cut:
        return "No gradient arrives at `y_pred`: it is cut where the red line is."
    return "The gradient comes back from the loss to `y_pred`."


def _sentences(path: GradientPath, shown: Sequence[_Shown]) -> Iterator[str]:
    words = {Flow.PASSES: "the gradient comes back", Flow.CUT: "it is cut here", Flow.NONE: "no gradient"}
    for edge in path.edges:
        yield f"From {shown[edge.source].label} to {shown[edge.target].label}: {words[edge.flow]}."
