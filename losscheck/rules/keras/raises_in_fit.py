"""LC601: `model.fit` raises, and no other rule explains it."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
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

    BAD = (
        """\
import tensorflow as tf

def strict_loss(y_true, y_pred):
    if y_pred.shape[0] is None:
        pass
    if y_true.name.startswith("compile_loss"):
        raise ValueError("not inside Keras")  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def strict_loss(y_true, y_pred):
    y_pred.shape.assert_is_compatible_with(y_true.shape)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
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
            has_line=raised.location is not None,
        )
