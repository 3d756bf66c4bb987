"""LC103: the loss raises, or means something else, on a batch of one row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.inputs.batches import is_same_value
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import PROVED_ON, Values
from losscheck.rule import Rule, first_line, return_location


class BatchOfOne(Rule):
    """The loss works on batches of two and more rows, and not on a batch of one.

    ## What it does
    Calls the loss on the first row of a batch alone, and together with one, two and all of the rows after
    it. Where the larger batches agree on the loss of that row, the batch of one must too.

    ## Why is this bad?
    The last batch of an epoch may hold one row, and so does a `predict` or a debugging session on one
    sample. `tf.squeeze` without an axis takes the batch axis away with the others.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/squeeze
    """

    code = "LC103"
    name = "batch-of-one"
    severity = Severity.WARNING
    hint = "Say the axis: `tf.squeeze(x, axis=-1)`; and divide by no count that is 0 for a single row"
    requires = ("value",)
    repro = Values(
        "not np.isfinite(second).all() or first.shape[:1] == (len(y_pred),)"
        " and not np.allclose(np.mean(first[:1]), np.mean(second), rtol=1e-3)",
        (PROVED_ON,),
        or_raises=True,
    )

    BAD = (
        """\
import tensorflow as tf

def paired_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:real y_pred=float32[B,1]:real
    true = tf.squeeze(y_true)  # <-
    pred = tf.squeeze(y_pred)
    gaps = (true[:, None] - true[None]) - (pred[:, None] - pred[None])
    return tf.reduce_mean(tf.abs(gaps))
""",
        """\
import tensorflow as tf

def cautious_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    others = tf.cast(tf.minimum(tf.shape(y_pred)[0] - 1, 1), tf.float32)
    return error * others  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def paired_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:real y_pred=float32[B,1]:real
    true = tf.squeeze(y_true, axis=-1)
    pred = tf.squeeze(y_pred, axis=-1)
    gaps = (true[:, None] - true[None]) - (pred[:, None] - pred[None])
    return tf.reduce_mean(tf.abs(gaps))
""",
        """\
import tensorflow as tf

def centred_loss(y_true, y_pred):
    pred = y_pred - tf.reduce_mean(y_pred, axis=0, keepdims=True)
    true = y_true - tf.reduce_mean(y_true, axis=0, keepdims=True)
    return tf.reduce_mean(tf.square(true - pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `squeeze` of the batch that names no axis."""
        for call in source.calls("squeeze"):
            if call.argument(0).has_rows and not call.keywords and len(call.arguments) == 1:
                message = (
                    f"`{call.shown}` without an axis takes the batch axis away where the batch has one row"
                )
                yield self.suspicion(message, source.location(call.node), Severity.NOTE)
                return  # the first tells what to do about the others

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the first row alone with the same row in larger batches."""
        if prober.is_random:
            return
        for kind in ("typical", *["column"] * _may_be_column(prober)):
            if found := self._check_kind(prober, kind):
                yield found
                return

    def _check_kind(self, prober: Prober, kind: str) -> Finding | None:
        larger = [prober.eager(name) for name in _larger(kind)]
        if any(seen.raised is not None or not seen.is_finite for seen in larger):
            return None
        alone, rows = prober.eager(f"{kind} 1"), prober.inputs.typical_size
        modes = (Mode.EAGER, Mode.GRAPH, Mode.FIT)
        of_one = "a batch of one" + ", with predictions of shape (B, 1)" * (kind == "column")
        if alone.raised is not None:
            return self.finding(
                f"works on batches of 2, 3 and {rows} rows, raises on {of_one}: {first_line(alone.raised)}",
                _squeezing_op(prober, kind) or alone.raised.location or prober.loss.location,
                modes=modes,
                batch=[kind, f"{kind} 1"],
            )
        expected = _loss_of_first_row(prober, kind)
        if alone.value is not None and not alone.is_finite:
            return self.finding(
                f"the loss is {alone.value.ravel()[0]:g} on {of_one}, finite on batches of 2, 3 and {rows}",
                _non_finite_op(prober, f"{kind} 1") or return_location(prober),
                modes=modes,
                severity=Severity.NOTE if expected is None else None,
                batch=[kind, f"{kind} 1"],
            )
        if alone.value is None or expected is None:
            return None
        if is_same_value(np.mean(alone.value), np.mean(expected), 1e-3):
            return None
        if (
            prober.lacks("graph") or prober.mixing().op is not None
        ):  # a statistic of some rows, in which a batch of one has no part
            return None
        return self.finding(
            f"the first row's loss is {np.mean(alone.value):.3g} in {of_one}, {np.mean(expected):.3g} in"
            f" batches of 2, 3 and {rows}",
            _squeezing_op(prober, kind) or return_location(prober),
            modes=modes,
            batch=[kind, f"{kind} 1"],
        )


def _larger(kind: str) -> tuple[str, ...]:
    """The batches that begin with the row of the batch of one."""
    return f"{kind} 2", f"{kind} 3", kind


def _may_be_column(prober: Prober) -> bool:
    """Whether the loss drops axes of size 1, and its guessed inputs have several columns."""
    task, squeezes = prober.inputs.task, "squeeze" in prober.loss.source.names
    is_matrix = task.has_same_shapes and len(task.y_pred.dims) == 2 and task.y_pred.dims[-1] != 1
    return squeezes and is_matrix and not task.is_told and task.y_true.domain.name != "onehot"


def _loss_of_first_row(prober: Prober, kind: str) -> np.ndarray | None:
    """What larger batches agree on; None where they do not, as with statistics of the batch."""
    rows = []
    for name in _larger(kind):
        value = prober.eager(name).value
        if value is None or value.shape[:1] != (prober.inputs[name].size,):
            return None
        rows.append(value[0])
    return rows[0] if all(is_same_value(rows[0], row) for row in rows[1:]) else None


def _squeezing_op(prober: Prober, kind: str) -> Location | None:
    """The `tf.squeeze` without an axis: with an unknown batch size nobody knows how many axes it leaves."""
    ops = prober.flow(kind, known_batch=False, shapes_only=True).ops
    squeezes = (op for op in ops if op.type == "Squeeze" and op.shape is None and op.reaches_output)
    return next((op.location for op in squeezes if op.from_y_true or op.from_y_pred), None)


def _non_finite_op(prober: Prober, batch: str) -> Location | None:
    op = prober.op(prober.values(batch).non_finite_op, batch)
    return op.location if op else None
