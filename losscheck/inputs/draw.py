"""Arrays from specs: ordinary entries, perfect predictions, and the edges of a domain."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from losscheck.inputs.specs import InputSpec
from losscheck.inputs.tasks import Task
from losscheck.loss import SourceFacts

#: Ordinary probabilities keep this distance from 0 and 1.
MARGIN = 0.05
#: Logits of this size make a softmax as sure as a trained model is.
_SURE_LOGIT = 10.0
#: Names by which a loss says that its labels may lack numbers, in TensorFlow and in `keras.ops`.
_ASKS_FOR_NUMBERS = frozenset({"is_nan", "isnan", "is_finite", "isfinite"})


def draw(spec: InputSpec, rows: int, seed: int) -> np.ndarray:
    """Ordinary entries: from the inside of the domain, every class and both labels present.

    Returns:
        An array of the spec's dtype and shape, with ``rows`` for the batch axis.

    """
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in spec.shape(rows) if size is not None)
    values = _draw_domain(spec, shape, rng)
    if spec.domain.has_nan:
        values = np.where(rng.random(shape) < 0.2, np.nan, values)
    return _as_dtype(values, spec.dtype)


def perfect_prediction(task: Task, y_true: np.ndarray) -> np.ndarray | None:
    """The ``y_pred`` that equals ``y_true`` as far as the task allows; None where nothing does."""
    dims = task.y_pred.shape(len(y_true))
    domain = task.y_pred.domain.name
    if task.is_embedding:
        return None
    if task.y_true.is_label:
        if domain not in ("simplex", "prob", "logits") or len(dims) != y_true.ndim + 1:
            return None
        hot = np.eye(int(dims[-1] or 1))[np.clip(y_true.astype(int), 0, int(dims[-1] or 1) - 1)]
    elif y_true.shape == dims:
        hot = y_true.astype(np.float64)
    else:
        return None
    if hot.shape != dims:
        return None
    if domain == "logits" and task.y_true.domain.name in ("binary", "onehot", "labels", "simplex", "prob"):
        hot = (2 * hot - 1) * _SURE_LOGIT
    return _as_dtype(hot, task.y_pred.dtype)


def edge_values(
    task: Task, facts: SourceFacts, y_true: np.ndarray, y_pred: np.ndarray, large: float
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Limits of the domains that training reaches.

    Yields:
        Which argument it is, what it is in words, and the array, of the argument's shape and dtype.

    """
    domain = task.y_pred.domain.name
    if domain == "prob":
        yield "y_pred", "exactly 0 and 1, against the label", _against(y_true, y_pred)
        yield "y_pred", "exactly 0", np.zeros_like(y_pred)
        yield "y_pred", "exactly 1", np.ones_like(y_pred)
    elif domain == "simplex":
        sure = np.eye(y_pred.shape[-1])[np.arange(y_pred[..., 0].size) % y_pred.shape[-1]]
        yield "y_pred", "exactly 0 and 1", sure.reshape(y_pred.shape).astype(y_pred.dtype)
    elif domain == "logits" or (domain == "real" and task.is_told):
        sign = np.where(np.arange(y_pred.size).reshape(y_pred.shape) % 2, 1.0, -1.0)
        yield "y_pred", f"saturated at ±{large:g}", (sign * large).astype(y_pred.dtype)
    for value in facts.bounds:
        limits = task.y_pred.domain
        low, high = (limits.low, limits.high) if domain == "interval" else (-_SURE_LOGIT, _SURE_LOGIT)
        if domain in ("real", "logits", "interval") and low <= value <= high:
            yield "y_pred", f"exactly {value:g}", np.full_like(y_pred, value)
    yield from _edges_of_y_true(task, facts, y_true)


