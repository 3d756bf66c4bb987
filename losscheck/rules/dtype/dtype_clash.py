"""LC401: two dtypes inside the loss do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line

#: `Tidx` is the dtype of an axis: a tensor stands where an axis is meant.
_DTYPES = re.compile(
    r"was expected to be an? \w+ tensor but is an? \w+|[Tt]ensor conversion requested dtype"
    r"|has DataType \w+ not in|must have the same d?type|type \w+ of argument|that does not match type"
    r"|don't all match|requires? .* dtype|Value for attr '(?!Tidx)\w+' of \w+ is not in the list"
)


class DtypeClash(Rule):
    """An operation gets two dtypes that do not fit.

    ## What it does
    Recognises TensorFlow's dtype errors in `fit`, and in a direct call on the dtypes that you told.

    ## Why is this bad?
    TensorFlow never converts by itself. `fit` casts both arguments to float32, so a loss can train and
    still raise in a test or in a training loop of your own.

    ## References
    - https://www.tensorflow.org/guide/tensor#dtypes
    """

    code = "LC401"
    name = "dtype-clash"
    severity = Severity.ERROR
    hint = "Cast first: `y_true = tf.cast(y_true, y_pred.dtype)`"
    supersedes = ("LC001",)
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def counted_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    count = tf.shape(y_pred)[-1] - tf.cast(y_true[:, 0] * 0, tf.int32)
    return tf.reduce_sum(error, axis=-1) / count  # <-
""",
    )
    also = ("LC001",)
    GOOD = (
        """\
import tensorflow as tf

def counted_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    count = tf.cast(tf.shape(y_pred)[-1], error.dtype)
    return tf.reduce_sum(error, axis=-1) / count
""",
        """\
import tensorflow as tf

def counted_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    count = tf.math.count_nonzero(y_pred, axis=-1, dtype=error.dtype)
    return tf.reduce_sum(error, axis=-1) / tf.maximum(count, 1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect an operator between two tensors of different dtypes."""
        for event in source.arithmetic():
            dtypes = [event.left.dtype, event.right.dtype]
            if event.left.is_tensor and event.right.is_tensor and all(dtypes) and dtypes[0] != dtypes[1]:
                message = f"{dtypes[0]} and {dtypes[1]} do not mix without a cast"
                if "numpy_behavior" not in source.text:
                    yield self.suspicion(message, source.location(event.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the direct call on the told dtypes with `fit`."""
        if prober.batches is None:
            return
        raised = prober.telling_error() if not prober.evidence.is_callable else prober.fit().raised
        if raised is None or not _is_dtype_error(raised):
            return
        only_direct = prober.inputs.task.is_told and prober.fit().raised is None
        yield self.finding(
            ("a direct call raises, `fit` casts: " if only_direct else "the dtypes do not fit: ")
            + first_line(raised),
            raised.location or prober.loss.location,
            modes=(Mode.EAGER,) if only_direct else (Mode.EAGER, Mode.FIT),
            severity=Severity.NOTE if only_direct else Severity.ERROR,
        )


def _is_dtype_error(raised: Raised) -> bool:
    return bool(_DTYPES.search(raised.message))
