"""The share of Python callbacks in the time of a loss."""

from __future__ import annotations

from losscheck.probes.callbacks import run_callbacks
from losscheck.probes.flow import trace

from .conftest import regression


def callbacks(written):
    return run_callbacks(trace(written.loss, regression(), written.files), regression())


def test_a_slow_callback_takes_most_of_the_time(write):
    written = write(
        """
        import time

        def slow(x):
            time.sleep(0.05)
            return x

        def loss_fn(y_true, y_pred):
            return y_pred - tf.ensure_shape(tf.numpy_function(slow, [y_true], tf.float32), y_true.shape)
        """
    )
    seen = callbacks(written)

    assert seen.step >= seen.inside > 40


def test_a_loss_without_callbacks_is_not_timed(write):
    seen = callbacks(write("def loss_fn(y_true, y_pred):\n    return y_pred\n"))

    assert seen.skipped == "no callback gives a tensor of the whole batch"


def test_a_callback_that_raises_is_left_to_other_rules(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return y_pred * tf.numpy_function(lambda x: 1 / 0, [y_true], tf.float32)
        """
    )

    assert callbacks(written).skipped.startswith("a callback raises ")
