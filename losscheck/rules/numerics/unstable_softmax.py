"""LC502: the logarithm of a softmax or sigmoid overflows where the fused operation does not."""

from __future__ import annotations

import math
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Values
from losscheck.rule import Rule

_FUSED = {
    "Softmax": "`tf.nn.log_softmax`, `tf.nn.softmax_cross_entropy_with_logits` or `from_logits=True`",
    "Sigmoid": "`tf.math.log_sigmoid`, `tf.nn.sigmoid_cross_entropy_with_logits` or `from_logits=True`",
}


class UnstableSoftmax(Rule):
    """The logarithm of a softmax or sigmoid overflows where the fused operation does not.

    ## What it does
    Feeds each softmax or sigmoid that a logarithm reads, in the loss's own graph, with logits as far apart
    as a confident model gives them. It reports a loss that is NaN or infinite there, and a logarithm that
    ends at the one of an epsilon, where `log_softmax` and `log_sigmoid` give the exact number.

    ## Why is this bad?
    In float32 `1 - sigmoid(17)` is 0, and so is a softmax 104 below its largest entry. Behind an epsilon or
    a clip the loss is finite, and a confidently wrong prediction gets no gradient: it is never put right.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/nn/log_softmax
    - https://www.tensorflow.org/api_docs/python/tf/nn/sigmoid_cross_entropy_with_logits
    """

    code = "LC502"
    name = "unstable-softmax"
    severity = Severity.NOTE
    hint = "Take the logarithm of the logits: `tf.nn.log_softmax(x)`, `tf.math.log_sigmoid(x)`"
    requires = ("graph",)
    silences_at_line = ("LC207",)
    repro = Values(
        "not np.isfinite([second, fourth]).all()"
        " or np.any((first > 1) & (second < 1.5 * first)) or np.any((third > 1) & (fourth < 1.5 * third))",
        ("scaled 100", "scaled 200", "scaled -100", "scaled -200"),
    )

    BAD = (
        """\
import tensorflow as tf

def cross_entropy(y_true, y_pred):
    probabilities = tf.nn.softmax(y_pred, axis=-1)
    logs = tf.math.log(probabilities + 1e-7)  # <-
    return -tf.reduce_sum(y_true * logs, axis=-1)
""",
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    p = tf.clip_by_value(tf.sigmoid(y_pred), 1e-7, 1.0 - 1e-7)
    positive = y_true * tf.math.log(p)  # <-
    return -tf.reduce_mean(positive + (1.0 - y_true) * tf.math.log_sigmoid(-y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def cross_entropy(y_true, y_pred):
    return -tf.reduce_sum(y_true * tf.nn.log_softmax(y_pred, axis=-1), axis=-1)
""",
        """\
import tensorflow as tf

def entropy_bonus(y_true, y_pred):
    p = tf.nn.softmax(y_pred, axis=-1)
    entropy = -tf.reduce_sum(p * tf.math.log(p + 1e-8), axis=-1)
    return tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred) - 0.01 * entropy
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a logarithm of a softmax or sigmoid."""
        for call in source.calls("log"):
            if call.argument(0).activation:
                message = (
                    f"the logarithm of a {call.argument(0).activation} overflows where the fused one does not"
                )
                yield self.suspicion(message, source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each logarithm once."""
        if not any(op.type in ("Softmax", "Sigmoid") and op.from_y_pred for op in prober.flow().ops):
            return
        lines: set[int] = set()
        for seen in prober.unstable_logs().found:
            op = prober.op(seen.op)
            if op is None or op.location is None or op.location.line in lines:
                continue
            lines.add(op.location.line)
            name = seen.activation.lower()
            if math.isfinite(seen.value):
                what = f"ends at {seen.value:.4g} where the fused operation gives {-seen.gap:g}"
            else:
                what = f"is {seen.value}, and the loss with it; the fused operation gives {-seen.gap:g}"
            where = f"a logit of {seen.gap:g}" if name == "sigmoid" else f"logits {seen.gap:g} apart"
            yield self.finding(
                f"with {where} the logarithm of the {name} {what}",
                op.location,
                modes=(Mode.GRAPH,),
                hint=f"Take the logarithm of the logits: {_FUSED[seen.activation]}",
                value=seen.value,
                gap=seen.gap,
            )
