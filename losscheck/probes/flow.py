"""The traced graph, read: what stands between ``y_pred`` and the loss, and where the gradient stops."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from losscheck.finding import Location
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import FlowObservation, Op, Raised
from losscheck.probes.frames import UserFiles, op_location, raised_from, user_line
from losscheck.probes.inner_graphs import has_inner_graph, inner_graphs
from losscheck.probes.session import functions_inlined, isolated
from losscheck.probes.tensors import describe, static_shape, to_tensor
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


def trace(loss: LoadedLoss, batch: Batch, files: UserFiles) -> Traced:
    """Trace the loss with the batch's static shapes, functions of the user inlined where that works."""
    import tensorflow as tf

    specs = [tf.TensorSpec(t.shape, t.dtype) for t in (to_tensor(batch.y_true), to_tensor(batch.y_pred))]
    traced = Traced()
    watch = Watch(loss.function, files)

    def wrap() -> Any:
        return tf.compat.v1.wrap_function(loss.function, specs)

    with isolated():
        try:
            with functions_inlined():
                traced.wrapped = watch.run(wrap)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - the body of a tf.function may need AutoGraph: keep it a call
            try:
                traced.wrapped = watch.run(wrap)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever the user's code raises is data
                traced.raised = raised_from(error, files)
                return traced
        output = traced.wrapped.structured_outputs
        if not describe(output).is_float_tensor:
            return traced
        traced.output = output
        try:
            with watch_nothing(files, loss):
                traced.gradients = _gradients(traced.wrapped.graph, [output])
        except Exception as error:  # noqa: BLE001 - no gradient registered: LC210's matter, the graph is readable
            traced.gradient_error = f"{type(error).__name__}: {error}"
    return traced


def watch_nothing(files: UserFiles, loss: LoadedLoss) -> Any:
    """Keep off the terminal what custom gradients print."""
    from losscheck.probes.session import captured_output

    return captured_output(files, lambda effect: None, lambda: 0)


def _gradients(graph: Any, outputs: list[Any]) -> dict[str, Any]:
    import tensorflow as tf

    tensors = [t for op in graph.get_operations() for t in op.outputs if t.dtype.is_floating]
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
    ops = _with_reach(
        reader.ops, reader.index[("", y_true.op.name)], reader.index[("", y_pred.op.name)], output
    )
    cut = _find_cut(ops, output)
    source = reader.index[("", y_pred.op.name)]
    path = _path(ops, source, cut, output)
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
            inputs = [self.index[(prefix, t.op.name)] for t in op.inputs if (prefix, t.op.name) in self.index]
            inputs += [row for tensor in op.outputs for row in seeds.get(tensor.name, ())]
            if has_inner_graph(op):
                inputs += self._read_inner(op, gradients, prefix)
            self._append(op, tuple(inputs), gradients, prefix)

    def _append(self, op: Any, inputs: tuple[int, ...], gradients: dict[str, Any], prefix: str) -> None:
        first = op.outputs[0] if op.outputs else None
        frames = [(frame[0], frame[1]) for frame in (tuple(f)[:2] for f in op.traceback or ())]
        row = Op(
            index=len(self.ops),
            type=op.type,
            name=f"{prefix}{op.name}",
            inputs=inputs,
            shape=static_shape(first) if first is not None else None,
            dtype=first.dtype.name if first is not None else "",
            location=self._location(op.type, frames),
            is_float=any(tensor.dtype.is_floating for tensor in op.outputs),
            has_gradient=any(gradients.get(tensor.name) is not None for tensor in op.outputs),
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
        is_live = any(gradients.get(tensor.name) is not None for tensor in op.outputs)
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
            floats = [tensor for tensor in graph.outputs if tensor.dtype.is_floating]
            inner = dict.fromkeys((t.name for o in graph.get_operations() for t in o.outputs), None)
            if is_live and floats:
                try:
                    inner.update(_gradients(graph, floats))
                except Exception:  # noqa: BLE001 - the rows are still worth reading without their gradients
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


def _with_reach(ops: list[Op], y_true: int, y_pred: int, output: int | None) -> list[Op]:
    """Fill in from which argument each operation is reachable, and which reach the output."""
    from_true, from_pred = {y_true}, {y_pred}
    for op in ops:
        if any(i in from_true for i in op.inputs):
            from_true.add(op.index)
        if any(i in from_pred for i in op.inputs):
            from_pred.add(op.index)
    reaching = set() if output is None else _ancestors(ops, output)
    return [
        replace(
            op,
            from_y_true=op.index in from_true,
            from_y_pred=op.index in from_pred,
            reaches_output=op.index in reaching,
        )
        for op in ops
    ]


def _ancestors(ops: list[Op], start: int) -> set[int]:
    seen = {start}
    queue = [start]
    while queue:
        for i in ops[queue.pop()].inputs:
            if i not in seen:
                seen.add(i)
                queue.append(i)
    return seen


def _find_cut(ops: list[Op], output: int | None) -> int | None:
    """The operation at which the gradient stops on a path from ``y_pred`` to the output.

    It is the first whose output has a gradient and none of whose inputs on the path has one; where these
    hold integers or booleans, the operation that made them of floats is the culprit (`ArgMax`, not the
    `Cast` that follows it).
    """
    if output is None:
        return None
    on_path = {op.index for op in ops if op.from_y_pred and op.reaches_output}
    for op in ops:
        if op.index not in on_path or not (op.has_gradient or op.index == output):
            continue
        inputs = [i for i in op.inputs if i in on_path]
        if not inputs or any(ops[i].has_gradient for i in inputs):
            continue
        return _maker_of_integers(ops, op.index, on_path)
    return None


def _maker_of_integers(ops: list[Op], index: int, on_path: set[int]) -> int:
    while True:
        inputs = [i for i in ops[index].inputs if i in on_path]
        if not inputs or any(ops[i].is_float for i in inputs):
            return index
        index = inputs[0]


def _path(ops: list[Op], source: int, cut: int | None, output: int | None) -> tuple[int, ...]:
    """A shortest path from ``y_pred`` through the cut to the output."""
    if output is None:
        return ()
    if cut is None:
        return _shortest(ops, source, output)
    return _shortest(ops, source, cut) + _shortest(ops, cut, output)[1:]


def _shortest(ops: list[Op], source: int, target: int) -> tuple[int, ...]:
    readers: dict[int, list[int]] = {}
    for op in ops:
        for i in op.inputs:
            readers.setdefault(i, []).append(op.index)
    came_from: dict[int, int] = {source: source}
    queue = deque([source])
    while queue:
        here = queue.popleft()
        if here == target:
            return _walk_back(came_from, source, target)
        for reader in readers.get(here, ()):
            if reader not in came_from:
                came_from[reader] = here
                queue.append(reader)
    return ()


def _walk_back(came_from: dict[int, int], source: int, target: int) -> tuple[int, ...]:
    path = [target]
    while path[-1] != source:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))


def path_words(ops: Iterable[Op]) -> tuple[str, ...]:
    """The types of the operations of a path, without those that only pass a tensor on."""
    return tuple(op.type for op in ops if op.type not in ("Placeholder", "Identity", "IdentityN"))
