"""The weighted probe: rows with a ``sample_weight`` of zero, against the batch without these rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.keras_observation import WeightedObservation
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.definitions import def_location, own_method
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import as_fit_wraps
from losscheck.probes.raising import raised_from
from losscheck.probes.serializing import value_of
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.watch import Watch


def run_weighted(loss: LoadedLoss, batch: Batch, files: UserFiles) -> WeightedObservation:
    """Call the loss as Keras does, with and without weights.

    Args:
        loss: the loss.
        batch: its input as `fit` passes it.
        files: which files are the user's.

    """
    start = time.perf_counter()
    if isinstance(loss.compiled, type):
        return WeightedObservation(batch.name, skipped="a class is compiled, no object of it")
    kept = tuple(row for row in range(batch.size) if row not in _left_out(batch.size))
    seen = WeightedObservation(batch.name, kept=kept)
    rows = list(kept)
    fewer = Batch(batch.name, batch.words, batch.y_true[rows], batch.y_pred[rows])
    with isolated():
        watch = Watch(loss.function, files)
        value = watch.run(lambda: value_of(loss.compiled, loss, batch))
        of_kept = watch.run(lambda: value_of(loss.compiled, loss, fewer))
        seen = replace(seen, value=value, of_kept=of_kept)
        if loss.is_keras_loss:
            seen = _as_object(seen, loss, batch, files, watch)
        elif seen.is_per_entry(batch.y_pred.shape):
            seen = replace(seen, raised=_weighted(as_fit_wraps(loss), seen.kept, batch, files, watch)[1])
    return replace(seen, seconds=time.perf_counter() - start)


def _left_out(rows: int) -> tuple[int, ...]:
    """Two rows inside the batch: neither its first nor its last, and not each other's mirror image."""
    return (1, rows - 3) if rows > 5 else (rows - 1,)


def _as_object(
    seen: WeightedObservation, loss: LoadedLoss, batch: Batch, files: UserFiles, watch: Watch
) -> WeightedObservation:
    """What the user's own `Loss` object makes of weights and reductions."""
    thing = loss.compiled
    call, init = own_method(thing, "__call__", files), own_method(thing, "__init__", files)

    def called(other: Any, **weight: Any) -> np.ndarray | None:
        return to_array(other(to_tensor(batch.y_true), to_tensor(batch.y_pred), **weight))

    def tried(make: Callable[[], np.ndarray | None]) -> np.ndarray | None:
        try:
            value: np.ndarray | None = watch.run(make)
        except Exception:  # the user's code, which may raise anything: `raised` tells of the plain call
            return None
        return value

    weighted, raised = _weighted(thing, seen.kept, batch, files, watch)
    return replace(
        seen,
        raised=raised,
        plain=tried(lambda: called(thing)),
        weighted=weighted,
        summed=tried(lambda: called(with_reduction(thing, "sum"))),
        unreduced=tried(lambda: called(with_reduction(thing, "none"))),
        call=def_location(call, files) if call is not None else None,
        init=def_location(init, files) if init is not None else None,
        skips_super=not (hasattr(thing, "reduction") and hasattr(thing, "name")),
    )


def _weighted(
    thing: Any, kept: tuple[int, ...], batch: Batch, files: UserFiles, watch: Watch
) -> tuple[np.ndarray | None, Raised | None]:
    """What a `Loss` object gives with a weight of one on the rows that are kept, or raises."""
    weights = np.zeros(batch.size, np.float32)
    weights[list(kept)] = 1.0
    inputs = to_tensor(batch.y_true), to_tensor(batch.y_pred)
    try:
        return watch.run(lambda: to_array(thing(*inputs, sample_weight=to_tensor(weights)))), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, raised_from(error, files)


def with_reduction(thing: Any, reduction: str) -> Any:
    """A copy of a `Loss` object that reduces in another way; the user's own stays as it is.

    Not by `copy.copy`: Keras makes its objects copy themselves through a saved file.
    """
    other = object.__new__(type(thing))
    vars(other).update(vars(thing))
    other.reduction = reduction
    return other
