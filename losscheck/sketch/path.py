"""The path of the gradient: the operations between ``y_pred`` and the loss, put together by their place."""

from __future__ import annotations

from collections.abc import Iterable

from losscheck.drawing import Flow, GradientPath, PathEdge, PathNode
from losscheck.finding import Location
from losscheck.graph_observation import FlowObservation, Op
from losscheck.prober import Prober

#: Operations that only pass a tensor on; a path reads better without them.
_PLUMBING = ("Placeholder", "Identity", "IdentityN", "Squeeze", "ExpandDims", "Reshape")
#: More nodes than this nobody reads.
_MAX_NODES = 40
_Edges = dict[tuple[int, int], Flow]


def find_path(prober: Prober) -> GradientPath | str:
    """The path, or why there is none."""
    flow = prober.flow()
    if flow.output is None:
        return "the loss cannot be traced"
    between = [op.index for op in flow.ops if op.from_y_pred and op.reaches_output]
    if not between:
        return "no operation leads from `y_pred` to the loss"
    edges = _edges(flow, set(prober.passing().kept))
    drawn = _Graph(flow, between, edges)
    remark = ""
    if len(drawn.groups) > _MAX_NODES:
        drawn = _Graph(flow, flow.path, edges)
        remark = f"the graph has {len(between)} operations: only a shortest way through it is drawn"
    if len(drawn.groups) > _MAX_NODES:
        return f"the shortest way from `y_pred` to the loss has {len(drawn.groups)} parts"
    return GradientPath(drawn.nodes(), drawn.edges(), remark)


def _edges(flow: FlowObservation, kept: set[tuple[int, int]]) -> _Edges:
    """What becomes of the gradient on each tensor between ``y_pred`` and the loss."""
    arrives = _arrivals(flow)
    edges: _Edges = {}
    for op in flow.ops:
        for source in op.inputs if op.from_y_pred and op.reaches_output else ():
            row = flow.ops[source]
            if not row.from_y_pred:
                continue
            if op.index not in arrives:
                edges[source, op.index] = Flow.NONE
            elif op.has_gradient and row.has_gradient and (source, op.index) not in kept:
                edges[source, op.index] = Flow.PASSES
            elif _is_whole(row):  # integers of an operation before it: that one is to blame
                edges[source, op.index] = Flow.NONE
            else:
                edges[source, op.index] = Flow.CUT
    return edges


def _arrivals(flow: FlowObservation) -> set[int]:
    """The operations at which a gradient arrives, or would if their output were no integers."""
    arrives: set[int] = set()
    for op in reversed(flow.ops):
        if op.has_gradient or op.index == flow.output:
            arrives.add(op.index)
        if op.index in arrives:
            arrives.update(i for i in op.inputs if _is_whole(flow.ops[i]))
    return arrives


def _is_whole(op: Op) -> bool:
    """Whether it gives integers or booleans, which carry no gradient."""
    return not op.is_float


class _Graph:
    """The operations as nodes: plumbing is left out, and runs at one place become one node."""

    def __init__(self, flow: FlowObservation, kept: Iterable[int], edges: _Edges) -> None:
        self._flow = flow
        kept = set(kept)
        source = next(op.index for op in flow.ops if op.index in kept)
        self._edges = _bridged(flow, {pair: f for pair, f in edges.items() if kept >= set(pair)}, source)
        alive = {index for pair in self._edges for index in pair} | {source}
        self.groups: list[list[int]] = []
        self._group_of: dict[int, int] = {}
        for index in sorted(alive):
            before = self._joinable(index, source)
            if before is None:
                self._group_of[index] = len(self.groups)
                self.groups.append([index])
            else:
                self._group_of[index] = self._group_of[before]
                self.groups[self._group_of[before]].append(index)

    def nodes(self) -> tuple[PathNode, ...]:
        """The nodes, ``y_pred`` first."""
        return tuple(self._node(group) for group in self.groups)

    def edges(self) -> tuple[PathEdge, ...]:
        """The edges between different nodes; of several between two the one where most passes."""
        best: _Edges = {}
        order = list(Flow)
        for (source, target), flow in self._edges.items():
            pair = self._group_of[source], self._group_of[target]
            if pair[0] != pair[1] and order.index(flow) <= order.index(best.get(pair, Flow.NONE)):
                best[pair] = flow
        return tuple(PathEdge(source, target, flow) for (source, target), flow in sorted(best.items()))

    def _joinable(self, index: int, source: int) -> int | None:
        """The operation before this one, where the two stand alone together at one place."""
        inputs = [pair for pair in self._edges if pair[1] == index]
        if len(inputs) != 1 or inputs[0][0] == source:
            return None
        before = inputs[0][0]
        if any(flow is Flow.CUT for pair, flow in self._edges.items() if pair[1] == before):
            return None  # what cuts the gradient stands alone
        readers = [pair for pair in self._edges if pair[0] == before]
        here, there = self._flow.ops[index], self._flow.ops[before]
        is_alone = len(readers) == 1 and _line(here.location) == _line(there.location)
        return before if is_alone and self._edges[inputs[0]] is not Flow.CUT else None

    def _node(self, group: list[int]) -> PathNode:
        ops = [self._flow.ops[index] for index in group]
        places = list(dict.fromkeys(op.location for op in ops if op.location is not None))
        place = places[0] if places else None
        if place is not None and len(places) > 1:
            place = Location(place.path, place.line)
        is_source = len(ops) == 1 and ops[0].type in _PLUMBING and not ops[0].inputs
        types = () if is_source else tuple(op.type for op in ops)
        return PathNode(types, place, any(op.has_gradient for op in ops))


def _line(place: Location | None) -> tuple[str, int] | None:
    return None if place is None else (place.path, place.line)


def _bridged(flow: FlowObservation, edges: _Edges, source: int) -> _Edges:
    """The edges with the plumbing between them left out; at the ends it stays."""
    bridged = dict(edges)
    for op in flow.ops:
        if op.type not in _PLUMBING or op.index in (source, flow.output):
            continue
        before = {pair: f for pair, f in bridged.items() if pair[1] == op.index}
        after = {pair: f for pair, f in bridged.items() if pair[0] == op.index}
        if not before or not after:
            continue
        for (start, _), first in before.items():
            for (_, end), second in after.items():
                bridged[start, end] = _worse(first, second)
        for pair in (*before, *after):
            bridged.pop(pair, None)
    return bridged


def _worse(first: Flow, second: Flow) -> Flow:
    """What becomes of the gradient on two edges in a row; it comes from the second."""
    return second if second is not Flow.PASSES else first
