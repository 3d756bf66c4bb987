"""LC402: the loss takes integer labels and raises on the float32 labels that `fit` passes."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line


class LabelCast(Rule):
    """The loss works on integer labels and raises on the float32 labels that `fit` passes.

    ## What it does
    Calls a loss of class ids once with integer and once with float32 labels.

    ## Why is this bad?
    `fit` casts `y_true` to float32 before it calls the loss. `tf.one_hot` and `tf.gather` take integers
    only, so the loss passes in a test of its own and raises in training.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC402"
    name = "label-cast"
    severity = Severity.ERROR
    hint = "Cast the labels first: `y_true = tf.cast(y_true, tf.int32)`"
    supersedes = ("LC001", "LC107")
    silences_at_line = ("LC401",)
    repro = Raises("float labels", mode=Mode.EAGER)

    BAD = (
        """\
import tensorflow as tf

def sparse_loss(y_true, y_pred):
    hot = tf.one_hot(y_true, 4)  # <-
    return -tf.reduce_sum(hot * tf.math.log(y_pred + 1e-7), axis=-1)
""",
    )
    also = ("LC101",)
    GOOD = (
        """\
import tensorflow as tf

def sparse_loss(y_true, y_pred):
    labels = tf.reshape(tf.cast(y_true, tf.int32), [-1])
    return -tf.reduce_sum(tf.one_hot(labels, 4) * tf.math.log(y_pred + 1e-7), axis=-1)
""",
        """\
import tensorflow as tf

WEIGHTS = tf.constant([0.5, 1.0, 2.0, 1.0])

def weighted_loss(y_true, y_pred):  # losscheck: y_true=float32[B,4]:onehot y_pred=float32[B,4]:simplex
    weight = tf.gather(WEIGHTS, tf.argmax(y_true, axis=-1))
    return -weight * tf.reduce_sum(y_true * tf.math.log(y_pred + 1e-7), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect labels that nobody casts where integers are needed: `fit` passes them as float32."""
        for call in source.calls("one_hot", "gather", "sparse_softmax_cross_entropy_with_logits"):
            place, *names = (1, "indices") if call.operation == "gather" else (0, "indices", "labels")
            labels = call.argument(place, *map(str, names))
            is_float = labels.is_tensor and labels.dtype in ("", "float")
            if is_float and labels.of_true and not labels.of_pred and call.name.startswith("tensorflow."):
                message = f"`{call.shown}` needs integers, and `fit` passes the labels as float32"
                yield self.suspicion(message, source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare integer and float32 labels."""
        evidence = prober.evidence
        if evidence.takes_integers_only:
            raised = prober.eager("float labels").raised
        elif (
            prober.lacks("callable")
            or prober.inputs.task.y_true.is_float
            or prober.loss.is_keras_loss
            or prober.eager().raised is not None
        ):
            return
        else:
            raised = prober.eager("float labels").raised
        if raised is None:
            return
        yield self.finding(
            f"works on {prober.inputs.task.y_true.dtype} labels and raises on the float32 labels that `fit`"
            f" passes: {first_line(raised)}",
            raised.location or prober.loss.location,
            modes=(Mode.FIT,),
        )
