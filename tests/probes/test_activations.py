"""Probabilities that go through a softmax or sigmoid again."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.probes.activations import run_activations
from losscheck.probes.flow import read_flow, trace


def classes():
    y_true = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0]]
    y_pred = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    return Batch("typical", "logits", y_true, y_pred)


def seen(written, batch, *, is_probability=False):
    traced = trace(written.loss, batch, written.files)
    flow = read_flow(traced, batch, written.files)
    return run_activations(written.loss, traced, flow, batch, written.files, is_probability=is_probability)


@pytest.mark.parametrize(
    "first",
    [
        "tf.nn.softmax(y_pred)",
        "tf.exp(y_pred) / tf.reduce_sum(tf.exp(y_pred), -1, keepdims=True)",
        "tf.clip_by_value(tf.nn.softmax(y_pred), 1e-6, 1.0) + 1e-7",
        "tf.reshape(tf.sigmoid(y_pred), [-1, 4])",
        "1.0 / (1.0 + tf.exp(-y_pred))",
    ],
)
@pytest.mark.parametrize(
    "second",
    [
        "tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=p)",
        "-tf.reduce_sum(y_true * tf.nn.log_softmax(p), -1)",
        "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=p), -1)",
    ],
)
def test_a_probability_that_is_taken_for_logits_is_found(write, first, second):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            p = {first}
            return {second}  # <-
        """
    )

    (found,) = seen(written, classes()).doubled

    assert found.second.location.line == written.line()
    assert 0 < found.low < found.high < 1


@pytest.mark.parametrize(
    "body",
    [
        "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y_true, y_pred) * tf.sigmoid(y_pred), -1)",
        "-tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(tf.math.log(tf.nn.softmax(y_pred)))), -1)",
        "tf.reduce_mean(tf.sigmoid(10.0 * (tf.sigmoid(y_pred) - 0.5)), -1)",
        "tf.reduce_mean(y_pred * tf.stop_gradient(tf.nn.softmax(tf.nn.softmax(y_pred))), -1)",
    ],
)
def test_logits_of_probabilities_are_left_alone(write, body):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            return {body}
        """
    )

    assert seen(written, classes()).doubled == ()


def test_predictions_are_probabilities_only_where_the_user_says_so(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        """
    )

    assert seen(written, classes()).doubled == ()
    (found,) = seen(written, classes(), is_probability=True).doubled
    assert found.first is None


def test_what_keras_skips_in_a_graph_is_told(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            p = tf.nn.softmax(y_pred)
            return tf.keras.losses.categorical_crossentropy(y_true, p, from_logits=True)  # <-
        """
    )

    undone = seen(written, classes()).undone

    assert undone is not None
    assert undone.location.line == written.line()
