"""The masked probe: the loss as Keras calls it where a layer of the model has made a mask of the steps."""

from __future__ import annotations

import time

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.keras_observation import MaskedObservation
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import as_fit_wraps
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.watch import Watch


def run_masked(loss: LoadedLoss, batch: Batch, files: UserFiles) -> MaskedObservation:
    """Call the loss as `fit` does, with predictions whose last step is masked.

    Args:
        loss: the loss.
        batch: its input as `fit` passes it; the second axis of ``y_pred`` holds the steps.
        files: which files are the user's.

    """
    import tensorflow as tf

    start = time.perf_counter()
    mask = np.ones(batch.y_pred.shape[:2], bool)
    mask[:, -1] = False
    raised: Raised | None = None
    value: np.ndarray | None = None
    with isolated():
        y_pred = to_tensor(batch.y_pred)
        y_pred._keras_mask = tf.constant(mask)  # where Keras's layers leave it, and its losses look for it
        called = as_fit_wraps(loss)
        try:
            value = to_array(Watch(loss.function, files).run(lambda: called(to_tensor(batch.y_true), y_pred)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    return MaskedObservation(
        batch.name, raised, value=value, seconds=time.perf_counter() - start, mask=mask.shape
    )
