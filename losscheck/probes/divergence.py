"""The divergence probe: where a call in a graph leaves the way that the eager call takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from losscheck.graph_observation import DivergenceObservation
from losscheck.inputs.batches import Batch, is_same_value
from losscheck.loss import LoadedLoss
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import is_tensor, to_array, to_tensor, traced_shape
from losscheck.probes.watch import Watch

#: A loop over ten thousand rows tells no more after its first rounds.
_MAX_STEPS = 3000


@dataclass(frozen=True)
class Step:
    """One line that was run: what it is, and what the lines before it have bound."""

    path: str
    line: int
    function: str
    bound: tuple[tuple[str, Any], ...]  #: names bound since the step before, and their values
    bound_at: int  #: the line that bound them


def run_divergence(
    loss: LoadedLoss, batch: Batch, files: UserFiles, *, tolerance: float
) -> DivergenceObservation:
    """Run the loss line by line eagerly and while it is traced as `fit` does, and compare.

    Args:
        loss: the loss.
        batch: an input on which the two values differ.
        files: which files are the user's.
        tolerance: relative difference of numbers that counts as float noise.

    """
    import tensorflow as tf

    start = time.perf_counter()
    arrays = (batch.y_true, batch.y_pred)
    feeds = [to_tensor(array) for array in arrays]
    specs = [
        tf.TensorSpec(traced_shape(array, False), feed.dtype)
        for array, feed in zip(arrays, feeds, strict=True)
    ]
    eager, graph = LineRecorder(files), LineRecorder(files)
    watch = Watch(loss.function, files)
    with isolated():
        try:
            watch.run(lambda: eager.run(lambda: loss.function(*feeds)))
            wrapped = watch.run(
                lambda: tf.compat.v1.wrap_function(
                    lambda y_true, y_pred: graph.run(lambda: loss.function(y_true, y_pred)), specs
                )
            )
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return DivergenceObservation(batch.name, raised_from(error, files))

        def is_same(left: Any, right: Any) -> bool:
            return is_same_number(left, _fetched(right, wrapped, feeds), tolerance)

        place, branches = first_difference(eager.steps, graph.steps, is_same)
    return DivergenceObservation(
        batch.name,
        seconds=time.perf_counter() - start,
        location=statement_location(*place, files) if place else None,
        branches=branches,
    )


def first_difference(
    eager: list[Step], graph: list[Step], is_same: Callable[[Any, Any], bool]
) -> tuple[tuple[str, int] | None, bool]:
    """File and line of the first difference, and whether it is the way and not a value."""
    last: tuple[str, int] | None = None
    for left, right in zip(eager, graph, strict=False):
        names = dict(right.bound)
        for name, value in left.bound:
            if name in names and not is_same(value, names[name]):
                return (left.path, left.bound_at), False
        if (left.path, left.line) != (right.path, right.line):
            return last or (left.path, left.line), True
        last = (left.path, left.line)
    return (last, True) if len(eager) != len(graph) else (None, False)


class LineRecorder:
    """Records the lines that the loss and the user's functions called by it run.

    What TensorFlow calls (the body of a `tf.map_fn`) is left out: a graph runs it once for all rows.
    """

    def __init__(self, files: UserFiles) -> None:
        self.steps: list[Step] = []
        self._files = files
        self._depth: dict[FrameType, dict[str, Any]] = {}  #: traced frame → its locals at its last line
        self._lines: dict[FrameType, int] = {}

    def run(self, action: Callable[[], Any]) -> Any:
        """Run it line by line; what traced before goes on afterwards."""
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            return action()
        finally:
            sys.settrace(before)

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in self._files or len(self.steps) >= _MAX_STEPS:
            return None
        if self._depth and frame.f_back not in self._depth:
            return None
        self._depth[frame] = dict(frame.f_locals)
        self._lines[frame] = frame.f_lineno
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        before = self._depth.get(frame, {})
        now = dict(frame.f_locals)
        bound = [(name, value) for name, value in now.items() if before.get(name) is not value]
        bound_at = self._lines.get(frame, frame.f_lineno)
        if event == "return":
            bound.append(("return", argument))
            bound_at = frame.f_lineno
            self._depth.pop(frame, None)
        elif event != "line":
            return self._on_line
        else:
            self._depth[frame], self._lines[frame] = now, frame.f_lineno
        code = frame.f_code
        self.steps.append(Step(code.co_filename, frame.f_lineno, code.co_name, tuple(bound), bound_at))
        return self._on_line


def _fetched(value: Any, wrapped: Any, feeds: list[Any]) -> Any:
    """The numbers of a tensor of the traced graph, None if they cannot be had; other values as they are."""
    if not is_tensor(value) or not hasattr(value, "graph"):
        return value
    if value.graph is not wrapped.graph:
        return None
    try:
        return wrapped.prune(wrapped.inputs[:2], value)(*feeds)
    except Exception:
        return None


def is_same_number(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two values agree; those that are no numbers are not compared."""
    if isinstance(left, (bool, int, float, str)) and isinstance(right, (bool, int, float, str)):
        return left == right
    pair = [to_array(value) if is_tensor(value) else value for value in (left, right)]
    if not all(isinstance(value, (np.ndarray, np.generic, int, float)) for value in pair):
        return True
    first, second = (np.asarray(value) for value in pair)
    if first.dtype.kind not in "biuf" or second.dtype.kind not in "biuf" or first.shape != second.shape:
        return True
    return is_same_value(first.astype(float), second.astype(float), tolerance)
