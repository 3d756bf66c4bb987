"""LC406: the loss is finite in float32 and NaN or infinite in float16, on the same ordinary input."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Values, Way
from losscheck.rule import Rule, return_location


class HalfPrecisionOverflow(Rule):
    """The loss is finite in float32 and NaN or infinite in float16, on the same ordinary input.

    ## What it does
    Calls the loss directly on an ordinary batch with float32 and with float16 predictions, and looks in
    the float16 graph for the first operation that is not finite.

    ## Why is this bad?
    float16 ends at 65504: a sum over an image, a scale of a thousand or an `exp` passes it. Nothing
    raises; loss scaling then skips the step, or the weights become NaN.

    ## References
    - https://www.tensorflow.org/guide/mixed_precision#loss_scaling
    """

    code = "LC406"
    name = "half-precision-overflow"
    severity = Severity.NOTE
    hint = "Cast before this line: `y_pred = tf.cast(y_pred, tf.float32)`, or take a mean instead of a sum"
    requires = ("value",)
    repro = Values("np.isfinite(first).all() and not np.isfinite(second).all()", ways=(Way.EAGER, Way.HALF))

    BAD = (
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    error = tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)
    return tf.reduce_sum(6e4 * error, axis=-1) / 6e4  # <-
""",
        """\
import tensorflow as tf

def quartic_loss(y_true, y_pred):
    error = 64.0 * (tf.cast(y_true, y_pred.dtype) - y_pred)
    squared = tf.square(error)
    quartic = tf.square(squared)  # <-
    return tf.reduce_mean(quartic, axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    error = tf.square(tf.cast(y_true, tf.float32) - tf.cast(y_pred, tf.float32))
    return tf.reduce_sum(6e4 * error, axis=-1) / 6e4
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    error = tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)
    return 1e3 * tf.reduce_mean(error, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the two precisions on the ordinary batch."""
        half = prober.half()
        if half.value is None or half.is_finite or not prober.eager().is_finite:
            return
        seen = prober.half_values()
        if seen.vanished:
            return  # a guard that float16 cannot hold: `vanishing-epsilon`
        where = f": `{seen.culprit.type}` is the first that is not" if seen.culprit else ""
        yield self.finding(
            f"finite in float32 and not in float16 on {prober.inputs['typical'].words}{where}",
            (seen.culprit.location if seen.culprit else None) or return_location(prober),
            modes=(Mode.EAGER,),
        )
