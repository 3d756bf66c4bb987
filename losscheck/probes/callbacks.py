"""The callback probe: which share of a step's time passes inside Python callbacks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from losscheck.graph_observation import HOST_CALLBACKS, CallbacksObservation
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_tensor

#: Runs of each kind, as far as they fit into this time; the shortest counts.
_RUNS = 5
_LIMIT = 0.25


def run_callbacks(traced: Traced, batch: Batch) -> CallbacksObservation:
    """Time the traced loss as it is, and with the results of its callbacks fed in.

    Args:
        traced: the traced loss.
        batch: its input.

    """
    if traced.output is None:
        return CallbacksObservation(batch.name, traced.raised, skipped="the loss cannot be traced")
    wrapped = traced.wrapped
    made = [
        tensor for op in wrapped.graph.get_operations() if op.type in HOST_CALLBACKS for tensor in op.outputs
    ]
    if not made:
        return CallbacksObservation(batch.name, skipped="no callback gives a tensor of the whole batch")
    start = time.perf_counter()
    feeds = [to_tensor(batch.y_true), to_tensor(batch.y_pred)]
    inputs = list(wrapped.inputs[:2])
    with isolated():
        try:
            results = wrapped.prune(inputs, made)(*feeds)
            whole = wrapped.prune(inputs, traced.output)
            rest = wrapped.prune([*inputs, *made], traced.output)
            step = _milliseconds(lambda: whole(*feeds))
            without = _milliseconds(lambda: rest(*feeds, *results))
        except Exception as error:  # the user's callback, which other rules report
            return CallbacksObservation(batch.name, skipped=f"a callback raises {type(error).__name__}")
    return CallbacksObservation(
        batch.name, seconds=time.perf_counter() - start, step=step, inside=max(0.0, step - without)
    )


def _milliseconds(action: Callable[[], Any]) -> float:
    """The shortest time of a call; the first, which may compile, is left out, and so is what others took."""
    action()
    times: list[float] = []
    while len(times) < _RUNS and sum(times) < 1000 * _LIMIT:
        start = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)
