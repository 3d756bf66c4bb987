"""LC407: class ids pass through a dtype that cannot hold them all."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import SMALL_DTYPES
from losscheck.prober import Prober
from losscheck.recipe import Operations
from losscheck.rule import Rule


class LossyLabelCast(Rule):
    """Class ids pass through a dtype that cannot hold them all.

    ## What it does
    Feeds the highest class ids and compares what goes into each cast of `y_true` to `uint8`, `int8`,
    `float16`, `bfloat16` or `bool` with what comes out. A `bool` used as a mask is none of these.

    ## Why is this bad?
    `uint8` holds 256 ids, `int8` 128, `bfloat16` 257 and `float16` 2049 without a gap. The others wrap round
    or are rounded to another class, and nothing raises.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/cast
    """

    code = "LC407"
    name = "lossy-label-cast"
    severity = Severity.NOTE
    hint = "Cast class ids to `tf.int32`"
    requires = ("graph",)
    repro = Operations("op.type == 'Cast' and op.outputs[0].dtype == {dtype}")

    BAD = (
        """\
import tensorflow as tf

def sparse_loss(y_true, y_pred):  # losscheck: y_true=int32[B]:labels<300 y_pred=float32[B,300]:simplex
    ids = tf.cast(y_true, tf.uint8)  # <-
    hot = tf.one_hot(tf.cast(ids, tf.int32), 300)
    return -tf.reduce_sum(hot * tf.math.log(tf.maximum(y_pred, 1e-7)), axis=-1)
""",
        """\
import tensorflow as tf

def sparse_loss(y_true, y_pred):
    ids = tf.reshape(tf.cast(y_true, tf.bool), [-1])  # <-
    hot = tf.one_hot(tf.cast(ids, tf.int32), 4)
    return -tf.reduce_sum(hot * tf.math.log(tf.maximum(y_pred, 1e-7)), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def sparse_loss(y_true, y_pred):  # losscheck: y_true=int32[B]:labels<200 y_pred=float32[B,200]:simplex
    ids = tf.cast(y_true, tf.uint8)
    hot = tf.one_hot(tf.cast(ids, tf.int32), 200)
    return -tf.reduce_sum(hot * tf.math.log(tf.maximum(y_pred, 1e-7)), axis=-1)
""",
        """\
import tensorflow as tf

def masked_loss(y_true, y_pred):
    ids = tf.reshape(tf.cast(y_true, tf.int32), [-1])
    keep = tf.cast(tf.cast(ids, tf.bool), tf.float32)
    hot = tf.one_hot(ids, 4)
    return -keep * tf.reduce_sum(hot * tf.math.log(tf.maximum(y_pred, 1e-7)), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Feed the highest class ids where some cast may not hold them."""
        if not prober.inputs.task.y_true.is_label:
            return
        if not any(
            op.type == "Cast" and op.from_y_true and op.dtype in SMALL_DTYPES for op in prober.flow().ops
        ):
            return
        classes = prober.inputs.task.y_true.domain.classes
        for cast in prober.casts().lossy:
            yield self.finding(
                f"class id {cast.before:g} becomes {cast.after:g} as `{cast.op.dtype}`, and there are"
                f" {classes} classes",
                cast.op.location or prober.loss.location,
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                dtype=cast.op.dtype,
            )
