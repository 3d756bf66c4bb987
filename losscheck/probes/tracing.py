"""The trace probe: what the loss does in Python while it is traced as `fit` does it, and what stays after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import Effect, EffectKind, Raised
from losscheck.probes.auditing import recorded_io
from losscheck.probes.calls import recorded_calls
from losscheck.probes.frames import UserFiles, user_line
from losscheck.probes.inner_graphs import has_inner_graph, inner_graphs
from losscheck.probes.leaks import Leaks, find_leaks, new_leaks
from losscheck.probes.op_places import op_location
from losscheck.probes.raising import raised_from
from losscheck.probes.saved_state import SavedState
from losscheck.probes.session import functions_inlined, isolated
from losscheck.probes.tensors import static_shape, to_tensor, traced_shape
from losscheck.probes.watch import Watch, line_tracer, traced
from losscheck.state_observation import TraceObservation


@dataclass(frozen=True)
class TraceRun:
    """One trace, with what other probes go on from."""

    seen: TraceObservation
    concrete: Any = None  #: the concrete function; None if it raised
    codes: tuple[CodeType, ...] = ()  #: the user's functions that ran, in the order of their calls


def run_trace(loss: LoadedLoss, batch: Batch, files: UserFiles, untouched: SavedState) -> TraceRun:
    """Trace the loss with the batch size unknown and AutoGraph off, from the state it was loaded with.

    Args:
        loss: the loss.
        batch: its input, cast and aligned as `fit` does it.
        files: which files are the user's.
        untouched: the Python state before anything was run.

    """
    start = time.perf_counter()
    now = SavedState(loss.function, files)
    raised: Raised | None = None
    concrete: Any = None
    with isolated(), recorded_io(files) as opened:
        before = find_leaks(loss.function, files)
        untouched.restore()
        try:
            with recorded_calls(files) as calls:
                concrete = Watch(loss.function, files).run(lambda: _traced(loss, batch, untouched))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
        leaks = find_leaks(loss.function, files)
        effects = [
            *calls.effects,
            *opened,
            *(_printed(concrete.graph, files) if concrete is not None else ()),
        ]
        paths = new_leaks(before, leaks)
        if paths:
            untouched.restore()
            effects += _located(loss, batch, files, untouched, {path: leaks[path] for path in paths})
        now.restore()
    seen = TraceObservation(
        batch.name,
        raised,
        effects=tuple(effects),
        seconds=time.perf_counter() - start,
    )
    return TraceRun(seen, concrete, tuple(calls.codes))


def _traced(loss: LoadedLoss, batch: Batch, untouched: SavedState) -> Any:
    import tensorflow as tf

    specs = [
        tf.TensorSpec(traced_shape(array, False), to_tensor(array).dtype)
        for array in (batch.y_true, batch.y_pred)
    ]
    try:
        with functions_inlined():  # the Python of an inner `tf.function` runs as it was written
            return tf.compat.v1.wrap_function(loss.function, specs)
    except Exception:
        untouched.restore()
        return tf.function(loss.function, autograph=False).get_concrete_function(*specs)


def _located(
    loss: LoadedLoss, batch: Batch, files: UserFiles, untouched: SavedState, leaks: Leaks
) -> Iterator[Effect]:
    """Trace once more, and find the statement that stores each leaked tensor."""
    lines: dict[str, Any] = {}

    def state() -> Leaks:
        return find_leaks(loss.function, files)

    tracer = line_tracer(files, state, lines, new_leaks)
    try:
        with traced(tracer):
            Watch(loss.function, files).run(lambda: _traced(loss, batch, untouched))
    except Exception:  # it raised before, and that is reported
        pass
    for path, tensor in leaks.items():
        yield Effect(EffectKind.LEAK, f"`{path}` of shape {_shown(tensor)}", 0, lines.get(path))


def _shown(tensor: Any) -> str:
    """``(?, 3)``: its shape, a question mark where the size is unknown."""
    shape = static_shape(tensor)
    if shape is None:
        return "(...)"
    sizes = ["?" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def _printed(graph: Any, files: UserFiles) -> Iterator[Effect]:
    """Each `tf.print` of the graph, and of those inside it, that writes to a file."""
    for op in graph.get_operations():
        if op.type == "PrintV2":
            stream = op.get_attr("output_stream").decode(errors="replace")
            place = user_line([tuple(frame)[:2] for frame in op.traceback or ()], files)
            if stream.startswith("file://") and place is not None:
                location = op_location("Print", place, 0, files)
                yield Effect(EffectKind.IO, f"prints to `{stream}`", 0, location)
        elif has_inner_graph(op):
            for inner in inner_graphs(op):
                yield from _printed(inner, files)
