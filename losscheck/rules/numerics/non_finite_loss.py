"""LC501: the loss itself is NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.rule import Rule, return_location

_ORDINARY = ("typical", "other_size")


class NonFiniteLoss(Rule):
    """The loss is NaN or infinite.

    ## What it does
    Evaluates the loss eagerly and in a graph (they differ: a graph folds constants) on ordinary batches
    and at the edges that training reaches: exact 0 and 1 (a float32 sigmoid gives them), `y_pred` equal to
    `y_true`, labels of one class, no row that survives a mask, saturated logits.

    ## Why is this bad?
    One NaN ends a training: every weight becomes NaN in the next step.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/debugging/enable_check_numerics
    """

    code = "LC501"
    name = "non-finite-loss"
    severity = Severity.ERROR
    hint = (
        "Clip before a logarithm (`tf.clip_by_value(p, 1e-7, 1 - 1e-7)`); `tf.math.divide_no_nan` for a mean"
    )
    requires = ("value", "gradient")
    silences_at_line = ("LC103", "LC204")

    BAD = (
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    log_p = tf.math.log(y_pred)  # <-
    log_q = tf.math.log(tf.maximum(1.0 - y_pred, 1e-7))
    return -tf.reduce_mean(y_true * log_p + (1.0 - y_true) * log_q, axis=-1)
""",
        """\
import tensorflow as tf

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0, tf.float32)
    error = tf.reduce_sum(mask * tf.abs(y_true - y_pred), axis=-1)
    return error / tf.reduce_sum(mask, axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return -tf.reduce_mean(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p), axis=-1)
""",
        """\
import tensorflow as tf

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0, tf.float32)
    error = tf.reduce_sum(mask * tf.abs(y_true - y_pred), axis=-1)
    return tf.math.divide_no_nan(error, tf.reduce_sum(mask, axis=-1))
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most ordinary input with a bad value, for each line."""
        lines: set[int] = set()
        names = [(name, False) for name in _ORDINARY] + [(batch.name, True) for batch in prober.edges()]
        for name, is_edge in names:
            seen = ((Mode.EAGER, prober.gradient(name)), (Mode.GRAPH, prober.gradient(name, in_graph=True)))
            modes = [mode for mode, found in seen if found.value is not None and not found.is_finite]
            if not modes:
                continue
            op = prober.op(prober.values(name).non_finite_op, name) if name != "other_size" else None
            if op is not None and op.type == "Placeholder":
                op = None  # the input itself: the loss only passes it on
            place = (op.location if op else None) or return_location(prober)
            if place.line in lines:
                continue
            lines.add(place.line)
            only = (
                "" if len(modes) == 2 else f" (only {'eagerly' if modes == [Mode.EAGER] else 'in a graph'})"
            )
            where = f": `{op.type}` makes it" if op else ""
            yield self.finding(
                f"the loss is not finite{only} with {prober.inputs[name].words}{where}",
                place,
                modes=(*modes, Mode.FIT) if Mode.GRAPH in modes else tuple(modes),
                severity=Severity.WARNING if is_edge else Severity.ERROR,
                input=prober.inputs[name].words,
            )
            if not is_edge:
                return
