"""LC704: on two replicas the loss is another one than on one device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.batches import is_same_value
from losscheck.observation import Op
from losscheck.prober import Prober
from losscheck.rule import Rule, first_line, return_location

#: Operations that are not linear in two tensors at once.
_PRODUCTS = ("Mul", "RealDiv", "DivNoNan", "Pow", "MatMul", "BatchMatMulV2", "Einsum", "Xdivy", "MulNoNan")
#: Operations that put the rows of a batch in an order.
_ORDERS = ("TopKV2", "TopK", "Sort", "ArgMax", "ArgMin")


class ReplicaDependent(Rule):
    """On two replicas the loss or the step of training differs from those on one device.

    ## What it does
    Trains a small model for one step under `tf.distribute.MirroredStrategy` on two logical CPUs, each
    replica with one half of the batch, and on one device. It does so where the loss of a batch is not the
    mean of its halves, and with `--mode replicas` always. Statistics of the batch that are meant (pairs of
    rows, ratios of sums, orders) give a note.

    ## Why is this bad?
    Each replica takes its own root, logarithm or ratio of its own rows, and the mean of these is not the one
    of all rows: adding a GPU changes what is trained. A scalar loss is not divided by the number of replicas
    either: Keras does that in its own reduction, which a scalar passes by.

    ## References
    - https://www.tensorflow.org/tutorials/distribute/custom_training#define_the_loss_function
    """

    code = "LC704"
    name = "replica-dependent"
    severity = Severity.WARNING
    hint = "Return one value per sample and let Keras take the mean, or take roots and logarithms per sample"
    requires = ("value", "graph")

    BAD = (
        """\
import tensorflow as tf

def root_loss(y_true, y_pred):
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)) + 1e-6)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def root_loss(y_true, y_pred):
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + 1e-6)
""",
        """\
import tensorflow as tf

def mean_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare one step on two replicas with one on one device."""
        seen = prober.replicas()
        if seen.skipped or not prober.is_steady:
            return
        if seen.raised is not None:
            rows = "an odd number of rows" if seen.is_uneven else "half of the rows each"
            yield self.finding(
                f"raises on two replicas with {rows}: {first_line(seen.raised)}",
                seen.raised.location or return_location(prober),
                modes=(Mode.REPLICAS,),
            )
            return
        assert seen.step is not None and seen.single_step is not None
        assert seen.fit_loss is not None and seen.single_fit_loss is not None
        values = (np.array(seen.fit_loss), np.array(seen.single_fit_loss))
        if is_same_value(*values) and is_same_value(seen.step, seen.single_step, tolerance=1e-3):
            return
        size = float(np.linalg.norm(seen.step) / max(float(np.linalg.norm(seen.single_step)), 1e-12))
        op = _reducing_op(prober)
        yield self.finding(
            f"on two replicas `fit` reports {seen.fit_loss:.4g} and steps {size:.2f} times as far, on one"
            f" device it reports {seen.single_fit_loss:.4g}; the mean of the replicas' own losses is"
            f" {seen.loop_loss:.4g}",
            (op.location if op else None) or return_location(prober),
            modes=(Mode.REPLICAS,),
            severity=Severity.NOTE if _is_batch_statistic(prober) else Severity.WARNING,
            fit_loss=seen.fit_loss,
            single_fit_loss=seen.single_fit_loss,
            step_ratio=size,
        )


def _reducing_op(prober: Prober) -> Op | None:
    """The operation that takes the rows of `y_pred` together."""
    rows = prober.inputs.typical_size
    ops = prober.flow().ops
    for op in ops:
        is_behind = op.from_y_pred and op.reaches_output and not _has_rows(op, rows)
        if is_behind and any(_has_rows(ops[i], rows) and ops[i].from_y_pred for i in op.inputs):
            return op
    return None


def _has_rows(op: Op, rows: int) -> bool:
    return bool(op.shape) and rows in (op.shape or ())


def _is_batch_statistic(prober: Prober) -> bool:
    """Whether the loss is made of statistics of its batch: pairs or orders of rows, products and ratios of
    what was taken over rows, or rows compared with it.
    """
    rows = prober.inputs.typical_size
    ops = prober.flow().ops
    taken: set[int] = set()  # from the data, and the rows have been taken together before
    for op in ops:
        from_data = op.from_y_true or op.from_y_pred
        if not from_data or not op.reaches_output:
            continue
        shape = op.shape or ()
        if shape.count(rows) > 1 or op.type in _ORDERS:
            return True
        mixed = [i for i in op.inputs if i in taken]
        others = [i for i in op.inputs if i not in taken and (ops[i].from_y_true or ops[i].from_y_pred)]
        if mixed and others and any(_has_rows(ops[i], rows) for i in others):
            return True
        if len(mixed) > 1 and op.type in _PRODUCTS:
            return True
        loses_rows = rows not in shape and any(_has_rows(ops[i], rows) for i in op.inputs)
        if mixed or loses_rows:
            taken.add(op.index)
    return False
