"""LC704: on two replicas the loss is another one than on one device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.inputs.batches import is_same_value
from losscheck.prober import REPLICA_NAMES, Prober
from losscheck.recipe import Values
from losscheck.rule import Rule, first_line, return_location

_TWICE = "Leave the division to Keras: `fit` divides by the number of replicas itself"
#: Operations that take all rows together evenly.
_REDUCTIONS = ("Mean", "Sum")
#: Operations that put the rows in an order, or add up those before each.
_ORDERS = ("Cumsum", "Cumprod", "CumulativeLogsumexp", "TopKV2", "ReverseV2")
#: Operations that are linear in several tensors at once.
_SUMS = ("AddV2", "Add", "AddN", "Sub", "Identity", "IdentityN")


class ReplicaDependent(Rule):
    """On two replicas the loss or the step of training differs from those on one device.

    ## What it does
    Trains a small model for one step under `tf.distribute.MirroredStrategy` on two logical CPUs, each
    replica with one half of the batch, and on one device. It does so where the loss of a batch is not the
    mean of its halves, where the loss asks for its replicas, and with `--mode replicas` always. Statistics
    of the batch that are meant (pairs of rows, ratios of sums, orders) give a note.

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
    repro = Values(
        "not np.allclose(np.mean(first), (np.mean(second) + np.mean(third)) / 2, rtol=1e-4)",
        ("even", "first half", "second half"),
        or_raises=True,
    )

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
        place = _asked_at(prober) or getattr(_reducing_op(prober), "location", None)
        is_warning = prober.asks_for_replicas or _is_function_of_mean(prober)
        yield self.finding(
            f"on two replicas `fit` reports {seen.fit_loss:.4g} and steps {size:.2f} times as far, on one"
            f" device it reports {seen.single_fit_loss:.4g}; the mean of the replicas' own losses is"
            f" {seen.loop_loss:.4g}",
            place or return_location(prober),
            modes=(Mode.REPLICAS,),
            severity=Severity.WARNING if is_warning else Severity.NOTE,
            hint=_TWICE if prober.asks_for_replicas else None,
            fit_loss=seen.fit_loss,
            single_fit_loss=seen.single_fit_loss,
            step_ratio=size,
        )


def _asked_at(prober: Prober) -> Location | None:
    """The line of the loss that asks for the replicas."""
    source, path = prober.loss.source, prober.loss.location.path
    rows = enumerate(source.text.splitlines(), source.first_line)
    return next((Location(path, n) for n, row in rows if any(map(row.__contains__, REPLICA_NAMES))), None)


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
    """Whether the rows are still apart, as an axis or laid in one line with the rest."""
    shape = op.shape or ()
    return rows in shape or (
        bool(shape) and len(shape) <= 2 and bool(shape[0]) and not (shape[0] or 1) % rows
    )


def _is_function_of_mean(prober: Prober) -> bool:
    """Whether the loss is one number, made of means or sums over all rows by operations on one such number
    each (a root, a logarithm) or by sums of them.

    Whatever else depends on the rows of its batch is a statistic of it: pairs and orders of rows, ratios and
    products of sums, rows compared with their mean, means of `y_pred` compared with means of `y_true`.
    """
    value = prober.eager().value
    if value is None or value.ndim:
        return False
    rows, ops = prober.inputs.typical_size, prober.flow().ops
    for op in ops:
        if not op.reaches_output or not (op.from_y_pred or op.from_y_true):
            continue
        if (op.shape or ()).count(rows) > 1 or (op.type in _ORDERS and rows in (op.shape or ())):
            return False
        if op.type == "Roll" and _has_rows(op, rows) and ops[op.inputs[2]].constant == 0:
            return False  # each row is compared with the next one
        fed = [ops[i] for i in set(op.inputs) if ops[i].from_y_pred or ops[i].from_y_true]
        taken = [source for source in fed if not _has_rows(source, rows)]
        if _has_rows(op, rows) and taken:
            return False  # rows beside what was taken over them
        if not _has_rows(op, rows) and len(taken) < len(fed) and op.type not in _REDUCTIONS:
            return False
        if op.shape and fed and not _has_rows(op, rows) and not taken and not op.from_y_true:
            return False  # a mean for each column of the predictions alone: how they are spread
        if len(taken) > 1 and (op.type not in _SUMS or not all(source.from_y_pred for source in taken)):
            return False
    return True
