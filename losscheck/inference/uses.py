"""What the traced graph does with the entries of one side before it does anything else with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from losscheck.graph_observation import FlowObservation, Op

#: Operations that hand the entries of their input on as they are.
_SAME_ENTRIES = frozenset(
    {
        "Identity",
        "IdentityN",
        "Cast",
        "Reshape",
        "StridedSlice",
        "Slice",
        "Squeeze",
        "ExpandDims",
        "Transpose",
        "Pack",
        "ConcatV2",
        "Split",
        "SplitV",
        "Unpack",
        "GatherV2",
        "GatherNd",
        "BroadcastTo",
        "Tile",
        "StopGradient",
        "PreventGradient",
        "CheckNumerics",
        "Snapshot",
    }
)
_LOGIT_OPS = frozenset(
    {
        "Sigmoid",
        "Softmax",
        "LogSoftmax",
        "SoftmaxCrossEntropyWithLogits",
        "SparseSoftmaxCrossEntropyWithLogits",
    }
)
#: Operations that make terms of a sum.
_TERMS = frozenset({"Add", "AddV2", "Sub", "Neg", "Identity"})
#: An epsilon that is added or clipped to is no number of the loss.
_EPSILON = 0.1


@dataclass
class Uses:
    """What is done with the entries of one side, before anything else is done with them."""

    logits: str = ""  #: operation that reads them as logits
    log: bool = False  #: their logarithm is taken
    complement: bool = False  #: one minus them is taken
    log_of_complement: bool = False  #: and the logarithm of that
    low: float | None = None  #: what they are clipped to
    high: float | None = None
    ids: str = ""  #: operation that reads them as class ids
    is_matched: bool = False  #: rows are asked whether they have the same entry: class ids of embeddings
    is_divisor: bool = False  #: something is divided by their sum, they are made to sum to one
    arc: str = ""  #: operation defined from -1 to 1 only
    own_log: bool = False  #: they are multiplied by a logarithm that they are part of: 0 counts as 0

    @property
    def is_clipped(self) -> bool:
        """Whether they are clipped to 0 to 1, a little less at either end included."""
        return (
            None not in (self.low, self.high)
            and -1e-9 < (self.low or 0) < _EPSILON < 0.9 < (self.high or 0) <= 1
        )


def uses(flow: FlowObservation, *, of_y_pred: bool) -> Uses:
    """Follow the entries of one side through what hands them on."""
    found = Uses()
    values: set[int] = set()
    complements: set[int] = set()
    sums: set[int] = set()
    logs: set[int] = set()
    for op in flow.ops:
        if op.type == "Placeholder" and (op.from_y_pred if of_y_pred else op.from_y_true):
            values.add(op.index)
            continue
        read = [row for row in op.inputs if row in values]
        is_own = op.from_y_pred if of_y_pred else op.from_y_true
        if (op.type == "Log" and is_own) or (op.type in _TERMS and set(op.inputs) & logs):
            logs.add(op.index)
        found.own_log |= op.type == "Mul" and bool(read) and bool(set(op.inputs) & logs)
        if set(op.inputs) & complements:
            found.log_of_complement |= op.type == "Log"
            if op.type in _SAME_ENTRIES or _is_guard(op, flow.ops):
                complements.add(op.index)
        if not read:
            continue
        _note(op, read, flow.ops, found)
        if op.type == "Sub" and op.inputs[0] not in values and _constant(flow.ops, op.inputs[0]) == 1:
            found.complement = True
            complements.add(op.index)
        elif op.type in ("Sum",):
            sums.add(op.index)
        elif op.type in ("RealDiv", "DivNoNan") and set(op.inputs[1:]) & sums:
            found.is_divisor = True
            values.add(op.index)
        elif _is_guard(op, flow.ops) or (
            op.type in _SAME_ENTRIES and (op.inputs[0] in values or op.type in ("Pack", "ConcatV2"))
        ):
            values.add(op.index)
    return found


def _note(op: Op, read: Sequence[int], ops: Sequence[Op], found: Uses) -> None:
    """What one operation does with the entries."""
    is_first = op.inputs[0] in read
    name = op.name.lower()
    if is_first and op.type in _LOGIT_OPS:
        found.logits = found.logits or op.type
    elif "logistic_loss" in name and op.type in ("Neg", "Abs", "GreaterEqual"):
        found.logits = found.logits or "sigmoid_cross_entropy_with_logits"
    elif "logsumexp" in name and op.type == "Max":
        found.logits = found.logits or "logsumexp"
    elif op.type.startswith("CTCLoss") and is_first:
        found.logits = found.logits or op.type
    elif op.type in ("Log", "Log1p"):
        found.log = found.log or op.type == "Log"
    elif op.type in ("Acos", "Asin", "Atanh"):
        found.arc = op.type
    elif (is_first and op.type == "OneHot") or (
        op.type in ("GatherV2", "GatherNd", "SparseSoftmaxCrossEntropyWithLogits", "ResourceGather")
        and len(op.inputs) > 1
        and op.inputs[1] in read
    ):
        found.ids = found.ids or op.type
    if op.type in ("Equal", "NotEqual") and len(read) == 2:
        found.is_matched |= ops[read[0]].shape != ops[read[1]].shape
    for row in op.inputs:
        limit = _constant(ops, row)
        if limit is not None and op.type == "Maximum":
            found.low = limit
        elif limit is not None and op.type == "Minimum":
            found.high = limit


def _is_guard(op: Op, ops: Sequence[Op]) -> bool:
    """Whether it only clips, scales by a number, or adds an epsilon."""
    limits = [limit for row in op.inputs if (limit := _constant(ops, row)) is not None]
    if op.type in ("Maximum", "Minimum"):
        return bool(limits)
    if op.type == "Mul" or (op.type == "RealDiv" and _constant(ops, op.inputs[1]) is not None):
        return any(limit > 0 for limit in limits)  # a temperature
    if op.type in ("Add", "AddV2") and 1 in limits:
        return True  # `log(y + 1)`
    return op.type in ("Add", "AddV2", "Sub") and any(abs(limit) < _EPSILON for limit in limits)


def _constant(ops: Sequence[Op], row: int, steps: int = 6) -> float | None:
    """The number that a row holds, through casts and sums such as ``1 - epsilon``."""
    op = ops[row]
    if op.type == "Const" or steps == 0:
        return op.constant
    if op.type in ("Cast", "Identity", "Reshape") and op.inputs:
        return _constant(ops, op.inputs[0], steps - 1)
    if op.type in ("Add", "AddV2", "Sub") and len(op.inputs) == 2:
        left, right = (_constant(ops, inner, steps - 1) for inner in op.inputs)
        if left is not None and right is not None:
            return left - right if op.type == "Sub" else left + right
    return None
