"""A short walk inside the domain that drives an operation to the argument at which it is singular."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from losscheck.graph_observation import FlowObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.inputs.specs import Domain
from losscheck.numerics_observation import SingularObservation
from losscheck.probes.bounds import interval
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor

#: Operation → which input is watched, and the numbers at which it or its slope is not finite.
_SINGULAR: dict[str, tuple[int, tuple[float, ...]]] = {
    "Log": (0, (0.0,)),
    "Log1p": (0, (-1.0,)),
    "Sqrt": (0, (0.0,)),
    "Rsqrt": (0, (0.0,)),
    "RealDiv": (1, (0.0,)),
    "Reciprocal": (0, (0.0,)),
    "Pow": (0, (0.0,)),
    "Acos": (0, (1.0, -1.0)),
    "Asin": (0, (1.0, -1.0)),
    "Atanh": (0, (1.0, -1.0)),
    "Lgamma": (0, (0.0,)),
}
_MAX_OPS = 4
_STEPS = 6
#: Beside Newton's step to the singular number, one a little past it: there a logarithm or a root is NaN.
_PAST = 1.1
#: Numbers beyond this are no prediction that an ordinary model makes.
_MAX_REAL = 5.0
#: How far the points lie that tell a region from a single point.
_NUDGE = 1e-3


def run_singular(
    traced: Traced, flow: FlowObservation, batch: Batch, domains: tuple[Domain, Domain]
) -> SingularObservation:
    """Walk `y_pred` from an ordinary point to where an operation's argument is singular.

    Each step is Newton's for the entry of the argument that is nearest to the singular number, so that few
    calls are needed; every point is kept inside the domain.

    Args:
        traced: the traced loss; its static shapes must be the batch's.
        flow: the rows of the same graph.
        batch: where the walk starts.
        domains: of `y_true` and of `y_pred`.

    """
    start = time.perf_counter()
    found = SingularObservation(batch.name)
    with isolated():
        for target in list(_targets(traced, flow, domains))[:_MAX_OPS]:
            try:
                found = _walk(traced, batch, domains[1], target) or found
            except Exception:  # the graph cannot be cut or differentiated there
                continue
            if found.op is not None:
                break
    return SingularObservation(
        batch.name,
        op=found.op,
        y_pred=found.y_pred,
        is_region=found.is_region,
        is_loss_bad=found.is_loss_bad,
        seconds=time.perf_counter() - start,
    )


def _targets(
    traced: Traced, flow: FlowObservation, domains: tuple[Domain, Domain]
) -> Iterator[tuple[Op, Any, float]]:
    """The operations, with the argument and the number, whose argument no guard keeps away from it."""
    graph = traced.wrapped.graph
    names = [tensor.op.name for tensor in traced.wrapped.inputs[:2]]
    fed = {op.index: domains[names.index(op.name)] for op in flow.ops if op.name in names}
    for op in flow.ops:
        if op.type not in _SINGULAR or not op.reaches_output or not op.from_y_pred or "/0/" in op.name:
            continue
        place, numbers = _SINGULAR[op.type]
        if flow.ops[op.inputs[place]].from_y_pred and flow.ops[op.inputs[place]].has_gradient:
            argument = graph.get_operation_by_name(op.name).inputs[place]
            low, high = interval(flow.ops, op.inputs[place], fed)
            yield from ((op, argument, number) for number in numbers if low <= number <= high)


def _walk(
    traced: Traced, batch: Batch, domain: Domain, target: tuple[Op, Any, float]
) -> SingularObservation | None:
    import tensorflow as tf

    op, argument, number = target
    y_true, y_pred = traced.wrapped.inputs[:2]
    slope = traced.gradients[y_pred.name]
    with traced.wrapped.graph.as_default():
        gap = tf.reshape(argument, [-1]) - number
        nearest = tf.gather(gap, tf.argmin(tf.abs(gap)))
        way = tf.gradients(nearest, y_pred)[0]
    step = traced.wrapped.prune([y_true, y_pred], [nearest, way])
    loss = traced.wrapped.prune([y_true, y_pred], [traced.output, slope])
    labels = to_tensor(batch.y_true)
    point = batch.y_pred
    for _ in range(_STEPS):
        near, slopes = (np.asarray(to_array(tensor)) for tensor in step(labels, to_tensor(point)))
        size = float(np.sum(np.square(slopes)))
        if not 0 < size < np.inf:
            return None
        move = slopes * (float(near) / size)
        for trial in (_inside(point, _PAST * move, domain), _inside(point, move, domain)):
            bad = _bad(loss, labels, trial)
            if bad is not None:
                nudged = (_inside(trial, sign * _NUDGE * trial, domain) for sign in (1, -1))
                is_region = any(_bad(loss, labels, other) == bad for other in nudged)
                return SingularObservation(
                    batch.name, op=op.index, y_pred=trial, is_region=is_region, is_loss_bad=bad
                )
        moved = _inside(point, move, domain)
        if np.array_equal(moved, point):
            return None
        point = moved
    return None


def _bad(loss: Any, labels: Any, point: np.ndarray) -> bool | None:
    """True where the loss is not finite, False where its gradient alone is not, None where both are."""
    value, slope = (np.asarray(to_array(tensor)) for tensor in loss(labels, to_tensor(point)))
    if not np.isfinite(value).all():
        return True
    return None if np.isfinite(slope).all() else False


def _inside(point: np.ndarray, move: np.ndarray, domain: Domain) -> np.ndarray:
    """The point moved against ``move``, or the nearest one inside the domain."""
    low, high = {
        "prob": (1e-3, 1 - 1e-3),
        "simplex": (1e-3, 1 - 1e-3),
        "interval": (domain.low, domain.high),
        "positive": (1e-3, _MAX_REAL),
    }.get(domain.name, (-_MAX_REAL, _MAX_REAL))
    moved = np.clip(point - move, low, high)
    if domain.name == "simplex":
        moved = moved / moved.sum(axis=-1, keepdims=True)
    return np.asarray(moved, dtype=point.dtype)
