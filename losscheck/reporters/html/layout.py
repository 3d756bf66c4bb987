"""Places for the nodes of a graph: rows by the longest way from the start, few crossings, no overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 12  #: up and down; nothing moves any more after that

Edge = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """The centre of each node, and for each edge the points between its ends."""

    x: tuple[float, ...]  #: by node
    row: tuple[int, ...]  #: by node
    bends: dict[Edge, tuple[tuple[float, int], ...]]  #: x and row of each row that an edge crosses
    width: float
    rows: int


def lay_out(widths: Sequence[float], edges: Sequence[Edge], gap: float) -> Layout:
    """Place the nodes of a graph without cycles.

    Args:
        widths: of the nodes, which are numbered so that every edge points from a lower to a higher number.
        edges: pairs of nodes.
        gap: the least space between two nodes of a row, and the width of an edge that crosses it.

    """
    row = [0] * len(widths)
    for source, target in sorted(edges):
        row[target] = max(row[target], row[source] + 1)
    size = list(widths)
    rows: list[list[int]] = [[] for _ in range(max(row, default=0) + 1)]
    for node, at in enumerate(row):
        rows[at].append(node)
    links: list[Edge] = []
    crossing: dict[Edge, list[int]] = {}
    for source, target in edges:
        before, inner = source, []
        for at in range(row[source] + 1, row[target]):
            size.append(gap)
            rows[at].append(len(size) - 1)
            inner.append(len(size) - 1)
            links.append((before, inner[-1]))
            before = inner[-1]
        links.append((before, target))
        crossing[source, target] = inner
    above: list[list[int]] = [[] for _ in size]
    below: list[list[int]] = [[] for _ in size]
    for source, target in links:
        above[target].append(source)
        below[source].append(target)
    x = [0.0] * len(size)
    for nodes in rows:
        _spread(nodes, x, size, gap)
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        for nodes in rows if sweep % 2 == 0 else rows[::-1]:
            for node in nodes:
                if neighbours[node]:
                    x[node] = sum(x[other] for other in neighbours[node]) / len(neighbours[node])
            nodes.sort(key=x.__getitem__)
            _spread(nodes, x, size, gap)
    left = min((x[node] - size[node] / 2 for node in range(len(size))), default=0.0)
    right = max((x[node] + size[node] / 2 for node in range(len(size))), default=0.0)
    at_row = {node: number for number, nodes in enumerate(rows) for node in nodes}
    bends = {
        edge: tuple((x[node] - left, at_row[node]) for node in inner) for edge, inner in crossing.items()
    }
    count = len(widths)
    return Layout(tuple(at - left for at in x[:count]), tuple(row), bends, right - left, len(rows))


def _spread(nodes: Sequence[int], x: list[float], size: Sequence[float], gap: float) -> None:
    """Push the nodes of a row apart until none overlaps, and keep the row where it was on average."""
    if not nodes:
        return
    wanted = sum(x[node] for node in nodes) / len(nodes)
    for before, after in pairwise(nodes):
        x[after] = max(x[after], x[before] + (size[before] + size[after]) / 2 + gap)
    moved = wanted - sum(x[node] for node in nodes) / len(nodes)
    for node in nodes:
        x[node] += moved
