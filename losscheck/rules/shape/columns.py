"""Where a row of numbers, one for each sample, meets a column of them: each is combined with each other."""

from __future__ import annotations

from losscheck.graph_observation import FlowObservation, Op
from losscheck.prober import Prober

_ELEMENTWISE = frozenset(
    ("Add", "AddV2", "Sub", "Mul", "RealDiv", "DivNoNan", "SquaredDifference", "Maximum", "Minimum", "Pow",
     "SelectV2")
)  # fmt: skip
#: What keeps the axis that it reduces: `|a|² + |b|²` is how distances between two sets begin.
_REDUCTIONS = frozenset(("Sum", "Mean", "Max", "Min"))
#: What makes a column of a row on purpose, for all pairs.
_MAKES_COLUMN = frozenset(("ExpandDims", "Reshape", "Transpose", "MatMul", "Tile", "BroadcastTo"))


def mixed_columns(prober: Prober) -> Op | None:
    """The first operation that does so by mistake; None if there is none, or the loss stays the same.

    Both arguments must go in, and the column may not be made for the purpose. The loss of a batch must be
    another one than that of its halves.
    """
    op = _meeting(prober.flow(), prober.inputs.typical_size)
    return op if op is not None and not prober.why_plain_mean() else None


def _meeting(flow: FlowObservation, rows: int) -> Op | None:
    for op in flow.ops:
        if op.type not in _ELEMENTWISE or op.shape != (rows, rows) or not op.reaches_output:
            continue
        fed = [flow.ops[row] for row in op.inputs]
        column = next((source for source in fed if source.shape == (rows, 1)), None)
        row = next((source for source in fed if source.shape == (rows,)), None)
        if column is None or row is None or not (op.from_y_true and op.from_y_pred):
            continue
        is_of_two_sets = column.type in _REDUCTIONS and not (column.from_y_true and column.from_y_pred)
        if not is_of_two_sets and not _is_made(flow, column):
            return op
    return None


def _is_made(flow: FlowObservation, column: Op) -> bool:
    """Whether the column was a row before, as of ``x[:, None]``."""
    if column.type in _MAKES_COLUMN:
        return True
    return column.type == "StridedSlice" and len(flow.ops[column.inputs[0]].shape or ()) < 2
