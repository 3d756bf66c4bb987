"""The custom-gradients probe: each `tf.custom_gradient` of the user's against its numeric gradient."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import numpy as np

from losscheck.finding import Location
from losscheck.graph_observation import CustomGradientsObservation, FlowObservation, Op, WrongGradient
from losscheck.inputs.batches import Batch
from losscheck.probes.fetching import fetch
from losscheck.probes.flow import Traced
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.session import isolated
from losscheck.probes.syntax import parsed
from losscheck.probes.tensors import to_array, to_tensor

#: TensorFlow gives this operation, in a graph, the gradient that the user wrote.
_MARKER = "_gradient_op_type"
_MAX_ENTRIES = 12
#: A step of the numeric gradient relative to the entry: float32 gives five digits of the difference then.
_STEP = 4e-3
#: The numeric gradient counts where two steps and both sides agree this well; away from kinks they do.
_AGREEMENT = 0.02
_SIDES = 0.2
#: More than float32 and the step explain.
_TOLERANCE = 0.1
_MIN_WRONG = 2


def run_custom_gradients(
    traced: Traced, flow: FlowObservation, batch: Batch, files: UserFiles
) -> CustomGradientsObservation:
    """Compare the gradient that the user wrote for a function with the numeric one, entry by entry.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: an ordinary input.
        files: which files are the user's.

    """
    start = time.perf_counter()
    wrong: list[WrongGradient] = []
    for row in flow.ops:
        if row.type != "IdentityN" or not (row.from_y_pred and row.has_gradient and row.reaches_output):
            continue
        op = _operation(traced.wrapped.graph, row)
        writer = None if op is None else _writer(op, files)
        if writer is not None:
            with isolated():
                found = _compared(_Custom(traced, flow, op, batch))
            if found is not None:
                place, name = _place(writer, files)
                wrong.append(WrongGradient(name, place or row.location, *found))
    return CustomGradientsObservation(batch.name, seconds=time.perf_counter() - start, wrong=tuple(wrong))


def _operation(graph: Any, row: Op) -> Any:
    """The operation of a row if it carries a custom gradient."""
    try:
        op = graph.get_operation_by_name(row.name)
    except (KeyError, ValueError):
        return None
    return op if _MARKER in op.node_def.attr else None


def _writer(op: Any, files: UserFiles) -> FunctionType | None:
    """The user's function that gives the gradient; None where a library wrote it.

    TensorFlow registers a wrapper that closes over it.
    """
    from tensorflow.python.framework import ops

    try:
        waiting: list[Any] = [ops.get_gradient_function(op)]
    except (AttributeError, LookupError):
        return None
    for _ in range(3):
        cells = [cell.cell_contents for f in waiting for cell in getattr(f, "__closure__", None) or ()]
        inner = [getattr(value, "func", value) for value in cells]
        functions = [function for function in inner if isinstance(function, FunctionType)]
        for function in functions:
            if function.__code__.co_filename in files:
                return function
        waiting = list(functions)
    return None


class _Custom:
    """One call of a function with a custom gradient, cut out of the graph: arguments in, results out.

    Its operation takes the results and then the arguments, and hands them all on; only results are read.
    """

    def __init__(self, traced: Traced, flow: FlowObservation, op: Any, batch: Batch) -> None:
        self._traced = traced
        rows = {row.name for row in flow.ops}  # gradients read every output, the loss only the results
        read = [i for i, tensor in enumerate(op.outputs) if any(o.name in rows for o in tensor.consumers())]
        count = 1 + max(read, default=0)
        names = {row.name for row in flow.ops if row.from_y_pred}
        tensors = {t.name: t for t in list(op.inputs)[count:] if t.dtype.is_floating and t.op.name in names}
        self._arguments = list(tensors.values())
        self._results = [tensor for tensor in list(op.inputs)[:count] if tensor.dtype.is_floating]
        self._given = [tensor for tensor in list(op.outputs)[:count] if tensor.dtype.is_floating]
        feeds = {t.name: t for t in [*traced.wrapped.inputs[:2], *self._arguments]}
        self._feeds = list(feeds.values())
        inputs = dict(enumerate(self._feeds))
        self._fed = fetch(traced, batch, inputs)
        names_fed = list(feeds)  # two tensors cannot be compared with `==`
        self.places = [names_fed.index(t.name) for t in self._arguments]
        rng = np.random.default_rng(0)
        values = fetch(traced, batch, dict(enumerate(self._results)))
        # small weights, all different: a gradient that forgets its upstream, or clips it, shows as such
        self._weights = [
            rng.uniform(0.1, 0.4, values[i].shape).astype(values[i].dtype) for i in sorted(values)
        ]
        is_same = [
            self._fed[p].shape == array.shape and np.array_equal(self._fed[p], array)
            for p in self.places
            for array in values.values()
            if p in self._fed
        ]
        self.is_identity = any(is_same)  #: it changes nothing but the gradient, on purpose
        self._forward: Any = None

    def argument(self, place: int) -> np.ndarray | None:
        """The numbers of an argument on the batch."""
        return self._fed.get(place)

    def written(self) -> dict[int, np.ndarray]:
        """The gradient that the user wrote, of the weighted sum of the results, by argument."""
        import tensorflow as tf

        with self._traced.wrapped.graph.as_default():
            weights = [tf.constant(weight) for weight in self._weights]
            slopes = tf.gradients(self._given, self._arguments, grad_ys=weights)
        named = {p: s for p, s in zip(self.places, slopes, strict=True) if s is not None}
        pruned = self._traced.wrapped.prune(self._feeds, list(named.values()))
        arrays = [to_array(tensor) for tensor in pruned(*self._tensors(self._fed))]
        return {p: array for p, array in zip(named, arrays, strict=True) if array is not None}

    def value(self, place: int, index: int, step: float) -> float:
        """The weighted sum of the results with one entry of an argument moved."""
        if self._forward is None:
            self._forward = self._traced.wrapped.prune(self._feeds, self._results)
        moved = self._fed[place].copy()
        moved.flat[index] += step
        results = [to_array(tensor) for tensor in self._forward(*self._tensors({**self._fed, place: moved}))]
        pairs = zip(self._weights, results, strict=True)
        return sum(float(np.sum(np.multiply(w, r, dtype=np.float64))) for w, r in pairs if r is not None)

    def _tensors(self, arrays: dict[int, np.ndarray]) -> list[Any]:
        return [to_tensor(arrays[i]) for i in range(len(self._feeds))]


def _compared(custom: _Custom) -> tuple[float, float] | None:
    """The written and the numeric gradient where they differ most; None where they agree."""
    if custom.is_identity:
        return None
    try:
        written = custom.written()
        pairs = [pair for place, slope in written.items() for pair in _pairs(custom, place, slope)]
    except Exception:  # no gradient, or a part that cannot be run alone
        return None
    wrong = [pair for pair in pairs if abs(pair[0] - pair[1]) > _TOLERANCE * max(map(abs, pair))]
    # a gradient of zero everywhere stops it, and a slope where the function is flat stands in for none
    wrong = [pair for pair in wrong if pair[1] != 0]
    if len(wrong) < min(_MIN_WRONG, len(pairs)) or not wrong or not any(a for a, _ in pairs):
        return None
    return max(wrong, key=lambda pair: abs(pair[0] - pair[1]))


def _pairs(custom: _Custom, place: int, slope: np.ndarray) -> Iterator[tuple[float, float]]:
    """The written and the numeric gradient at some entries of an argument, those near a kink left out."""
    array = custom.argument(place)
    if array is None or array.shape != slope.shape or array.dtype == np.float16:
        return
    middle = custom.value(place, 0, 0.0)
    entries = np.random.default_rng(1).permutation(array.size)[:_MAX_ENTRIES]
    for index in map(int, entries):
        step = _STEP * max(0.25, abs(float(array.flat[index])))
        # the step that float32 really takes
        up, down = (custom.value(place, index, s) for s in (step, -step))
        wide = (up - down) / _taken(array.flat[index], step)
        near = [custom.value(place, index, s) for s in (step / 2, -step / 2)]
        narrow = (near[0] - near[1]) / _taken(array.flat[index], step / 2)
        sides = (up - middle) / step, (middle - down) / step
        size = max(abs(wide), abs(narrow))
        if abs(wide - narrow) <= _AGREEMENT * size and abs(sides[0] - sides[1]) <= _SIDES * size:
            yield float(slope.flat[index]), narrow


def _taken(entry: np.floating, step: float) -> float:
    """The distance between the two sides as the dtype of the entry holds them."""
    kind = type(entry)
    return float(kind(entry + kind(step))) - float(kind(entry - kind(step)))


def _place(writer: FunctionType, files: UserFiles) -> tuple[Location | None, str]:
    """The line that makes the custom gradient, and the name of the function that has it."""
    path, line = writer.__code__.co_filename, writer.__code__.co_firstlineno
    tree = parsed(path)
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    for node in sorted(around, key=lambda node: -node.lineno):
        for decorator in node.decorator_list:
            if "custom_gradient" in ast.dump(decorator):
                return statement_location(path, decorator.lineno, files), node.name
    names = {node.name for node in around}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and "custom_gradient" in ast.dump(call.func):
            inside = [node for argument in call.args for node in ast.walk(argument)]
            named = {str(getattr(n, "id", getattr(n, "attr", ""))) for n in inside} & names
            if named:
                return statement_location(path, call.lineno, files), named.pop()
    return None, writer.__name__
