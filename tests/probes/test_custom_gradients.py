"""Gradients that the user wrote, against the numeric ones."""

from __future__ import annotations

import pytest

from losscheck.probes.custom_gradients import run_custom_gradients
from losscheck.probes.flow import read_flow, trace

from .conftest import regression


def wrong(written):
    batch = regression()
    traced = trace(written.loss, batch, written.files)
    return run_custom_gradients(traced, read_flow(traced, batch, written.files), batch, written.files).wrong


def source(forward, gradient):
    return f"""
        @tf.custom_gradient  # <-
        def curve(x):
            y = {forward}
            return y, lambda upstream: {gradient}

        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(curve(y_pred - y_true), -1)
        """


@pytest.mark.parametrize(
    ("forward", "gradient"),
    [
        ("tf.square(x)", "upstream * x"),
        ("tf.sin(x)", "-upstream * tf.cos(x)"),
        ("tf.exp(x)", "y"),
        ("tf.abs(x)", "upstream"),
    ],
)
def test_a_gradient_of_another_function_is_told(write, forward, gradient):
    written = write(source(forward, gradient))

    (found,) = wrong(written)

    assert (found.function, found.location.line) == ("curve", written.line())
    assert found.written != pytest.approx(found.numeric, rel=0.05)


@pytest.mark.parametrize(
    ("forward", "gradient"),
    [
        ("tf.square(x)", "2.0 * upstream * x"),
        ("tf.abs(x)", "upstream * tf.sign(x)"),
        ("tf.identity(x)", "-0.1 * upstream"),
        ("tf.round(x)", "upstream"),
        ("tf.clip_by_value(x, -1.0, 1.0)", "upstream"),
        ("tf.nn.relu(x)", "upstream * tf.where(x > 0, 1.0, 0.01)"),
        ("tf.square(x)", "tf.zeros_like(upstream)"),
    ],
)
def test_right_gradients_and_those_made_up_on_purpose_are_left_alone(write, forward, gradient):
    assert wrong(write(source(forward, gradient))) == ()


def test_an_argument_that_gets_no_gradient_is_left_out(write):
    written = write(
        """
        @tf.custom_gradient
        def product(a, b):
            return (a * b, tf.square(b)), lambda da, db: (None, da * a + 2.0 * db * b)

        def loss_fn(y_true, y_pred):
            first, second = product(y_true + 0.5 * y_pred, y_pred)
            return tf.reduce_mean(first + second, -1)
        """
    )

    assert wrong(written) == ()
