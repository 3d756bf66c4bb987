"""More limits of the inputs, fed only to a loss whose graph holds an operation that can blow up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.inputs.draw import perfect_prediction
from losscheck.inputs.tasks import Task

#: Its name, the input in words, ``y_true``, ``y_pred``, and whether training seldom gets there.
Limit = tuple[str, str, np.ndarray, np.ndarray, bool]


def further_limits(task: Task, y_true: np.ndarray, y_pred: np.ndarray, large: float) -> Iterator[Limit]:
    """Limits beside those of `edge_values`, in the order of how ordinary they are.

    Args:
        task: the inputs.
        y_true: of the typical batch.
        y_pred: of the typical batch.
        large: a logit that saturates.

    """
    domain = task.y_pred.domain
    if domain.name in ("real", "logits"):
        yield "zero predictions", "y_pred all zero", y_true, np.zeros_like(y_pred), False
    if len(y_pred) > 1:
        yield "single row", "a batch of one", y_true[:1].copy(), y_pred[:1].copy(), False
    yield from _of_one_sign(task, y_true, y_pred)
    if task.y_true.domain.name in ("binary", "prob") and domain.name == "prob":
        yield "all one", "y_true and y_pred all one", np.ones_like(y_true), np.ones_like(y_pred), False
    if task.is_embedding and not task.is_told and task.y_true.is_label and y_true.ndim == 1:
        ids = np.arange(len(y_true)).astype(y_true.dtype)
        yield "classes of one", "no two rows of the same class", ids, y_pred, False
    if domain.name == "interval":
        for value in (domain.low, domain.high):
            yield f"limit {value:g}", f"y_pred at {value:g}", y_true, np.full_like(y_pred, value), False
    if (labels := task.y_true.domain).name == "interval":
        for value in (labels.low, labels.high):
            yield f"labels of {value:g}", f"y_true at {value:g}", np.full_like(y_true, value), y_pred, False
    sure = perfect_prediction(task, y_true) if domain.name == "logits" else None
    if sure is not None and domain.name == "logits":
        logits = (np.sign(sure) * large).astype(y_pred.dtype)
        yield "sure and wrong", f"logits of ±{large:g} against the label", y_true, -logits, False
        yield "sure and right", f"logits of ±{large:g} for the label", y_true, logits, False
    if domain.name == "real" and not task.is_told and y_pred.dtype.kind == "f":
        sign = np.where(np.arange(y_pred.size).reshape(y_pred.shape) % 2, 1, -1)
        yield "large", f"y_pred of ±{large:g}", y_true, (sign * large).astype(y_pred.dtype), True


def _of_one_sign(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> Iterator[Limit]:
    """Numbers of one sign only: no row survives a mask of the other sign."""
    if task.y_true.domain.name == "real" and y_true.dtype.kind == "f":
        yield "negative labels", "y_true all negative", -np.abs(y_true), y_pred, False
        yield "positive labels", "y_true all positive", np.abs(y_true), y_pred, False
    if task.y_pred.domain.name == "real" and y_pred.dtype.kind == "f":
        yield "negative predictions", "y_pred all negative", y_true, -np.abs(y_pred), False
        yield "positive predictions", "y_pred all positive", y_true, np.abs(y_pred), False
