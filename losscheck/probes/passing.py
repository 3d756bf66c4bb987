"""Which operations of the traced graph keep the gradient that arrives at them to themselves."""

from __future__ import annotations

import time
from typing import Any

from losscheck.graph_observation import FlowObservation, Op, PassingObservation
from losscheck.probes.fetching import first_output
from losscheck.probes.flow import Traced

#: What a `tf.custom_gradient` leaves in the graph; asking for its gradient runs the user's code once more.
_CUSTOM = "IdentityN"


def run_passing(traced: Traced, flow: FlowObservation) -> PassingObservation:
    """Ask each kind of operation for its gradient alone.

    An input may have a gradient by another way, as that of `stop_gradient` does in a sum: it does not tell
    whether this operation passes one on.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.

    """
    start = time.perf_counter()
    if traced.output is None:
        return PassingObservation(flow.batch)
    graph = traced.wrapped.graph
    known: dict[tuple[str, int, str], bool] = {}
    kept = []
    for op in flow.ops:
        if not (op.from_y_pred and op.reaches_output and op.has_gradient):
            continue
        for place, source in enumerate(op.inputs):
            row = flow.ops[source]
            if not row.from_y_pred or not row.has_gradient:
                continue
            kind = (op.type, place, row.dtype)
            if kind not in known:
                known[kind] = _passes(graph, op, row)
            if not known[kind]:
                kept.append((source, op.index))
    return PassingObservation(flow.batch, kept=tuple(kept), seconds=time.perf_counter() - start)


def _passes(graph: Any, op: Op, source: Op) -> bool:
    """Whether the gradient of an operation's output reaches its input; True where it cannot be asked."""
    import tensorflow as tf

    if op.type == _CUSTOM:
        return True
    outputs = [first_output(graph, row) for row in (op, source)]
    if any(tensor is None for tensor in outputs):
        return True  # inside a branch or a loop
    try:
        with graph.as_default():
            return tf.gradients(outputs[0], outputs[1], stop_gradients=[outputs[1]])[0] is not None
    except LookupError:  # no gradient is registered for it
        return False
