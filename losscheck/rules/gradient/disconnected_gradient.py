"""LC201: the gradient with respect to `y_pred` is None."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import FlowObservation
from losscheck.prober import Prober
from losscheck.reading.questions import gradient_cut, never_reads, shown
from losscheck.reading.source import Source
from losscheck.recipe import Gradients
from losscheck.rule import Rule

#: Operations that only pass a tensor on; a path reads better without them.
_PLUMBING = ("Placeholder", "Identity", "IdentityN", "Squeeze", "ExpandDims")


class DisconnectedGradient(Rule):
    """No gradient flows from the loss back to `y_pred`.

    ## What it does
    Asks a `GradientTape` for the gradient with respect to `y_pred`. Where it is None, the traced graph is
    searched for the operation whose output has a gradient and whose input has none.

    ## Why is this bad?
    `fit` raises "No gradients provided for any variable" and names neither the operation nor the line.
    Rounding, thresholds, `argmax`, casts to integers and `stop_gradient` have no gradient.

    ## References
    - https://www.tensorflow.org/guide/autodiff#getting_a_gradient_of_none
    """

    code = "LC201"
    name = "disconnected-gradient"
    severity = Severity.ERROR
    hint = "Replace this operation by a smooth one (a sigmoid for a threshold, probabilities for `argmax`)"
    requires = ("value",)
    repro = Gradients("slope is None")

    BAD = (
        """\
import tensorflow as tf

def error_rate_loss(y_true, y_pred):
    hard = tf.round(y_pred)  # <-
    return tf.reduce_mean(tf.abs(y_true - hard), axis=-1)
""",
        """\
import tensorflow as tf

def class_distance_loss(y_true, y_pred):
    true = tf.argmax(y_true, axis=-1)
    pred = tf.argmax(tf.nn.softmax(y_pred), axis=-1)  # <-
    return tf.abs(tf.cast(true, tf.float32) - tf.cast(pred, tf.float32))
""",
        """\
import tensorflow as tf

def label_norm_loss(y_true, y_pred):  # <-
    return tf.reduce_mean(tf.square(y_true), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    weight = tf.cast(y_true > 0.5, tf.float32) + 1.0
    return tf.reduce_mean(weight * tf.abs(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def hard_mining_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    hard = tf.stop_gradient(tf.cast(error > 0.1, tf.float32))
    return error * (1.0 + hard)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect an operation without a gradient on the only way from `y_pred` to the result."""
        cut = gradient_cut(source)
        if cut is not None and cut.cut is not None and not cut.is_flat_cut:
            yield self.suspicion(
                f"{shown(cut.cut)} lets no gradient through to `y_pred`", source.location(cut.cut)
            )
        elif never_reads(source, 1):
            yield self.suspicion(f"`{source.parameters[1].arg}` is never read", source.def_location())

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a gradient that is None, at the operation that cuts it."""
        eager = prober.gradient()
        if eager.raised is not None or eager.gradient is not None:
            return
        flow = prober.flow()
        cut = prober.op(flow.cut)
        uses = any(op.from_y_pred and op.reaches_output for op in flow.ops)
        modes = (Mode.GRADIENT, Mode.FIT)
        if flow.output is not None and not uses:
            yield self.finding(
                "the loss never uses `y_pred`: no operation leads from it to the loss",
                prober.loss.location,
                modes=modes,
                hint="Compute the loss from `y_pred`",
            )
            return
        where = f": `{cut.type}` passes none on" if cut else ""
        yield self.finding(
            f"the gradient with respect to `y_pred` is None{where}",
            (cut.location if cut else None) or prober.loss.location,
            modes=modes,
            path=path_words(flow),
        )


def path_words(flow: FlowObservation) -> str:
    """The path from `y_pred` to the loss in types of operations, with ✂ after the one that cuts it."""
    words: list[str] = []
    for index in flow.path:
        op = flow.ops[index]
        if op.type in _PLUMBING and index != flow.cut:
            continue
        words.append(op.type + (" ✂" if index == flow.cut else " →"))
    return " ".join(words).removesuffix("→").strip()
