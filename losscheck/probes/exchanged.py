"""The exchanged probe: built-in losses that are called with ``y_pred`` in the place of ``y_true``."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from losscheck.finding import Location
from losscheck.graph_observation import ExchangedObservation
from losscheck.inputs.batches import Batch, is_same_value
from losscheck.loss import LoadedLoss
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.session import functions_inlined, isolated
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.watch import Watch

#: The names by which Keras and TensorFlow tell the truth from the prediction, in their order.
_PAIRS = frozenset(
    {("y_true", "y_pred"), ("target", "output"), ("labels", "logits"), ("labels", "predictions")}
    | {("targets", "logits"), ("targets", "log_input")}
)
_LIBRARIES = ("keras", "tf_keras", "tensorflow")


@dataclass
class _Call:
    """One call of a built-in loss."""

    name: str
    function: Callable[..., Any]
    place: Location
    given: tuple[Any, Any]  #: what stands for the truth and for the prediction
    others: dict[str, Any]  #: the further arguments
    result: Any = None


def run_exchanged(loss: LoadedLoss, batch: Batch, files: UserFiles) -> ExchangedObservation:
    """Trace the loss, and call each built-in that got ``y_pred`` for the truth in both orders.

    Args:
        loss: the loss.
        batch: its input; a second, unlike one is made of it by moving the predictions one row on.
        files: which files are the user's.

    """
    import tensorflow as tf

    start = time.perf_counter()
    seen = ExchangedObservation(batch.name)
    feeds = [to_tensor(array) for array in (batch.y_true, batch.y_pred)]
    recorder = _Recorder(files)
    with isolated(), functions_inlined():
        try:
            wrapped = Watch(loss.function, files).run(
                lambda: tf.compat.v1.wrap_function(
                    lambda y_true, y_pred: recorder.run(lambda: loss.function(y_true, y_pred)),
                    [tf.TensorSpec(feed.shape, feed.dtype) for feed in feeds],
                )
            )
        except Exception:  # the user's code, which may raise anything; the plain trace reports it
            return replace(seen, skipped="the loss cannot be traced")
    swapped = [call for call in recorder.calls if _order(call, wrapped) == (1, 0)]
    straight = {call.name for call in recorder.calls if _order(call, wrapped) == (0, 1)}
    seen = replace(seen, is_in_order=bool(straight) and not swapped)
    moved = [feeds[0], tf.roll(feeds[1], 1, axis=0)]
    with isolated():
        for call in swapped:
            if call.name in straight or not _reaches(call.result, wrapped.structured_outputs):
                continue
            values = [_in_both_orders(call, wrapped, given) for given in (feeds, moved)]
            if all(pair is not None and not is_same_value(*pair, tolerance=1e-3) for pair in values):
                assert values[0] is not None
                as_called, as_meant = (float(np.mean(value)) for value in values[0])
                seen = replace(seen, name=call.name, place=call.place, as_called=as_called, as_meant=as_meant)
                break
    return replace(seen, seconds=time.perf_counter() - start)


class _Recorder:
    """Records the built-in losses that the user's lines call, not those which these call in turn."""

    def __init__(self, files: UserFiles) -> None:
        self.calls: list[_Call] = []
        self._files = files
        self._running: dict[FrameType, _Call] = {}

    def run(self, action: Callable[[], Any]) -> Any:
        before = sys.getprofile()
        sys.setprofile(self._on_event)
        try:
            return action()
        finally:
            sys.setprofile(before)

    def _on_event(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "return" and frame in self._running:
            self._running.pop(frame).result = argument
        elif event == "call" and not self._running:
            found = self._call(frame)
            if found is not None:
                self.calls.append(found)
                self._running[frame] = found

    def _call(self, frame: FrameType) -> _Call | None:
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        is_method = names[:1] == ("self",)
        if tuple(names[is_method : is_method + 2]) not in _PAIRS or code.co_filename in self._files:
            return None
        if not set(Path(code.co_filename).parts) & set(_LIBRARIES):
            return None
        values = frame.f_locals
        function = _function(frame, is_method)
        caller = frame.f_back
        while caller is not None and caller.f_code.co_filename not in self._files:
            caller = caller.f_back
        if caller is None or function is None:
            return None
        name = type(values["self"]).__name__ if is_method else code.co_name.removesuffix("_v2")
        first, second, *others = names[is_method:]
        return _Call(
            name,
            function,
            statement_location(caller.f_code.co_filename, caller.f_lineno, self._files),
            (values[first], values[second]),
            {other: values[other] for other in others},
        )


def _function(frame: FrameType, is_method: bool) -> Callable[..., Any] | None:
    """The function that a frame runs: a global of its module, or a method of its ``self``."""
    name = frame.f_code.co_name
    holder = frame.f_locals.get("self") if is_method else None
    found = getattr(holder, name, None) if is_method else frame.f_globals.get(name)
    inner = inspect.unwrap(found) if callable(found) else None
    inner = getattr(inner, "__func__", inner)
    return found if getattr(inner, "__code__", None) is frame.f_code else None


def _order(call: _Call, wrapped: Any) -> tuple[int | None, int | None]:
    """From which argument of the loss the two arguments are made, 0 or 1; None: both, or neither."""
    sources = [tensor.op for tensor in wrapped.inputs[:2]]
    found: list[int | None] = []
    for tensor in call.given:
        reached = _ancestors(tensor)
        numbers = [number for number, source in enumerate(sources) if source in reached]
        found.append(numbers[0] if len(numbers) == 1 else None)
    return found[0], found[1]


def _ancestors(tensor: Any) -> set[Any]:
    """The operations that a symbolic tensor is made of; empty for any other value."""
    if not hasattr(tensor, "graph") or not hasattr(tensor, "op"):
        return set()
    seen, queue = {tensor.op}, [tensor.op]
    while queue:
        for source in queue.pop().inputs:
            if source.op not in seen:
                seen.add(source.op)
                queue.append(source.op)
    return seen


def _reaches(result: Any, output: Any) -> bool:
    return hasattr(result, "graph") and result.op in _ancestors(output)


def _in_both_orders(call: _Call, wrapped: Any, feeds: list[Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """What the built-in gives as it is called, and with its two arguments exchanged."""
    tensors = {name: value for name, value in call.others.items() if hasattr(value, "graph")}
    try:
        fetched = wrapped.prune(list(wrapped.inputs[:2]), [*call.given, *tensors.values()])(*feeds)
        first, second, *values = fetched
        others = {**call.others, **dict(zip(tensors, values, strict=True))}
        found = (
            to_array(call.function(first, second, **others)),
            to_array(call.function(second, first, **others)),
        )
    except Exception:  # what it does not take in the other order cannot be compared
        return None
    return None if found[0] is None or found[1] is None else (found[0], found[1])
