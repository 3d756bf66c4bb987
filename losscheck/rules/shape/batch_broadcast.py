"""LC101: labels and predictions of unlike rank broadcast to an outer product over the batch."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import PROVED_ON, Values
from losscheck.rule import Rule
from losscheck.rules.shape.columns import mixed_columns
from losscheck.rules.shape.pairs import compares_samples
from losscheck.rules.shape.ranks import differs_in_fit, outer_product, unlike_ranks

_SAME_WAY = "Take both in the same way: `y[:, 0]` and `y[:, 1]`, or `y[:, :1]` and `y[:, 1:]`"


class BatchBroadcast(Rule):
    """Labels of shape `(B,)` against predictions of shape `(B, 1)` broadcast to `(B, B)`.

    ## What it does
    Feeds the labels once with and once without their last axis of size 1, at a batch size that no other
    axis has, looks for a tensor that holds the batch axis twice, and compares the two values.

    ## Why is this bad?
    Every prediction is compared with every label of the batch: the loss is wrong and nothing raises. `fit`
    aligns the ranks for a function, not for a `Loss` subclass, and nobody does it in a direct call.

    ## References
    - https://numpy.org/doc/stable/user/basics.broadcasting.html
    """

    code = "LC101"
    name = "batch-broadcast"
    severity = Severity.WARNING
    hint = "Align the ranks first: `y_true = tf.reshape(y_true, tf.shape(y_pred))`"
    requires = ("value",)
    silences_at_line = ("LC108", "LC705")
    repro = Values("not np.allclose(first.mean(), second.mean(), rtol=1e-4)", (PROVED_ON,))

    BAD = (
        """\
import keras
import tensorflow as tf

class SquaredError(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)  # <-
""",
        """\
import tensorflow as tf

def sparse_loss(y_true, y_pred):  # losscheck: y_true=int32[B,1]:labels<4 y_pred=float32[B,4]:simplex
    hot = tf.one_hot(tf.cast(y_true, tf.int32), 4)
    return -tf.reduce_sum(hot * tf.math.log(y_pred + 1e-7), axis=-1)  # <-
""",
        """\
import keras
import tensorflow as tf

def weighted_error(y_true, y_pred):
    weight, value = y_true[:, 1:2], y_true[:, :1]
    return tf.reduce_mean(weight * keras.losses.mean_squared_error(value, y_pred))  # <-
""",
    )
    GOOD = (
        """\
import keras
import tensorflow as tf

class SquaredError(keras.losses.Loss):
    def call(self, y_true, y_pred):
        y_true = tf.reshape(y_true, tf.shape(y_pred))
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def pairwise_loss(y_true, y_pred):
    true = tf.reshape(y_true, [-1])
    pred = tf.reshape(y_pred, [-1])
    gap = tf.abs((true[:, None] - true[None, :]) - (pred[:, None] - pred[None, :]))
    return tf.reduce_mean(gap, axis=1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect, in a `Loss` subclass, an operator between the two arguments as they come."""
        for event in source.arithmetic() if source.is_keras_loss else ():
            if {event.left.parameter, event.right.parameter} == {"y_true", "y_pred"}:
                message = "labels of shape (B,) broadcast here against predictions of shape (B, 1)"
                yield self.suspicion(message, source.location(event.node), Severity.NOTE)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the two ranks of the labels, else look for columns of them that meet each other."""
        found = list(self._of_ranks(prober)) or list(self._of_columns(prober))
        yield from found

    def _of_columns(self, prober: Prober) -> Iterator[Finding]:
        op = None if prober.is_random else mixed_columns(prober)
        if op is not None:
            yield self.finding(
                "one number for each sample, of shape (B,), meets a column of shape (B, 1) here, and gives a"
                " tensor of shape (B, B): each sample is combined with each other",
                op.location or prober.loss.location,
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                severity=Severity.NOTE if compares_samples(prober) else Severity.WARNING,
                hint=_SAME_WAY,
                batch=["even", "first half"],
            )

    def _of_ranks(self, prober: Prober) -> Iterator[Finding]:
        import numpy as np

        from losscheck.inputs.batches import is_same_value

        pair = unlike_ranks(prober)
        if pair is None:
            return
        unlike, aligned = pair
        wrong, right = prober.eager(unlike), prober.eager(aligned)
        if wrong.value is None or right.value is None or not right.is_finite or prober.is_random:
            return
        rows = prober.inputs.typical_size
        slope = prober.gradient(aligned).gradient
        if slope is None or not slope.any():
            return  # one column is not its kind of input: nothing is left to compare
        if outer_product(prober.flow(aligned, shapes_only=True), rows) is not None:
            return
        op = outer_product(prober.flow(unlike, shapes_only=True), rows)
        if op is None or is_same_value(np.mean(wrong.value), np.mean(right.value)):
            return
        is_wrong_in_fit = differs_in_fit(prober, unlike, aligned)
        words = prober.inputs[unlike].words
        true, pred = prober.inputs[unlike].y_true.shape, prober.inputs[unlike].y_pred.shape
        yield self.finding(
            f"`y_true` of shape {_shape(true, rows)} and `y_pred` of shape {_shape(pred, rows)} give a tensor"
            f" of shape {_shape(op.shape or (), rows)}: the loss is {np.mean(wrong.value):.3g}, aligned it is"
            f" {np.mean(right.value):.3g}"
            + ("" if is_wrong_in_fit else " (`fit` aligns them, a direct call does not)"),
            op.location or prober.loss.location,
            modes=(Mode.EAGER, Mode.GRAPH, *((Mode.FIT,) if is_wrong_in_fit else ())),
            severity=_severity(prober, is_wrong_in_fit),
            hint=_SAME_WAY if len(pred) > 1 and pred[-1] > 1 and len(true) == len(pred) else None,
            input=words,
            batch=[unlike, aligned],
        )


def _severity(prober: Prober, is_wrong_in_fit: bool) -> Severity:
    task = prober.inputs.task
    if task.is_told:
        return Severity.ERROR if is_wrong_in_fit else Severity.WARNING
    if compares_samples(prober):
        return Severity.NOTE  # who knows what goes with what
    if task.y_true.is_label or len(task.y_true.dims) < len(task.y_pred.dims):
        return Severity.NOTE  # nobody said that the labels come as a column
    return Severity.WARNING if is_wrong_in_fit else Severity.NOTE


def _shape(shape: tuple[int | None, ...], rows: int) -> str:
    axes = ["B" if size == rows else str(size) for size in shape]
    return f"({', '.join(axes)}{',' * (len(axes) == 1)})"
