"""LC205: a custom gradient is not the gradient of its function."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Special
from losscheck.rule import Rule, return_location


class WrongGradient(Rule):
    """A custom gradient differs from the numeric gradient of its function.

    ## What it does
    Cuts each function with a `tf.custom_gradient` out of the traced graph, moves single entries of its
    arguments up and down, and compares. Entries near a kink, where two step sizes or the two sides
    disagree, are left out. A function that hands its input on unchanged (gradient reversal, clipping) has
    its gradient on purpose, and so has a slope given where the function is flat (straight-through rounding).

    ## Why is this bad?
    Training follows the gradient, not the loss: a missing factor changes the step, a wrong sign climbs, and
    a gradient that forgets its upstream ignores `sample_weight` and the mean over the batch.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/custom_gradient
    - https://www.tensorflow.org/api_docs/python/tf/test/compute_gradient
    """

    code = "LC205"
    name = "wrong-gradient"
    severity = Severity.ERROR
    hint = "Return `upstream` times the derivative, and check it with `tf.test.compute_gradient`"
    requires = ("gradient", "graph")
    repro = Special("numeric gradient")

    BAD = (
        """\
import tensorflow as tf

@tf.custom_gradient  # <-
def square(x):
    def grad(upstream):
        return upstream * x
    return tf.square(x), grad

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def _log_cosh(x):
    return tf.math.log(tf.cosh(x)), lambda upstream: tf.tanh(x)

log_cosh = tf.custom_gradient(_log_cosh)  # <-

def smooth_loss(y_true, y_pred):
    return tf.reduce_mean(log_cosh(y_pred - y_true), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

@tf.custom_gradient
def square(x):
    def grad(upstream):
        return upstream * 2.0 * x
    return tf.square(x), grad

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

@tf.custom_gradient
def rounded(x):
    return tf.round(x), lambda upstream: upstream

def rounded_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - rounded(y_pred)), axis=-1)
""",
        """\
import tensorflow as tf

@tf.custom_gradient
def reversed_gradient(x):
    return tf.identity(x), lambda upstream: -0.5 * upstream

def adversarial_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - reversed_gradient(y_pred)), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each custom gradient that the numeric one contradicts."""
        places = set()
        for wrong in prober.custom_gradients().wrong:
            place = wrong.location or return_location(prober)
            if place in places:
                continue
            places.add(place)
            yield self.finding(
                f"the custom gradient of `{wrong.function}` is {wrong.written:.4g} where the numeric gradient"
                f" is {wrong.numeric:.4g}",
                place,
                modes=(Mode.GRADIENT, Mode.FIT),
            )
