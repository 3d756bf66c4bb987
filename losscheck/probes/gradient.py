"""The gradient probe: the loss inside `GradientTape`, eagerly and in a graph."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import GradientObservation, Raised
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import as_fit_calls
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import describe, to_array, to_tensor
from losscheck.probes.watch import Watch


def run_gradient(loss: LoadedLoss, batch: Batch, files: UserFiles) -> GradientObservation:
    """The loss and its gradient with respect to ``y_pred``, eagerly."""
    start = time.perf_counter()
    y_true, y_pred = to_tensor(batch.y_true), to_tensor(batch.y_pred)
    step = Step(loss.function)
    with isolated():
        found = _observe(lambda: step.run(y_true, y_pred), step, batch, loss, files)
    return _timed(found, start)


class GraphGradient:
    """The loss and its gradient as one traced function that serves every batch.

    It is traced with an unknown batch size, as `fit` does it from the second batch on, and again for each
    batch where that raises.
    """

    def __init__(self, loss: LoadedLoss, files: UserFiles) -> None:
        self._loss = loss
        self._files = files
        self._step = Step(as_fit_calls(loss))
        self._traced: dict[Any, Any] = {}

    def run(self, batch: Batch) -> GradientObservation:
        """The loss and its gradient with respect to ``y_pred``, in the graph."""
        start = time.perf_counter()
        y_true, y_pred = to_tensor(batch.y_true), to_tensor(batch.y_pred)
        with isolated():
            found = _observe(
                lambda: self._call(y_true, y_pred),
                self._step,
                batch,
                self._loss,
                self._files,
            )
        return _timed(found, start)

    def _call(self, y_true: Any, y_pred: Any) -> Any:
        function = self.traced(y_true, y_pred)
        self._step.is_forward_done = False  # a trace may have set it; running what was traced does not
        return function(y_true, y_pred)

    def traced(self, y_true: Any, y_pred: Any) -> Any:
        """The traced function for tensors of these shapes and dtypes; it gives the loss and the gradient."""
        import tensorflow as tf

        shapes = (y_true.shape[1:], y_pred.shape[1:], y_true.dtype, y_pred.dtype)
        if shapes not in self._traced:
            traced = tf.function(self._step.run, autograph=False)
            specs = [tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype) for tensor in (y_true, y_pred)]
            try:
                self._traced[shapes] = traced.get_concrete_function(*specs)
            except Exception:
                self._traced[shapes] = traced
        return self._traced[shapes]


class Step:
    """One training step up to the gradient; remembers whether the forward pass was done."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.is_forward_done = False

    def run(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """The loss and its gradient with respect to ``y_pred``; None where it is disconnected."""
        import tensorflow as tf

        self.is_forward_done = False
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = self._function(y_true, y_pred)
        self.is_forward_done = True
        if not describe(value).is_float_tensor:
            return value, None
        gradient = tape.gradient(value, y_pred)
        return value, None if gradient is None else tf.convert_to_tensor(gradient)


def _observe(
    action: Any, step: Step, batch: Batch, loss: LoadedLoss, files: UserFiles
) -> GradientObservation:
    raised: Raised | None = None
    value: Any = None
    gradient: np.ndarray | None = None
    try:
        value, gradient = Watch(loss.function, files).run(action)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raised = raised_from(error, files)
    return GradientObservation(
        batch.name,
        raised,
        describe(value) if raised is None else None,
        to_array(value) if raised is None else None,
        gradient=None if gradient is None else to_array(gradient),
        is_forward_done=raised is None or step.is_forward_done,
    )


def _timed(found: GradientObservation, start: float) -> GradientObservation:
    from dataclasses import replace

    return replace(found, seconds=time.perf_counter() - start)
