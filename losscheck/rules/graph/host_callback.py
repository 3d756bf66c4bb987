"""LC313: the graph calls back into Python."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.graph_observation import HOST_CALLBACKS
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Operations
from losscheck.rule import Rule


class HostCallback(Rule):
    """The graph calls back into Python in each step.

    ## What it does
    Looks in the traced graph for the operations of `tf.py_function` and `tf.numpy_function`.

    ## Why is this bad?
    Such an operation runs on the host, one at a time and under Python's lock: the GPU waits for it. It is
    not saved with a model, XLA refuses it (`fit` compiles with XLA where there is a GPU), and no gradient
    passes through `tf.numpy_function`.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/py_function
    """

    code = "LC313"
    name = "host-callback"
    severity = Severity.WARNING
    hint = "Write it with TensorFlow operations; `tf.map_fn` for what goes row by row"
    requires = ("callable",)
    silences_at_line = ("LC701",)
    repro = Operations('op.type in ("EagerPyFunc", "PyFunc", "PyFuncStateless")')

    BAD = (
        """\
import tensorflow as tf

def clipped_loss(y_true, y_pred):
    error = tf.py_function(lambda a, b: tf.abs(a - b), [y_true, y_pred], tf.float32)  # <-
    error.set_shape(y_pred.shape)
    return tf.reduce_mean(error, axis=-1)
""",
        """\
import numpy as np
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    weight = tf.numpy_function(lambda y: 1 + np.square(y), [y_true], tf.float32)  # <-
    weight.set_shape(y_true.shape)
    return tf.reduce_mean(weight * tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def clipped_loss(y_true, y_pred):
    return tf.reduce_mean(tf.map_fn(tf.abs, y_true - y_pred), axis=-1)
""",
        """\
import numpy as np
import tensorflow as tf

WEIGHTS = np.linspace(1.0, 2.0, 3).astype("float32")

def weighted_loss(y_true, y_pred):
    return tf.reduce_mean(WEIGHTS * tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a callback into Python."""
        for call in source.calls("py_function", "numpy_function", "py_func"):
            yield self.suspicion(f"`{call.shown}` runs Python in each step", source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line that makes such an operation."""
        lines: set[Location] = set()
        for op in prober.flow().ops:
            place = op.location or prober.loss.location
            if op.type not in HOST_CALLBACKS or place in lines:
                continue
            lines.add(place)
            yield self.finding(
                f"`{HOST_CALLBACKS[op.type]}` runs Python in each step, outside the graph: no XLA, and"
                " the GPU waits",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
            )
