"""LC605: the loss cannot be called on `KerasTensor`s."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.installed import installed
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import Rule, code_at


class SymbolicInputRefused(Rule):
    """The loss raises on `KerasTensor`s, the inputs and outputs of a functional model.

    ## What it does
    Calls the loss on `keras.Input`s of the shapes that it takes.

    ## Why is this bad?
    `compile(loss=…)` does not need it. But `model.add_loss(my_loss(inputs, outputs))` and a loss that is
    part of a functional model do, and the ops of TensorFlow take no `KerasTensor`; those of `keras.ops` do.

    ## References
    - https://keras.io/api/ops/
    - https://keras.io/api/layers/base_layer/#addloss-method
    """

    code = "LC605"
    name = "symbolic-input-refused"
    severity = Severity.NOTE
    hint = "Write it with `keras.ops`, or call it inside the `call` of a `Layer` that hands it to `add_loss`"
    requires = ("graph",)
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    gap = y_true - y_pred
    return tf.reduce_mean(tf.square(gap), axis=-1)  # <-
""",
    )
    GOOD = (
        """\
from keras import ops

def squared_loss(y_true, y_pred):
    gap = y_true - y_pred
    return ops.mean(ops.square(gap), axis=-1)
""",
        """\
import keras

def huber_loss(y_true, y_pred):
    return 2.0 * keras.losses.huber(y_true, y_pred, delta=0.5)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect the first operation of TensorFlow that is handed `y_true` or `y_pred`."""
        for call in source.calls() if installed("keras") >= (3, 0) else ():
            is_raw = call.name.startswith("tensorflow.") and call.operation
            if is_raw and any(value.is_tensor and value.is_of_batch for value in call.given):
                yield self.suspicion(f"`{call.shown}` takes no `KerasTensor`", source.location(call.node))
                return

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the first operation that takes no `KerasTensor`."""
        raised = prober.symbolic().raised
        if raised is None or "KerasTensor" not in raised.message:
            return
        place = raised.location or prober.loss.location
        code = code_at(place)
        yield self.finding(
            f"raises `{raised.type}` on `KerasTensor`s"
            + (f" at `{code}`" if raised.location and code else "")
            + ": raw TensorFlow takes none, so it cannot be part of a functional model or of `add_loss`",
            place,
            modes=(Mode.SYMBOLIC,),
        )
