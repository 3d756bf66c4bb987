"""The symbolic probe: the loss called on ``KerasTensor``s, as in a functional model."""

from __future__ import annotations

import time
from typing import Any

from losscheck.inputs.batches import Batch
from losscheck.keras_observation import SymbolicObservation
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import keras_of
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import describe
from losscheck.probes.watch import Watch


def run_symbolic(loss: LoadedLoss, batch: Batch, files: UserFiles) -> SymbolicObservation:
    """Call the loss on inputs of a functional model, of the batch's shapes without its first axis."""
    keras = keras_of(loss)
    start = time.perf_counter()
    raised: Raised | None = None
    result: Any = None
    with isolated():
        inputs = [
            keras.Input(array.shape[1:], name=f"losscheck_{name}", dtype=array.dtype.name)
            for name, array in (("y_true", batch.y_true), ("y_pred", batch.y_pred))
        ]
        try:
            result = Watch(loss.function, files).run(lambda: loss.function(*inputs))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    return SymbolicObservation(
        batch.name,
        raised,
        describe(result) if raised is None else None,
        seconds=time.perf_counter() - start,
    )
