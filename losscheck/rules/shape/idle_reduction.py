"""LC110: a mean or sum runs over an axis of size 1, and a root or a division follows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.prober import Prober
from losscheck.recipe import Operations
from losscheck.rule import Rule

_REDUCTIONS = ("Mean", "Sum")
_ROOTS = ("Sqrt", "Rsqrt")
_DIVISIONS = ("RealDiv", "DivNoNan", "Xdivy", "Reciprocal", "Inv")
#: Operations that take each number by itself, or with one other: the way to a root goes through them.
_ELEMENTWISE = (
    "Add", "AddV2", "Sub", "Mul", "Neg", "Maximum", "Minimum", "ClipByValue", "Identity", "Abs", "Square",
    "Squeeze", "ExpandDims", "Reshape", "Cast", "StopGradient",
)  # fmt: skip


class IdleReduction(Rule):
    """A mean or a sum runs over an axis of size 1: it does nothing, and what follows is not what it seems.

    ## What it does
    Looks in the graph for a reduction that gives as many numbers as it takes, and whose result goes into a
    square root or stands below a fraction line before anything else is reduced.

    ## Why is this bad?
    The root of the mean of one square is the absolute value: with predictions of shape `(B, 1)` the "RMSE"
    over `axis=-1` is the mean absolute error. A standard deviation is 0, and a vector divided by its norm is
    1 or -1.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/math/reduce_mean
    """

    code = "LC110"
    name = "idle-reduction"
    severity = Severity.NOTE
    hint = "Give the loss more than one column, or write what is computed: `tf.abs` for this root"
    requires = ("graph",)
    repro = Operations(
        'op.type in ("Mean", "Sum") and 1 in op.inputs[0].shape[1:]'
        " and op.inputs[0].shape.num_elements() == op.outputs[0].shape.num_elements()"
    )

    BAD = (
        """\
import tensorflow as tf

def rmse_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:real y_pred=float32[B,1]:real
    squares = tf.square(y_true - y_pred)
    return tf.sqrt(tf.reduce_mean(squares, axis=-1) + 1e-6)  # <-
""",
        """\
import tensorflow as tf

def dice_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:binary y_pred=float32[B,1]:prob
    overlap = 2.0 * y_true[:, 0] * y_pred[:, 0]
    total = tf.reduce_sum(y_true + y_pred, axis=-1)  # <-
    return 1.0 - (overlap + 1.0) / (total + 1.0)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def rmse_loss(y_true, y_pred):  # losscheck: y_true=float32[B,5]:real y_pred=float32[B,5]:real
    squares = tf.square(y_true - y_pred)
    return tf.sqrt(tf.reduce_mean(squares, axis=-1) + 1e-6)
""",
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:real y_pred=float32[B,1]:real
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error / (1.0 + tf.reduce_mean(tf.square(y_true)))
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the first reduction that does nothing before a root or a division."""
        ops = prober.flow().ops
        readers: dict[int, list[Op]] = {}
        for op in ops:
            for index in set(op.inputs):
                readers.setdefault(index, []).append(op)
        for op in ops:
            if not _is_idle(op, ops) or op.location is None:
                continue
            follower = _follower(op, ops, readers)
            is_guess = not prober.inputs.task.is_told  # of one column: a ratio over `axis=-1` has more in use
            if follower is None or (is_guess and follower.type in _DIVISIONS):
                continue
            source = ops[op.inputs[0]]
            yield self.finding(
                f"`{op.type}` takes shape {source.shape} and gives {op.shape}, before `{follower.type}`:"
                " it reduces axes of size 1 only",
                op.location,
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
            )
            return


def _is_idle(op: Op, ops: tuple[Op, ...]) -> bool:
    """Whether a reduction gives as many numbers as it takes, and had an axis of size 1 to take."""
    if op.type not in _REDUCTIONS or not op.inputs or not op.reaches_output:
        return False
    if not (op.from_y_pred or op.from_y_true):
        return False
    before, after = ops[op.inputs[0]].shape, op.shape
    if before is None or after is None or None in before or None in after or 1 not in before[1:]:
        return False
    return math.prod(size or 0 for size in before) == math.prod(size or 0 for size in after)


def _follower(idle: Op, ops: tuple[Op, ...], readers: dict[int, list[Op]]) -> Op | None:
    """The root or division that the result goes into, with nothing but elementwise operations between."""
    queue, seen = [idle], {idle.index}
    while queue:
        here = queue.pop(0)
        for op in readers.get(here.index, ()):
            is_below = op.type in _DIVISIONS and op.inputs[-1] == here.index
            power = ops[op.inputs[-1]].constant if op.type == "Pow" else None
            is_root = op.type in _ROOTS or (power is not None and 0 < power < 1)
            if op.reaches_output and (is_root or is_below):
                return op
            if op.index not in seen and op.type in _ELEMENTWISE:
                seen.add(op.index)
                queue.append(op)
    return None
