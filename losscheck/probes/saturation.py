"""The saturation probe: the operation behind which the gradient of sure and wrong predictions is lost."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from losscheck.graph_observation import FlowObservation, Op, SaturationObservation
from losscheck.inputs.batches import Batch
from losscheck.probes.fetching import fetch, float_tensors
from losscheck.probes.flow import Traced
from losscheck.probes.frames import UserFiles
from losscheck.probes.session import isolated

#: A share of the gradient above an operation that is as good as none.
_LOST = 1e-3
#: Operations that cannot saturate: a small factor or a cancelled sum is no flat place of theirs.
_LINEAR = (
    "Mul", "AddV2", "Add", "AddN", "Sub", "Neg", "RealDiv", "Sum", "Mean", "Reshape", "Squeeze", "Identity",
    "ExpandDims", "Transpose", "ConcatV2", "Pack", "StridedSlice", "MatMul", "BatchMatMulV2", "Cast",
)  # fmt: skip


def run_saturation(
    traced: Traced, flow: FlowObservation, batch: Batch, files: UserFiles, rows: tuple[int, ...]
) -> SaturationObservation:
    """Follow the gradient from the loss towards ``y_pred`` to where it is lost.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: predictions that are sure and wrong.
        files: which files are the user's.
        rows: those of the batch whose gradient is lost.

    """
    start = time.perf_counter()
    tensors = float_tensors(traced, flow)
    slopes = {i: traced.gradients.get(t.name) for i, t in tensors.items() if flow.ops[i].from_y_pred}
    with isolated():
        found = fetch(traced, batch, {i: slope for i, slope in slopes.items() if slope is not None})
    sizes = {i: _size(array, rows, batch.size) for i, array in found.items()}
    op = _losing(flow, sizes)
    is_of_library = op is not None and _is_of_library(traced.wrapped.graph, op, files)
    return SaturationObservation(
        batch.name, seconds=time.perf_counter() - start, op=op, is_of_library=is_of_library
    )


def _size(array: np.ndarray, rows: tuple[int, ...], batch_size: int) -> float:
    """The largest entry in these rows; in all, where the tensor has no batch axis in front."""
    own = array[list(rows)] if array.ndim and len(array) == batch_size else array
    return float(np.abs(own).max(initial=0.0))


def _losing(flow: FlowObservation, sizes: dict[int, float]) -> Op | None:
    """The operation nearest to the loss that hands almost nothing of its gradient on, if it can saturate."""
    for op in reversed(flow.ops):
        inputs = [i for i in op.float_inputs if i in sizes and op.type not in _LINEAR]
        handed_on = max((sizes[i] for i in inputs), default=np.inf)
        if sizes.get(op.index, 0.0) > 0 and handed_on <= _LOST * sizes[op.index]:
            return op
    return None


def _is_of_library(graph: Any, op: Op, files: UserFiles) -> bool:
    """Whether a loss that Keras ships made it, which clips as it does on purpose.

    The frames count from the user's innermost one on: those of a loss of Keras itself are the user's here.
    """
    try:
        frames = [tuple(frame)[:3] for frame in graph.get_operation_by_name(op.name).traceback or ()]
    except (KeyError, ValueError):
        return False
    own = [number for number, frame in enumerate(frames) if frame[0] in files]
    inner = [(str(path).replace("\\", "/"), str(name)) for path, _, name in frames[own[-1] if own else 0 :]]
    return any(
        ("/keras/" in path or "/tf_keras/" in path) and ("/losses" in path or name.endswith("crossentropy"))
        for path, name in inner
    )
