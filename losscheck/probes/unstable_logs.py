"""Logarithms of a softmax or sigmoid, fed with large logits and held against the fused operation."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from losscheck.graph_observation import FlowObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.numerics_observation import UnstableLog, UnstableLogObservation
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor

#: How far apart logits are: 1 - sigmoid(30) is 0 in float32, and so is exp(-100).
_GAPS = (30.0, 100.0)
#: A logarithm that ends above half of what the fused operation gives, and below that of 0.0003 (what is
#: larger is meant: a floor, a prior), has lost the rest in an epsilon: 1e-7 ends at -16 where -100 is exact.
_FAR, _FLOOR = 0.5, -8.0
#: The lost part matters where the exact number moves the loss; the p * log(p) of an entropy it does not.
_MOVES = 0.5
_ACTIVATIONS = ("Softmax", "Sigmoid")
#: What may stand between the activation and the logarithm: guards, casts, complements, picks of a class.
_BETWEEN = frozenset({
    "Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "AddV2", "Add", "Sub", "Maximum", "Minimum",
    "ClipByValue", "StridedSlice", "GatherV2", "GatherNd", "Log1p", "Neg", "SelectV2", "Select", "Mul", "Sum",
    "RealDiv",
})  # fmt: skip
_MAX_LOGS = 4


def run_unstable_logs(traced: Traced, flow: FlowObservation, batch: Batch) -> UnstableLogObservation:
    """Feed each softmax or sigmoid that a logarithm reads with large logits, in the loss's own graph.

    Args:
        traced: the traced loss; its static shapes must be the batch's.
        flow: the rows of the same graph.
        batch: the input; its `y_pred` is not looked at where the activation reads it alone.

    """
    start = time.perf_counter()
    found: list[UnstableLog] = []
    with isolated():
        for log, activation in list(_chains(flow))[:_MAX_LOGS]:
            worst = _worst(traced, batch, log, activation)
            if worst is not None:
                found.append(worst)
    return UnstableLogObservation(batch.name, found=tuple(found), seconds=time.perf_counter() - start)


def _chains(flow: FlowObservation) -> Iterator[tuple[Op, Op]]:
    """Each logarithm on the way to the loss with the activation of `y_pred` that it reads."""
    for op in flow.ops:
        if op.type in ("Log", "Log1p") and op.reaches_output and op.from_y_pred and "/0/" not in op.name:
            activation = _activation(flow, op)
            if activation is not None:
                yield op, activation


def _activation(flow: FlowObservation, log: Op) -> Op | None:
    """The one activation that a logarithm reads through guards and picks; None where there is another way."""
    queue, seen, found = [*log.inputs], set(), set()
    while queue:
        index = queue.pop()
        op = flow.ops[index]
        if index in seen or not op.from_y_pred:
            continue
        seen.add(index)
        if op.type in _ACTIVATIONS:
            found.add(index)
        elif op.type in _BETWEEN:
            queue += op.inputs
        else:
            return None
    return flow.ops[found.pop()] if len(found) == 1 else None


def _worst(traced: Traced, batch: Batch, log: Op, activation: Op) -> UnstableLog | None:
    """The smallest gap between logits at which the logarithm overflows, or ends in an epsilon."""
    graph = traced.wrapped.graph
    logits = graph.get_operation_by_name(activation.name).inputs[0]
    output = graph.get_operation_by_name(log.name).outputs[0]
    active = graph.get_operation_by_name(activation.name).outputs[0]  # read in training too: not fused away
    kept = [tensor for tensor in traced.wrapped.inputs[:2] if tensor is not logits]
    feeds = [to_tensor(batch.y_true), to_tensor(batch.y_pred)][: len(kept)]
    try:
        whole = traced.wrapped.prune([*kept, logits], [output, traced.output, active])
        rest = traced.wrapped.prune([*kept, logits, output], [traced.output])
        shape = tuple(int(size) for size in logits.shape)
        for gap in _GAPS:
            for fed in _sure(shape, gap, activation.type):
                tensors = [*feeds, to_tensor(fed.astype(logits.dtype.as_numpy_dtype))]
                value, loss = (np.asarray(to_array(tensor)) for tensor in whole(*tensors)[:2])
                lost = _lost(value, gap)
                if lost is None:
                    continue
                fused = to_tensor(np.where(lost, -gap, value).astype(value.dtype))
                exact = np.asarray(to_array(rest(*tensors, fused)[0]))
                if np.isfinite(exact).all() and not np.max(np.abs(loss - exact), initial=0) <= _MOVES:
                    return UnstableLog(log.index, activation.type, gap, float(value[lost].min()))
    except Exception:  # an axis of unknown size, or a graph that cannot be cut there
        return None
    return None


def _lost(value: np.ndarray, gap: float) -> np.ndarray | None:
    """Where the logarithm overflows or, at the larger gap, ends in an epsilon; None where it does neither."""
    bad = ~np.isfinite(value)
    if not bad.any() and gap == _GAPS[-1]:
        lowest = float(np.min(value, initial=0.0))
        bad = value <= lowest + 1e-3 if -_FAR * gap < lowest < _FLOOR else bad
    return bad if bad.any() else None


def _sure(shape: tuple[int, ...], gap: float, activation: str) -> list[np.ndarray]:
    """Logits of a confident model: one class stands out, a different one in each row; or all of one sign."""
    if activation == "Sigmoid":
        return [np.full(shape, gap), np.full(shape, -gap)]
    rows = np.arange(int(np.prod(shape[:-1], dtype=int))) % shape[-1]
    first = (gap * np.eye(shape[-1])[rows]).reshape(shape)
    return [first, np.roll(first, 1, axis=-1)]
