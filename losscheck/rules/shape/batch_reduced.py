"""LC105: the loss is one number for the whole batch."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.graph_observation import FlowObservation
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Values
from losscheck.rule import Rule, return_location


class BatchReduced(Rule):
    """The output is a scalar: the batch axis has been reduced inside the loss.

    ## What it does
    Looks at the shape of the output and, in the graph, for the operation that takes the batch axis away.

    ## Why is this bad?
    `sample_weight`, `class_weight` and masks act on the loss of each sample. On a scalar they become one
    global factor, and a mask is ignored, without a word.

    ## References
    - https://keras.io/api/losses/#usage-of-losses-with-compile-amp-fit
    """

    code = "LC105"
    name = "batch-reduced"
    severity = Severity.NOTE
    hint = "Reduce over the last axes only (`axis=-1`) and return one value for each sample"
    requires = ("value",)
    repro = Values("first.shape == ()")

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_mean(error)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_mean(error, axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a reduction over all axes that leaves the value that is returned."""
        returns = source.returns()
        for event in returns:
            if event.value.reduced is not None and all(other.value.is_scalar for other in returns):
                message = "this leaves one number for the whole batch"
                yield self.suspicion(message, source.location(event.value.reduced))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a scalar output."""
        value = prober.eager().value
        if value is None or value.shape != ():
            return
        yield self.finding(
            "the output is one number for the whole batch: `sample_weight` and masks cannot act on samples",
            _reducing_op(prober.flow()) or return_location(prober),
            modes=(Mode.FIT,),
        )


def _reducing_op(flow: FlowObservation) -> Location | None:
    """Walk from the output backwards to the last operation that reads more than one number."""
    index = flow.output
    while index is not None:
        op = flow.ops[index]
        inputs = [flow.ops[i] for i in op.inputs if flow.ops[i].from_y_pred]
        if any(i.shape != () for i in inputs):
            return op.location
        index = inputs[0].index if inputs else None
    return None
