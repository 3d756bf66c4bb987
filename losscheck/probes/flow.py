"""The traced graph, read: what stands between ``y_pred`` and the loss, and where the gradient stops."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from losscheck.finding import Location
from losscheck.graph_observation import FlowObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.frames import UserFiles, user_line
from losscheck.probes.inner_graphs import has_inner_graph, inner_graphs
from losscheck.probes.keras_version import as_fit_calls
from losscheck.probes.op_places import op_location
from losscheck.probes.paths import find_cut, path_through, with_reach
from losscheck.probes.raising import raised_from
from losscheck.probes.session import captured_output, functions_inlined, isolated
from losscheck.probes.tensors import constant_number, describe, static_shape, to_tensor, traced_shape
from losscheck.probes.watch import Watch

_MAX_OPS = 5000


@dataclass
class Traced:
    """A loss traced into one graph, with the gradient of its output at every tensor."""

    wrapped: Any = None  #: ``tf.compat.v1.wrap_function``'s result
    output: Any = None  #: the tensor that the loss returned
    gradients: dict[str, Any] = field(default_factory=dict)  #: tensor name → gradient tensor or None
    raised: Raised | None = None
    gradient_error: str = ""


def trace(
    loss: LoadedLoss, batch: Batch, files: UserFiles, *, known_batch: bool = True, with_gradients: bool = True
) -> Traced:
    """Trace the loss into one graph, functions of the user inlined where that works.

    Args:
        loss: the loss.
        batch: gives the shapes and dtypes.
        files: which files are the user's.
        known_batch: whether the batch size is known, else None.
        with_gradients: whether to ask for the gradient at every tensor.

    """
    import tensorflow as tf

    specs = [
        tf.TensorSpec(traced_shape(array, known_batch), to_tensor(array).dtype)
        for array in (batch.y_true, batch.y_pred)
    ]
    traced = Traced()
    watch = Watch(loss.function, files)

    def wrap(function: Callable[..., Any]) -> Any:
        return watch.run(lambda: tf.compat.v1.wrap_function(function, specs))

    with isolated():
        try:
            with functions_inlined():
                traced.wrapped = wrap(loss.function)
        except KeyboardInterrupt:
            raise
        except BaseException:
            try:
                traced.wrapped = wrap(as_fit_calls(loss))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                traced.raised = raised_from(error, files)
                return traced
        output = traced.wrapped.structured_outputs
        if not describe(output).is_float_tensor:
            return traced
        traced.output = output
        if not with_gradients:
            return traced
        try:
            with captured_output(files, lambda effect: None, lambda: 0):  # a custom gradient may print
                traced.gradients = _gradients(traced.wrapped.graph, [output])
        except Exception as error:
            traced.gradient_error = f"{type(error).__name__}: {error}"
    return traced


def _gradients(graph: Any, outputs: list[Any]) -> dict[str, Any]:
    import tensorflow as tf

    tensors = [t for op in graph.get_operations() for t in op.outputs if _carries_gradient(t)]
    with graph.as_default():
        found = tf.gradients(outputs, tensors)
    return {tensor.name: gradient for tensor, gradient in zip(tensors, found, strict=True)}


def read_flow(traced: Traced, batch: Batch, files: UserFiles) -> FlowObservation:
    """The graph as plain rows, with the cut of the gradient."""
    start = time.perf_counter()
    if traced.wrapped is None:
        return FlowObservation(batch.name, traced.raised)
    reader = _Reader(files)
    graph = traced.wrapped.graph
    y_true, y_pred = traced.wrapped.inputs[:2]
    # the gradient operations were added after the loss's own: read these alone
    reader.read(graph, dict(traced.gradients), seeds={y_true.name: (), y_pred.name: ()}, prefix="")
    output = reader.index.get(("", traced.output.op.name)) if traced.output is not None else None
    ops = with_reach(
        reader.ops, reader.index[("", y_true.op.name)], reader.index[("", y_pred.op.name)], output
    )
    cut = find_cut(ops, output)
    source = reader.index[("", y_pred.op.name)]
    path = path_through(ops, source, cut, output)
    return FlowObservation(
        batch.name,
        returned=describe(traced.output) if traced.output is not None else None,
        seconds=time.perf_counter() - start,
        ops=tuple(ops),
        output=output,
        cut=cut,
        path=path,
        skipped=traced.gradient_error or reader.skipped,
    )


class _Reader:
    """Collects the operations of a graph and of the graphs inside it."""

    def __init__(self, files: UserFiles) -> None:
        self.ops: list[Op] = []
        self.index: dict[tuple[str, str], int] = {}
        self.skipped = ""
        self._files = files
        self._made: Counter[tuple[str, int, str]] = Counter()

    def read(
        self, graph: Any, gradients: dict[str, Any], seeds: dict[str, tuple[int, ...]], prefix: str
    ) -> None:
        """Append the rows of one graph.

        Args:
            graph: the graph.
            gradients: tensor name → gradient, for the tensors that the loss made.
            seeds: inputs of the graph by tensor name → rows outside that feed them.
            prefix: path of the graph, to tell equal names apart.

        """
        for op in graph.get_operations():
            is_own = any(tensor.name in gradients for tensor in op.outputs) or not gradients
            if op.name.startswith("gradients") and not is_own:
                continue
            if len(self.ops) >= _MAX_OPS:
                self.skipped = f"the graph has more than {_MAX_OPS} operations"
                return
            read = [(self.index.get((prefix, tensor.op.name)), tensor) for tensor in op.inputs]
            inputs = [row for row, _ in read if row is not None]
            floats = [row for row, tensor in read if row is not None and _carries_gradient(tensor)]
            fed = [row for tensor in op.outputs for row in seeds.get(tensor.name, ())]
            if has_inner_graph(op):
                fed += self._read_inner(op, gradients, prefix)
            self._append(op, (*inputs, *fed), (*floats, *fed), gradients, prefix)

    def _append(
        self,
        op: Any,
        inputs: tuple[int, ...],
        float_inputs: tuple[int, ...],
        gradients: dict[str, Any],
        prefix: str,
    ) -> None:
        first = op.outputs[0] if op.outputs else None
        frames = [(frame[0], frame[1]) for frame in (tuple(f)[:2] for f in op.traceback or ())]
        row = Op(
            index=len(self.ops),
            type=op.type,
            name=f"{prefix}{op.name}",
            inputs=inputs,
            float_inputs=float_inputs,
            shape=static_shape(first) if first is not None else None,
            dtype=first.dtype.name if first is not None else "",
            location=self._location(op.type, frames),
            is_float=any(_carries_gradient(tensor) for tensor in op.outputs),
            has_gradient=any(gradients.get(tensor.name) is not None for tensor in op.outputs),
            constant=constant_number(first) if op.type == "Const" else None,
        )
        self.index[(prefix, op.name)] = row.index
        self.ops.append(row)

    def _location(self, op_type: str, frames: list[tuple[str, int]]) -> Location | None:
        place = user_line(frames, self._files)
        if place is None:
            return None
        key = (place[0], place[1], op_type)
        self._made[key] += 1
        return op_location(op_type, place, self._made[key] - 1, self._files)

    def _read_inner(self, op: Any, gradients: dict[str, Any], prefix: str) -> list[int]:
        """Read the graphs that an operation runs; return the rows that give its outputs."""
        results: list[int] = []
        outer = [self.index.get((prefix, tensor.op.name)) for tensor in op.inputs]
        found = False
        for number, graph in enumerate(inner_graphs(op)):
            found = True
            inner_prefix = f"{prefix}{op.name}/{number}/"
            fed = outer[-len(graph.inputs) :] if graph.inputs else []
            seeds: dict[str, tuple[int, ...]] = {
                tensor.name: (row,) for tensor, row in zip(graph.inputs, fed, strict=False) if row is not None
            }
            floats = _outputs_with_gradient(op, graph, gradients)
            inner = dict.fromkeys((t.name for o in graph.get_operations() for t in o.outputs), None)
            if floats:
                try:
                    inner.update(_gradients(graph, floats))
                except Exception:
                    self.skipped = f"the gradient inside {op.type} could not be read"
            self.read(graph, inner, seeds, inner_prefix)
            results += [
                self.index[(inner_prefix, t.op.name)]
                for t in graph.outputs
                if (inner_prefix, t.op.name) in self.index
            ]
        if not found:
            self.skipped = f"this TensorFlow does not show what runs inside {op.type}"
        return results


def _carries_gradient(tensor: Any) -> bool:
    """Whether a gradient can flow through it: it holds floats, or a list of tensors (a variant)."""
    return bool(tensor.dtype.is_floating or tensor.dtype == "variant")


def _outputs_with_gradient(op: Any, graph: Any, gradients: dict[str, Any]) -> list[Any]:
    """The tensors of an inner graph through which the gradient enters it.

    They are the outputs whose counterpart outside has a gradient, and the items that it puts into lists.
    """
    entering = [
        inner
        for inner, outer in zip(graph.outputs, op.outputs, strict=False)
        if inner.dtype.is_floating and gradients.get(outer.name) is not None and not _is_handed_on(op, inner)
    ]
    # what the loop's own gradient remembers is pushed back on lists, what the loop gives is set into them
    stores = [inner for inner in graph.get_operations() if inner.type == "TensorListSetItem"]
    return entering + [store.inputs[-1] for store in stores if store.inputs[-1].dtype.is_floating]


def _is_handed_on(op: Any, output: Any) -> bool:
    """Whether a loop's body gives a tensor back as it came in: it only reads it, no gradient enters there."""
    while output.op.type == "Identity":
        output = output.op.inputs[0]
    return "While" in op.type and bool(output.op.type == "Placeholder")
