"""The half-precision probe: the loss called directly on what a mixed-precision model gives.

Under `mixed_float16` a model's output is float16. `fit` casts it to float32 before it calls the loss, a
training loop of one's own does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from losscheck.graph_observation import FlowObservation, HalfObservation, HalfValuesObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.probes.eager import run_eager
from losscheck.probes.flow import Traced, read_flow, trace
from losscheck.probes.frames import UserFiles
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.values import find_non_finite

#: Held by float16 as it is, next to 0 and next to 1 (its steps there are 6e-8 and 5e-4).
_HELD = 1e-3
#: Constants that are tried one by one: those nearest to the culprit.
_MAX_CONSTANTS = 6


def run_half(loss: LoadedLoss, batch: Batch, files: UserFiles, *, dtype: str) -> HalfObservation:
    """Call the loss eagerly with predictions in half precision and labels as they are.

    Args:
        loss: the loss; a Keras `Loss` object is called itself, because that is where Keras casts.
        batch: its input; ``y_pred`` holds float32.
        files: which files are the user's.
        dtype: ``float16`` or ``bfloat16``.

    """
    seen = run_eager(_called_directly(loss), _halved(batch, dtype), files)
    return HalfObservation(
        batch.name, seen.raised, seen.returned, seen.value, seconds=seen.seconds, dtype=dtype
    )


class HalfGraph:
    """The loss traced with float16 predictions, once for all batches of the same shapes.

    Args:
        loss: the loss.
        files: which files are the user's.

    """

    def __init__(self, loss: LoadedLoss, files: UserFiles) -> None:
        self._loss = _called_directly(loss)
        self._files = files
        self._traces: dict[tuple[object, ...], Traced] = {}

    def run(self, batch: Batch, whole: FlowObservation) -> HalfValuesObservation:
        """Find the operation that is the first to be NaN or infinite, and the constants lost in float16.

        Args:
            batch: an input on which the loss is not finite in float16.
            whole: the graph in float32, whose constants still have their numbers.

        """
        start = time.perf_counter()
        fed = _halved(batch, "float16")
        traced = self._trace(fed)
        flow = read_flow(traced, fed, self._files)
        if flow.output is None:
            return HalfValuesObservation(batch.name, traced.raised)
        with isolated():
            index = find_non_finite(traced, flow, fed, is_folded=False)
            culprit = None if index is None else flow.ops[index]
            vanished = () if culprit is None else tuple(_vanished(traced, flow, fed, culprit, whole))
        return HalfValuesObservation(
            batch.name, seconds=time.perf_counter() - start, culprit=culprit, vanished=vanished
        )

    def _trace(self, fed: Batch) -> Traced:
        key = (fed.y_true.shape, fed.y_true.dtype, fed.y_pred.shape)
        if key not in self._traces:
            self._traces[key] = trace(self._loss, fed, self._files, with_gradients=False)
        return self._traces[key]


def _called_directly(loss: LoadedLoss) -> LoadedLoss:
    return replace(loss, function=loss.compiled) if loss.is_keras_loss else loss


def _halved(batch: Batch, dtype: str) -> Batch:
    import tensorflow as tf

    return replace(batch, y_pred=batch.y_pred.astype(tf.as_dtype(dtype).as_numpy_dtype))


def _vanished(
    traced: Traced, flow: FlowObservation, batch: Batch, culprit: Op, whole: FlowObservation
) -> Iterator[Op]:
    """The lost constants that make the culprit finite again when they alone get a number that is held."""
    graph = traced.wrapped.graph
    guarded = graph.get_operation_by_name(culprit.name).outputs[0]
    candidates = list(_lost_constants(flow, culprit, whole))
    for op, number in candidates[-_MAX_CONSTANTS:]:
        constant = graph.get_operation_by_name(op.name).outputs[0]
        lost = round(number)
        held = np.full(tuple(constant.shape), lost + np.copysign(_HELD, number - lost))
        fed = [batch.y_true, batch.y_pred, held.astype(constant.dtype.as_numpy_dtype)]
        try:
            pruned = traced.wrapped.prune([*traced.wrapped.inputs[:2], constant], guarded)
            found = to_array(pruned(*map(to_tensor, fed)))
        except Exception:
            continue
        if found is not None and np.isfinite(found).all():
            yield replace(op, constant=number)


def _lost_constants(flow: FlowObservation, culprit: Op, whole: FlowObservation) -> Iterator[tuple[Op, float]]:
    """The constants above the culprit that float16 rounds to 0, 1 or -1, with the numbers that they had."""
    halved = {i for op in flow.ops if op.type == "Cast" and op.dtype == "float16" for i in op.inputs}
    for op in _above(flow, culprit):
        if op.constant is None or op.location is None:
            continue
        if op.dtype == "float16":
            same = [o for o in whole.ops if o.location == op.location and o.vanishes_in_float16]
            numbers = [o.constant for o in same if o.constant and round(o.constant) == op.constant]
        else:
            numbers = [op.constant] if op.index in halved and op.vanishes_in_float16 else []
        if numbers:
            yield op, numbers[0]


def _above(flow: FlowObservation, op: Op) -> list[Op]:
    """All operations that one is made of, in the order of the graph."""
    seen = {op.index}
    queue = [op.index]
    while queue:
        for i in flow.ops[queue.pop()].inputs:
            if i not in seen:
                seen.add(i)
                queue.append(i)
    return [flow.ops[i] for i in sorted(seen)]
