"""Finds calls of built-in cross-entropies whose two arguments have changed places."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.reading.events import Call
from losscheck.reading.source import Source
from losscheck.reading.values import Value

#: Losses that mean something else, or nothing, with the arguments exchanged; by function and class name.
_ASYMMETRIC = ("crossentropy", "cross_entropy", "hinge", "poisson")
_TRUTH = ("y_true", "labels", "target", "true")
_PREDICTION = ("y_pred", "logits", "output", "pred")


def exchanged_calls(source: Source) -> Iterator[Call]:
    """The calls with the prediction first, unless the same loss is called the right way round too."""
    exchanged: list[tuple[str, Call]] = []
    right: set[str] = set()
    for call in source.calls():
        name = call.name or call.receiver.made_by
        is_known = name.startswith(("keras.losses.", "keras.ops.", "keras.backend.", "tensorflow.nn."))
        if not is_known or not any(word in name.lower() for word in _ASYMMETRIC):
            continue
        truth, prediction = call.argument(0, *_TRUTH), call.argument(1, *_PREDICTION)
        if _is_only(truth, of_pred=True) and _is_only(prediction, of_pred=False):
            exchanged.append((name, call))
        elif _is_only(truth, of_pred=False):
            right.add(name)
    yield from (call for name, call in exchanged if name not in right)


def _is_only(value: Value, *, of_pred: bool) -> bool:
    """Whether a value depends on one of the two arguments and not on the other."""
    return value.is_tensor and value.of_pred is of_pred and value.of_true is not of_pred
