"""What speaks against inputs that a loss takes, read off the graph that it makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from losscheck.graph_observation import FlowObservation, Op

_ELEMENTWISE = frozenset(
    {"Add", "AddV2", "Sub", "Mul", "RealDiv", "DivNoNan", "SquaredDifference", "Maximum", "Minimum"}
)
_SOFTMAX = frozenset({"Softmax", "LogSoftmax"})
#: Operations that make a last axis of one on purpose.
_KEEPS_ONE = frozenset(
    {
        "Sum",
        "Mean",
        "Max",
        "Min",
        "Prod",
        "ExpandDims",
        "ArgMax",
        "Norm",
        "EuclideanNorm",
        "Reshape",
        "MatMul",
    }
)


def is_unfit(flow: FlowObservation, rows: int) -> bool:
    """Whether the loss runs on inputs that it cannot mean.

    A tensor that it makes of `y_pred` holds nothing, a softmax runs over one column and is 1 for anything, or
    a reshape cuts through the rows.
    """
    return flow.torn(rows) is not None or any(
        op.from_y_pred
        and op.is_float
        and (0 in (op.shape or ()) or (op.type in _SOFTMAX and (op.shape or ())[-1:] == (1,)))
        for op in flow.ops
    )


def doubts(flow: FlowObservation, rows: int) -> int:
    """How much speaks against it: columns that broadcast, pairs of rows."""
    found = 0
    for op in flow.ops:
        shape = op.shape or ()
        if op.type not in _ELEMENTWISE or len(op.inputs) < 2 or not (op.from_y_pred or op.from_y_true):
            continue
        if shape[:2] == (rows, rows):
            found += 1
        lasts = [(flow.ops[row].shape or (1,))[-1:] for row in op.inputs]
        narrow = [row for row, last in zip(op.inputs, lasts, strict=True) if last == (1,)]
        is_fed = all(flow.ops[row].from_y_pred or flow.ops[row].from_y_true for row in op.inputs)
        if is_fed and len(narrow) == 1 and (shape[-1:] or (1,))[0] not in (1, None):
            found += not _is_kept_one(flow.ops, narrow[0])
    return found


def _is_kept_one(ops: Sequence[Op], row: int) -> bool:
    """Whether the single column comes from a reduction that keeps its axis, or from one that was added."""
    for _ in range(12):
        op = ops[row]
        if op.type in _KEEPS_ONE:
            return True
        rows = [r for r in op.inputs if ops[r].from_y_pred or ops[r].from_y_true]
        if op.type in ("StridedSlice", "Split", "SplitV", "Placeholder", "Unpack") or not rows:
            return False
        row = rows[0]
    return False
