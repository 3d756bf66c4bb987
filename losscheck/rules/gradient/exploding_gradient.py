"""LC212: at an edge the loss is ordinary and its gradient is a hundred thousand times its ordinary size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.hunting import can_blow_up, edges
from losscheck.prober import Prober
from losscheck.recipe import PROVED_ON, Gradients
from losscheck.rule import Rule, return_location

if TYPE_CHECKING:
    from losscheck.inputs.batches import Batch

#: Adam divides it away over many steps; plain SGD with a rate of 1e-3 moves a weight by a hundred at once.
_RATIO = 1e5
#: The loss is ordinary up to this many times its ordinary size.
_ORDINARY_LOSS = 10.0
_CLIPS = ("Maximum", "Minimum", "ClipByValue", "Clamp")
#: What may stand between a guard and the operation that it guards.
_PLUMBING = ("Identity", "Sqrt", "Rsqrt", "Mul", "Reshape", "BroadcastTo", "Cast", "Reciprocal")
_SMALL = 1e-3
#: What makes the argument of a logarithm small (a sigmoid, a softmax) has a slope as small.
_LOGS = ("Log", "Log1p", "Xlogy", "Xlog1py")


class ExplodingGradient(Rule):
    """At a limit that training reaches the loss is ordinary and its gradient 1e5 times its usual size.

    ## What it does
    Compares the largest entry of the gradient at the edges (equal rows, constant rows, zero predictions,
    `y_pred` equal to `y_true`, …) with that on an ordinary batch. Probabilities are weighted with the slope
    of the sigmoid or softmax that gives them. What a clip or `tf.maximum` bounds by design is left out.

    ## Why is this bad?
    One such step throws the weights far away, and the printed loss gave no warning. The usual cause is a
    spread or a norm of 0 behind an epsilon of 1e-8; where there is such an epsilon, it is a note.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/math/divide_no_nan
    """

    code = "LC212"
    name = "exploding-gradient"
    severity = Severity.WARNING
    hint = "Bound the divisor away from zero: `tf.maximum(x, 1e-3)`, or add the epsilon under the square root"
    requires = ("gradient",)
    repro = Gradients("np.abs(other_slope).max() > 1e4 * np.abs(slope).max()", ("typical", PROVED_ON))

    BAD = (
        """\
import tensorflow as tf

def normalised(y_true, y_pred):
    centred = y_pred - tf.reduce_mean(y_pred, axis=-1, keepdims=True)
    spread = tf.reduce_mean(tf.abs(centred), axis=-1, keepdims=True)
    return tf.reduce_mean(tf.square(y_true - centred / (spread + 1e-9)), axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def normalised(y_true, y_pred):
    centred = y_pred - tf.reduce_mean(y_pred, axis=-1, keepdims=True)
    spread = tf.sqrt(tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True) + 1e-3)
    return tf.reduce_mean(tf.square(y_true - centred / spread), axis=-1)
""",
        """\
import tensorflow as tf

def cosine(y_true, y_pred):
    return 1.0 - tf.reduce_sum(y_true * tf.math.l2_normalize(y_pred, axis=-1), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most ordinary edge with such a gradient."""
        usual = _size(prober, prober.inputs["typical"])
        if usual is None or usual[0] == 0 or not can_blow_up(prober):
            return
        for edge in edges(prober):
            is_bound = edge.name.startswith("y_pred exactly")  # a bound of a clip lets the slope through
            seen = None if edge.is_far or is_bound else _size(prober, edge)
            if seen is None or seen[0] < _RATIO * usual[0] or seen[1] > _ORDINARY_LOSS * (1 + usual[1]):
                continue
            op = prober.op(prober.values(edge.name).exploding_gradient_op, edge.name)
            guard = None if op is None else _guard(prober.flow(edge.name).ops, op)
            if (guard is not None and guard.type in _CLIPS) or (op is not None and op.type in _LOGS):
                continue
            where = f" before `{op.type}`" if op else ""
            yield self.finding(
                f"the gradient{where} reaches {seen[0]:.2g} with {edge.words}, {seen[0] / usual[0]:.2g} times"
                f" its ordinary size, and the loss is {seen[1]:.3g}",
                (op.location if op else None) or return_location(prober),
                modes=(Mode.GRADIENT,),
                severity=Severity.NOTE if guard is not None else Severity.WARNING,
                input=edge.words,
                batch=edge.name,
                ratio=seen[0] / usual[0],
            )
            return


def _size(prober: Prober, batch: Batch) -> tuple[float, float] | None:
    """The largest entries of the gradient and of the loss; None where one of them is not finite."""
    import numpy as np

    seen = prober.gradient(batch.name, in_graph=True)
    if seen.gradient is None or seen.value is None or not seen.is_finite or not seen.gradient.size:
        return None
    slope = 1.0
    if prober.inputs.task.y_pred.domain.name in ("prob", "simplex"):
        slope = 4 * batch.y_pred * (1 - batch.y_pred)
    gradient = float(np.max(np.abs(seen.gradient * slope)))
    return (gradient, float(np.max(np.abs(seen.value), initial=0.0))) if np.isfinite(gradient) else None


def _guard(ops: tuple[Op, ...], op: Op) -> Op | None:
    """The clip, or the sum with a small constant, that the user put under an operation."""
    queue, seen = [*op.inputs], set()
    while queue:
        index = queue.pop()
        guard = ops[index]
        if index in seen:
            continue
        seen.add(index)
        if guard.type in _CLIPS:
            return guard
        constants = [ops[i].constant for i in guard.inputs if ops[i].constant is not None]
        if guard.type in ("AddV2", "Add") and any(abs(c) < _SMALL for c in constants if c):
            return guard
        if guard.type in _PLUMBING:
            queue += guard.inputs
    return None
