"""The numbers inside the graph on one batch: which operation makes the NaN, or ends the gradient."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.observation import FlowObservation, Op, ValuesObservation
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor

#: More tensors than this are not read one by one: a constant folded away shows only when fetched alone.
_MAX_SINGLE_FETCHES = 60
_MAX_TENSORS = 600


def run_values(traced: Traced, flow: FlowObservation, batch: Batch) -> ValuesObservation:
    """Evaluate every float tensor between ``y_pred`` and the loss, and its gradient, on a batch.

    Args:
        traced: the traced loss; its static shapes must be the batch's.
        flow: the rows of the same graph.
        batch: the input.
    """
    start = time.perf_counter()
    if traced.output is None or flow.output is None:
        return ValuesObservation(batch.name)
    rows = [op for op in flow.ops if op.reaches_output and op.is_float and "/0/" not in op.name][
        :_MAX_TENSORS
    ]
    graph = traced.wrapped.graph
    tensors = {op.index: _first_output(graph, op) for op in rows}
    tensors = {index: tensor for index, tensor in tensors.items() if tensor is not None}
    slopes = {index: traced.gradients.get(tensor.name) for index, tensor in tensors.items()}
    slopes = {index: slope for index, slope in slopes.items() if slope is not None}
    with isolated():
        values = _fetch(traced, batch, tensors)
        gradients = _fetch(traced, batch, slopes)
        bad = _first_non_finite(flow, values)
        if bad is None and len(tensors) <= _MAX_SINGLE_FETCHES:
            bad = _first_non_finite(flow, _fetch_singly(traced, batch, tensors))
    return ValuesObservation(
        batch.name,
        seconds=time.perf_counter() - start,
        non_finite_op=bad,
        non_finite_gradient_op=_last_turn(flow, gradients, lambda a: not np.isfinite(a).all()),
        zero_gradient_op=_last_turn(flow, gradients, lambda a: not a.any()),
    )


def _first_output(graph: Any, op: Op) -> Any:
    try:
        outputs = graph.get_operation_by_name(op.name).outputs
    except (KeyError, ValueError):
        return None
    return next((tensor for tensor in outputs if tensor.dtype.is_floating), None)


def _fetch(traced: Traced, batch: Batch, tensors: dict[int, Any]) -> dict[int, np.ndarray]:
    """The tensors' numbers by row; empty where they cannot be had together."""
    feeds = [to_tensor(batch.y_true), to_tensor(batch.y_pred)]
    try:
        pruned = traced.wrapped.prune(list(traced.wrapped.inputs[:2]), list(tensors.values()))
        found = pruned(*feeds)
    except Exception:  # noqa: BLE001 - a fetch inside a loop or branch: no line is better than no report
        return {}
    arrays = {index: to_array(tensor) for index, tensor in zip(tensors, found, strict=True)}
    return {index: array for index, array in arrays.items() if array is not None}


def _fetch_singly(traced: Traced, batch: Batch, tensors: dict[int, Any]) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for index, tensor in tensors.items():
        found.update(_fetch(traced, batch, {index: tensor}))
    return found


def _first_non_finite(flow: FlowObservation, values: dict[int, np.ndarray]) -> int | None:
    """Walk from the loss backwards along non-finite tensors to the one whose inputs are finite."""

    def is_bad(index: int) -> bool:
        return index in values and not np.isfinite(values[index]).all()

    index: int | None = flow.output
    if index is None or not is_bad(index):
        return None
    culprit = index
    seen: set[int] = set()
    while index is not None:
        culprit = index
        seen.add(index)
        bad = [i for i in flow.ops[index].inputs if is_bad(i) and i not in seen]
        index = bad[0] if bad else _through_plumbing(flow, index, is_bad, seen)
    return culprit


def _through_plumbing(flow: FlowObservation, index: int, is_bad: Any, seen: set[int]) -> int | None:
    """A bad tensor behind an input that was not read (an identity, a branch)."""
    for i in flow.ops[index].inputs:
        if flow.ops[i].type in ("Identity", "IdentityN") and i not in seen:
            for j in flow.ops[i].inputs:
                if is_bad(j) and j not in seen:
                    return j
    return None


def _last_turn(flow: FlowObservation, gradients: dict[int, np.ndarray], is_bad: Any) -> int | None:
    """The operation nearest to the loss whose gradient is good at its output and bad at all inputs it has."""
    if not gradients:
        return None
    for op in reversed(flow.ops):
        if not (op.from_y_pred and op.reaches_output) or op.index not in gradients:
            continue
        inputs = [i for i in op.inputs if i in gradients and flow.ops[i].from_y_pred]
        if is_bad(gradients[op.index]) or not inputs:
            continue
        if all(is_bad(gradients[i]) for i in inputs):
            return op.index
    return None
