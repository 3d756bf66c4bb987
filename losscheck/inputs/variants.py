"""What can be made of the typical batch: other labels, other predictions, more rows, halves."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from losscheck.inputs.draw import draw, perfect_prediction
from losscheck.inputs.wrong import DOUBTFUL, SURE, wrong_predictions

if TYPE_CHECKING:
    from losscheck.inputs.batches import Batch, Batches

#: The rows that stay where all others change: neither the first, nor the last, nor the middle one.
KEPT_ROWS = (2, 4)

#: A right prediction keeps this share of the way from the corners of its domain: log(0) says nothing.
CORNER = 0.02

Variant = tuple[str, np.ndarray, np.ndarray]  #: the input in words, ``y_true``, ``y_pred``


def _first_half(batches: Batches, typical: Batch) -> Variant:
    even, half = batches["even"], slice(None, batches.even_size // 2)
    return "the first half of a batch", even.y_true[half], even.y_pred[half]


def _second_half(batches: Batches, typical: Batch) -> Variant:
    even, half = batches["even"], slice(batches.even_size // 2, None)
    return "the second half of a batch", even.y_true[half], even.y_pred[half]


def _relabelled(batches: Batches, typical: Batch) -> Variant:
    other = draw(batches.task.y_true, typical.size, zlib.crc32(b"relabelled"))
    if other.shape != typical.y_true.shape or np.array_equal(other, typical.y_true, equal_nan=True):
        other = np.roll(typical.y_true, 1, axis=0)
    return "the same predictions with other labels", other, typical.y_pred


def _rotated_labels(batches: Batches, typical: Batch) -> Variant:
    other = np.roll(typical.y_true, 2, axis=0)
    return "the same predictions with the labels of other rows", other, typical.y_pred


def _flipped_labels(batches: Batches, typical: Batch) -> Variant:
    y_true = typical.y_true
    if batches.task.y_true.domain.name in ("real", "positive"):
        other = y_true * 1.7 + 0.3
    else:
        other = y_true.max() - y_true
    return "the same predictions with flipped labels", other.astype(y_true.dtype), typical.y_pred


def _repredicted(batches: Batches, typical: Batch) -> Variant:
    other = draw(batches.task.y_pred, typical.size, zlib.crc32(b"repredicted"))
    return "the same labels with other predictions", typical.y_true, other


def _turned(batches: Batches, typical: Batch) -> Variant:
    """Predictions on the other side: where a hinge was flat before, it has a slope here."""
    domain, y_pred = batches.task.y_pred.domain, typical.y_pred
    if domain.name in ("real", "logits"):
        y_pred = -y_pred
    elif domain.name in ("prob", "interval"):
        y_pred = (domain.low + domain.high - y_pred).astype(y_pred.dtype)
    else:
        y_pred = np.roll(y_pred, 1, axis=-1 if y_pred.shape[-1] > 1 else 0)
    return "the predictions turned round", typical.y_true, y_pred


def _nan_predictions(batches: Batches, typical: Batch) -> Variant:
    return "y_pred all NaN", typical.y_true, np.full_like(typical.y_pred, np.nan)


def _highest_labels(batches: Batches, typical: Batch) -> Variant:
    """The highest class ids, downwards: those that a small dtype cannot hold."""
    classes = int(batches.task.y_true.domain.classes) or 1
    ids = (classes - 1 - np.arange(typical.y_true.size) % classes).reshape(typical.y_true.shape)
    return "the highest class ids", ids.astype(typical.y_true.dtype), typical.y_pred


def _float_labels(batches: Batches, typical: Batch) -> Variant:
    return "float32 labels, as fit passes them", typical.y_true.astype(np.float32), typical.y_pred


def _expanded_labels(batches: Batches, typical: Batch) -> Variant:
    shape = f"(B, {', '.join(map(str, (*typical.y_true.shape[1:], 1)))})"
    return f"labels of shape {shape}", typical.y_true[..., None], typical.y_pred


def _squeezed_labels(batches: Batches, typical: Batch) -> Variant:
    return "labels without their last axis", typical.y_true[..., 0], typical.y_pred


def _extended(batches: Batches, typical: Batch) -> Variant:
    more = batches["other_size"]
    return _extend(typical, more.y_true, more.y_pred)


def _extended_again(batches: Batches, typical: Batch) -> Variant:
    rows = [0] * batches.other_size
    return _extend(typical, typical.y_true[rows], typical.y_pred[rows])


def _doubled(batches: Batches, typical: Batch) -> Variant:
    y_true, y_pred = (np.concatenate([array, array]) for array in (typical.y_true, typical.y_pred))
    return "each row twice", y_true, y_pred


def _doubtful(batches: Batches, typical: Batch) -> Variant:
    return "wrong predictions in doubt", *_wrong(batches, typical, DOUBTFUL)


def _surely_wrong(batches: Batches, typical: Batch) -> Variant:
    return "sure and wrong predictions", *_wrong(batches, typical, SURE)


def _wrong(batches: Batches, typical: Batch, logit: float) -> tuple[np.ndarray, np.ndarray]:
    y_pred = wrong_predictions(batches.task, typical.y_true, logit)
    if y_pred is None:
        raise KeyError("the labels do not tell what is wrong: ask `wrong_predictions` first")
    return typical.y_true, y_pred


def _others_changed(batches: Batches, typical: Batch) -> Variant:
    other = batches["other_size"]
    y_true, y_pred = typical.y_true.copy(), typical.y_pred.copy()
    places = [row for row in range(typical.size) if row not in KEPT_ROWS]
    rows = [number % other.size for number in range(len(places))]
    y_true[places], y_pred[places] = other.y_true[rows], other.y_pred[rows]
    return "a batch with other rows around two of them", y_true, y_pred


def _both_around(batches: Batches, typical: Batch) -> Variant:
    other = batches["others changed"]
    return _extend(typical, other.y_true, other.y_pred)


def _exchanged(batches: Batches, typical: Batch) -> Variant:
    return "labels and predictions exchanged", typical.y_pred, typical.y_true


def _right(batches: Batches, typical: Batch) -> Variant:
    return "y_pred equal to y_true", typical.y_true, _between(batches, 0.0)


def _nearly_right(batches: Batches, typical: Batch) -> Variant:
    return "y_pred near to y_true", typical.y_true, _between(batches, 0.1)


def _half_right(batches: Batches, typical: Batch) -> Variant:
    return "y_pred half as far from y_true", typical.y_true, _between(batches, 0.5)


def _beyond_right(batches: Batches, typical: Batch) -> Variant:
    return "y_pred on the other side of y_true", typical.y_true, _between(batches, -0.3)


def _between(batches: Batches, share: float) -> np.ndarray:
    """On the way from the right prediction to another one; inside the domain, where it has corners."""
    typical = batches["typical"]
    right = perfect_prediction(batches.task, typical.y_true)
    if right is None:
        return typical.y_pred
    if batches.task.y_pred.domain.name not in ("real", "positive"):
        share = max(0.0, share) * (1 - CORNER) + CORNER
    wrong = draw(batches.task.y_pred, typical.size, zlib.crc32(b"away"))
    return np.asarray(right + share * (wrong - right), typical.y_pred.dtype)


def _extend(typical: Batch, y_true: np.ndarray, y_pred: np.ndarray) -> Variant:
    return (
        "more rows after the same ones",
        np.concatenate([typical.y_true, y_true]),
        np.concatenate([typical.y_pred, y_pred]),
    )


#: Name of a batch → what makes it of the typical one.
VARIANTS: dict[str, Callable[[Batches, Batch], Variant]] = {
    "first half": _first_half,
    "second half": _second_half,
    "relabelled": _relabelled,
    "rotated labels": _rotated_labels,
    "flipped labels": _flipped_labels,
    "repredicted": _repredicted,
    "turned": _turned,
    "nan predictions": _nan_predictions,
    "highest labels": _highest_labels,
    "float labels": _float_labels,
    "expanded labels": _expanded_labels,
    "squeezed labels": _squeezed_labels,
    "extended": _extended,
    "extended again": _extended_again,
    "doubled": _doubled,
    "doubtful": _doubtful,
    "surely wrong": _surely_wrong,
    "others changed": _others_changed,
    "both around": _both_around,
    "right": _right,
    "nearly right": _nearly_right,
    "half right": _half_right,
    "beyond right": _beyond_right,
    "exchanged": _exchanged,
}
