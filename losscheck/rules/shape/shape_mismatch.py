"""LC107: two shapes inside the loss do not fit."""

from __future__ import annotations

import re

from losscheck.finding import Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.recipe import Raises
from losscheck.rule import FailureRule, first_line

_SHAPES = re.compile(
    r"[Ii]ncompatible shapes|[Dd]imensions must be equal|must have the same shape|[Mm]atrix size-incompatible"
    r"|required broadcastable shapes|Shapes .* (are|must be) |shape mismatch|Inputs to .* must .* shape"
    r"|must be compatible in-graph|must be broadcastable|In\[0\] mismatch In\[1\]|ConcatOp : Dimension"
)


class ShapeMismatch(FailureRule):
    """An operation gets shapes that do not fit, on inputs of the loss's own kind.

    ## What it does
    Recognises TensorFlow's shape errors in each mode. A loss whose kind of input is unknown is left to
    `raises-in-eager`.

    ## Why is this bad?
    Training stops at the first batch, with an error that names an operation and not the line.

    ## References
    - https://www.tensorflow.org/guide/tensor#broadcasting
    """

    code = "LC107"
    name = "shape-mismatch"
    severity = Severity.ERROR
    hint = "Bring both operands to the same shape; for an elementwise product use `*`, not `tf.matmul`"
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):
    overlap = tf.reduce_sum(tf.matmul(y_true, y_pred))  # <-
    return 1 - 2 * overlap / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1.0)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):
    overlap = tf.reduce_sum(y_true * y_pred)
    return 1 - (2 * overlap + 1.0) / (tf.reduce_sum(y_true) + tf.reduce_sum(y_pred) + 1.0)
""",
        """\
import tensorflow as tf

def gram_loss(y_true, y_pred):
    true = tf.matmul(y_true, y_true, transpose_a=True)
    return tf.reduce_mean(tf.square(true - tf.matmul(y_pred, y_pred, transpose_a=True)))
""",
    )

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise a shape error."""
        if not _SHAPES.search(raised.message) or not _is_own_kind(prober):
            return None
        return f"the shapes do not fit: {first_line(raised)}"


def _is_own_kind(prober: Prober) -> bool:
    """Whether the inputs are those that the loss is made for: told, accepted, or named by the source."""
    if prober.evidence.is_callable or prober.inputs.task.is_told:
        return True
    spoken = " ".join((prober.loss.name, *prober.loss.source.names)).lower()
    return any(word in spoken for word in prober.inputs.task.words)
