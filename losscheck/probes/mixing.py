"""The mixing probe: which operation of the graph takes the rows of a batch together."""

from __future__ import annotations

import time

import numpy as np

from losscheck.graph_observation import FlowObservation, MixingObservation
from losscheck.inputs.batches import Batch, is_same_value
from losscheck.inputs.variants import KEPT_ROWS
from losscheck.probes.fetching import fetch, float_tensors
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated


def run_mixing(traced: Traced, flow: FlowObservation, batch: Batch) -> MixingObservation:
    """Evaluate the float tensors of the graph on the two halves of a batch, which have two rows in common.

    Args:
        traced: the traced loss; its static shapes must be those of one half.
        flow: the rows of the same graph.
        batch: the two inputs, one after the other.

    """
    start = time.perf_counter()
    first, second = halves(batch)
    if traced.output is None or flow.output is None:
        return MixingObservation(batch.name, skipped="the loss cannot be traced")
    tensors = float_tensors(traced, flow)
    with isolated():
        before = fetch(traced, first, tensors)
        after = fetch(traced, second, tensors)
    for op in flow.ops:
        pair = before.get(op.index), after.get(op.index)
        if pair[0] is not None and pair[1] is not None and _is_mixed(pair[0], pair[1], first.size):
            return MixingObservation(batch.name, seconds=time.perf_counter() - start, op=op.index)
    return MixingObservation(batch.name, seconds=time.perf_counter() - start)


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """The two batches that stand in one, one after the other."""
    rows = batch.size // 2
    first, second = (
        Batch(batch.name, batch.words, batch.y_true[part], batch.y_pred[part])
        for part in (slice(None, rows), slice(rows, None))
    )
    return first, second


def _is_mixed(before: np.ndarray, after: np.ndarray, rows: int) -> bool:
    """Whether what belongs to the kept rows has changed; rows in one line (`(B * D,)`) are still apart."""
    if before.shape != after.shape:
        return True
    if rows in before.shape:
        axis = before.shape.index(rows)
    elif before.ndim and before.shape[0] % rows == 0:
        before, after = (array.reshape(rows, -1) for array in (before, after))
        axis = 0
    else:
        return not is_same_value(before, after)
    return not is_same_value(before.take(KEPT_ROWS, axis), after.take(KEPT_ROWS, axis))
