"""The half-precision probe: the loss called directly on what a mixed-precision model gives.

Under `mixed_float16` a model's output is float16. `fit` casts it to float32 before it calls the loss, a
training loop of one's own does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import FlowObservation, HalfObservation, HalfValuesObservation, Op
from losscheck.probes.eager import run_eager
from losscheck.probes.flow import Traced, read_flow, trace
from losscheck.probes.frames import UserFiles
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.values import find_non_finite

#: Held by float16 as it is, next to 0 and next to 1 (its steps there are 6e-8 and 5e-4).
_HELD = 1e-3
#: The largest number of float16.
_LARGEST = 65504.0
#: Constants that are tried one by one, the nearest to the culprit first.
_MAX_CONSTANTS = 12


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


def run_half_values(
    loss: LoadedLoss, batch: Batch, files: UserFiles, whole: FlowObservation
) -> HalfValuesObservation:
    """Find the operation that is the first to be NaN or infinite in float16, and the constants lost there.

    Where the loss is finite and its gradient is not, the constants are those that are too slight to bound it.

    Args:
        loss: the loss.
        batch: an input on which it, or its gradient, is not finite in float16.
        files: which files are the user's.
        whole: the graph in float32, whose constants still have their numbers.

    """
    start = time.perf_counter()
    fed = _halved(batch, "float16")
    traced = trace(_called_directly(loss), fed, files)
    if traced.output is None:
        return HalfValuesObservation(batch.name, traced.raised)
    flow = read_flow(traced, fed, files)
    if flow.output is None:
        return HalfValuesObservation(batch.name, traced.raised)
    with isolated():
        index = find_non_finite(traced, flow, fed)
        culprit = None if index is None else flow.ops[index]
        vanished: tuple[Op, ...] = ()
        if culprit is not None:
            guarded = traced.wrapped.graph.get_operation_by_name(culprit.name).outputs[0]
            vanished = tuple(_restoring(traced, fed, guarded, _lost_constants(flow, culprit, whole)))
        else:
            slope = traced.gradients.get(traced.wrapped.inputs[1].name)
            slight = _slight_constants(flow, whole)
            if slope is not None and not _is_finite(traced, fed, slope):
                vanished = tuple(_restoring(traced, fed, slope, slight))
    return HalfValuesObservation(
        batch.name, seconds=time.perf_counter() - start, culprit=culprit, vanished=vanished
    )


def _called_directly(loss: LoadedLoss) -> LoadedLoss:
    return replace(loss, function=loss.compiled) if loss.is_keras_loss else loss


def _halved(batch: Batch, dtype: str) -> Batch:
    import tensorflow as tf

    return replace(batch, y_pred=batch.y_pred.astype(tf.as_dtype(dtype).as_numpy_dtype))


def _restoring(
    traced: Traced, batch: Batch, guarded: Any, candidates: Iterable[tuple[Op, float]]
) -> Iterator[Op]:
    """The constants that make a tensor finite again when they alone get a number that is held."""
    graph = traced.wrapped.graph
    for op, number in list(candidates)[-_MAX_CONSTANTS:]:
        constant = graph.get_operation_by_name(op.name).outputs[0]
        lost = round(number)
        held = np.full(tuple(constant.shape), lost + np.copysign(_HELD, number - lost))
        other = constant, to_tensor(held.astype(constant.dtype.as_numpy_dtype))
        if _is_finite(traced, batch, guarded, other):
            yield replace(op, constant=number)


def _is_finite(traced: Traced, batch: Batch, tensor: Any, *others: tuple[Any, Any]) -> bool:
    """Whether a tensor of the graph is finite on a batch, and with other tensors as given."""
    inputs = [*traced.wrapped.inputs[:2], *(other for other, _ in others)]
    feeds = [to_tensor(batch.y_true), to_tensor(batch.y_pred), *(value for _, value in others)]
    try:
        found = to_array(traced.wrapped.prune(inputs, tensor)(*feeds))
    except Exception:  # it stands in a branch or a loop, where nothing can be fetched or fed
        return False
    return found is not None and bool(np.isfinite(found).all())


def _slight_constants(flow: FlowObservation, whole: FlowObservation) -> Iterator[tuple[Op, float]]:
    """The constants next to 0 that float16 has, and whose inverse it has not."""
    for op in flow.ops:
        if op.constant and op.is_float and op.location and abs(op.constant) < 1 / _LARGEST:
            same = [o.constant for o in whole.ops if o.location == op.location and o.is_float and o.constant]
            yield op, min(same, key=lambda number: abs(number - (op.constant or 0)), default=op.constant)


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
