"""The operation that takes the rows of a batch together."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.mixing import halves, run_mixing

from .conftest import regression


def two_batches():
    """Two batches, one after the other, with the third and the fifth row in both."""
    first = regression()
    y_true, y_pred = first.y_true[::-1] * 1.3, first.y_pred[::-1] * 0.7
    for row in (2, 4):
        y_true[row], y_pred[row] = first.y_true[row], first.y_pred[row]
    return Batch(
        "both around", "", np.concatenate([first.y_true, y_true]), np.concatenate([first.y_pred, y_pred])
    )


def mixing(written):
    batch = two_batches()
    traced = trace(written.loss, halves(batch)[0], written.files)
    flow = read_flow(traced, halves(batch)[0], written.files)
    found = run_mixing(traced, flow, batch).op
    return None if found is None else (flow.ops[found].type, flow.ops[found].location.line)


@pytest.mark.parametrize(
    ("line", "op"),
    [
        ("y_pred = y_pred - tf.reduce_mean(y_pred)", "Mean"),
        ("y_pred = tf.cumsum(y_pred)", "Cumsum"),
        ("y_pred = y_pred / tf.reduce_max(tf.transpose(y_pred), axis=1)", "Max"),
        ("y_pred = y_pred + tf.reduce_sum(tf.reshape(y_pred, [-1]))", "Sum"),
        ("y_pred = tf.matmul(y_pred, tf.matmul(y_pred, y_pred, transpose_a=True))", "MatMul"),
    ],
)
def test_the_first_operation_that_mixes_rows_is_found(write, line, op):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            {line}  # <-
            return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
        """
    )

    assert mixing(written) == (op, written.line())


@pytest.mark.parametrize(
    "line",
    [
        "y_pred = y_pred - tf.reduce_mean(y_pred, axis=-1, keepdims=True)",
        "y_pred = tf.transpose(tf.abs(tf.transpose(y_pred)))",
        "y_pred = tf.reshape(tf.abs(tf.reshape(y_pred, [-1])), [-1, 3])",
    ],
)
def test_rows_that_stay_apart_give_none(write, line):
    written = write(
        f"def loss_fn(y_true, y_pred):\n    {line}\n    return tf.reduce_mean(y_pred * y_true, axis=-1)\n"
    )

    assert mixing(written) is None
