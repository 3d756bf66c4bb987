"""LC703: an assertion inside the loss does nothing when XLA compiles it."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import PROVED_ON, Special
from losscheck.rule import Rule

_GUARDS = ("Assert", "CheckNumerics", "CheckNumericsV2")
#: Inputs that a guard is likely to be there for.
_OUTSIDE = ("nan predictions", "scaled 1000", "scaled -1000")


class GuardLostInXla(Rule):
    """A `tf.debugging.assert_*` or `check_numerics` of the loss is dropped when XLA compiles it.

    ## What it does
    Where the graph holds such a guard, looks for an input on which the plain graph raises, and runs the
    compiled loss on it.

    ## Why is this bad?
    On a machine with a GPU `fit` compiles by default: the guard that stopped the training on NaN is gone,
    and nothing says so.

    ## References
    - https://www.tensorflow.org/xla/known_issues
    """

    code = "LC703"
    name = "guard-lost-in-xla"
    severity = Severity.NOTE
    hint = "Stop on NaN with `keras.callbacks.TerminateOnNaN`, or compile with `jit_compile=False`"
    requires = ("value", "graph")
    repro = Special("guard", (PROVED_ON,))

    BAD = (
        """\
import tensorflow as tf

def guarded_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return tf.debugging.check_numerics(error, "the loss is not finite")  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def guarded_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return tf.where(tf.math.is_finite(error), error, 0.0)
""",
        """\
import tensorflow as tf

def ranked_loss(y_true, y_pred):
    tf.debugging.assert_rank(y_pred, 2)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a check of values; one of ranks, shapes or dtypes is done while the loss is traced."""
        for call in source.calls():
            is_check = call.operation.startswith("assert_") or call.operation == "check_numerics"
            is_static = call.operation.startswith(
                ("assert_rank", "assert_shape", "assert_type", "assert_same")
            )
            if is_check and not is_static and call.name.startswith("tensorflow."):
                yield self.suspicion(f"XLA drops `{call.shown}`", source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Look for an input that only the plain graph refuses."""
        guards = [op for op in prober.flow().ops if op.type in _GUARDS and op.location]
        if not guards or prober.xla().value is None:
            return
        names = [*_OUTSIDE, *(batch.name for batch in prober.edges())]
        stopped = (name for name in names if _is_stopped(prober, name) and prober.xla(name).value is not None)
        name = next(stopped, None)
        if name is None:
            return
        for place in dict.fromkeys(op.location for op in guards):
            assert place is not None
            yield self.finding(
                f"with {prober.inputs[name].words} the plain graph raises, compiled by XLA it goes on",
                place,
                modes=(Mode.XLA,),
                batch=name,
            )


def _is_stopped(prober: Prober, name: str) -> bool:
    raised = prober.graph(name, as_fit=True).raised
    return raised is not None and raised.is_a("InvalidArgumentError")
