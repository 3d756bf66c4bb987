"""The fit probe: the loss compiled into a small model on symbolic inputs and trained for one epoch."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import FitObservation, Raised
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import keras_of
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated, unoptimized
from losscheck.probes.watch import Watch

#: Small, so that predictions stay where they were drawn: inside the domain.
_LEARNING_RATE = 1e-3
#: Rows of the last batch; two, so that a batch of one is not mixed in.
_PARTIAL_ROWS = 2


def run_fit(loss: LoadedLoss, batch: Batch, files: UserFiles) -> FitObservation:
    """Fit a model whose prediction is at first exactly ``y_pred``: a full batch, then a partial one."""
    import tensorflow as tf

    keras = keras_of(loss)
    start = time.perf_counter()
    raised: Raised | None = None
    seen: dict[str, Any] = {"steps": 0, "first_loss": None}
    moved = False

    class Recorder(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, number: int, logs: dict[str, Any] | None = None) -> None:
            seen["steps"] += 1
            if seen["first_loss"] is None and logs and "loss" in logs:
                seen["first_loss"] = float(logs["loss"])

    def fit() -> bool:
        model = identity_model(keras, batch.y_pred)
        before = [np.array(weight) for weight in model.get_weights()]
        model.compile(optimizer=keras.optimizers.SGD(_LEARNING_RATE), loss=loss.compiled)
        rows = min(_PARTIAL_ROWS, batch.size)
        x, y = (np.concatenate([array, array[:rows]]) for array in (batch.y_pred, batch.y_true))
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch.size)
        model.fit(data, epochs=1, shuffle=False, verbose=0, callbacks=[Recorder()])
        return any(not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))

    with isolated(), unoptimized():
        try:
            moved = Watch(loss.function, files).run(fit)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    return FitObservation(
        batch.name,
        raised,
        seconds=time.perf_counter() - start,
        steps=seen["steps"],
        first_loss=seen["first_loss"],
        weights_moved=moved,
    )


def identity_model(keras: Any, y_pred: np.ndarray) -> Any:
    """A functional model that gives its input back, times a weight of one plus a bias of zero."""
    inputs = keras.Input(y_pred.shape[1:], name="losscheck_input", dtype="float32")
    outputs = _scale_layer(keras)(name="losscheck_scale", dtype="float32")(inputs)
    return keras.Model(inputs, outputs, name="losscheck_model")


@functools.lru_cache(maxsize=2)
def _scale_layer(keras: Any) -> Any:
    class Scale(keras.layers.Layer):  # type: ignore[misc]
        """``x * weight + bias`` over the last axis; both can move whatever the loss is invariant to."""

        def build(self, input_shape: Any) -> None:
            shape = (input_shape[-1],) if len(input_shape) > 1 else ()
            self.weight = self.add_weight(shape=shape, initializer="ones", name="weight")
            self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

        def call(self, inputs: Any) -> Any:
            return inputs * self.weight + self.bias

    return Scale
