"""LC404: a guard such as an epsilon is 0 in float16, or a bound is 1, and guards nothing there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import PROVED_ON, Values, Way
from losscheck.rule import Rule


class VanishingEpsilon(Rule):
    """A guard constant is lost in float16, and what it guards is NaN or infinite there.

    ## What it does
    Looks for constants that float16 rounds to 0, 1 or -1. At the edges of the input where the loss is
    finite in float32 and not in float16, it puts a number that float16 can hold in the place of each: the
    constant whose change makes the loss finite again is the lost guard.

    ## Why is this bad?
    The smallest number of float16 is 6e-8, and the largest below 1 is 0.9995: `1e-8` is 0, `1 - 1e-7`
    is 1. A mixed-precision loop of your own meets the logarithm of zero that the guard was to prevent.

    ## References
    - https://www.tensorflow.org/guide/mixed_precision
    """

    code = "LC404"
    name = "vanishing-epsilon"
    severity = Severity.NOTE
    hint = "Cast to float32 before the guard: `y_pred = tf.cast(y_pred, tf.float32)`"
    requires = ("value",)
    repro = Values(
        "np.isfinite(first).all() and not np.isfinite(second).all()", (PROVED_ON,), (Way.EAGER, Way.HALF)
    )

    BAD = (
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    true = tf.cast(y_true, y_pred.dtype)
    p = tf.clip_by_value(y_pred, 1e-4, 1 - 1e-7)  # <-
    return -tf.reduce_mean(true * tf.math.log(p) + (1 - true) * tf.math.log(1 - p), axis=-1)
""",
        """\
import tensorflow as tf

def cosine_loss(y_true, y_pred):
    true = tf.cast(y_true, y_pred.dtype)
    size = tf.norm(true, axis=-1) * tf.sqrt(tf.reduce_sum(tf.square(y_pred), axis=-1))
    return 1.0 - tf.reduce_sum(true * y_pred, axis=-1) / tf.maximum(size, 1e-12)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    true = tf.cast(y_true, tf.float32)
    p = tf.clip_by_value(tf.cast(y_pred, tf.float32), 1e-4, 1 - 1e-7)
    return -tf.reduce_mean(true * tf.math.log(p) + (1 - true) * tf.math.log(1 - p), axis=-1)
""",
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    true = tf.cast(y_true, y_pred.dtype)
    p = tf.clip_by_value(y_pred, 1e-4, 1 - 1e-3)
    return -tf.reduce_mean(true * tf.math.log(p) + (1 - true) * tf.math.log(1 - p), axis=-1)
""",
        """\
import tensorflow as tf

def penalised_loss(y_true, y_pred):
    error = tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)
    return tf.reduce_mean(error + 1e-8, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Try the edges where a constant could be lost, until each such constant has shown itself."""
        suspects = {op.location for op in prober.flow().ops if op.vanishes_in_float16}
        lines: set[Location] = set()
        for name in ("typical", *(batch.name for batch in prober.edges())):
            if suspects <= lines:
                return
            half = prober.half(name)
            if half.value is None or half.is_finite or not prober.gradient(name).is_finite:
                continue
            seen = prober.half_values(name)
            for op in seen.vanished:
                place = op.location
                if place is None or place in lines or op.constant is None or seen.culprit is None:
                    continue
                lines.add(place)
                yield self.finding(
                    f"`{np.float32(op.constant)!s}` is {round(op.constant)} in float16: with"
                    f" {prober.inputs[name].words} `{seen.culprit.type}` is finite in float32 and not there",
                    place,
                    modes=(Mode.EAGER,),
                    batch=name,
                )
