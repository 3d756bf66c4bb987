"""The numbers inside the graph on one batch: which operation makes the NaN, or ends the gradient."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from losscheck.graph_observation import FlowObservation, Op, ValuesObservation
from losscheck.inputs.batches import Batch, is_same_value
from losscheck.probes.fetching import fetch, first_output, float_tensors
from losscheck.probes.flow import Traced
from losscheck.probes.session import isolated

#: More tensors than this are not read one by one: a constant folded away shows only when fetched alone.
_MAX_SINGLE_FETCHES = 60
_MAX_TENSORS = 600
#: From here on a gradient is looked at for the operation that makes it so large.
_HUGE = 1e3
#: What float32 leaves of a gradient that is zero, all entries together, for each number of the loss.
_NOISE = 1e-6

IsBad = Callable[[np.ndarray], bool]


def run_values(traced: Traced, flow: FlowObservation, batch: Batch) -> ValuesObservation:
    """Evaluate every float tensor between ``y_pred`` and the loss, and its gradient, on a batch.

    Args:
        traced: the traced loss; its static shapes must be the batch's.
        flow: the rows of the same graph.
        batch: the input.

    """
    start = time.perf_counter()
    if traced.output is None or flow.output is None:
        return ValuesObservation(batch.name)
    tensors = float_tensors(traced, flow)
    slopes = {index: traced.gradients.get(tensor.name) for index, tensor in tensors.items()}
    slopes = {index: slope for index, slope in slopes.items() if slope is not None}
    with isolated():
        bad = find_non_finite(traced, flow, batch)
        gradients = _Gradients(traced, flow, batch, slopes, fetch(traced, batch, slopes))
        worst = gradients.turning_op(lambda a: not np.isfinite(a).all())
        dead = gradients.turning_op(gradients.is_zero, is_nearest=False)
        exploding = gradients.exploding_op()
    return ValuesObservation(
        batch.name,
        seconds=time.perf_counter() - start,
        non_finite_op=bad,
        non_finite_gradient_op=worst,
        zero_gradient_op=dead,
        exploding_gradient_op=exploding,
    )


@dataclass(frozen=True)
class _Gradients:
    """The gradients of the loss with respect to the tensors on the way to it."""

    traced: Traced
    flow: FlowObservation
    batch: Batch
    slopes: dict[int, Any]  #: row → the tensor of the gradient
    found: dict[int, np.ndarray]  #: row → what it is

    def is_zero(self, gradient: np.ndarray) -> bool:
        """Whether it is nothing but rounding: the gradient of each number of the loss to itself is 1."""
        output = self.found.get(self.flow.output if self.flow.output is not None else -1)
        numbers = 1 if output is None else output.size
        return bool(np.sum(np.abs(gradient)) <= _NOISE * numbers)

    def exploding_op(self) -> int | None:
        """The operation whose gradient makes a huge one; None where that of ``y_pred`` is none."""
        slope = self.traced.gradients.get(self.traced.wrapped.inputs[1].name)
        found = None if slope is None else fetch(self.traced, self.batch, {0: slope}).get(0)
        is_known = found is not None and np.isfinite(found).all()
        peak = float(np.max(np.abs(found), initial=0.0)) if found is not None and is_known else 0.0
        if peak < _HUGE:
            return None
        return self.turning_op(lambda a: float(np.max(np.abs(a), initial=0)) > peak / 1e3)

    def turning_op(self, is_bad: IsBad, *, is_nearest: bool = True) -> int | None:
        """The operation whose gradient is good at its output and bad at its input.

        A tensor that several operations read collects a gradient from each; then each share is looked at.

        Args:
            is_bad: tells a bad gradient.
            is_nearest: take the one nearest to the loss; else the one nearest to ``y_pred``, which is behind
                every path where they all are bad.

        """
        readers: dict[int, list[int]] = {}
        for op in self.flow.ops:
            if op.index in self.found:
                for i in op.inputs:
                    readers.setdefault(i, []).append(op.index)
        for op in reversed(self.flow.ops) if is_nearest else self.flow.ops:
            if op.index not in self.found or not op.from_y_pred or not is_bad(self.found[op.index]):
                continue
            good = [i for i in readers.get(op.index, ()) if not is_bad(self.found[i])]
            if not good and not is_nearest:
                continue
            if len(good) < 2:
                return good[0] if good else None
            shares = {i: self._share(i, op.index) for i in good}
            wanted = {i: share for i, share in shares.items() if share is not None}
            fetched = fetch(self.traced, self.batch, wanted)
            return next((i for i, share in fetched.items() if is_bad(share)), good[0])
        return None

    def _share(self, reader: int, tensor: int) -> Any:
        """What one operation passes back to one of its inputs."""
        import tensorflow as tf

        graph = self.traced.wrapped.graph
        outputs = [first_output(graph, self.flow.ops[i]) for i in (reader, tensor)]
        with graph.as_default():
            return tf.gradients(outputs[0], outputs[1], grad_ys=[self.slopes[reader]])[0]


def run_compiled_values(traced: Traced, flow: FlowObservation, batch: Batch) -> ValuesObservation:
    """Evaluate every numeric tensor between the inputs and the loss, compiled by XLA and not, on a batch.

    Args:
        traced: the traced loss, which XLA compiles; its static shapes must be the batch's.
        flow: the rows of the same graph.
        batch: the input.

    """
    start = time.perf_counter()
    graph = traced.wrapped.graph
    rows = [op for op in flow.ops if op.reaches_output and "/0/" not in op.name][:_MAX_TENSORS]
    tensors = {op.index: _first_number(graph, op) for op in rows}
    # a tensor whose size only the run tells cannot leave what is compiled: XLA ends the process
    known = ((index, tensor) for index, tensor in tensors.items() if tensor is not None)
    tensors = {index: tensor for index, tensor in known if tensor.shape.is_fully_defined()}
    with isolated():
        plain = fetch(traced, batch, tensors)
        compiled = fetch(traced, batch, tensors, jit_compile=True)
    differing = [
        index
        for index in plain.keys() & compiled.keys()
        if not is_same_value(plain[index].astype(np.float64), compiled[index].astype(np.float64))
    ]
    return ValuesObservation(
        batch.name, seconds=time.perf_counter() - start, differing_op=min(differing, default=None)
    )


def _first_number(graph: Any, op: Op) -> Any:
    try:
        outputs = graph.get_operation_by_name(op.name).outputs
    except (KeyError, ValueError):
        return None
    return next((t for t in outputs if t.dtype.is_floating or t.dtype.is_integer or t.dtype.is_bool), None)


def find_non_finite(
    traced: Traced, flow: FlowObservation, batch: Batch, *, is_folded: bool = True
) -> int | None:
    """The first operation with finite inputs and a NaN or Inf output on the way to the loss.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: the input.
        is_folded: whether to fetch the tensors one by one as well, which shows what constant folding does.

    """
    tensors = float_tensors(traced, flow)
    bad = _first_non_finite(flow, fetch(traced, batch, tensors))
    if bad is None and is_folded and len(tensors) <= _MAX_SINGLE_FETCHES:
        bad = _first_non_finite(flow, _fetch_singly(traced, batch, tensors))
    return bad


def _fetch_singly(traced: Traced, batch: Batch, tensors: dict[int, Any]) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for index, tensor in tensors.items():
        found.update(fetch(traced, batch, {index: tensor}))
    return found


def _first_non_finite(flow: FlowObservation, values: dict[int, np.ndarray]) -> int | None:
    """Walk from the loss backwards along non-finite tensors to the one whose inputs are finite."""

    def is_bad(index: int) -> bool:
        return index in values and not np.isfinite(values[index]).all()

    index: int | None = flow.output
    if index is None or not is_bad(index):
        return None
    culprit = index
    seen: set[int] = set()
    while index is not None:
        culprit = index
        seen.add(index)
        bad = [i for i in flow.ops[index].inputs if is_bad(i) and i not in seen]
        index = bad[0] if bad else _through_plumbing(flow, index, is_bad, seen)
    return culprit


def _through_plumbing(flow: FlowObservation, index: int, is_bad: Any, seen: set[int]) -> int | None:
    """A bad tensor behind an input that was not read (an identity, a branch)."""
    for i in flow.ops[index].inputs:
        if flow.ops[i].type in ("Identity", "IdentityN") and i not in seen:
            for j in flow.ops[i].inputs:
                if is_bad(j) and j not in seen:
                    return j
    return None
