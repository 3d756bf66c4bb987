"""LC211: the gradient is exactly zero whenever `y_true` is all zero, and the loss is not at its minimum."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.batches import Batch
from losscheck.prober import Prober
from losscheck.recipe import Gradients
from losscheck.rule import Rule

_EMPTY = "y_true all zero"
_OTHER = "y_true all zero, other predictions"
_RATIOS = ("RealDiv", "Div", "DivNoNan", "Xdivy", "MulNoNan")
#: This near to a perfect prediction's a loss is at its minimum; this near to 0 it leaves empty rows out.
_NEAR = 0.01


class DeadAtEmptyTarget(Rule):
    """The gradient is exactly zero whenever `y_true` is all zero, and the loss is not at its minimum there.

    ## What it does
    Takes the gradient for labels that are all zero and two different predictions. It is reported where both
    are exactly zero, though the loss there is above that of a perfect prediction and not zero itself.

    ## Why is this bad?
    A Dice loss `1 - 2 I / (P + T)` is constant for an image without an object: whatever the model
    predicts there, nothing teaches it to predict nothing. False positives on empty images stay.

    ## References
    - https://arxiv.org/abs/1606.04797
    """

    code = "LC211"
    name = "dead-at-empty-target"
    severity = Severity.NOTE
    hint = "Add the constant to the numerator too: `(2 * intersection + smooth) / (total + smooth)`"
    requires = ("gradient",)
    repro = Gradients(
        "not np.any(slope) and np.mean(first) > np.mean(second)", ("y_true all zero", "perfect")
    )

    BAD = (
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):
    intersection = tf.reduce_sum(y_true * y_pred, axis=[1, 2, 3])
    total = tf.reduce_sum(y_true + y_pred, axis=[1, 2, 3])
    return 1.0 - 2.0 * intersection / (total + 1e-6)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):
    intersection = tf.reduce_sum(y_true * y_pred, axis=[1, 2, 3])
    total = tf.reduce_sum(y_true + y_pred, axis=[1, 2, 3])
    return 1.0 - (2.0 * intersection + 1.0) / (total + 1.0)
""",
        """\
import tensorflow as tf

def positive_error(y_true, y_pred):
    count = tf.reduce_sum(y_true, axis=[1, 2, 3])
    error = tf.reduce_sum(y_true * tf.square(y_true - y_pred), axis=[1, 2, 3])
    return tf.math.divide_no_nan(error, count)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a ratio that is constant for an empty target."""
        if prober.inputs.task.y_true.domain.name not in ("binary", "prob"):
            return
        flow = prober.flow()
        ratios = [op for op in flow.ops if op.type in _RATIOS and op.reaches_output and op.location]
        ratios = [op for op in ratios if op.from_y_true and op.from_y_pred]
        empty = next((edge for edge in prober.edges() if edge.name == _EMPTY), None)
        if not ratios or empty is None:
            return
        other = prober.inputs["repredicted"].y_pred
        prober.inputs.keep(Batch(_OTHER, _OTHER, empty.y_true, other, is_edge=True))
        values = [_dead_value(prober, name) for name in (_EMPTY, _OTHER)]
        best = prober.gradient("perfect", in_graph=True) if "perfect" in _names(prober) else None
        ordinary = prober.gradient(in_graph=True).gradient
        if None in values or best is None or best.value is None or not best.is_finite:
            return
        value, least = max(v for v in values if v is not None), float(best.value.mean())
        if abs(value) < _NEAR or value < least + _NEAR * (1 + abs(least)):
            return
        if ordinary is None or not ordinary.any():
            return
        place = ratios[0].location
        assert place is not None
        yield self.finding(
            f"with `y_true` all zero the gradient is exactly zero and the loss {value:.4g};"
            f" with a perfect prediction of other labels it is {least:.4g}",
            place,
            modes=(Mode.GRADIENT,),
            value=value,
            perfect=least,
        )


def _names(prober: Prober) -> set[str]:
    return {edge.name for edge in prober.edges()}


def _dead_value(prober: Prober, name: str) -> float | None:
    """The mean loss where the gradient is exactly zero; None where it is not."""
    seen = prober.gradient(name, in_graph=True)
    if seen.gradient is None or seen.value is None or not seen.is_finite or seen.gradient.any():
        return None
    return float(seen.value.mean())
