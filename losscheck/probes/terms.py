"""The terms probe: the summands of the loss that move with ``y_pred`` and hand no gradient to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from losscheck.graph_observation import FlowObservation, Term, TermsObservation
from losscheck.inputs.batches import Batch
from losscheck.probes.fetching import fetch, first_output
from losscheck.probes.flow import Traced
from losscheck.probes.paths import find_cut
from losscheck.probes.session import isolated

#: Operations whose output is a sum of their inputs, each scaled, reduced or moved about.
_SUMS = ("Add", "AddV2", "AddN", "Sub", "ConcatV2", "Pack")
_CARRIERS = (
    "Identity", "Neg", "Mean", "Sum", "Reshape", "Squeeze", "ExpandDims", "BroadcastTo", "Tile", "Transpose",
    "StridedSlice", "Cast",
)  # fmt: skip
_SCALINGS = ("Mul", "RealDiv", "DivNoNan", "Xdivy", "MulNoNan")
#: What these give depends on the shape of their input, not on its numbers.
_SHAPES = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs")
#: They say that no gradient is wanted.
_STOPS = ("StopGradient", "PreventGradient")


def run_terms(traced: Traced, flow: FlowObservation, batch: Batch) -> TermsObservation:
    """Take the sum apart that the loss is, and ask each term for its gradient.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: the input.

    """
    start = time.perf_counter()
    if traced.output is None or flow.output is None:
        return TermsObservation(batch.name)
    moved = _moved_by_numbers(flow)
    graph = traced.wrapped.graph
    tensors = {i: first_output(graph, flow.ops[i]) for i in _leaves(flow, moved)}
    tensors = {i: tensor for i, tensor in tensors.items() if tensor is not None}
    terms: tuple[Term, ...] = ()
    if len(tensors) > 1:
        with isolated():
            try:
                slopes = _slopes(traced, tensors)
            except (LookupError, ValueError) as error:  # none is registered, or its shape does not fit
                return TermsObservation(batch.name, skipped=f"the terms have no gradients: {error}")
            terms = tuple(_terms(traced, flow, tensors, slopes, moved=moved, batch=batch))
    return TermsObservation(batch.name, seconds=time.perf_counter() - start, terms=terms)


def _moved_by_numbers(flow: FlowObservation) -> frozenset[int]:
    """The operations whose output may depend on the numbers of ``y_pred``, not on its shape alone."""
    moved = {flow.path[0]} if flow.path else set()
    for op in flow.ops:
        if op.type not in _SHAPES and any(i in moved for i in op.inputs):
            moved.add(op.index)
    return frozenset(moved)


def _leaves(flow: FlowObservation, moved: frozenset[int]) -> list[int]:
    """The terms: what is reached from the loss by sums, scalings and reductions alone."""
    assert flow.output is not None
    leaves: dict[int, None] = {}
    seen: set[int] = set()
    waiting = [flow.output]
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        op = flow.ops[index]
        from_pred = [i for i in op.inputs if i in moved]
        is_scaled = op.type in _SCALINGS and len(from_pred) == 1 and from_pred[0] == op.inputs[0]
        is_scaled |= op.type.startswith("Mul") and len(from_pred) == 1
        is_carried = op.type in _CARRIERS and set(from_pred) <= set(op.float_inputs)
        if (op.type in _SUMS or is_scaled or is_carried) and from_pred:
            waiting += from_pred
        else:
            leaves[index] = None
    return [index for index in leaves if index in moved]


def _slopes(traced: Traced, tensors: dict[int, Any]) -> dict[int, Any]:
    """The gradient of each term; None where it has none."""
    import tensorflow as tf

    y_pred = traced.wrapped.inputs[1]
    with traced.wrapped.graph.as_default():
        return {index: tf.gradients(tensor, y_pred)[0] for index, tensor in tensors.items()}


def _terms(
    traced: Traced,
    flow: FlowObservation,
    tensors: dict[int, Any],
    slopes: dict[int, Any],
    *,
    moved: frozenset[int],
    batch: Batch,
) -> Iterator[Term]:
    values = fetch(traced, batch, tensors)
    gradients = fetch(traced, batch, {i: slope for i, slope in slopes.items() if slope is not None})
    for index, value in values.items():
        own = _made_of(flow, index) & moved
        is_live = index in gradients and bool(gradients[index].any())
        is_stopped = any(flow.ops[i].type in _STOPS for i in own)
        cut = None
        if not is_live and not is_stopped:
            find = _cut if slopes[index] is None else _zeroing
            cut = flow.ops[find(traced, flow, index, own)]
        yield Term(flow.ops[index], value, is_live, cut)


def _cut(traced: Traced, flow: FlowObservation, index: int, own: set[int]) -> int:
    """The operation at which the gradient of a term stops, as `find_cut` finds that of the loss."""
    import tensorflow as tf

    graph = traced.wrapped.graph
    inside = {i: first_output(graph, flow.ops[i]) for i in sorted(own)}
    inside = {i: inner for i, inner in inside.items() if inner is not None}
    with graph.as_default():
        slopes = tf.gradients(inside[index], list(inside.values()))
    has = {i for i, slope in zip(inside, slopes, strict=True) if slope is not None}
    rows = [
        replace(op, has_gradient=op.index in has, from_y_pred=op.index in own, reaches_output=op.index in own)
        for op in flow.ops
    ]
    cut = find_cut(rows, index)
    return index if cut is None else cut


def _zeroing(traced: Traced, flow: FlowObservation, index: int, own: set[int]) -> int:
    """The operation nearest to the term whose own gradient is zero."""
    import tensorflow as tf

    graph = traced.wrapped.graph
    for i in sorted(own, reverse=True):
        op = flow.ops[i]
        output = first_output(graph, op)
        inputs = [first_output(graph, flow.ops[j]) for j in op.float_inputs if j in own]
        inputs = [tensor for tensor in inputs if tensor is not None]
        if output is None or not inputs:
            continue
        with graph.as_default():
            slopes = [slope for slope in tf.gradients(output, inputs) if slope is not None]
        if slopes and all(_is_zero(slope) for slope in slopes):
            return i
    return index


def _is_zero(slope: Any) -> bool:
    """Whether a gradient is a tensor of zeros by its making, as that of `tf.sign` is."""
    import tensorflow as tf

    while slope.op.type in ("Identity", "Reshape") or (slope.op.type == "Fill"):
        if slope.op.type == "Fill":
            number = tf.get_static_value(slope.op.inputs[1])
            return number is not None and not np.any(number)
        slope = slope.op.inputs[0]
    number = tf.get_static_value(slope)
    return slope.op.type == "ZerosLike" or (number is not None and not np.any(number))


def _made_of(flow: FlowObservation, index: int) -> set[int]:
    """An operation and all that it is made of."""
    seen = {index}
    queue = [index]
    while queue:
        for i in flow.ops[queue.pop()].inputs:
            if i not in seen:
                seen.add(i)
                queue.append(i)
    return seen
