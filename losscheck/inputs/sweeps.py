"""Predictions moved along a line, from below to above their domain: where the curve of a loss is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.inputs.draw import perfect_prediction
from losscheck.inputs.specs import Domain
from losscheck.inputs.tasks import Task

#: Points inside the domain: a curve of a few hundred pixels shows no more.
POINTS = 161
#: Numbers in all predictions of one line at most; an image gets fewer points.
_MAX_NUMBERS = 2_000_000
_FEWEST = 21
#: What is shown beyond each end of the domain, as a part of its width.
_BEYOND = 0.1
#: Classes that get a line each; weights of classes show in the first few.
_MAX_CLASSES = 3
#: Real predictions lie near zero, logits saturate a float32 sigmoid at about 15.
_REAL, _LOGIT, _POSITIVE = 4.0, 10.0, 5.0


@dataclass(frozen=True)
class Sweep:
    """One input whose predictions move, with labels that stay."""

    label: str  #: what the labels are, ``y_true = 1``
    y_true: np.ndarray  #: of one sample, or of a whole batch
    y_pred: np.ndarray  #: the same at each point, stacked along a new first axis
    direction: np.ndarray  #: how far each prediction moves for one step of ``x``; the shape of one point


@dataclass(frozen=True)
class Sweeps:
    """One sweep for each label, all over the same points."""

    x: np.ndarray  #: ascending; the ends of the domain are among them exactly
    low: float  #: where the domain begins, or the first point
    high: float  #: where the domain ends, or the last point
    axis: str  #: what ``x`` is
    caption: str
    sweeps: tuple[Sweep, ...]


def make_sweeps(task: Task, typical: Batch, *, whole: bool, points: int = POINTS) -> Sweeps:
    """The sweeps of a task.

    Args:
        task: the inputs.
        typical: an ordinary batch; ``y_pred`` holds floats.
        whole: whether the predictions of a whole batch move together, else those of one sample.
        points: how many lie inside the domain.

    """
    row = slice(None) if whole else slice(_balanced_row(typical), None)
    y_true, y_pred = (array[row] if whole else array[row][:1] for array in (typical.y_true, typical.y_pred))
    points = min(points, max(_FEWEST, _MAX_NUMBERS // max(1, y_pred.size)))
    where = f"an ordinary batch of {typical.size}" if whole else "an ordinary sample"
    hot = _hot(task, y_true, y_pred)
    if hot is not None:
        axis = "y_pred of the true class"
        made = _of_classes(task, y_true, y_pred)
    elif task.y_true.domain.name == "binary" and y_true.shape == y_pred.shape:
        axis, made = "y_pred", _of_binary(y_true, y_pred)
    else:
        axis, made = "y_pred", _of_first_entry(task, y_true, y_pred)
    moved = list(made)
    x, low, high = _points(task.y_pred.domain.of_one_column, points, [y_true, y_pred])
    grids = [_moved(x, one, task, y_pred.dtype) for one in moved]
    sweeps = tuple(
        Sweep(one.label, one.y_true, grid, _direction(one, task))
        for one, grid in zip(moved, grids, strict=True)
    )
    return Sweeps(x, low, high, axis, _caption(task, y_pred, hot is not None, where), sweeps)


@dataclass(frozen=True)
class _Moved:
    """Which predictions move."""

    label: str
    y_true: np.ndarray
    held: np.ndarray  #: the predictions that stay; the moved ones are overwritten
    mask: np.ndarray  #: those that move


def _balanced_row(typical: Batch) -> int:
    """The sample that holds both labels most evenly; the first where there are no two labels."""
    y_true = typical.y_true.reshape(len(typical.y_true), -1)
    if not set(np.unique(y_true)) <= {0, 1}:
        return 0
    return int(np.argmin(np.abs(y_true.mean(axis=1) - 0.5)))


def _hot(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray | None:
    """Ones at the true classes, in the shape of ``y_pred``; None where there are no classes."""
    is_class = task.y_true.domain.name in ("labels", "onehot")
    if not is_class or task.is_embedding or task.y_pred.domain.name not in ("simplex", "logits", "prob"):
        return None
    perfect = perfect_prediction(task, y_true)
    if perfect is None or perfect.shape != y_pred.shape:
        return None
    return perfect > 0.5


def _of_classes(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> Iterator[_Moved]:
    """A line for each of the first classes where a sample has one class, else one for all."""
    held = np.zeros_like(y_pred)
    if y_pred.ndim > 2 or len(y_pred) > 1:
        hot = _hot(task, y_true, y_pred)
        assert hot is not None
        yield _Moved("classes as drawn", y_true, held, hot)
        return
    for number in range(min(_MAX_CLASSES, y_pred.shape[-1])):
        mask = np.arange(y_pred.shape[-1])[None] == number
        labels = np.full_like(y_true, number) if task.y_true.is_label else mask.astype(y_true.dtype)
        yield _Moved(f"class {number}", labels, held, mask)


def _of_binary(y_true: np.ndarray, y_pred: np.ndarray) -> Iterator[_Moved]:
    for label in (0, 1):
        labels = np.full_like(y_true, label) if y_true.size == 1 else y_true
        mask = labels == label
        if mask.any():
            yield _Moved(f"y_true = {label}", labels, y_pred, mask)


def _of_first_entry(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> Iterator[_Moved]:
    """The first prediction alone; where the task says what is right, the others are."""
    mask = np.zeros(y_pred.shape, bool)
    mask.reshape(-1)[0] = True
    if y_true.shape != y_pred.shape or task.is_embedding or y_true.dtype.kind != "f":
        label = f"y_true = {y_true.reshape(-1)[0]:.3g}" if y_true.size == 1 else "labels as drawn"
        yield _Moved(label, y_true, y_pred, mask)
        return
    for value in _labels(task.y_true.domain.of_one_column):
        labels = y_true.copy()
        labels.reshape(-1)[0] = value
        yield _Moved(f"y_true = {value:g}", labels, labels.astype(y_pred.dtype), mask)


def _labels(domain: Domain) -> tuple[float, float]:
    """Two ordinary labels; no round numbers, which a mask may stand for."""
    if domain.name == "positive":
        return 0.5, 2.5
    low, high = (-1.0, 2.0) if domain.name in ("real", "logits") else (domain.low, domain.high)
    return low + 0.2 * (high - low), low + 0.8 * (high - low)


def _points(domain: Domain, count: int, arrays: list[np.ndarray]) -> tuple[np.ndarray, float, float]:
    """The points, and where the domain begins and ends."""
    margin = max(2, round(count * _BEYOND))
    if domain.name in ("real", "logits"):
        numbers = np.concatenate([np.ravel(array) for array in arrays if array.dtype.kind == "f"])
        size = float(np.nanmax(np.abs(numbers), initial=0.0)) if domain.name == "real" else 0.0
        reach = max(_LOGIT if domain.name == "logits" else _REAL, np.ceil(1.2 * size))
        return np.linspace(-reach, reach, count), -reach, reach
    if domain.name == "positive":
        low, high, above = 0.0, _POSITIVE, 0
    else:
        low, high = (domain.low, domain.high) if domain.name == "interval" else (0.0, 1.0)
        above = margin
    step = (high - low) / (count - 1)
    inside = np.linspace(low, high, count)
    before = low - step * np.arange(margin, 0, -1)
    after = high + step * np.arange(1, above + 1)
    return np.concatenate([before, inside, after]), low, high


def _moved(x: np.ndarray, one: _Moved, task: Task, dtype: np.dtype) -> np.ndarray:
    """The predictions at each point."""
    grid = np.repeat(one.held[None], len(x), axis=0).astype(np.float64)
    if task.y_pred.domain.name == "simplex" and one.mask.sum() == one.mask[..., 0].size:
        others = max(1, one.mask.shape[-1] - 1)
        grid[:] = ((1 - x) / others).reshape(-1, *[1] * one.mask.ndim)
    grid[:, one.mask] = x[:, None]
    return grid.astype(dtype)


def _direction(one: _Moved, task: Task) -> np.ndarray:
    direction = one.mask.astype(np.float64)
    if task.y_pred.domain.name == "simplex" and one.mask.sum() == one.mask[..., 0].size:
        direction[~one.mask] = -1.0 / max(1, one.mask.shape[-1] - 1)
    return direction


def _caption(task: Task, y_pred: np.ndarray, is_of_classes: bool, where: str) -> str:
    """What moves and what stays, as a sentence."""
    if is_of_classes:
        what = "the prediction of the true class" + (" moves" if y_pred.ndim == 2 else " moves everywhere")
        rest = "stay at 0"
        if task.y_pred.domain.name == "simplex":
            rest = "share what is left"
        return f"{what} in {where}; those of the other classes {rest}"
    if y_pred.size == 1:
        return "the one prediction of a sample moves"
    if task.y_true.domain.name == "binary" and task.has_same_shapes:
        return f"all predictions whose label is this one move together in {where}; the others stay"
    if task.has_same_shapes and task.y_true.is_float and not task.is_embedding:
        return f"the first prediction moves in {where}; the others are right"
    return f"the first prediction moves in {where}; the others stay"
