"""LC109: the rank of the output is unknown in the graph."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Raises
from losscheck.rule import Rule, return_location


class UnknownOutputShape(Rule):
    """The rank of the output is unknown while the loss is traced, so that `fit` raises.

    ## What it does
    Traces the loss with an unknown batch size and looks for the operation whose output has no rank any
    more, such as `tf.py_function` or `tf.squeeze` without an axis.

    ## Why is this bad?
    Keras weights and averages the loss of each sample and needs to know its axes: "Cannot iterate over a
    shape with unknown rank".

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/ensure_shape
    """

    code = "LC109"
    name = "unknown-output-shape"
    severity = Severity.ERROR
    hint = "Say the axis (`tf.squeeze(x, axis=-1)`), or the shape (`loss = tf.ensure_shape(loss, [None])`)"
    requires = ("callable",)
    supersedes = ("LC601",)
    silences_at_line = ("LC103",)
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def column_loss(y_true, y_pred):
    error = tf.squeeze(tf.square(y_true - y_pred))  # <-
    return error * 0.5
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def column_loss(y_true, y_pred):
    error = tf.squeeze(tf.square(y_true - y_pred)[:, :1], axis=-1)
    return error * 0.5
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report an output without a rank, where `fit` raises for it."""
        traced = prober.graph(known_batch=False, as_fit=True)
        is_tensor = traced.returned is not None and traced.returned.kind == "tensor"
        if not is_tensor or traced.static_shape is not None or prober.fit().raised is None:
            return
        yield self.finding(
            "the rank of the output is unknown while the loss is traced, and `fit` raises",
            _losing_op(prober) or return_location(prober),
            modes=(Mode.FIT,),
        )


def _losing_op(prober: Prober) -> Location | None:
    """The first operation whose output has no rank, on the way to the loss."""
    ops = prober.flow(known_batch=False, shapes_only=True).ops
    return next((op.location for op in ops if op.shape is None and op.reaches_output and op.dtype), None)
