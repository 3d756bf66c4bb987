"""Arrays of the user's code that are as long as one batch or data set, and are combined with the batch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch, is_same_value
from losscheck.loss import LoadedLoss
from losscheck.observation import EagerObservation
from losscheck.probes.changing import is_variable
from losscheck.probes.eager import run_eager
from losscheck.probes.frames import UserFiles
from losscheck.probes.reads import read_location
from losscheck.probes.slots import Slot, find_reach
from losscheck.state_observation import CapturedObservation

#: More rows than in the batch; not a multiple, so that no reshape passes by chance.
_MORE_ROWS = 3
_MAX_ARRAYS = 12
_MAX_ELEMENTS = 10_000_000


def run_captured(
    loss: LoadedLoss, batch: Batch, files: UserFiles, codes: Sequence[CodeType]
) -> CapturedObservation:
    """Give the captured arrays other rows, or the same ones in another order, and see what becomes possible.

    Args:
        loss: the loss.
        batch: its input; it works on it.
        files: which files are the user's.
        codes: the user's functions that the loss runs.

    """
    start = time.perf_counter()
    arrays = [slot for slot in find_reach(loss.function, files).slots if _rows(slot.get()) >= 2][:_MAX_ARRAYS]
    seen = CapturedObservation(batch.name)
    if arrays:
        prober = _Prober(loss, batch, files)
        seen = prober.fixed_length(arrays) or prober.paired(arrays, codes) or seen
    return _timed(seen, start)


class _Prober:
    def __init__(self, loss: LoadedLoss, batch: Batch, files: UserFiles) -> None:
        self._loss = loss
        self._batch = batch
        self._files = files

    def fixed_length(self, arrays: list[Slot]) -> CapturedObservation | None:
        """The arrays that let the loss take a longer batch once they have as many rows."""
        arrays = [slot for slot in arrays if _rows(slot.get()) == self._batch.size]
        rows = self._batch.size + _MORE_ROWS
        order = np.arange(rows) % self._batch.size
        longer = self._taken(order)
        failed = self._call(longer) if arrays else None
        if failed is None or failed.raised is None:
            return None
        for chosen in (*([slot] for slot in arrays), arrays):
            if self._call(longer, chosen, order).raised is None:
                shown = ", ".join(slot.path for slot in chosen)
                place = failed.raised.location
                return CapturedObservation(
                    self._batch.name,
                    failed.raised,
                    name=shown,
                    rows=self._batch.size,
                    other_rows=rows,
                    place=place,
                )
        return None

    def paired(self, arrays: list[Slot], codes: Sequence[CodeType]) -> CapturedObservation | None:
        """The array whose rows must be put in another order together with those of the batch."""
        size = self._batch.size
        arrays = [slot for slot in arrays if _rows(slot.get()) >= size]
        order = np.roll(np.arange(size), 2)[::-1]
        if not arrays or size < 2:
            return None
        value, again = (self._call(self._batch).value for _ in range(2))
        turned = self._call(self._taken(order)).value
        if (
            value is None
            or again is None
            or turned is None
            or not np.array_equal(value, again, equal_nan=True)
        ):
            return None
        wanted = value[order] if value.ndim and len(value) == size else value
        if wanted.shape != turned.shape or is_same_value(wanted, turned, 1e-3):
            return None
        for slot in arrays:
            rest = np.arange(_rows(slot.get()))
            for rows in (np.r_[order, rest[size:]], np.r_[rest[:-size], order + len(rest) - size]):
                along = self._call(self._taken(order), [slot], rows).value
                if along is not None and along.shape == wanted.shape and is_same_value(along, wanted):
                    number = int(np.argmax(np.abs(wanted - turned).ravel()))
                    return CapturedObservation(
                        self._batch.name,
                        name=slot.path,
                        rows=len(rest),
                        before=float(wanted.ravel()[number]),
                        after=float(turned.ravel()[number]),
                        place=read_location(slot, codes, self._files),
                    )
        return None

    def _taken(self, order: np.ndarray) -> Batch:
        """The rows of the batch in this order."""
        return Batch("rows", "rows of the batch", self._batch.y_true[order], self._batch.y_pred[order])

    def _call(
        self, batch: Batch, slots: Sequence[Slot] = (), order: np.ndarray | None = None
    ) -> EagerObservation:
        """Call the loss with the rows of some arrays in an order."""
        with contextlib.ExitStack() as stack:
            for slot in slots:
                assert order is not None
                stack.enter_context(_reordered(slot, order))
            return run_eager(self._loss, batch, self._files)


@contextlib.contextmanager
def _reordered(slot: Slot, order: np.ndarray) -> Iterator[None]:
    import tensorflow as tf

    value: Any = slot.get()
    array = np.asarray(value)[order]
    if isinstance(value, list):
        array = array.tolist()
    elif is_variable(value):
        array = tf.Variable(array, dtype=value.dtype)
    elif not isinstance(value, np.ndarray):
        array = tf.constant(array, dtype=value.dtype)
    with slot.holding(array):
        yield


def _rows(value: Any) -> int:
    """The length of the first axis of an array, tensor or list of numbers; 0 for anything else."""
    import tensorflow as tf

    if isinstance(value, list):
        is_numeric = value and all(isinstance(item, (int, float)) for item in value)
        return len(value) if is_numeric else 0
    is_array = isinstance(value, np.ndarray) or is_variable(value)
    if not is_array and not (isinstance(value, tf.Tensor) and hasattr(value, "numpy")):
        return 0
    shape = tuple(value.shape)
    is_small = np.prod(shape, dtype=float) <= _MAX_ELEMENTS
    return int(shape[0]) if shape and is_small and np.asarray(value).dtype.kind in "biuf" else 0


def _timed(seen: CapturedObservation, start: float) -> CapturedObservation:
    from dataclasses import replace

    return replace(seen, seconds=time.perf_counter() - start)
