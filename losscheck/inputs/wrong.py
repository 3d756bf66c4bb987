"""Predictions that are wrong for the labels, and how sure they are of it."""

from __future__ import annotations

import numpy as np

from losscheck.inputs.tasks import Task

#: Logits of a prediction that is wrong and in doubt, and of one that is wrong and sure: at 17 a float32
#: sigmoid is exactly 1, at 16 a probability is below the 1e-7 that losses are clipped at.
DOUBTFUL, SURE = 1.0, 20.0


def wrong_predictions(task: Task, y_true: np.ndarray, logit: float) -> np.ndarray | None:
    """Predictions of a classifier that says another class, or the other label, than ``y_true``.

    Args:
        task: says what the predictions are: probabilities, a simplex or logits.
        y_true: labels of 0 and 1, one-hot rows or class ids.
        logit: how sure it is.

    Returns:
        Predictions of the task's dtype and shape; None where the labels do not tell what is wrong.

    """
    domain, dims = task.y_pred.domain.name, task.y_pred.shape(len(y_true))
    hot = _other_class(task, y_true, dims)
    if hot is None or hot.shape != dims or domain not in ("prob", "simplex", "logits"):
        return None
    logits = (2 * hot - 1) * logit
    if domain == "prob":
        logits = 1 / (1 + np.exp(-logits))
    elif domain == "simplex":
        powers = np.exp(hot * logit)
        logits = powers / powers.sum(axis=-1, keepdims=True)
    return np.asarray(logits.astype(task.y_pred.dtype if task.y_pred.dtype != "bfloat16" else "float32"))


def _other_class(task: Task, y_true: np.ndarray, dims: tuple[int | None, ...]) -> np.ndarray | None:
    """Another label for each entry: 1 for 0, the next class for a class."""
    domain, columns = task.y_true.domain.name, int(dims[-1] or 1)
    if domain == "binary" and y_true.shape == dims:
        return np.asarray(1.0 - y_true)
    if columns < 2:
        return None
    if domain == "onehot":
        return np.roll(y_true, 1, axis=-1).astype(np.float64)
    if domain == "labels":
        ids = y_true[..., 0] if y_true.ndim == len(dims) and y_true.shape[-1] == 1 else y_true
        return np.asarray(np.eye(columns)[(ids.astype(int) + 1) % columns])
    return None
