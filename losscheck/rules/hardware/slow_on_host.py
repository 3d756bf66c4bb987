"""LC706: Python callbacks take most of the loss's time."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import HOST_CALLBACKS
from losscheck.prober import Prober
from losscheck.recipe import NoScript
from losscheck.rule import Rule

#: Rows of a usual batch: a callback may go row by row.
_ROWS = 64
#: More than half of the time: the callbacks decide how long a step takes.
_DOMINATES = 0.5


class SlowOnHost(Rule):
    """Python callbacks take most of the time that the loss takes.

    ## What it does
    Times the traced loss as it is, and once more with the results of its callbacks fed in from outside.

    ## Why is this bad?
    A callback runs on the host under Python's lock. While it does, the GPU waits, and no other callback of
    the input pipeline runs.

    ## References
    - https://www.tensorflow.org/guide/profiler
    """

    code = "LC706"
    name = "slow-on-host"
    severity = Severity.NOTE
    hint = "Write the callback with TensorFlow operations, or compute it once per sample in the data pipeline"
    requires = ("graph",)
    repro = NoScript("how slow it is depends on the machine")

    BAD = (
        """\
import numpy as np
import tensorflow as tf

def weight_of(y_true):
    gaps = [[np.abs(np.sort(a) - np.sort(b)).sum() for b in y_true] for a in y_true]
    return 1.0 + np.mean(gaps, axis=1, dtype="float32")

def weighted_loss(y_true, y_pred):
    weight = tf.numpy_function(weight_of, [y_true], tf.float32)  # <-
    weight.set_shape(y_true.shape[:1])
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    also = ("LC313",)
    GOOD = (
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    weight = tf.map_fn(lambda row: 1.0 + tf.reduce_sum(tf.abs(row)), y_true)
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import numpy as np
import tensorflow as tf

WEIGHTS = np.array([1.0 + abs(x) for x in range(3)], dtype="float32")

def weighted_loss(y_true, y_pred):
    return tf.reduce_mean(WEIGHTS * tf.square(y_true - y_pred), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Time a step with and without its callbacks, where it has some."""
        ops = [op for op in prober.flow().ops if op.type in HOST_CALLBACKS]
        if not ops:
            return
        seen = prober.callbacks(f"rows {_ROWS}")
        if seen.skipped or seen.inside <= _DOMINATES * seen.step:
            return
        yield self.finding(
            f"callbacks into Python take {seen.inside:.3g} of {seen.step:.3g} ms"
            f" ({seen.inside / seen.step:.0%}) of the loss on a batch of {_ROWS}",
            ops[0].location or prober.loss.location,
            modes=(Mode.GRAPH, Mode.FIT),
        )
