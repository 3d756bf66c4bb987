"""LC103: the loss raises, or means something else, on a batch of one row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.inputs.batches import is_same_value
from losscheck.prober import Prober
from losscheck.rule import Rule, first_line, return_location

#: Batches that begin with the same row as the batch of one; the typical one is the third.
_MORE = ("head 2", "head 3")


class BatchOfOne(Rule):
    """The loss works on batches of two and more rows, and not on a batch of one.

    ## What it does
    Calls the loss on the first row of a batch alone, and together with one, two and all of the rows after
    it. Where the larger batches agree on the loss of that row, the batch of one must too.

    ## Why is this bad?
    The last batch of an epoch may hold one row, and so does a `predict` or a debugging session on one
    sample. `tf.squeeze` without an axis takes the batch axis away with the others.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/squeeze
    """

    code = "LC103"
    name = "batch-of-one"
    severity = Severity.WARNING
    hint = "Say the axis: `tf.squeeze(x, axis=-1)`; and divide by no count that is 0 for a single row"
    requires = ("value",)

    BAD = (
        """\
import tensorflow as tf

def paired_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:real y_pred=float32[B,1]:real
    true = tf.squeeze(y_true)  # <-
    pred = tf.squeeze(y_pred)
    gaps = (true[:, None] - true[None]) - (pred[:, None] - pred[None])
    return tf.reduce_mean(tf.abs(gaps))
""",
        """\
import tensorflow as tf

def cautious_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    others = tf.cast(tf.minimum(tf.shape(y_pred)[0] - 1, 1), tf.float32)
    return error * others  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def paired_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:real y_pred=float32[B,1]:real
    true = tf.squeeze(y_true, axis=-1)
    pred = tf.squeeze(y_pred, axis=-1)
    gaps = (true[:, None] - true[None]) - (pred[:, None] - pred[None])
    return tf.reduce_mean(tf.abs(gaps))
""",
        """\
import tensorflow as tf

def centred_loss(y_true, y_pred):
    pred = y_pred - tf.reduce_mean(y_pred, axis=0, keepdims=True)
    true = y_true - tf.reduce_mean(y_true, axis=0, keepdims=True)
    return tf.reduce_mean(tf.square(true - pred), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the first row alone with the same row in larger batches."""
        larger = [prober.eager(name) for name in (*_MORE, "typical")]
        if any(seen.raised is not None or not seen.is_finite for seen in larger) or prober.is_random:
            return
        alone = prober.eager("head 1")
        modes = (Mode.EAGER, Mode.GRAPH, Mode.FIT)
        if alone.raised is not None:
            yield self.finding(
                f"works on batches of 2, 3 and {prober.inputs.typical_size} rows, raises on a batch of one:"
                f" {first_line(alone.raised)}",
                _squeezing_op(prober) or alone.raised.location or prober.loss.location,
                modes=modes,
            )
            return
        if alone.value is None:
            return
        expected = _loss_of_first_row(prober)
        if not alone.is_finite:
            yield self.finding(
                f"the loss is {alone.value.ravel()[0]:g} on a batch of one, finite on batches of 2, 3 and"
                f" {prober.inputs.typical_size} rows",
                _non_finite_op(prober) or return_location(prober),
                modes=modes,
                severity=Severity.NOTE if expected is None else None,
            )
        elif expected is not None and not is_same_value(np.mean(alone.value), np.mean(expected), 1e-3):
            yield self.finding(
                f"the first row's loss is {np.mean(alone.value):.3g} in a batch of one and"
                f" {np.mean(expected):.3g} in batches of 2, 3 and {prober.inputs.typical_size}",
                _squeezing_op(prober) or return_location(prober),
                modes=modes,
            )


def _loss_of_first_row(prober: Prober) -> np.ndarray | None:
    """What larger batches agree on; None where they do not, as with statistics of the batch."""
    sizes = {name: prober.inputs[name].size for name in (*_MORE, "typical")}
    values = {name: prober.eager(name).value for name in sizes}
    if all(value is not None and value.shape[:1] == (sizes[name],) for name, value in values.items()):
        rows = [value[0] for value in values.values() if value is not None]
        return rows[0] if all(is_same_value(rows[0], row) for row in rows[1:]) else None
    return None


def _squeezing_op(prober: Prober) -> Location | None:
    """The `tf.squeeze` without an axis: with an unknown batch size nobody knows how many axes it leaves."""
    ops = prober.flow(known_batch=False).ops
    for op in ops:
        is_of_inputs = op.from_y_true or op.from_y_pred
        if op.type == "Squeeze" and op.shape is None and is_of_inputs and op.reaches_output:
            return op.location
    return None


def _non_finite_op(prober: Prober) -> Location | None:
    op = prober.op(prober.values("head 1").non_finite_op, "head 1")
    return op.location if op else None
