"""LC305: the loss creates a variable, layer, metric or optimizer in each call."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import EffectKind, Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Raises
from losscheck.rule import FailureRule

_ERROR = re.compile(
    r"singleton tf\.Variable|tf\.function-decorated function tried to create variables"
    r"|[Tt]ensor-typed variable initializers|[Cc]reating variables on a non-first call"
    r"|should not create variables|build\(\)` was called.*variables|Unable to lift tensor"
)
#: Layers with weights, by how their names begin.
_LAYERS = ("Dense", "Conv", "Embedding", "LSTM", "GRU", "BatchNorm", "LayerNorm", "MultiHead", "PReLU")


class VariableCreation(FailureRule):
    """A variable, layer, metric or optimizer is created in each call.

    ## What it does
    Records the variables that each eager call creates, and recognises TensorFlow's refusal to create them
    while a function is traced again.

    ## Why is this bad?
    A graph holds its variables; a loss that makes new ones raises in `fit`. Eagerly, its weights are new
    and untrained in each call.

    ## References
    - https://www.tensorflow.org/guide/function#creating_tfvariables
    """

    code = "LC305"
    name = "variable-creation"
    severity = Severity.ERROR
    hint = "Create it once, outside the loss; for an intermediate result use a plain tensor"
    supersedes = ("LC201", "LC208")
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def shifted_loss(y_true, y_pred):
    shift = tf.Variable(0.5)  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred + shift), axis=-1)
""",
        """\
import keras
import tensorflow as tf

def projected_loss(y_true, y_pred):
    layer = keras.layers.Dense(4)
    error = layer(y_true) - layer(y_pred)  # <-
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

SHIFT = tf.Variable(0.5, trainable=False)

def shifted_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred + SHIFT), axis=-1)
""",
        """\
import keras
import tensorflow as tf

class ShiftedLoss(keras.losses.Loss):
    shift = None

    def call(self, y_true, y_pred):
        if self.shift is None:
            self.shift = tf.Variable(0.5, trainable=False)
        error = tf.reshape(y_true, tf.shape(y_pred)) - y_pred + self.shift
        return tf.reduce_mean(tf.square(error), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a variable that is made, and a layer or metric that is made and used, in each call."""
        for call in source.calls():
            if call.context.is_conditional or call.context.is_row:
                continue
            made = (
                call.receiver.made_by
                if call.receiver.kind is Kind.OBJECT and not call.receiver.is_global
                else ""
            )
            kind = made.rpartition(".")[2]
            if call.value.kind is Kind.VARIABLE and call.value.made_by == call.name:
                yield self.suspicion(
                    f"`{call.shown}` makes a variable in each call", source.location(call.node)
                )
            elif made.startswith("keras.metrics.") or (
                made.startswith("keras.layers.") and kind.startswith(_LAYERS)
            ):
                yield self.suspicion(
                    f"a new `{kind}` makes its variables in each call", source.location(call.node)
                )

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise TensorFlow's refusal."""
        if mode is Mode.EAGER or not _ERROR.search(raised.message):
            return None
        return "creates a variable in each call, which a graph refuses after the first trace"

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the refusals; without one, nothing is wrong that a graph would show."""
        found: dict[Location, Finding] = {}
        for finding in super().check(prober):
            effects = prober.eager().effects
            made = [e.location for e in effects if e.kind is EffectKind.VARIABLE and e.location]
            place = made[0] if made and finding.location == prober.loss.location else finding.location
            modes = tuple(dict.fromkeys((*(found[place].modes if place in found else ()), *finding.modes)))
            found[place] = self.finding(finding.message, place, modes=modes)
        yield from found.values()
