"""Built-in losses that get the prediction for the truth."""

from __future__ import annotations

import pytest

from losscheck.probes.exchanged import run_exchanged

from .conftest import probabilities, regression


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("tf.keras.losses.binary_crossentropy(y_pred, y_true)", "binary_crossentropy"),
        ("tf.keras.losses.BinaryCrossentropy(reduction='none')(y_pred, y_true)", "BinaryCrossentropy"),
        ("tf.keras.losses.binary_crossentropy(y_true=y_pred, y_pred=y_true)", "binary_crossentropy"),
        (
            "tf.nn.sigmoid_cross_entropy_with_logits(labels=y_pred, logits=y_true)",
            "sigmoid_cross_entropy_with_logits",
        ),
        ("helper(tf.clip_by_value(y_pred, 0.1, 0.9), tf.cast(y_true, tf.float32))", "binary_crossentropy"),
    ],
)
def test_a_call_in_the_wrong_order_is_found_at_its_line(write, call, name):
    line = "" if "helper" in call else "  # <-"
    written = write(
        f"""
        def helper(a, b):
            return tf.keras.losses.binary_crossentropy(a, b){"" if line else "  # <-"}

        def loss_fn(y_true, y_pred):
            value = {call}{line}
            return tf.reduce_mean(value) + tf.reduce_mean(tf.square(y_true - y_pred))
        """
    )
    seen = run_exchanged(written.loss, probabilities(), written.files)

    assert (seen.name, seen.place.line) == (name, written.line())
    assert abs(seen.as_called - seen.as_meant) > 1e-3


@pytest.mark.parametrize(
    "call",
    [
        "tf.keras.losses.binary_crossentropy(y_true, y_pred)",
        "tf.keras.losses.huber(y_pred, y_true)",
        "tf.keras.losses.binary_crossentropy(tf.ones_like(y_pred), y_pred)",
        "tf.keras.losses.binary_crossentropy(y_pred, 0.5 * (y_true + y_pred))",
        "tf.keras.losses.poisson(y_pred, y_true) + tf.keras.losses.poisson(y_true, y_pred)",
    ],
)
def test_a_call_in_the_right_order_or_in_both_is_left_alone(write, call):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {call}\n")

    assert run_exchanged(written.loss, probabilities(), written.files).place is None


def test_a_call_that_does_not_reach_the_loss_is_left_alone(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            tf.keras.losses.poisson(y_pred, y_true)
            return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
        """
    )

    assert run_exchanged(written.loss, probabilities(), written.files).place is None


def test_a_loss_that_cannot_be_traced_is_skipped(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred.numpy()\n")

    assert run_exchanged(written.loss, regression(), written.files).skipped
