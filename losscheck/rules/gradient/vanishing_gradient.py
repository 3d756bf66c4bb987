"""LC207: the gradient of sure and wrong predictions is lost, while the loss is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.wrong import SURE, wrong_predictions
from losscheck.observation import GradientObservation
from losscheck.prober import Prober
from losscheck.recipe import Gradients
from losscheck.rule import Rule, return_location

#: A gradient of a thousandth moves a weight a thousand times slower: in practice it stays.
_LOST = 1e-3
#: A quarter of the rows: a clip that saturates on one side only loses one of the two labels.
_SHARE = 0.25


class VanishingGradient(Rule):
    """The gradient is lost for predictions that are sure and wrong, while the loss is not.

    ## What it does
    Takes the gradient for wrong predictions in doubt (a logit of 1) and for sure ones (a logit of 20), and
    compares row by row. Where it falls to less than a thousandth and the loss does not fall, the graph is
    searched for the operation behind which it is lost. What the losses of Keras do inside is left alone.

    ## Why is this bad?
    The samples that a model gets most wrong teach it nothing, and it cannot come back. A squared error of
    a sigmoid saturates, and so does a clip of probabilities in front of a logarithm.

    ## References
    - https://www.deeplearningbook.org/contents/mlp.html (6.2.2)
    - https://www.tensorflow.org/api_docs/python/tf/nn/sigmoid_cross_entropy_with_logits
    """

    code = "LC207"
    name = "vanishing-gradient"
    severity = Severity.NOTE
    hint = "Take the cross-entropy of the logits, which has a gradient everywhere"
    requires = ("gradient", "graph")
    repro = Gradients(
        "np.mean(np.abs(other_slope) <= 1e-3 * np.abs(slope)) >= 0.25", ("doubtful", "surely wrong")
    )

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:binary y_pred=float32[B,1]:logits
    p = tf.sigmoid(y_pred)  # <-
    return tf.reduce_mean(tf.square(y_true - p), axis=-1)
""",
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-6, 1.0 - 1e-6)  # <-
    return -tf.reduce_mean(y_true * tf.math.log(p) + (1 - y_true) * tf.math.log(1 - p), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def logistic_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:binary y_pred=float32[B,1]:logits
    error = tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    return tf.reduce_mean(error, axis=-1)
""",
        """\
import keras

def binary_loss(y_true, y_pred):
    return 2.0 * keras.losses.binary_crossentropy(y_true, y_pred)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the operation behind which the gradient is lost."""
        typical = prober.inputs["typical"]
        if wrong_predictions(prober.inputs.task, typical.y_true, SURE) is None or not prober.is_steady:
            return
        doubtful = prober.gradient("doubtful", in_graph=True)
        sure = prober.gradient("surely wrong", in_graph=True)
        if not _is_useful(doubtful) or not _is_useful(sure) or _mean(sure) < _mean(doubtful):
            return
        before, after = _sizes(doubtful), _sizes(sure)
        rows = np.flatnonzero((before > 0) & (after <= _LOST * before))
        if len(rows) < _SHARE * len(before):
            return
        seen = prober.saturation(rows=tuple(int(row) for row in rows))
        if seen.op is None or seen.is_of_library:
            return
        yield self.finding(
            f"for sure and wrong predictions `{seen.op.type}` leaves a gradient of {after[rows].max():.2g},"
            f" in doubt it is {before[rows].max():.2g}; the loss is {_mean(sure):.4g} and"
            f" {_mean(doubtful):.4g}",
            seen.op.location or return_location(prober),
            modes=(Mode.GRADIENT, Mode.FIT),
        )


def _is_useful(seen: GradientObservation) -> bool:
    """Whether there is a finite gradient for each row; what Python computes comes back as one number."""
    gradient = seen.gradient
    return seen.is_finite and gradient is not None and gradient.ndim > 0 and bool(np.isfinite(gradient).all())


def _mean(seen: GradientObservation) -> float:
    assert seen.value is not None
    return float(np.mean(seen.value))


def _sizes(seen: GradientObservation) -> np.ndarray:
    """The largest entry of the gradient in each row."""
    assert seen.gradient is not None
    return np.asarray(np.abs(seen.gradient).reshape(len(seen.gradient), -1).max(axis=1))
