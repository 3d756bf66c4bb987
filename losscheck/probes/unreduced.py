"""The unreduced probe: how far `fit` steps with the object's own reduction, and how far with the mean."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.keras_observation import UnreducedObservation
from losscheck.loss import Kind, LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.definitions import calls_by_hand, def_location, keyword_location, own_method
from losscheck.probes.fit import identity_model
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import keras_of
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.watch import Watch
from losscheck.probes.weighted import with_reduction

#: Both models start at the same weights, so any rate gives the same quotient; float32 wants visible steps.
_LEARNING_RATE = 1.0


def run_unreduced(loss: LoadedLoss, batch: Batch, files: UserFiles) -> UnreducedObservation:
    """Train two equal models for one step, one with the object itself and one with its mean."""
    start = time.perf_counter()
    thing = loss.compiled
    if not loss.is_keras_loss or getattr(thing, "reduction", "mean") not in (None, "none"):
        return UnreducedObservation(batch.name, skipped="it reduces")
    raised: Raised | None = None
    factor: float | None = None

    def run() -> float | None:
        keras = keras_of(loss)
        own, other = (
            _step(keras, made, batch) for made in (thing, with_reduction(thing, "sum_over_batch_size"))
        )
        return own / other if other > 0 else None

    with isolated():
        try:
            factor = Watch(loss.function, files).run(run)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    init = own_method(thing, "__init__", files)
    place = None
    if init is not None:
        place = keyword_location(init, "reduction", files) or def_location(init, files)
    name = type(thing).__name__ if loss.kind is Kind.CLASS else loss.name
    path = init.__code__.co_filename if init is not None else loss.location.path
    return UnreducedObservation(
        batch.name,
        raised,
        seconds=time.perf_counter() - start,
        factor=factor,
        place=place,
        is_called_by_hand=calls_by_hand(path, name, is_class=loss.kind is Kind.CLASS),
    )


def _step(keras: Any, thing: Any, batch: Batch) -> float:
    """How far the weights of a model move in one step of `fit`."""
    model = identity_model(keras, batch.y_pred)
    before = [np.array(weight) for weight in model.get_weights()]
    model.compile(optimizer=keras.optimizers.SGD(_LEARNING_RATE), loss=thing)
    model.train_on_batch(np.array(batch.y_pred), np.array(batch.y_true))
    moved = [new - old for old, new in zip(before, model.get_weights(), strict=True)]
    return float(np.sqrt(sum(np.sum(np.square(step)) for step in moved)))
