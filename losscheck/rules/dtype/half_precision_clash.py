"""LC403: the loss raises on half-precision predictions."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.recipe import Raises, Recipe
from losscheck.rule import Rule, first_line

_HALF = ("float16", "bfloat16")


class HalfPrecisionClash(Rule):
    """The loss raises when `y_pred` is float16 or bfloat16, and not when it is float32.

    ## What it does
    Calls the loss directly with float16 and with bfloat16 predictions and unchanged labels.

    ## Why is this bad?
    Under `mixed_float16` and `mixed_bfloat16` a model gives half-precision predictions. `fit` casts them
    to float32 before it calls the loss; in a training loop of your own the loss gets them as they are.

    ## References
    - https://www.tensorflow.org/guide/mixed_precision
    """

    code = "LC403"
    name = "half-precision-clash"
    severity = Severity.NOTE
    hint = "Cast first: `y_true = tf.cast(y_true, y_pred.dtype)`, or `y_pred = tf.cast(y_pred, tf.float32)`"
    requires = ("value",)
    repro = Raises(dtype="float16")

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = y_true - y_pred  # <-
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
        """\
import tensorflow as tf

WEIGHT = tf.constant([0.3])

def scaled_loss(y_true, y_pred):
    error = tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)
    return tf.reduce_mean(WEIGHT * error, axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.cast(y_true, y_pred.dtype) - y_pred
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = y_true - tf.cast(y_pred, tf.float32)
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
        """\
import keras
import tensorflow as tf

class SquaredError(keras.losses.Loss):
    def call(self, y_true, y_pred):
        y_true = tf.reshape(y_true, tf.shape(y_pred))
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: the call on predictions of the first dtype that raises."""
        return Raises(dtype=str(finding.evidence["dtypes"][0]))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line that raises, with the dtypes on which it does."""
        if prober.inputs["typical"].y_pred.dtype != "float32":
            return
        found: dict[Location, tuple[Raised, list[str]]] = {}
        for dtype in _HALF:
            raised = prober.half(dtype=dtype).raised
            if raised is not None:
                found.setdefault(raised.location or prober.loss.location, (raised, []))[1].append(dtype)
        for place, (raised, dtypes) in found.items():
            yield self.finding(
                f"raises `{raised.type}` on {' and '.join(dtypes)} predictions, as a mixed-precision loop of"
                f" your own passes them (`fit` casts): {first_line(raised)}",
                place,
                modes=(Mode.EAGER,),
                dtypes=dtypes,
            )
