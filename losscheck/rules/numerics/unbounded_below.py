"""LC503: the loss falls without bound along some direction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from losscheck.finding import Finding, Mode, Severity
from losscheck.hunting import is_large
from losscheck.prober import Prober
from losscheck.recipe import Special
from losscheck.rule import Rule, return_location

#: From one step to the next, ten times as long, a linear loss falls to ten times its value.
_FALL = 5.0
_LIKELIHOOD = re.compile(
    r"nll|likelihood|gauss|mixture|density|log_?prob|log_?var|log_?sigma|log_?std|log_?scale|wasserstein"
    r"|critic|elbo|evidence|normal_?dist|laplac|distribution|dirichlet|discriminator|generator|hutchinson",
    re.IGNORECASE,
)


class UnboundedBelow(Rule):
    """The loss falls without bound along some direction of the predictions.

    ## What it does
    Evaluates the loss far out on straight lines through ordinary predictions: scaled, shifted, and down the
    gradient. It is reported where it is negative and falls as fast as the step grows, over three decades.

    ## Why is this bad?
    Training never ends: the model makes its outputs larger instead of better, until they overflow. A margin
    without `tf.maximum(…, 0)` and a sign that is turned round are the usual causes.

    ## References
    - https://en.wikipedia.org/wiki/Triplet_loss
    """

    code = "LC503"
    name = "unbounded-below"
    severity = Severity.NOTE
    hint = "Bound it from below (`tf.maximum(…, 0.0)`, a margin), or normalise `y_pred`"
    requires = ("gradient",)
    repro = Special("falls")

    BAD = (
        """\
import tensorflow as tf

def triplet_loss(y_true, y_pred):
    anchor, positive, negative = y_pred[:, :8], y_pred[:, 8:16], y_pred[:, 16:24]
    near = tf.reduce_sum(tf.square(anchor - positive), axis=-1)
    far = tf.reduce_sum(tf.square(anchor - negative), axis=-1)
    return near - far + 0.2  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def triplet_loss(y_true, y_pred):
    anchor, positive, negative = y_pred[:, :8], y_pred[:, 8:16], y_pred[:, 16:24]
    near = tf.reduce_sum(tf.square(anchor - positive), axis=-1)
    far = tf.reduce_sum(tf.square(anchor - negative), axis=-1)
    return tf.maximum(near - far + 0.2, 0.0)
""",
        """\
import tensorflow as tf

def cosine_loss(y_true, y_pred):
    a = tf.math.l2_normalize(y_true, axis=-1)
    b = tf.math.l2_normalize(y_pred, axis=-1)
    return -tf.reduce_sum(a * b, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the first direction."""
        if is_large(prober):
            return
        source = prober.loss.source
        words = " ".join((prober.loss.name, source.docstring, *source.names))
        if prober.inputs.task.y_pred.domain.name not in ("real", "logits") or _LIKELIHOOD.search(words):
            return
        seen = prober.directions(is_told=prober.inputs.task.is_told)
        for direction, values in seen.lines:
            if values[0] < -1 and all(later < _FALL * sooner for sooner, later in pairwise(values)):
                steps = f"{seen.steps[0]:g} and {seen.steps[-1]:g}"
                yield self.finding(
                    f"the loss falls without bound: it is {values[0]:.3g} and {values[-1]:.3g} with"
                    f" `y_pred` {direction} {steps}",
                    return_location(prober),
                    modes=(Mode.GRAPH,),
                    direction=direction,
                    values=list(values),
                )
                return
