"""LC609: `fit` and `evaluate` report another loss than a direct call gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import EffectKind, Observation
from losscheck.prober import Prober
from losscheck.recipe import Values, Way
from losscheck.rule import Rule, return_location

#: float32 noise of a mean is a hundred times smaller.
_TOLERANCE = 1e-3


class FitValueMismatch(Rule):
    """The loss that `fit` reports on a batch is not the one that a direct call gives.

    ## What it does
    Compares the loss of the first batch in `model.fit`, on a model that gives its input back, with the mean
    of a direct call on the same arrays. The same cast by hand, and a trace with an unknown batch size, tell
    what the reason is; without one of them it says nothing.

    ## Why is this bad?
    `fit` casts both arguments to float32 and does not know the batch size. A loss that looks at the dtype of
    the labels, or at `y_pred.shape[0]`, is another one in training than in a unit test, and nothing raises.

    ## References
    - https://keras.io/api/models/model_training_apis/
    """

    code = "LC609"
    name = "fit-value-mismatch"
    severity = Severity.WARNING
    hint = "Cast in the first line, so that every caller gets the same: `tf.cast(y_true, y_pred.dtype)`"
    requires = ("graph",)
    repro = Values("not np.allclose(first.mean(), second, rtol=1e-3)", ways=(Way.EAGER, Way.FIT))

    BAD = (
        """\
import tensorflow as tf

def halved_loss(y_true, y_pred):  # losscheck: y_true=int32[B,3]:labels<8 y_pred=float32[B,3]
    half = y_true // 2 if y_true.dtype.is_integer else y_true / 2
    return tf.reduce_mean(tf.square(tf.cast(half, tf.float32) - y_pred), axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def halved_loss(y_true, y_pred):  # losscheck: y_true=int32[B,3]:labels<8 y_pred=float32[B,3]
    half = tf.cast(y_true, tf.float32) / 2
    return tf.reduce_mean(tf.square(half - y_pred), axis=-1)
""",
        """\
import keras
import tensorflow as tf

class SummedLoss(keras.losses.Loss):
    def __init__(self, name="summed_loss", reduction="sum", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true, y_pred):
        y_true = tf.reshape(y_true, tf.shape(y_pred))
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare `fit`'s first loss with the direct call, where nothing else could explain a difference."""
        direct, reported = _direct(prober), prober.fit().first_loss
        if direct is None or reported is None or not np.isfinite(reported) or _is_close(direct, reported):
            return
        message = f"`model.fit` reports {reported:.4g} on this batch, a direct call gives {direct:.4g}"
        labels = prober.inputs["typical"].y_true.dtype
        if _gives(prober.eager("float labels"), reported, prober):
            yield self.finding(
                f"{message}: `fit` casts the {labels} labels to float32",
                return_location(prober),
                modes=(Mode.FIT,),
                severity=None
                if prober.inputs.task.is_told
                else Severity.NOTE,  # a guess of the labels' dtype
            )
        elif _gives(prober.graph(known_batch=False), reported, prober):
            yield self.finding(
                f"{message}: `fit` traces it with a batch size of None",
                return_location(prober),
                modes=(Mode.FIT,),
                hint="Take the batch size from `tf.shape(y_pred)[0]`, not from `y_pred.shape[0]`",
            )


def _direct(prober: Prober) -> float | None:
    """What a direct call gives; None where it gives no one value, or another rule speaks of that."""
    eager, traced = prober.eager(), prober.graph()
    moves = any(effect.kind in (EffectKind.STATE, EffectKind.RANDOM) for effect in eager.effects)
    if eager.value is None or not eager.is_finite or traced.value is None or moves or prober.is_random:
        return None
    if prober.loss.is_keras_loss and prober.weighted().call is not None:
        return None  # its own `__call__` is what LC607 looks at
    direct = _reduced(eager.value, prober)
    return direct if _is_close(direct, _reduced(traced.value, prober)) else None


def _gives(seen: Observation, reported: float, prober: Prober) -> bool:
    """Whether the loss called in this way gives what `fit` reports."""
    return seen.value is not None and _is_close(_reduced(seen.value, prober), reported)


def _reduced(value: np.ndarray, prober: Prober) -> float:
    """What Keras makes of the values of the rows."""
    is_summed = getattr(prober.loss.compiled, "reduction", "mean") == "sum"
    return float(value.sum() if is_summed else value.mean())


def _is_close(left: float, right: float) -> bool:
    return abs(left - right) <= _TOLERANCE * max(1.0, abs(left), abs(right))
