"""Tensors inside the traced graph, fed with a batch and read."""

from __future__ import annotations

from typing import Any

import numpy as np

from losscheck.graph_observation import FlowObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import Traced
from losscheck.probes.tensors import to_array, to_tensor

_MAX_TENSORS = 600


def float_tensors(traced: Traced, flow: FlowObservation) -> dict[int, Any]:
    """The float tensors that reach the loss, by row; those of inner graphs cannot be fetched."""
    rows = [op for op in flow.ops if op.reaches_output and op.is_float and "/0/" not in op.name]
    graph = traced.wrapped.graph
    tensors = {op.index: first_output(graph, op) for op in rows[:_MAX_TENSORS]}
    return {index: tensor for index, tensor in tensors.items() if tensor is not None}


def first_output(graph: Any, op: Op) -> Any:
    """The first float tensor of an operation; None where it is in an inner graph or has none."""
    try:
        outputs = graph.get_operation_by_name(op.name).outputs
    except (KeyError, ValueError):
        return None
    return next((tensor for tensor in outputs if tensor.dtype.is_floating), None)


def fetch(
    traced: Traced, batch: Batch, tensors: dict[int, Any], *, jit_compile: bool = False
) -> dict[int, np.ndarray]:
    """The tensors' numbers by row; empty where they cannot be had together."""
    feeds = [to_tensor(batch.y_true), to_tensor(batch.y_pred)]
    try:
        pruned = traced.wrapped.prune(list(traced.wrapped.inputs[:2]), list(tensors.values()))
        found = _compiled(pruned, feeds) if jit_compile else pruned(*feeds)
    except Exception:
        return {}
    arrays = {index: to_array(tensor) for index, tensor in zip(tensors, found, strict=True)}
    return {index: array for index, array in arrays.items() if array is not None}


def _compiled(pruned: Any, feeds: list[Any]) -> Any:
    import tensorflow as tf

    def run(*tensors: Any) -> Any:
        return pruned(*tensors)

    return tf.function(run, jit_compile=True, autograph=False)(*feeds)
