"""The replicas probe: two logical CPUs under `MirroredStrategy`, against one device."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised, ReplicasObservation
from losscheck.probes.fit import identity_model
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import as_fit_calls, keras_of
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_tensor
from losscheck.probes.watch import Watch

REPLICAS = 2
#: Small, so that the weights hardly leave the point at which the gradient is wanted.
_LEARNING_RATE = 1e-3


def split_cpu() -> bool:
    """Make two logical devices of the CPU, where TensorFlow has not run yet; say whether there are two."""
    import tensorflow as tf

    parts = [tf.config.LogicalDeviceConfiguration() for _ in range(REPLICAS)]
    try:
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    except (RuntimeError, ValueError):  # it has run, or the user has divided the CPU otherwise
        return _has_replicas()
    return True


def _has_replicas() -> bool:
    import tensorflow as tf

    return len(tf.config.list_logical_devices("CPU")) >= REPLICAS


def run_replicas(loss: LoadedLoss, batch: Batch, files: UserFiles) -> ReplicasObservation:
    """One step of `fit` and one call in a custom loop, on two replicas and on one device.

    Args:
        loss: the loss.
        batch: an input with an even number of rows: each replica gets one half. Without its last row it
            is the last batch of a data set, which the replicas cannot halve.
        files: which files are the user's.

    """
    if not _has_replicas():
        reason = "TensorFlow has already run in this process, on one device; the command line starts afresh"
        return ReplicasObservation(batch.name, skipped=reason)
    start = time.perf_counter()
    uneven = Batch(batch.name, batch.words, batch.y_true[:-1], batch.y_pred[:-1])
    raised: Raised | None = None
    single = both = None
    loop_loss: float | None = None
    is_uneven = False
    with isolated():
        watch = Watch(loss.function, files)
        try:
            single = watch.run(lambda: _fit(loss, batch))
        except KeyboardInterrupt:
            raise
        except BaseException:
            return ReplicasObservation(batch.name, skipped="`fit` raises on one device already")
        try:
            both = watch.run(lambda: _fit(loss, batch, _strategy()))
            loop_loss = watch.run(lambda: _loop(loss, batch))
            is_uneven = True
            watch.run(lambda: _loop(loss, uneven))
            is_uneven = False
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    return ReplicasObservation(
        batch.name,
        raised,
        seconds=time.perf_counter() - start,
        fit_loss=both and both[0],
        single_fit_loss=single[0],
        step=both and both[1],
        single_step=single[1],
        loop_loss=loop_loss,
        is_uneven=is_uneven,
    )


def _strategy() -> Any:
    import tensorflow as tf

    # the collectives of one process remember the shapes of earlier models
    return tf.distribute.MirroredStrategy(
        [f"CPU:{number}" for number in range(REPLICAS)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _fit(loss: LoadedLoss, batch: Batch, strategy: Any = None) -> tuple[float, np.ndarray]:
    """Loss that `fit` reports for one step, and the change of the weights per unit of learning rate."""
    import tensorflow as tf

    keras = keras_of(loss)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = identity_model(keras, batch.y_pred)
        before = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
        model.compile(optimizer=keras.optimizers.SGD(_LEARNING_RATE), loss=loss.compiled, jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices((batch.y_pred, batch.y_true)).batch(batch.size)
    history = model.fit(data, epochs=1, shuffle=False, verbose=0)
    after = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    return float(history.history["loss"][0]), (after - before) / _LEARNING_RATE


def _loop(loss: LoadedLoss, batch: Batch) -> float:
    """A training loop of the user's own: each replica takes the mean of its half, then their mean."""
    import tensorflow as tf

    strategy, function = _strategy(), as_fit_calls(loss)
    fed = batch.as_float32() if loss.is_keras_loss else batch.aligned()

    def part(array: np.ndarray) -> Any:
        halves = np.array_split(array, REPLICAS)
        return strategy.experimental_distribute_values_from_function(
            lambda context: to_tensor(halves[context.replica_id_in_sync_group])
        )

    def mean(y_true: Any, y_pred: Any) -> Any:
        return tf.reduce_mean(function(y_true, y_pred))

    run = tf.function(lambda y_true, y_pred: strategy.run(mean, args=(y_true, y_pred)), autograph=False)
    values = run(part(fed.y_true), part(fed.y_pred))
    return float(strategy.reduce("MEAN", values, axis=None))
