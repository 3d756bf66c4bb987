"""The loss far out on straight lines through the typical predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.numerics_observation import DirectionsObservation
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor

#: Three decades: a linear loss and a logarithm part, and squares do not overflow float32.
_STEPS = (1e2, 1e3, 1e4)


def run_directions(traced: Traced, batch: Batch) -> DirectionsObservation:
    """Evaluate the mean loss along each line, in the graph.

    Args:
        traced: the traced loss; its static shapes must be the batch's.
        batch: the input that the lines go through.

    """
    start = time.perf_counter()
    lines: list[tuple[str, tuple[float, ...]]] = []
    if traced.output is None or batch.y_pred.dtype.kind != "f":
        return DirectionsObservation(batch.name, skipped="there is no loss to follow")
    y_true = to_tensor(batch.y_true)
    with isolated():
        try:
            slope = traced.gradients.get(traced.wrapped.inputs[1].name)
            outputs = [traced.output] if slope is None else [traced.output, slope]
            both = traced.wrapped.prune(list(traced.wrapped.inputs[:2]), outputs)
            loss = traced.wrapped.prune(list(traced.wrapped.inputs[:2]), [traced.output])
            gradient = None if slope is None else to_array(both(y_true, to_tensor(batch.y_pred))[1])
            for words, points in _lines(batch.y_pred, gradient):
                values = [_mean(loss(y_true, to_tensor(point))) for point in points]
                lines.append((words, tuple(values)))
        except Exception:  # the graph cannot be fed, or raises far out: nothing is known there
            lines.clear()
    return DirectionsObservation(
        batch.name, lines=tuple(lines), steps=_STEPS, seconds=time.perf_counter() - start
    )


def _lines(y_pred: np.ndarray, gradient: np.ndarray | None) -> Iterator[tuple[str, list[np.ndarray]]]:
    ways: list[tuple[str, Callable[[float], np.ndarray]]] = [
        ("times", lambda step: y_pred * step),
        ("times -1 times", lambda step: -y_pred * step),
        ("plus", lambda step: y_pred + step),
        ("minus", lambda step: y_pred - step),
    ]
    size = 0.0 if gradient is None else float(np.max(np.abs(gradient), initial=0.0))
    if gradient is not None and 0 < size < np.inf:
        downhill = -gradient / size
        ways.append(("moved down its gradient by", lambda step: y_pred + step * downhill))
    for words, moved in ways:
        yield words, [moved(step).astype(y_pred.dtype) for step in _STEPS]


def _mean(found: Any) -> float:
    array = to_array(found[0])
    return float("nan") if array is None or not array.size else float(np.mean(array))
