"""The smallest input that shows a bad number: fewer rows first, then fewer entries in each row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.numerics_observation import SmallestObservation
from losscheck.observation import GradientObservation

#: Rows that are tried alone; each try is a call of the loss.
_MAX_ROWS = 3

Run = Callable[[Batch], GradientObservation]


def run_smallest(run: Run, batch: Batch, *, of_gradient: bool) -> SmallestObservation:
    """Cut a batch down as long as the bad number stays.

    Args:
        run: the loss and its gradient on a batch.
        batch: the input at which one of the two is not finite.
        of_gradient: whether it is the gradient, with a finite loss.

    """
    start = time.perf_counter()

    def is_bad(smaller: Batch) -> bool:
        return _is_bad(run(smaller), of_gradient)

    seen = run(batch)
    best = next((one for one in _rows(batch, seen, of_gradient) if is_bad(one)), None)
    if best is None:
        few = _cut(batch, slice(0, 2))
        best = few if len(batch.y_pred) > 2 and is_bad(few) else None
    if best is None and len(batch.y_pred) > 1:
        return SmallestObservation(batch.name, seconds=time.perf_counter() - start)
    best = best or batch
    narrow = next((less for less in _narrowed(best) if is_bad(less)), best)
    return SmallestObservation(
        batch.name, y_true=narrow.y_true, y_pred=narrow.y_pred, seconds=time.perf_counter() - start
    )


def _is_bad(seen: GradientObservation, of_gradient: bool) -> bool:
    if seen.value is None or seen.value.size == 0:
        return False
    if not of_gradient:
        return not seen.is_finite
    return seen.is_finite and seen.gradient is not None and not np.isfinite(seen.gradient).all()


def _rows(batch: Batch, seen: GradientObservation, of_gradient: bool) -> Iterator[Batch]:
    """Each of the first rows that hold a bad number, alone."""
    numbers = seen.gradient if of_gradient else seen.value
    if len(batch.y_true) != len(batch.y_pred):
        return
    rows = list(range(len(batch.y_pred)))
    if numbers is not None and numbers.ndim and len(numbers) == len(batch.y_pred):
        bad = ~np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1)
        rows = [int(row) for row in np.flatnonzero(bad)]
    for row in rows[:_MAX_ROWS]:
        yield _cut(batch, slice(row, row + 1))


def _narrowed(batch: Batch) -> Iterator[Batch]:
    """The same rows with one entry on the further axes, where both arrays have the same."""
    if batch.y_true.shape != batch.y_pred.shape or batch.y_pred.ndim < 2:
        return
    if batch.y_pred[0].size < 2:
        return
    for position in _telling_positions(batch):
        place = (slice(None), *(slice(index, index + 1) for index in position))
        yield replace(batch, y_true=batch.y_true[place].copy(), y_pred=batch.y_pred[place].copy())


def _telling_positions(batch: Batch) -> list[tuple[int, ...]]:
    """Where the first row holds a 0, no finite number, or two equal ones; and its first entry."""
    y_true, y_pred = batch.y_true[0], batch.y_pred[0]
    is_telling = (y_true == 0) | (y_pred == 0) | (y_true == y_pred) | ~np.isfinite(y_true.astype(np.float64))
    found = [tuple(int(i) for i in index) for index in np.argwhere(is_telling)[:2]]
    return [*found, (0,) * y_true.ndim]


def _cut(batch: Batch, rows: slice) -> Batch:
    return replace(batch, y_true=batch.y_true[rows].copy(), y_pred=batch.y_pred[rows].copy())
