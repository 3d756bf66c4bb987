"""LC612: a `Loss` object without a reduction: `fit` reports the mean and descends the sum."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.loss import Kind
from losscheck.prober import Prober
from losscheck.reading.questions import constructions
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule

#: A factor below is float32 noise around one.
_NOISE = 1.01


class UnreducedLoss(Rule):
    """The `Loss` object is built with `reduction=None`: `fit` reports the mean and descends the sum.

    ## What it does
    Trains two equal models for one step, one with the object as it is and one with its mean, and divides
    their steps.

    ## Why is this bad?
    The gradient of a tensor is that of its sum: the step grows with the batch and with the number of pixels,
    while the loss that `fit` prints is the mean and looks ordinary.

    ## References
    - https://keras.io/api/losses/#base-loss-api
    """

    code = "LC612"
    name = "unreduced-loss"
    severity = Severity.WARNING
    hint = 'Build it with `reduction="sum_over_batch_size"`; no reduction is for a training loop of your own'
    requires = ("value",)
    supersedes = ("LC609",)
    repro = Special("unreduced")

    BAD = (
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __init__(self, name="squared_loss", reduction=None, **kwargs):
        super().__init__(name=name, reduction="none", **kwargs)  # <-

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)
""",
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)

squared_loss = SquaredLoss(reduction=None)  # <-
""",
    )
    GOOD = (
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __init__(self, name="squared_loss", reduction="sum_over_batch_size", **kwargs):
        super().__init__(name=name, reduction=reduction, **kwargs)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)
""",
        """\
import keras
import tensorflow as tf

squared_error = keras.losses.MeanSquaredError(reduction=None)

def replica_loss(y_true, y_pred):
    return tf.nn.compute_average_loss(squared_error(y_true, y_pred), global_batch_size=64)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a construction without a reduction; a note where there may be a training loop."""
        own_loop = any(word in source.text for word in ("GradientTape", "compute_average_loss", "distribute"))
        severity = Severity.NOTE if own_loop else Severity.WARNING
        message = "`fit` descends the sum and reports the mean"
        given = [(n, k.value) for n in constructions(source) for k in n.keywords if k.arg == "reduction"]
        if any(isinstance(value, ast.Constant) for _, value in given):
            for node, value in given:
                if _is_none(value):
                    yield self.suspicion(message, source.location(node), severity)
            return
        init = source.module.methods.get("__init__") if source.is_keras_loss else None
        if init is not None and source.loss.kind is Kind.CLASS:
            defaults = zip(reversed(init.args.args), reversed(init.args.defaults), strict=False)
            if any(argument.arg == "reduction" and _is_none(default) for argument, default in defaults):
                yield self.suspicion(message, source.location(init), severity)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Measure the step of an object that says that it does not reduce."""
        loss = prober.loss
        if not loss.is_keras_loss or getattr(loss.compiled, "reduction", "mean") not in (None, "none"):
            return
        seen = prober.unreduced()
        if seen.factor is None or seen.factor < _NOISE or seen.is_called_by_hand:
            return
        value = prober.eager().value
        reported = prober.fit().first_loss
        numbers = ""
        if value is not None and reported is not None:
            numbers = f", which is {reported:.4g} here, and descends the sum of {value.size} values"
        yield self.finding(
            f"`reduction={loss.compiled.reduction!r}`: `fit` reports the mean{numbers}: each step is"
            f" {seen.factor:.4g} times as large",
            loss.location if loss.kind is Kind.INSTANCE or seen.place is None else seen.place,
            modes=(Mode.FIT,),
            factor=round(seen.factor, 4),
        )


def _is_none(node: ast.expr) -> bool:
    """Whether an expression says that there is no reduction."""
    return isinstance(node, ast.Constant) and node.value in (None, "none")
