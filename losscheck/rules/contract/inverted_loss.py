"""LC006: the loss is highest where the prediction is right."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.draw import perfect_prediction
from losscheck.prober import Prober
from losscheck.recipe import Values
from losscheck.rule import Rule, return_location

#: Domains of `y_pred` and of the `y_true` that it predicts: the right prediction is equal to it.
_SAME = {
    "real": ("real",), "positive": ("positive",), "interval": ("interval",), "prob": ("prob", "binary"),
    "simplex": ("simplex", "onehot", "labels"),
}  # fmt: skip
#: Words of losses that are high at `y_pred == y_true` because they shall be.
_MEANT = re.compile(
    r"margin|contrast|siamese|triplet|embedding|anchor|dissimilar|adversar|discriminat|critic|generator"
    r"|wasserstein|revers|decorrel|orthogon|fairness|independen|complement|unlikelihood|unlearn|forget"
    r"|negative_learning|ascent|reward|polic(y|ies)|novelty|repel|repuls",
    re.I,
)
_WRONG = ("typical", "repredicted", "turned", "half right")
#: Smallest cosine of the angle between a step and the way that leads from the right prediction.
_AWAY = 0.1


class InvertedLoss(Rule):
    """The loss is highest at `y_pred == y_true`, and each step of training leads away from it.

    ## What it does
    Compares the loss at `y_pred == y_true` with the loss at several wrong predictions and on the way to
    them, and asks the gradient on which side of a wrong prediction a step of training leads.

    ## Why is this bad?
    `fit` minimises. What returns a score (accuracy, Dice, a similarity) or a negative error teaches the
    model to be wrong, while the reported loss falls as it should.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC006"
    name = "inverted-loss"
    severity = Severity.WARNING
    hint = "Return what is lower for a better prediction: `1 - score`, or the error without the minus"
    requires = ("value", "gradient")
    supersedes = ("LC503",)
    silences_at_line = ("LC207",)
    repro = Values("first.mean() > second.mean()", ("right", "typical"))

    BAD = (
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):  # losscheck: y_true=float32[B,6]:binary y_pred=float32[B,6]:prob
    overlap = tf.reduce_sum(y_true * y_pred, axis=-1)
    total = tf.reduce_sum(y_true + y_pred, axis=-1)
    return (2.0 * overlap + 1.0) / (total + 1.0)  # <-
""",
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return -tf.reduce_mean(error, axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):  # losscheck: y_true=float32[B,6]:binary y_pred=float32[B,6]:prob
    overlap = tf.reduce_sum(y_true * y_pred, axis=-1)
    total = tf.reduce_sum(y_true + y_pred, axis=-1)
    return -(2.0 * overlap + 1.0) / (total + 1.0)
""",
        """\
import tensorflow as tf

def wasserstein_loss(y_true, y_pred):
    return tf.reduce_mean(y_true * y_pred, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the right prediction with wrong ones, then ask where a step leads."""
        if not _is_prediction(prober) or _is_meant(prober) or not prober.is_steady:
            return
        right = _mean(prober, "right")
        noise = 1e-3 * max(1e-3, abs(right))
        if not all(right > _mean(prober, name) + noise for name in _WRONG):
            return  # as with NaN
        others = ["nearly right"]
        if prober.inputs.task.y_pred.domain.name in ("real", "positive"):
            others.append("beyond right")
        others += [batch.name for batch in prober.edges() if batch.name.startswith("y_pred")]
        if any(_mean(prober, name) >= right - noise / 10 for name in others):
            return  # it rises beyond the right prediction, as a product does: no top there
        if not all(_leads_away(prober, name) for name in ("typical", "repredicted", "turned")):
            return
        worst = max(_mean(prober, name) for name in _WRONG)
        yield self.finding(
            f"with the right `y_pred` the loss is {right:.4g}, with wrong ones at most {worst:.4g}: a step of"
            " training leads away from `y_true`",
            return_location(prober),
            modes=(Mode.EAGER, Mode.GRADIENT, Mode.FIT),
        )


def _is_prediction(prober: Prober) -> bool:
    """Whether `y_pred` is a guess of what `y_true` holds."""
    task = prober.inputs.task
    domains = _SAME.get(task.y_pred.domain.name, ())
    is_same = task.y_true.domain.name in domains and not task.is_embedding
    return is_same and perfect_prediction(task, prober.inputs["typical"].y_true) is not None


def _is_meant(prober: Prober) -> bool:
    """Whether the source speaks of a margin and the like, or the graph has one: a hinge at zero."""
    facts, ops = prober.loss.source, prober.flow().ops
    if _MEANT.search(" ".join((prober.loss.name, facts.docstring, *facts.names))):
        return True
    for op in ops:
        if not (op.from_y_pred and op.reaches_output) or op.type not in ("Relu", "Maximum"):
            continue
        types = [ops[i].type for i in op.inputs]
        is_at_zero = any(ops[i].constant == 0 for i in op.inputs)
        if op.type == "Relu" or (is_at_zero and "Minimum" not in types):
            return True
    return False


def _mean(prober: Prober, name: str) -> float:
    """The loss of a batch; NaN where there is none."""
    value = prober.eager(name).value
    return float("nan") if value is None else float(np.mean(value))


def _leads_away(prober: Prober, name: str) -> bool:
    """Whether a step against the gradient leads away from the right prediction."""
    slope = prober.gradient(name).gradient
    way = prober.inputs["right"].y_pred - prober.inputs[name].y_pred
    if slope is None or slope.shape != way.shape or not np.isfinite(slope).all():
        return False
    size = float(np.linalg.norm(slope) * np.linalg.norm(way))
    return size > 0 and float((slope * way).sum()) > _AWAY * size
