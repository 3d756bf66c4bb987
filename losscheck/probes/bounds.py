"""Between which numbers an operation's result must lie: a guard such as a clip needs no walk to prove it."""

from __future__ import annotations

from losscheck.graph_observation import Op
from losscheck.inputs.specs import Domain

Interval = tuple[float, float]

_INF = float("inf")
_ANY: Interval = (-_INF, _INF)
#: Just above 0 and just below 1: limits that are never reached from the inside; at them stand the edges.
_ABOVE_0, _BELOW_1 = 1e-300, 1.0 - 2.0**-53
#: Results that lie there whatever is fed.
_FIXED: dict[str, Interval] = {
    "Square": (0.0, _INF),
    "SquaredDifference": (0.0, _INF),
    "Abs": (0.0, _INF),
    "Exp": (_ABOVE_0, _INF),
    "Sqrt": (0.0, _INF),
    "Relu": (0.0, _INF),
    "Softplus": (_ABOVE_0, _INF),
    "Sigmoid": (_ABOVE_0, _BELOW_1),
    "Softmax": (_ABOVE_0, _BELOW_1),
    "Tanh": (-_BELOW_1, _BELOW_1),
}
#: Operations that choose or average among numbers of their first input.
_KEEPING = frozenset({
    "Identity", "Reshape", "Squeeze", "ExpandDims", "Mean", "Max", "Min", "Transpose", "BroadcastTo",
    "StridedSlice", "Tile", "Cast",
})  # fmt: skip
_DOMAINS: dict[str, Interval] = {
    "prob": (_ABOVE_0, _BELOW_1),
    "simplex": (_ABOVE_0, _BELOW_1),
    "binary": (0.0, 1.0),
    "onehot": (0.0, 1.0),
    "positive": (_ABOVE_0, _INF),
}
_MAX_DEPTH = 24


def interval(ops: tuple[Op, ...], index: int, domains: dict[int, Domain], depth: int = 0) -> Interval:
    """The numbers between which every entry of an operation's result lies; infinite where nothing is known.

    Args:
        ops: the rows of the graph.
        index: the operation.
        domains: of the inputs, by row.
        depth: how many operations the caller has gone up.

    """
    op = ops[index]
    if index in domains:
        domain = domains[index]
        return (domain.low, domain.high) if domain.name == "interval" else _DOMAINS.get(domain.name, _ANY)
    if op.constant is not None:
        return op.constant, op.constant
    if op.type in _FIXED:
        return _FIXED[op.type]
    if depth > _MAX_DEPTH:
        return _ANY
    sides = [interval(ops, i, domains, depth + 1) for i in op.inputs]
    if op.type in _KEEPING and sides:
        return sides[0]
    if op.type == "Sum" and sides:
        low, high = sides[0]
        return (low if low >= 0 else -_INF), (high if high <= 0 else _INF)
    if op.type == "ClipByValue" and len(sides) == 3:
        return sides[1][0], sides[2][1]
    return _of_two(op.type, sides[0], sides[1]) if len(sides) == 2 else _ANY


def _of_two(kind: str, left: Interval, right: Interval) -> Interval:
    (a, b), (c, d) = left, right
    if kind in ("AddV2", "Add"):
        return a + c, b + d
    if kind == "Sub":
        return a - d, b - c
    if kind == "Maximum":
        return max(a, c), max(b, d)
    if kind == "Minimum":
        return min(a, c), min(b, d)
    if kind == "Mul" and a >= 0 and c >= 0:
        return a * c, (b * d if b and d else 0.0)
    return _ANY
