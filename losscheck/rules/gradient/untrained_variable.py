"""LC208: the loss reads a trainable variable that no model owns."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Special
from losscheck.rule import Rule


class UntrainedVariable(Rule):
    """The loss depends on a trainable `tf.Variable` that no Keras model or layer owns.

    ## What it does
    Looks in the traced graph for the trainable variables that the loss has a gradient through, and among
    all layers and models that are alive for their owner. A variable that the user's code assigns to, or
    hands to an optimizer of its own, is left alone.

    ## Why is this bad?
    `fit` updates the weights of the model and no other variable. A weight of the loss that was meant to be
    learned keeps its first value, and nothing is raised.

    ## References
    - https://keras.io/guides/making_new_layers_and_models_via_subclassing/
    - https://arxiv.org/abs/1705.07115
    """

    code = "LC208"
    name = "untrained-variable"
    severity = Severity.WARNING
    hint = "Make it a weight of a layer of the model (`add_weight`), or a constant or `trainable=False`"
    requires = ("graph",)
    repro = Special("watched variables")

    BAD = (
        """\
import tensorflow as tf

LOG_VARIANCE = tf.Variable(0.3)  # <-

def uncertain_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return tf.exp(-LOG_VARIANCE) * error + LOG_VARIANCE
""",
        """\
import keras
import tensorflow as tf

class ScaledLoss(keras.losses.Loss):
    def __init__(self, name="scaled_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = tf.Variable([1.0, 2.0, 0.5])  # <-

    def call(self, y_true, y_pred):
        return tf.reduce_mean(self.scale * tf.abs(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

WEIGHT = tf.Variable(0.3, trainable=False)

def weighted_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return WEIGHT * error
""",
        """\
import keras
import tensorflow as tf

SCALE = keras.layers.Dense(3, use_bias=False)
SCALE.build((None, 3))
KERNEL = SCALE.kernel

def projected_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.matmul(y_true - y_pred, KERNEL)), axis=-1)
""",
        """\
import tensorflow as tf

WEIGHT = tf.Variable(0.1)

def on_epoch_end(epoch):
    WEIGHT.assign(0.1 * (epoch + 1))

def annealed_loss(y_true, y_pred):
    return WEIGHT * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each variable that is read and never trained."""
        if prober.loss.left_out:  # so is, perhaps, what trains it
            return
        places = set()
        for variable in prober.untrained().variables:
            place = variable.location or prober.loss.location
            if place in places:
                continue
            places.add(place)
            yield self.finding(
                f"`{variable.name}` of shape {variable.shape} is trainable and belongs to no model or layer:"
                " `fit` never updates it" + ("; its value is a setting" if variable.is_setting else ""),
                place,
                modes=(Mode.GRADIENT, Mode.FIT),
                severity=Severity.NOTE if variable.is_setting else None,
                shape=variable.shape,
            )