def _edges_of_y_true(
    task: Task, facts: SourceFacts, y_true: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    domain = task.y_true.domain.name
    if domain in ("binary", "prob", "real", "labels"):
        yield "y_true", "all zero", np.zeros_like(y_true)
    if domain in ("binary", "prob"):
        yield "y_true", "all one", np.ones_like(y_true)
    if domain == "onehot":
        one_class = np.zeros_like(y_true)
        one_class[..., 0] = 1
        yield "y_true", "of one class only", one_class
    if domain == "simplex" and y_true.shape[-1] > 1:
        yield (
            "y_true",
            "one-hot",
            np.broadcast_to(np.eye(y_true.shape[-1])[0], y_true.shape).astype(y_true.dtype),
        )
    if _ASKS_FOR_NUMBERS & set(facts.names) and task.y_true.is_float:
        yield "y_true", "all NaN", np.full_like(y_true, np.nan)
    for value in facts.compared:
        fits = task.y_true.is_float or _holds(y_true.dtype, value)
        if fits and value not in (0, 1) and domain not in ("onehot", "simplex"):
            yield "y_true", f"all {value:g}, which the source compares with", np.full_like(y_true, value)


def _holds(dtype: np.dtype, value: float) -> bool:
    """Whether an integer dtype can hold a number."""
    if dtype == np.bool_ or not float(value).is_integer():
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max)


def _against(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Sure and wrong where the shapes allow it, else both values in turn."""
    if y_true.shape == y_pred.shape and set(np.unique(y_true)) <= {0, 1}:
        return (1 - y_true).astype(y_pred.dtype)
    return (np.arange(y_pred.size).reshape(y_pred.shape) % 2).astype(y_pred.dtype)


def _draw_domain(spec: InputSpec, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    domain = spec.domain
    if domain.parts:
        columns = (
            _draw_domain(InputSpec(spec.dtype, spec.dims, part), (*shape[:-1], width), rng)
            for part, width in domain.parts
        )
        return np.concatenate([np.asarray(part, np.float64) for part in columns], axis=-1)
    if domain.name == "labels":
        return _each_in_turn(shape, int(domain.classes), rng)
    if domain.name == "onehot":
        return np.asarray(np.eye(shape[-1])[_each_in_turn(shape[:-1], shape[-1], rng)])
    if domain.name == "binary":
        return _each_in_turn(shape, 2, rng)
    if domain.name == "prob":
        return rng.uniform(MARGIN, 1 - MARGIN, shape)
    if domain.name == "boxes":
        return _boxes(shape, rng)
    if not spec.is_float:
        low, high = (domain.low, domain.high) if domain.name == "interval" else (0, 3)
        low = max(low, 1) if domain.name == "positive" else low
        return rng.integers(math.ceil(low), math.floor(high), shape, endpoint=True)
    if domain.name == "interval":
        margin = MARGIN * (domain.high - domain.low)
        return rng.uniform(domain.low + margin, domain.high - margin, shape)
    if domain.name == "positive":
        return rng.uniform(0.2, 3.0, shape)
    if domain.name == "simplex":
        weights = np.exp(rng.normal(size=shape))
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
    return _both_signs(rng.normal(size=shape))


def _both_signs(values: np.ndarray) -> np.ndarray:
    """The numbers, with one sign turned in each row that has a single one.

    Then no mask such as ``y_true > 0`` leaves an ordinary row out as a whole.
    """
    if values.ndim < 2 or values.shape[-1] < 2:
        return values
    is_one_sided = (values > 0).all(axis=-1) | (values < 0).all(axis=-1)
    values[..., 0] = np.where(is_one_sided, -values[..., 0], values[..., 0])
    return values


def _boxes(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Corners of boxes, near one another: any two of them overlap, so that no overlap is zero by chance."""
    low = rng.uniform(MARGIN, 0.4, (*shape[:-1], shape[-1] // 4, 2))
    high = rng.uniform(0.6, 1 - MARGIN, low.shape)
    return np.asarray(np.concatenate([low, high], axis=-1).reshape(shape))


def _each_in_turn(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> np.ndarray:
    """Class ids 0 to ``count`` - 1, each as often as the next, in a random order."""
    size = int(np.prod(shape, dtype=int))
    return np.asarray(rng.permutation(np.arange(size) % count)).reshape(shape)


def _as_dtype(values: np.ndarray, dtype: str) -> np.ndarray:
    # NumPy has no bfloat16: the probe casts, the numbers are float32 here
    return values.astype(np.float32 if dtype == "bfloat16" else dtype)
