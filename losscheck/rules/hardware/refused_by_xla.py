"""LC701: the loss and its gradient do not compile with XLA."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line
from losscheck.rules.hardware.replacements import replacement


class RefusedByXla(Rule):
    """XLA does not compile the loss with its gradient, which is what `fit` does where there is a GPU.

    ## What it does
    Compiles the loss and its gradient with `jit_compile=True` on the CPU and runs them once. Compiling may
    end the process (a list that grows in a loop does): that is a finding too.

    ## Why is this bad?
    `compile(jit_compile="auto")`, the default, is off on a machine without a GPU and on with one: the loss
    trains on the laptop and raises on the server. Keras looks at the layers for this, never at the loss.

    ## References
    - https://openxla.org/xla/tf2xla
    - https://keras.io/api/models/model_training_apis/
    """

    code = "LC701"
    name = "refused-by-xla"
    severity = Severity.WARNING
    hint = "Write it with operations that XLA compiles, or compile the model with `jit_compile=False`"
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def printing_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    tf.print("largest error", tf.reduce_max(error))  # <-
    return error
""",
        """\
import tensorflow as tf

def grouped_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    groups = tf.range(tf.shape(error)[0]) // 2
    return tf.math.segment_mean(error, groups)  # <-
""",
    )
    also = ("LC106",)  # the groups are no rows
    GOOD = (
        """\
import tensorflow as tf

def selected_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return tf.where(error < 10.0, error, tf.sqrt(error + 1.0))
""",
        """\
import tensorflow as tf

def grouped_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    groups = tf.range(tf.shape(error)[0]) // 2
    return error - 0.1 * tf.gather(tf.math.unsorted_segment_mean(error, groups, 64), groups)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect `tf.print` and the segment operations; a note where they stand in a branch."""
        for call in source.calls():
            is_segment = call.operation.startswith("segment_") or call.operation in (
                "unique",
                "unique_with_counts",
            )
            if call.name == "tensorflow.print" or is_segment:
                severity = Severity.NOTE if call.context.is_conditional else Severity.WARNING
                message = f"XLA refuses `{call.shown}`, and `fit` compiles with it where there is a GPU"
                yield self.suspicion(message, source.location(call.node), severity)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report what the compiler names, or that it ended the process."""
        ended = prober.evidence.process
        if ended is not None and ended.mode is Mode.XLA and ended.timed_out is None:
            yield self.finding(
                f"the process {ended.words} while XLA compiled the loss and its gradient",
                ended.location or prober.loss.location,
                modes=(Mode.XLA,),
                hint=replacement("TensorListReserve") if ended.location else None,
            )
        if prober.lacks("value"):
            return
        seen = prober.xla()
        if seen.raised is None:
            return
        lines: dict[Location, list[str]] = {}
        for refusal in seen.refusals:
            lines.setdefault(refusal.location or prober.loss.location, []).append(refusal.op)
        for place, ops in lines.items() or [(seen.raised.location or prober.loss.location, [])]:
            named = ", ".join(f"`{op}`" for op in dict.fromkeys(ops))
            yield self.finding(
                f"XLA does not compile {named}" if ops else f"XLA raises: {first_line(seen.raised)}",
                place,
                modes=(Mode.XLA,),
                hint=next(filter(None, map(replacement, ops)), None),
                error=first_line(seen.raised),
            )
