"""The cast probe: which casts of ``y_true`` change the class ids that they pass on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from losscheck.graph_observation import SMALL_DTYPES, CastsObservation, FlowObservation, LossyCast, Op
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor

#: What takes class ids as positions; a `bool` that goes nowhere else is a mask.
_TAKES_IDS = (
    "OneHot",
    "GatherV2",
    "ResourceGather",
    "GatherNd",
    "SparseSoftmaxCrossEntropyWithLogits",
    "UnsortedSegmentSum",
)
_PASSES_IDS = ("Cast", "Reshape", "Squeeze", "ExpandDims", "Identity", "StridedSlice", "Pack", "ConcatV2")


def run_casts(traced: Traced, flow: FlowObservation, batch: Batch) -> CastsObservation:
    """Compare what goes into each cast of ``y_true`` to a small dtype with what comes out.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: holds the highest class ids.

    """
    start = time.perf_counter()
    with isolated():
        lossy = tuple(_lossy(traced, flow, batch))
    return CastsObservation(batch.name, seconds=time.perf_counter() - start, lossy=lossy)


def _lossy(traced: Traced, flow: FlowObservation, batch: Batch) -> Iterator[LossyCast]:
    for op in flow.ops:
        if op.type != "Cast" or op.dtype not in SMALL_DTYPES or not op.from_y_true or op.from_y_pred:
            continue
        if op.dtype == "bool" and not _gives_ids(flow, op):
            continue
        try:
            cast = traced.wrapped.graph.get_operation_by_name(op.name)
            pruned = traced.wrapped.prune(traced.wrapped.inputs[:2], [cast.inputs[0], cast.outputs[0]])
            found = pruned(to_tensor(batch.y_true), to_tensor(batch.y_pred))
        except Exception:  # inside a branch or a loop: its tensors cannot be fetched
            continue
        before, after = (np.ravel(np.asarray(to_array(tensor), dtype=float)) for tensor in found)
        changed = np.flatnonzero((before != after) & (before == np.round(before)))
        if len(changed):
            first = changed[np.argmax(before[changed])]
            yield LossyCast(op, float(before[first]), float(after[first]))


def _gives_ids(flow: FlowObservation, op: Op) -> bool:
    """Whether what an operation gives is used as positions."""
    passed = {op.index}
    for other in flow.ops[op.index + 1 :]:
        if passed & set(other.inputs):
            if other.type in _TAKES_IDS:
                return True
            if other.type in _PASSES_IDS:
                passed.add(other.index)
    return False
