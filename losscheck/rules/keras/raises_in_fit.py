"""LC601: `model.fit` raises, and no other rule explains it."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line


class RaisesInFit(Rule):
    """`model.fit` raises with this loss, for a reason that no other rule names.

    ## What it does
    Compiles the loss into a small functional model and trains it for one epoch, the last batch partial.

    ## Why is this bad?
    This is the way in which nearly every loss is used.

    ## References
    - https://keras.io/api/models/model_training_apis/
    """

    code = "LC601"
    name = "raises-in-fit"
    severity = Severity.ERROR
    hint = "`fit` casts both arguments to float32, aligns their ranks and traces the loss with AutoGraph off"
    requires = ("callable",)
    is_fallback = True
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def mask_loss(y_true, y_pred):  # losscheck: y_true=float32[B,8,8]:binary y_pred=float32[B,8,8,1]:prob
    rows, height, width, channels = y_pred.shape  # <-
    error = tf.abs(tf.reshape(y_true, [-1, 64]) - tf.reshape(y_pred, [-1, height * width]))
    return tf.reduce_mean(error, axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def mask_loss(y_true, y_pred):  # losscheck: y_true=float32[B,8,8]:binary y_pred=float32[B,8,8,1]:prob
    error = tf.abs(tf.reshape(y_true, [-1, 64]) - tf.reshape(y_pred, [-1, 64]))
    return tf.reduce_mean(error, axis=-1)
""",
        """\
import tensorflow as tf

def mask_loss(y_true, y_pred):  # losscheck: y_true=float32[B,8,8]:binary y_pred=float32[B,8,8,1]:prob
    rows, height, width = y_true.shape
    error = tf.abs(tf.reshape(y_true - tf.reshape(y_pred, [-1, height, width]), [-1, height * width]))
    return tf.reduce_mean(error, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report what `fit` raises."""
        raised = prober.fit().raised
        if raised is None:
            return
        steps = prober.fit().steps
        when = f"after {steps} step{'s' * (steps != 1)}" if steps else "in the first step"
        yield self.finding(
            f"`model.fit` raises `{raised.type}` {when}: {first_line(raised)}",
            raised.location or prober.loss.location,
            modes=(Mode.FIT,),
        )
