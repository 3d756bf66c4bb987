"""Logarithms of a softmax or sigmoid, at large logits."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.unstable_logs import run_unstable_logs

LABELS = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0]]
BATCH = Batch("typical", "", LABELS, np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4))


def found(write, code: str) -> list[tuple[str, float, float]]:
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    traced = trace(written.loss, BATCH, written.files)
    seen = run_unstable_logs(traced, read_flow(traced, BATCH, written.files), BATCH)
    return [(log.activation, log.gap, round(log.value, 1)) for log in seen.found]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("-tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(y_pred)), -1)", ("Softmax", 100, -np.inf)),
        ("-tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(y_pred) + 1e-7), -1)", ("Softmax", 100, -16.1)),
        ("-tf.math.log(tf.reduce_sum(y_true * tf.nn.softmax(y_pred), -1) + 1e-9)", ("Softmax", 100, -20.7)),
        ("-tf.reduce_mean(tf.math.log(1.0 - tf.sigmoid(y_pred)), -1)", ("Sigmoid", 30, -np.inf)),
        ("-tf.reduce_mean(tf.math.log(tf.maximum(tf.sigmoid(y_pred), 1e-7)), -1)", ("Sigmoid", 100, -16.1)),
    ],
)
def test_a_logarithm_that_is_far_from_the_fused_one_is_found(write, code, expected):
    assert found(write, code) == [expected]


@pytest.mark.parametrize(
    "code",
    [
        "-tf.reduce_sum(y_true * tf.nn.log_softmax(y_pred), -1)",
        "tf.reduce_sum(tf.nn.softmax(y_pred) * tf.math.log(tf.nn.softmax(y_pred) + 1e-8), -1)",
        "-tf.reduce_mean(tf.math.log(0.9 * tf.sigmoid(y_pred) + 0.05), -1)",
        "-tf.reduce_sum(y_true * tf.math.log(y_pred), -1)",
    ],
)
def test_others_are_left_alone(write, code):
    assert found(write, code) == []
