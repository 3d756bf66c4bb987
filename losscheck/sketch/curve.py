"""The loss and its gradient over the prediction, for the labels of the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from losscheck.drawing import Curve, CurveLine
from losscheck.inputs.batches import Batch, is_same_value
from losscheck.inputs.sweeps import Sweep, Sweeps, make_sweeps
from losscheck.inputs.variants import KEPT_ROWS
from losscheck.observation import GradientObservation
from losscheck.prober import Prober

#: Points where each is a call of its own.
_FEW_POINTS = 41
#: Seconds of one call from which on a curve would take too long.
_SLOW_CALL = 0.1

Seen = tuple[np.ndarray, np.ndarray | None]  #: the loss and its slope at each point


def find_curve(prober: Prober) -> Curve | str:
    """The curve, or why there is none."""
    typical = prober.inputs["typical"]
    if typical.y_pred.dtype.kind != "f":
        return "the predictions are integers"
    if _is_per_sample(prober):
        sweeps = make_sweeps(prober.inputs.task, typical, whole=False)
        found = [_run_at_once(prober, sweep, number) for number, sweep in enumerate(sweeps.sweeps)]
        lines = [seen for seen in found if seen is not None]
        if len(lines) == len(found):
            return _curve(sweeps, lines)
    seconds = prober.gradient().seconds
    if seconds > _SLOW_CALL:
        return f"one call takes {seconds:.1f} s"
    sweeps = make_sweeps(prober.inputs.task, typical, whole=True, points=_FEW_POINTS)
    at_points = [_run_one_by_one(prober, sweep, number) for number, sweep in enumerate(sweeps.sweeps)]
    if not any(np.isfinite(loss).any() for loss, _ in at_points):
        return "the loss has no finite value along any line"
    return _curve(sweeps, at_points)


def _is_per_sample(prober: Prober) -> bool:
    """Whether there is a value for each sample, which the other samples do not change."""
    rows, kept = prober.inputs.typical_size, list(KEPT_ROWS)
    before, after = prober.eager().value, prober.eager("others changed").value
    if before is None or after is None or before.shape != after.shape or before.shape[:1] != (rows,):
        return False
    return rows > max(kept) and is_same_value(before[kept], after[kept])


def _run_at_once(prober: Prober, sweep: Sweep, number: int) -> Seen | None:
    """Each point a sample of one batch; None where the loss does not take such a batch."""
    count = len(sweep.y_pred)
    y_true = np.repeat(sweep.y_true, count, axis=0)
    seen = _run(prober, f"curve {number}", y_true, sweep.y_pred[:, 0])
    if seen.value is None or seen.value.shape[:1] != (count,):
        return None
    return _mean(seen.value), _slope(seen, sweep.direction[0], seen.value[0].size)


def _run_one_by_one(prober: Prober, sweep: Sweep, number: int) -> Seen:
    """A whole batch for each point; a point at which the loss raises is NaN."""
    losses, slopes, has_gradient = [], [], False
    for point, y_pred in enumerate(sweep.y_pred):
        seen = _run(prober, f"curve {number} {point}", sweep.y_true, y_pred)
        size = 1 if seen.value is None else seen.value.size
        slope = _slope(replace(seen, gradient=_one(seen.gradient)), sweep.direction, size)
        has_gradient = has_gradient or slope is not None
        losses.append(np.nan if seen.value is None else float(np.mean(seen.value, dtype=np.float64)))
        slopes.append(np.nan if slope is None else float(slope[0]))
    return np.array(losses), np.array(slopes) if has_gradient else None


def _run(prober: Prober, name: str, y_true: np.ndarray, y_pred: np.ndarray) -> GradientObservation:
    prober.inputs.keep(Batch(name, "a point of the curve", y_true.copy(), y_pred.copy()))
    return prober.gradient(name)


def _one(gradient: np.ndarray | None) -> np.ndarray | None:
    return None if gradient is None else gradient[None]


def _mean(values: np.ndarray) -> np.ndarray:
    """One number for each sample, as the mean that Keras takes."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1, dtype=np.float64))


def _slope(seen: GradientObservation, direction: np.ndarray, size: int) -> np.ndarray | None:
    """The gradient along the line: of the mean of ``size`` values, where the tape sums them."""
    if seen.gradient is None:
        return None
    moves = direction != 0  # an infinity at a prediction that stays is none of the line's
    gradient = seen.gradient[:, moves].astype(np.float64)
    return np.asarray((gradient * direction[moves]).sum(axis=1) / max(1, size))


def _curve(sweeps: Sweeps, seen: list[Seen]) -> Curve:
    labels = [sweep.label for sweep in sweeps.sweeps]
    return Curve(
        x=tuple(map(float, sweeps.x)),
        axis=sweeps.axis,
        low=float(sweeps.low),
        high=float(sweeps.high),
        caption=sweeps.caption,
        lines=tuple(_lines(labels, seen)),
    )


def _lines(labels: list[str], seen: list[Seen]) -> Iterator[CurveLine]:
    """A line for each label; labels with one and the same line share it."""
    groups: list[tuple[list[str], Seen]] = []
    for label, one in zip(labels, seen, strict=True):
        same = next((shared for shared, other in groups if _is_same(one, other)), None)
        if same is None:
            groups.append(([label], one))
        else:
            same.append(label)
    for shared, (loss, slope) in groups:
        gradient = None if slope is None else tuple(map(float, slope))
        yield CurveLine(_together(shared), tuple(map(float, loss)), gradient)


def _is_same(one: Seen, other: Seen) -> bool:
    if one[1] is None or other[1] is None:
        return one[1] is other[1] and is_same_value(one[0], other[0])
    return is_same_value(one[0], other[0]) and is_same_value(one[1], other[1])


def _together(labels: list[str]) -> str:
    """``class 0, 1, 2`` for three labels that begin alike."""
    first, *others = labels
    head = first.rpartition(" ")[0]
    return ", ".join([first, *(label.removeprefix(head).strip() for label in others)])
