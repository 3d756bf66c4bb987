"""LC606: the loss reads a `KerasTensor` of some model from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Observation, Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import ReturnsNoLoss
from losscheck.rule import Rule, first_line

_KERAS_TENSOR = "KerasTensor"


class CapturedSymbolicTensor(Rule):
    """The loss reads a `KerasTensor`: an input or a layer's output of some model, which holds no numbers.

    ## What it does
    Calls the loss on tensors. Where it then raises because of a `KerasTensor`, or gives one back, each line
    is looked at for the global, closure or attribute that brings it in.

    ## Why is this bad?
    A `KerasTensor` says what a layer will give, it is no value: the loss cannot be computed in any mode.
    Keras 1 and 2 had losses that closed over a layer's output, so much code on the web still does.

    ## References
    - https://keras.io/api/layers/base_layer/#addloss-method
    """

    code = "LC606"
    name = "captured-symbolic-tensor"
    severity = Severity.ERROR
    hint = "Give it to the loss by `y_true` or `y_pred`, or compute this term in a layer with `add_loss`"
    supersedes = ("LC001", "LC003", "LC317", "LC601")
    repro = ReturnsNoLoss()

    BAD = (
        """\
import keras
import tensorflow as tf

pixels = keras.Input((3,))
z_mean = keras.layers.Dense(2)(pixels)

def vae_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error + 0.5 * tf.reduce_sum(tf.square(z_mean), axis=-1)  # <-
""",
        """\
import keras
from keras import ops

class LatentLoss(keras.losses.Loss):
    def __init__(self, name="latent_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        images = keras.Input((3,))
        self.encoder = keras.Model(images, keras.layers.Dense(3)(images))

    def call(self, y_true, y_pred):
        y_true = ops.reshape(y_true, ops.shape(y_pred))
        latent = self.encoder.outputs[0]  # <-
        return ops.mean(ops.square(y_true - y_pred), axis=-1) + ops.mean(ops.square(latent))
""",
    )
    GOOD = (
        """\
import keras
import tensorflow as tf

pixels = keras.Input((3,))

def squared_loss(y_true, y_pred):
    width = pixels.shape[-1]
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) / width
""",
        """\
import keras
import tensorflow as tf

images = keras.Input((3,))
encoder = keras.Model(images, keras.layers.Dense(3, trainable=False)(images))

def perceptual_loss(y_true, y_pred):
    y_true = tf.reshape(y_true, [-1, 3])
    return tf.reduce_mean(tf.square(encoder(y_true) - encoder(tf.reshape(y_pred, [-1, 3]))), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect the read of a global that is an input, or a layer's output, of a functional model."""
        shapes = {id(node.value) for node in source.nodes if isinstance(node, ast.Attribute)}
        for read in source.reads():
            if read.value.kind is Kind.SYMBOLIC and id(read.node) not in shapes:
                message = f"`{read.name}` is a `KerasTensor` of a model, and holds no numbers"
                severity = Severity.NOTE if read.context.is_conditional else Severity.WARNING
                yield self.suspicion(message, source.location(read.node), severity)
            elif read.name.endswith((".outputs", ".inputs")):
                message = f"`{read.name}` are `KerasTensor`s where the model is a functional one"
                yield self.suspicion(message, source.location(read.node), Severity.NOTE)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Look for the read where the call shows that there is one."""
        if prober.batches is None:
            return
        returned = prober.eager().returned if prober.evidence.is_callable else None
        if prober.evidence.is_callable and (returned is None or returned.kind != _KERAS_TENSOR):
            return
        seen = prober.captured_symbol()
        raised = None if prober.evidence.is_callable else _error(prober, seen)
        if seen.place is None or (raised is None and returned is None):
            return
        outcome = "the call gives a `KerasTensor` back, no value"
        if raised is not None:
            outcome = f"the call raises `{raised.type}`, {first_line(raised).partition('. ')[0]}"
        yield self.finding(
            f"reads `{seen.name}`, a `KerasTensor` of some model, though it is called on tensors: {outcome}",
            seen.place,
            modes=(Mode.EAGER,),
            read=seen.name,
        )


def _error(prober: Prober, seen: Observation) -> Raised | None:
    """The error of a call on tensors that is about a `KerasTensor`."""
    raised = [seen.raised, *(attempt.observation.raised for attempt in prober.evidence.attempts)]
    return next((error for error in raised if error and _KERAS_TENSOR in error.message), None)
