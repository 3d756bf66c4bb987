"""LC321: a statement computes something that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.probes.statements import is_never_read, statements_in
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Operations
from losscheck.rule import Rule

#: Operations that are called for what they do.
_ACTING = (
    "check_numerics",
    "ensure_shape",
    "print",
    "py_function",
    "numpy_function",
    "py_func",
    "cond",
    "while_loop",
)


class DiscardedResult(Rule):
    """A statement computes a tensor that nothing reads: it has no effect.

    ## What it does
    Looks in the traced graph for operations on `y_true`, `y_pred` or a variable whose results no
    operation reads and that do nothing else, and holds the statement against the source: an expression
    by itself, or a name that is never read.

    ## Why is this bad?
    Tensors do not change in place. `tf.clip_by_value(p, …)` by itself clips nothing, and a variable keeps
    its value unless `assign` is called: the loss goes on as if the statement were not there.

    ## References
    - https://www.tensorflow.org/guide/tensor
    - https://www.tensorflow.org/guide/variable
    """

    code = "LC321"
    name = "discarded-result"
    severity = Severity.WARNING
    hint = "Use the result: `p = tf.clip_by_value(p, …)`, `variable.assign(…)`; or remove the statement"
    requires = ("graph",)
    repro = Operations("op.type == {operation} and not any(x.consumers() for x in op.outputs)")

    BAD = (
        """\
import tensorflow as tf

def clipped_loss(y_true, y_pred):
    tf.clip_by_value(y_pred, -1.0, 1.0)  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

AVERAGE = tf.Variable(0.0, trainable=False)

def averaged_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    _ = 0.9 * AVERAGE + 0.1 * tf.reduce_mean(error)  # <-
    return error / (1.0 + AVERAGE)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def clipped_loss(y_true, y_pred):
    y_pred = tf.clip_by_value(y_pred, -4.0, 4.0)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def centred_loss(y_true, y_pred):
    tf.debugging.assert_all_finite(y_true, "labels")
    mean, _ = tf.nn.moments(y_true, axes=[-1], keepdims=True)
    return tf.reduce_mean(tf.square((y_true - mean) - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

AVERAGE = tf.Variable(0.0, trainable=False)

def averaged_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    AVERAGE.assign(0.9 * AVERAGE + 0.1 * tf.reduce_mean(error))
    return error / (1.0 + tf.stop_gradient(AVERAGE))
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a statement that computes a tensor, and a name for one that nobody reads."""
        message = "this computes a tensor, and nothing reads it"
        acting = {event.context.function for event in source.writes()}
        acting |= {
            c.context.function
            for c in source.calls()
            if c.operation in _ACTING or c.method.startswith("assign")
        }
        called = {call.node: call for call in source.calls()}
        for discard in source.discards():
            call = called.get(discard.node)
            is_acting = call is not None and (
                call.operation in _ACTING or call.receiver.code in acting - {None}
            )
            if discard.value.is_tensor and discard.value.is_of_batch and not is_acting:
                yield self.suspicion(message, source.location(discard.node))
        unread = {
            s.node for function in source.functions for s in statements_in(function) if is_never_read(s)
        }
        for bind in source.binds():
            if bind.node in unread and bind.value.kind is Kind.TENSOR and bind.value.is_of_batch:
                yield self.suspicion(message, source.location(bind.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each statement without effect."""
        for found in prober.discarded().discarded:
            yield self.finding(
                f"nothing reads what `{found.op_type}` gives here: the statement has no effect",
                found.location,
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                operation=found.op_type,
            )
