"""The loss far out on straight lines through the typical predictions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.numerics_observation import DirectionsObservation
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated, unoptimized
from losscheck.probes.tensors import to_array, to_tensor

#: Three decades: a linear loss and a logarithm part, and squares do not overflow float32.
_STEPS = (1e2, 1e3, 1e4)
#: What has not fallen to here at the last step is bounded, or falls too slowly to matter.
_LOW = -1e2


def run_directions(traced: Traced, batch: Batch, *, is_told: bool) -> DirectionsObservation:
    """Evaluate the mean loss along each line, in the graph.

    Real labels that nobody told may be meant as 0 and 1, and a cross-entropy is bounded for these alone:
    then the larger of the two losses counts.

    Args:
        traced: the traced loss; its static shapes must be the batch's.
        batch: the input that the lines go through.
        is_told: whether the user gave the inputs.

    """
    start = time.perf_counter()
    lines: list[tuple[str, tuple[float, ...]]] = []
    if traced.output is None or batch.y_pred.dtype.kind != "f":
        return DirectionsObservation(batch.name, skipped="there is no loss to follow")
    labels = [batch.y_true]
    if batch.y_true.dtype.kind == "f" and not is_told:
        labels.append((batch.y_true > 0).astype(batch.y_true.dtype))
    fed = [to_tensor(array) for array in labels]
    with isolated(), unoptimized():
        try:
            slope = traced.gradients.get(traced.wrapped.inputs[1].name)
            outputs = [traced.output] if slope is None else [traced.output, slope]
            run = traced.wrapped.prune(list(traced.wrapped.inputs[:2]), outputs)
            gradient = None if slope is None else to_array(run(fed[0], to_tensor(batch.y_pred))[1])
            for words, points in _lines(batch.y_pred, gradient):
                far = max(_mean(run(y_true, to_tensor(points[-1]))) for y_true in fed)
                if not far < _LOW:
                    continue
                values = [max(_mean(run(y_true, to_tensor(point))) for y_true in fed) for point in points]
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
