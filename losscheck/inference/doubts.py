"""What speaks against inputs that a loss takes, read off the graph that it makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from losscheck.graph_observation import FlowObservation, Op
from losscheck.inference.uses import uses
from losscheck.inputs.tasks import Task
from losscheck.observation import Shape

_ELEMENTWISE = frozenset(
    {"Add", "AddV2", "Sub", "Mul", "RealDiv", "DivNoNan", "SquaredDifference", "Maximum", "Minimum"}
)
_CROSSENTROPY = frozenset({"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"})
#: Operations that choose between a column and its complement, or take the logarithm of the complement.
_TWO_SIDED = frozenset({"Log1p", "Select", "SelectV2", "StatelessIf", "If"})
_DIVISIONS = frozenset({"RealDiv", "DivNoNan"})
#: What keeps a divisor from zero.
_GUARDS = frozenset({"Add", "AddV2", "Maximum"})
_SOFTMAX = frozenset({"Softmax", "LogSoftmax"})
_DIFFERENCES = frozenset({"Sub", "SquaredDifference"})
#: Operations that hand on the entries of axes of one.
_REDUCTIONS = frozenset({"Mean", "Sum", "Max", "Min", "Prod"})
#: Operations that keep the order of the entries, and all that put them elsewhere.
_RESHAPES = frozenset({"ExpandDims", "Reshape", "Squeeze", "Identity"})
_MOVES = _RESHAPES | {"StridedSlice", "Transpose"}
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


def is_unfit(flow: FlowObservation, task: Task, rows: int) -> bool:
    """Whether the loss runs on inputs that it cannot mean.

    A tensor that it makes of `y_pred` holds nothing; one column is made to sum to one, by a softmax or by its
    own sum, and is 1 for anything; one column is compared with itself; one column of probabilities is read
    for the labels that are 1 alone; one-hot rows are read as class ids; a reshape cuts through the rows.
    """
    return (
        flow.torn(rows) is not None
        or any(map(partial(_is_pointless, flow.ops), flow.ops))
        or _is_misread(flow, task)
    )


def holds_nothing(flow: FlowObservation) -> bool:
    """Whether a tensor that it makes of `y_pred` has no entry."""
    return any(op.from_y_pred and 0 in (op.shape or ()) for op in flow.ops)


def _is_pointless(ops: Sequence[Op], op: Op) -> bool:
    shape = op.shape or ()
    return (
        op.from_y_pred
        and op.is_float
        and (
            0 in shape
            or (op.type in _SOFTMAX and shape[-1:] == (1,))
            or (op.type in _CROSSENTROPY and (ops[op.inputs[0]].shape or ())[-1:] == (1,))
            or _is_own_share(ops, op)
            or _is_own_gap(ops, op)
            or _is_own_norm(ops, op)
            or _is_spread(ops, op)
        )
    )


def _is_misread(flow: FlowObservation, task: Task) -> bool:
    """Whether the graph reads one side as what it is not."""
    if task.y_true.domain.name == "onehot" and uses(flow, of_y_pred=False).ids:
        return True
    if (task.y_true.domain.name, task.y_pred.domain.name, task.y_pred.dims[-1]) != ("binary", "prob", 1):
        return False
    pred = uses(flow, of_y_pred=True)
    return pred.log and not pred.log_of_complement and not any(op.type in _TWO_SIDED for op in flow.ops)


def _is_own_share(ops: Sequence[Op], op: Op) -> bool:
    """Whether each entry is divided by a sum over an axis of one entry: by itself."""
    if op.type not in _DIVISIONS or len(op.inputs) < 2 or not op.shape or op.shape[-1] != 1:
        return False
    above, below = op.inputs[:2]
    for _ in range(3):
        if ops[below].type not in _GUARDS:
            break
        below = next((row for row in ops[below].inputs if ops[row].from_y_pred), above)
    total = ops[below]
    return total.type == "Sum" and total.inputs[0] == above and total.shape == ops[above].shape


def _is_spread(ops: Sequence[Op], op: Op) -> bool:
    """Whether one column is added to several numbers of the loss's own, as to one for each class."""
    if op.type not in ("Add", "AddV2", "Sub") or not op.shape or op.shape[-1] in (1, None):
        return False
    sides = [ops[row] for row in op.inputs[:2]]
    columns = [side for side in sides if side.from_y_pred and (side.shape or ())[-1:] == (1,)]
    own = [
        s for s in sides if not s.from_y_pred and not s.from_y_true and (s.shape or ())[-1:] == op.shape[-1:]
    ]
    return len(columns) == len(own) == 1 and ops[_moved_from(ops, columns[0].index)].type == "Placeholder"


def _is_own_norm(ops: Sequence[Op], op: Op) -> bool:
    """Whether each entry of one column is divided by its own length: `tf.nn.l2_normalize` leaves the sign."""
    if op.type != "Mul" or len(op.inputs) < 2 or not op.shape or op.shape[-1] != 1:
        return False
    entry, scale = op.inputs[:2]
    if ops[scale].type != "Rsqrt":
        return False
    below = ops[scale].inputs[0]
    if ops[below].type in _GUARDS:
        below = next((row for row in ops[below].inputs if ops[row].from_y_pred), below)
    square = ops[below].inputs[0] if ops[below].type == "Sum" else below
    return ops[square].type == "Square" and ops[square].inputs[0] == entry and ops[square].shape == op.shape


def _is_own_gap(ops: Sequence[Op], op: Op) -> bool:
    """Whether each number is taken from itself: the pairs of one column."""
    if op.type not in _DIFFERENCES or not op.shape:
        return False
    left, right = op.inputs[:2]
    if ops[left].shape == ops[right].shape and _reshaped_from(ops, left) == _reshaped_from(ops, right):
        return True
    left, right = _moved_from(ops, left), _moved_from(ops, right)
    return left == right and {1} == set(op.shape[1:]) == set((ops[left].shape or ())[1:])


def _moved_from(ops: Sequence[Op], index: int) -> int:
    """The tensor whose entries an operation only puts elsewhere."""
    while ops[index].type in _MOVES and ops[index].inputs:
        index = ops[index].inputs[0]
    return index


def _reshaped_from(ops: Sequence[Op], index: int) -> int:
    """The tensor that has the same entries in the same order, in another shape."""
    while ops[index].inputs:
        source = ops[index].inputs[0]
        kind, shapes = ops[index].type, (ops[source].shape, ops[index].shape)
        adds_axes = kind == "StridedSlice" and _is_reshaped(*shapes)
        is_idle = kind in _REDUCTIONS and (shapes[0] == shapes[1] or _is_reshaped(*shapes))
        if not adds_axes and not is_idle and kind not in _RESHAPES:
            break
        index = source
    return index


def _is_reshaped(before: Shape | None, after: Shape | None) -> bool:
    """Whether there are as many entries in more or fewer axes."""
    if before is None or after is None or None in (*before, *after) or len(before) == len(after):
        return False
    return math.prod(size or 0 for size in before) == math.prod(size or 0 for size in after)


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
