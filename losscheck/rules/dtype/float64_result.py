"""LC405: float32 goes in and float64 comes out, or is computed with inside."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Severity
from losscheck.graph_observation import FlowObservation, Op
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Operations
from losscheck.rule import Rule

#: They give the size of a tensor, not its numbers: a count in float64 costs nothing.
_SIZES = ("Shape", "Size", "Rank", "ShapeN")


class Float64Result(Rule):
    """The loss turns float32 into float64, inside or in its result.

    ## What it does
    Reads the traced graph for the operations that make float64 of the numbers of `y_true` and `y_pred`,
    neither of which is float64.

    ## Why is this bad?
    float64 takes twice the memory, and most GPUs compute with it 32 or 64 times slower. `fit` casts the
    result back to float32; a sum with another loss in a loop of your own raises.

    ## References
    - https://www.tensorflow.org/guide/tensor#dtypes
    """

    code = "LC405"
    name = "float64-result"
    severity = Severity.NOTE
    hint = "Stay in float32: cast to `y_pred.dtype`, or cast the result back where float64 is needed"
    requires = ("graph",)
    repro = Operations("op.type == {operation} and op.outputs[0].dtype == tf.float64")

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.cast(y_true, tf.float64) - tf.cast(y_pred, "float64")  # <-
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.cast(y_true, tf.float32) - tf.cast(y_pred, tf.float32)
    return tf.reduce_mean(tf.square(error), axis=-1)
""",
        """\
import tensorflow as tf

def averaged_loss(y_true, y_pred):
    count = tf.cast(tf.shape(y_pred)[-1], tf.float64)
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) / tf.cast(count, tf.float32)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a cast of the batch to float64."""
        for call in source.calls("cast"):
            if call.value.dtype == "float64" and call.argument(0).is_of_batch:
                yield self.suspicion("this is float64 from here on", source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line that makes float64 of the inputs."""
        flow = prober.flow()
        batch = prober.inputs["typical"]
        if not prober.loss.is_keras_loss and "float64" in (batch.y_true.dtype.name, batch.y_pred.dtype.name):
            return
        returned = prober.eager().returned
        is_result = returned is not None and returned.dtype == "float64"
        lines: set[Location] = set()
        for op in _widening(flow):
            place = op.location or prober.loss.location
            if place.line in {line.line for line in lines}:
                continue
            lines.add(place)
            argument = "y_pred" if op.from_y_pred else "y_true"
            yield self.finding(
                f"`{op.type}` makes float64 of `{argument}`"
                + (
                    ", and the loss is float64"
                    if is_result
                    else f", and the loss is cast back to {returned.dtype if returned else 'float32'}"
                ),
                place,
                operation=op.type,
            )


def _widening(flow: FlowObservation) -> Iterator[Op]:
    """The operations on the way to the loss that give float64 and read numbers of another dtype."""
    has_numbers: set[int] = set()
    for op in flow.ops:
        is_input = op.type == "Placeholder" and (op.from_y_true or op.from_y_pred)
        if op.type in _SIZES or not (is_input or has_numbers & set(op.inputs)):
            continue
        has_numbers.add(op.index)
        read = {flow.ops[i].dtype for i in op.inputs if i in has_numbers}
        if op.dtype == "float64" and op.reaches_output and "float64" not in read:
            yield op
