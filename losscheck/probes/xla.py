"""The XLA probe: the loss and its gradient compiled, as `fit` does it by default where there is a GPU."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from typing import Any

from losscheck.finding import Location
from losscheck.graph_observation import Refusal, XlaObservation
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.probes.frames import UserFiles, user_line
from losscheck.probes.gradient import GraphGradient, Step
from losscheck.probes.inner_graphs import has_inner_graph, inner_graphs
from losscheck.probes.keras_version import as_fit_calls
from losscheck.probes.op_places import op_location
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import describe, to_array, to_tensor
from losscheck.probes.watch import Watch

#: What makes a graph compile quickly and run slowly. `--xla_cpu_use_fusion_emitters=false` beside it would be
#: quicker still, but makes the gradient of a `tf.reduce_min` NaN (TensorFlow 2.21).
_QUICK = "--xla_backend_optimization_level=0"
_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
#: Scopes that TensorFlow's own gradient code puts around the name of the operation that it differentiates.
_GRADIENT_SCOPES = ("gradient_tape/", "gradients/")


def compile_quickly() -> None:
    """Spend no time on fast machine code in this process: what it compiles runs once.

    Unless the user has set flags; before XLA is first used.
    """
    os.environ.setdefault("XLA_FLAGS", _QUICK)


class CompiledGradient:
    """The loss and its gradient as one compiled function for each shape of the inputs.

    Compiling can end the process (a list that grows in a loop, with its gradient): who cannot afford that
    asks only for graphs without such a list.

    Args:
        loss: the loss.
        files: which files are the user's.
        in_graph: has traced the same, which then need not be traced again.
        is_expendable: whether this process may die of it.

    """

    def __init__(
        self, loss: LoadedLoss, files: UserFiles, in_graph: GraphGradient, *, is_expendable: bool
    ) -> None:
        self._loss = loss
        self._files = files
        self._in_graph = in_graph
        self._is_expendable = is_expendable
        self._functions: dict[Any, Any] = {}
        self._refused: dict[Any, XlaObservation] = {}

    def run(self, batch: Batch, *, has_list: bool) -> XlaObservation:
        """The compiled value and gradient on a batch.

        Args:
            batch: the input, cast and aligned as `fit` passes it.
            has_list: whether the graph keeps a list of tensors, as a loop and a `tf.TensorArray` do.

        """
        if has_list and not self._is_expendable:
            reason = "compiling a loop can end this process; the command line compiles it in one of its own"
            return XlaObservation(batch.name, skipped=reason)
        shapes = (batch.y_true.shape, batch.y_pred.shape)
        if shapes in self._refused:  # it would be refused again
            return self._refused[shapes]
        seen = self._compiled_again(batch, shapes) or self._compiled(batch, shapes)
        if seen.raised is not None:
            self._refused[shapes] = seen
        return seen

    def _compiled_again(self, batch: Batch, shapes: Any) -> XlaObservation | None:
        """What was traced already, compiled; None where that raises: a trace of its own names the line."""
        import tensorflow as tf

        start = time.perf_counter()
        tensors = (to_tensor(batch.y_true), to_tensor(batch.y_pred))
        with isolated():
            try:
                watch = Watch(self._loss.function, self._files)
                if shapes not in self._functions:
                    traced = watch.run(lambda: self._in_graph.traced(*tensors))
                    self._functions[shapes] = tf.function(_called(traced), jit_compile=True, autograph=False)
                value, gradient = watch.run(lambda: self._functions[shapes](*tensors))
            except KeyboardInterrupt:
                raise
            except BaseException:
                self._functions.pop(shapes, None)
                return None
        return _observed(batch, value, gradient, start)

    def _compiled(self, batch: Batch, shapes: Any) -> XlaObservation:
        import tensorflow as tf

        start = time.perf_counter()
        step = Step(as_fit_calls(self._loss))
        function = tf.function(step.run, jit_compile=True, autograph=False)
        tensors = (to_tensor(batch.y_true), to_tensor(batch.y_pred))
        graph = None
        with isolated():
            try:
                watch = Watch(self._loss.function, self._files)
                graph = watch.run(lambda: function.get_concrete_function(*tensors)).graph
                value, gradient = watch.run(lambda: function(*tensors))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if graph is None:
                    return XlaObservation(batch.name, skipped="the loss cannot be traced as `fit` does it")
                return XlaObservation(
                    batch.name,
                    raised_from(error, self._files),
                    refusals=tuple(self._refusals(str(error), graph)),
                    seconds=time.perf_counter() - start,
                )
        self._functions[shapes] = function
        return _observed(batch, value, gradient, start)

    def _refusals(self, text: str, graph: Any) -> Iterator[Refusal]:
        """The operations that the error names, each with its user's line, or the differentiated one's."""
        found: set[tuple[str, Location | None]] = set()
        for name in dict.fromkeys(_NODE.findall(text)):
            op = _operation(graph, name)
            if op is None:
                continue
            place = self._location(op) or self._forward_location(graph, name)
            if (op.type, place) not in found:
                found.add((op.type, place))
                yield Refusal(op.type, place)

    def _location(self, op: Any) -> Location | None:
        place = user_line([(frame[0], frame[1]) for frame in op.traceback or ()], self._files)
        return None if place is None else op_location(op.type, place, 0, self._files)

    def _forward_location(self, graph: Any, name: str) -> Location | None:
        """The line of the forward operation whose gradient an operation belongs to, by its name's scopes."""
        for scope in _GRADIENT_SCOPES:
            name = name.rpartition(scope)[2]
        parts = name.split("/")
        for count in range(len(parts), 0, -1):
            op = _operation(graph, "/".join(parts[:count]))
            if op is not None and (place := self._location(op)) is not None:
                return place
        return None


def _called(traced: Any) -> Any:
    """A Python function with a signature of its own around one that was traced."""

    def call(y_true: Any, y_pred: Any) -> Any:
        return traced(y_true, y_pred)

    return call


def _observed(batch: Batch, value: Any, gradient: Any, start: float) -> XlaObservation:
    return XlaObservation(
        batch.name,
        None,
        describe(value),
        to_array(value),
        gradient=None if gradient is None else to_array(gradient),
        seconds=time.perf_counter() - start,
    )


def _operation(graph: Any, name: str) -> Any:
    """An operation by name, in a graph or in the graphs inside it."""
    try:
        return graph.get_operation_by_name(name)
    except (KeyError, ValueError):
        pass
    for op in graph.get_operations():
        if has_inner_graph(op):
            for inner in inner_graphs(op):
                if (found := _operation(inner, name)) is not None:
                    return found
    return None
