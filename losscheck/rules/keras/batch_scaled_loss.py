"""LC610: the loss is one number that grows with the batch."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import FlowObservation, Op
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Values
from losscheck.rule import Rule, return_location

#: Each row twice: a sum doubles, a mean stays; float32 noise is a thousand times smaller than this.
_TOLERANCE = 0.01
#: The reductions that grow with the number of terms.
_SUMS = ("Sum", "Norm", "EuclideanNorm", "L2Loss", "Einsum", "MatMul", "BatchMatMulV2")
_DIVISIONS = ("RealDiv", "DivNoNan", "Xdivy")


class BatchScaledLoss(Rule):
    """The loss is one number for the batch, and doubles when each row stands in the batch twice.

    ## What it does
    Calls the loss on a batch and on the same rows twice. A mean stays as it is; a sum doubles, and what is
    made of a sum (its square root) grows as well.

    ## Why is this bad?
    The gradient grows with the batch size: a learning rate that was right for 32 rows is too large for 256,
    the last, smaller batch takes a smaller step, and values of two runs cannot be compared.

    ## References
    - https://keras.io/api/losses/#usage-of-losses-with-compile-amp-fit
    """

    code = "LC610"
    name = "batch-scaled-loss"
    severity = Severity.NOTE
    hint = "Return one value for each sample and let `reduction` do the rest, or use a mean over the batch"
    requires = ("value",)
    repro = Values("not np.allclose(first, second, rtol=0.01)", ("typical", "doubled"))

    BAD = (
        """\
import tensorflow as tf

def summed_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_sum(error)  # <-
""",
        """\
import tensorflow as tf

def distance_loss(y_true, y_pred):
    squares = tf.reduce_sum(tf.square(y_true - y_pred))  # <-
    return tf.sqrt(squares + 1e-6)
""",
    )
    also = ("LC704",)
    GOOD = (
        """\
import tensorflow as tf

def mean_of_sums_loss(y_true, y_pred):
    error = tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)
    return tf.reduce_mean(error)
""",
        """\
import tensorflow as tf

def relative_loss(y_true, y_pred):
    error = tf.reduce_sum(tf.square(y_true - y_pred))
    return error / (tf.reduce_sum(tf.square(y_true)) + 1e-6)
""",
        """\
import tensorflow as tf

def summed_rows_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_sum(error, axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a sum over the batch that nothing divides."""
        for event in source.returns():
            if event.value.is_summed and event.value.reduced is not None:
                yield self.suspicion("this sum grows with the batch", source.location(event.value.reduced))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare one batch with the same rows twice."""
        once = prober.eager()
        if once.value is None or once.value.shape != () or not once.is_finite or prober.is_random:
            return
        twice = prober.eager("doubled")
        if twice.value is None or twice.value.shape != () or not twice.is_finite:
            return
        first, second = float(once.value), float(twice.value)
        if abs(first) < 1e-6:
            return
        ratio = second / first
        op, is_relative = _reduction(prober.flow())
        is_sum = abs(ratio - 2) < _TOLERANCE
        grows = op is not None and op.type in _SUMS and abs(ratio - 1) > _TOLERANCE
        if not is_sum and (is_relative or not grows):
            return
        rows = prober.inputs.typical_size
        place = op.location if op is not None else None
        yield self.finding(
            f"the loss grows with the batch: {first:.4g} for {rows} rows, {second:.4g} for these rows twice",
            place or return_location(prober),
            modes=(Mode.FIT,),
            ratio=round(ratio, 3),
        )


def _reduction(flow: FlowObservation) -> tuple[Op | None, bool]:
    """The last operation that makes one number of many, and whether what it gives is divided by data.

    A ratio of two sums has no size of its own; its smoothing constant alone makes it move.
    """
    index, found, is_relative = flow.output, None, False
    while index is not None and found is None:
        op = flow.ops[index]
        inputs = [flow.ops[i] for i in op.inputs if flow.ops[i].from_y_pred or flow.ops[i].from_y_true]
        if any(not _is_one_number(i) for i in inputs):
            found = op
        is_relative = is_relative or (op.type in _DIVISIONS and len(inputs) > 1)
        index = inputs[0].index if inputs else None
    return found, is_relative


def _is_one_number(op: Op) -> bool:
    return op.shape is not None and all(size == 1 for size in op.shape)
