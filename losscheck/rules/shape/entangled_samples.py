"""LC108: the loss of one sample depends on another sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.batches import is_same_value
from losscheck.inputs.variants import KEPT_ROWS
from losscheck.prober import Prober
from losscheck.recipe import Values
from losscheck.rule import Rule, return_location
from losscheck.rules.shape.pairs import compares_samples


class EntangledSamples(Rule):
    """The loss of a sample changes when other samples of its batch change.

    ## What it does
    Puts two rows into another batch of the same size, at the same places, and compares their loss. The
    traced graph, run on both batches, shows the first operation that lets one row act on the others.

    ## Why is this bad?
    A statistic of the batch may be meant. Where it is not, `axis` is missing in a reduction: the loss of a
    sample changes with its neighbours, with the batch size and with shuffling, and a `sample_weight` of
    zero does not take a sample out.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC108"
    name = "entangled-samples"
    severity = Severity.NOTE
    hint = "Where samples should not see each other, reduce over the axes of one sample only (`axis=-1`)"
    requires = ("value",)
    supersedes = ("LC608",)
    repro = Values("not np.allclose(first[[2, 4]], second[[2, 4]], rtol=1e-4)", ("typical", "others changed"))

    BAD = (
        """\
import tensorflow as tf

def relative_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    largest = tf.reduce_max(error)  # <-
    return tf.reduce_mean(error / (largest + 1e-6), axis=-1)
""",
        """\
import tensorflow as tf

def smooth_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return tf.cumsum(error)  # <-
""",
    )
    also = ("LC704",)
    GOOD = (
        """\
import tensorflow as tf

def relative_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    largest = tf.reduce_max(error, axis=-1, keepdims=True)
    return tf.reduce_mean(error / (largest + 1e-6), axis=-1)
""",
        """\
import tensorflow as tf

def pairwise_ranking_loss(y_true, y_pred):
    true, pred = tf.reshape(y_true, [-1]), tf.reshape(y_pred, [-1])
    order = tf.sign(true[:, None] - true[None])
    return tf.reduce_mean(tf.nn.relu(0.1 - order * (pred[:, None] - pred[None])), axis=1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the loss of the same rows in two batches."""
        if prober.is_random or compares_samples(prober):
            return
        rows = prober.inputs.typical_size
        kept = list(KEPT_ROWS)
        before, after = prober.eager().value, prober.eager("others changed").value
        if before is None or after is None or before.shape != after.shape or before.shape[:1] != (rows,):
            return
        if rows <= max(kept) or not (np.isfinite(before).all() and np.isfinite(after).all()):
            return
        if is_same_value(before[kept], after[kept]) or _is_for_sample_weight(before, after):
            return
        sizes = np.abs(after[kept] - before[kept]).reshape(len(kept), -1).max(axis=1)
        worst = kept[int(np.argmax(sizes))]
        op = prober.op(prober.mixing().op)
        yield self.finding(
            f"row {worst} has the loss {np.mean(before[worst]):.4g} in one batch and"
            f" {np.mean(after[worst]):.4g} in another of {rows} rows"
            + (f": `{op.type}` takes the rows together" if op else ""),
            (op.location if op else None) or return_location(prober),
            modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
        )


def _is_for_sample_weight(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether all rows have one value, or the rows only change places: that is what LC608 speaks of."""
    moved = [any(np.allclose(row, other, rtol=1e-4) for other in after) for row in before]
    return bool(np.allclose(before, before[:1], rtol=1e-4)) or sum(moved) >= len(KEPT_ROWS)
