"""LC106: the first axis of the output is not the batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.graph_observation import FlowObservation, Op
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Values
from losscheck.rule import Rule, return_location

if TYPE_CHECKING:
    from losscheck.observation import Shape


class BatchAxisLost(Rule):
    """The output is not one number, and its first axis is not the batch.

    ## What it does
    Calls the loss on batches of several sizes and compares the first axis of the output with the number of
    rows. In the graph it looks for the operation that takes the batch axis away.

    ## Why is this bad?
    Keras multiplies the first axis with `sample_weight`: weights of 32 samples meet a loss of 3 features.
    It raises, or, where the numbers agree by chance, weighs the wrong things. Without weights it is
    averaged, and nobody is told.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC106"
    name = "batch-axis-lost"
    severity = Severity.WARNING
    hint = "Keep the batch as the first axis: reduce over the last axes (`axis=-1`), never over axis 0"
    requires = ("value",)
    supersedes = ("LC108", "LC608")
    repro = Values("first.shape[:1] not in ((), (len(y_pred),))")

    BAD = (
        """\
import tensorflow as tf

def distance_loss(y_true, y_pred):
    squares = tf.reduce_sum(tf.square(y_true - y_pred), axis=0)  # <-
    return tf.sqrt(squares + 1e-6)
""",
        """\
import tensorflow as tf

def flat_loss(y_true, y_pred):  # losscheck: y_true=float32[B,3]:real y_pred=float32[B,3]:real
    error = tf.reshape(y_true - y_pred, [-1])  # <-
    return tf.abs(error)
""",
    )
    also = ("LC704",)
    GOOD = (
        """\
import tensorflow as tf

def distance_loss(y_true, y_pred):
    squares = tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)
    return tf.sqrt(squares + 1e-6)
""",
        """\
import tensorflow as tf

def elementwise_loss(y_true, y_pred):
    centred = y_pred - tf.reduce_mean(y_pred, axis=0)
    return tf.square(y_true - centred)
""",
        """\
import tensorflow as tf

def turned_loss(y_true, y_pred):
    true, pred = tf.transpose(y_true), tf.transpose(y_pred)
    return tf.reduce_mean(tf.square(true - pred), axis=0)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a reduction over axis 0 alone in what is returned."""
        for event in source.returns():
            if event.value.lost_rows is not None and not event.value.is_scalar:
                message = "axis 0 is the batch: what is returned has no value for each sample"
                yield self.suspicion(message, source.location(event.value.lost_rows))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the first axis with the number of rows at several batch sizes."""
        shapes = _shapes(prober)
        if len(shapes) < 2 or any(not shape or shape[0] == rows for rows, shape in shapes.items()):
            return
        (rows, shape), (others, other) = list(shapes.items())[:2]
        is_single = all(size == 1 for found in shapes.values() for size in found)
        grows = shape[0] != other[0]
        is_learnt_pairwise = grows and prober.inputs.task.is_embedding
        yield self.finding(
            f"the output has shape {shape} for {rows} rows and {other} for {others}: its first axis is not"
            " the batch",
            _losing_op(prober.flow(), rows) or return_location(prober),
            modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
            severity=Severity.NOTE if is_single or is_learnt_pairwise else None,
        )


def _shapes(prober: Prober) -> dict[int, tuple[int, ...]]:
    """Number of rows → shape of the output, for the batch sizes that the loss takes."""
    found: dict[int, tuple[int, ...]] = {}
    for name in ("typical", "other_size", "partial", "even"):
        value = prober.eager(name).value
        if value is None:
            continue
        found[prober.inputs[name].size] = value.shape
        if len(found) == 2 or value.shape[:1] in ((), (prober.inputs[name].size,)):
            break
    return found


def _losing_op(flow: FlowObservation, rows: int) -> Location | None:
    """Walk from the output backwards to the operation that takes the batch axis away, or moves it."""
    if flow.output is None:
        return None
    shape = flow.ops[flow.output].shape
    has_batch = _first_is if shape is not None and rows in shape else _has
    queue, seen = [flow.output], {flow.output}
    while queue:
        op = flow.ops[queue.pop(0)]
        sources = [flow.ops[i] for i in op.inputs if flow.ops[i].from_y_pred or flow.ops[i].from_y_true]
        if any(has_batch(source.shape, rows) for source in sources) and not has_batch(op.shape, rows):
            return op.location
        sources.sort(key=_by_prediction)
        queue += [source.index for source in sources if source.index not in seen]
        seen.update(source.index for source in sources)
    return None


def _by_prediction(op: Op) -> bool:
    return not op.from_y_pred


def _has(shape: Shape | None, rows: int) -> bool:
    return shape is not None and rows in shape


def _first_is(shape: Shape | None, rows: int) -> bool:
    return bool(shape) and shape is not None and shape[0] == rows
