"""LC312: the loss writes files, or opens sockets or processes, when it is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import SideEffect, WhileTracing
from losscheck.rule import Rule

#: What a source side looks for.
_OUTSIDE = (
    "subprocess.",
    "os.system",
    "os.makedirs",
    "requests.",
    "urllib.request.",
    "socket.",
    "numpy.save",
    "pickle.dump",
)
_METHODS = ("write_text", "write_bytes", "to_csv", "savefig")


class InputOutput(Rule):
    """The loss writes to a file, or opens a socket or a process, when it is called.

    ## What it does
    Listens to Python's audit events and to writes on open files while `fit` traces the loss, and looks for
    a `tf.print` to a file in the traced graph.

    ## Why is this bad?
    Python's input and output happens once, while the loss is traced: a log gets one line for the whole
    training. A `tf.print` to a file happens at each step, on the machine that computes, and XLA refuses it.

    ## References
    - https://www.tensorflow.org/guide/function#executing_python_side_effects
    - https://keras.io/api/callbacks/csv_logger/
    """

    code = "LC312"
    name = "input-output"
    severity = Severity.WARNING
    hint = "Move it into a callback (`CSVLogger`, `TensorBoard`, `on_epoch_end`), or into a metric"
    requires = ("callable",)
    silences_at_line = ("LC701",)
    repro = WhileTracing(SideEffect.FILES)

    BAD = (
        """\
import os
import tensorflow as tf

def logged_loss(y_true, y_pred):
    with open(os.path.join(os.path.dirname(__file__), "loss.log"), "a") as log:  # <-
        log.write("step\\n")  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def shown_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    tf.print(tf.reduce_mean(error), output_stream="file:///dev/null")  # <-
    return error
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def shown_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    tf.debugging.assert_all_finite(error, "the loss is not finite")
    return error
""",
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    with open(__file__) as source:
        scale = 1.0 if source.readline() else 2.0
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a file that is opened for writing, a process or a connection."""
        for call in source.calls():
            texts = [value.text for value in call.given]
            is_open = call.name == "open" and any(set("wax+") & set(t) and len(t) <= 3 for t in texts)
            is_printed = call.operation == "print" and any(text.startswith("file://") for text in texts)
            is_null = "devnull" in ast.unparse(call.node) if is_open else False
            if (
                (is_open and not is_null)
                or is_printed
                or call.method in _METHODS
                or call.name.startswith(_OUTSIDE)
            ):
                message = f"`{call.shown}` runs while the loss is traced, and not on later steps"
                yield self.suspicion(
                    "the loss writes to a file" if is_printed else message, source.location(call.node)
                )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line with what it opened and wrote first."""
        effects = [effect for effect in prober.trace().effects if effect.kind is EffectKind.IO]
        for line in dict.fromkeys(effect.location and effect.location.line for effect in effects):
            first = next(effect for effect in effects if effect.location and effect.location.line == line)
            if first.location is None:
                continue
            is_op = first.detail.startswith("prints")
            when = "at each step" if is_op else "while the loss is traced, and not on later steps"
            yield self.finding(f"{first.detail} {when}", first.location, modes=(Mode.GRAPH, Mode.FIT))
