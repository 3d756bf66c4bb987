"""Trainable variables that the loss reads and that nothing trains."""

from __future__ import annotations

import pytest

from losscheck.probes.flow import trace
from losscheck.probes.untrained import run_untrained

from .conftest import regression


def untrained(written):
    batch = regression()
    traced = trace(written.loss, batch, written.files)
    found = run_untrained(written.loss, traced, batch.name, written.files).variables
    return [(variable.name, variable.location.line) for variable in found]


def test_a_variable_of_nobody_is_told_where_it_is_made(write):
    written = write(
        """
        SCALES = [tf.Variable([1.0, 2.0, 3.0])]  # <-

        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(SCALES[0] * tf.square(y_true - y_pred), -1)
        """
    )

    assert untrained(written) == [("SCALES[0]", written.line())]


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("W = tf.Variable(2.0, trainable=False)", "W"),
        ("W = tf.Variable(2)", "tf.cast(W, tf.float32)"),
        ("W = tf.keras.layers.Dense(3)\nW.build((None, 3))", "W.kernel"),
        ("D = tf.keras.layers.Dense(3)\nD.build((None, 3))\nW = D.kernel", "W"),
        ("W = tf.Variable(2.0)\ndef raise_it():\n    W.assign_add(1.0)", "W"),
        ("W = tf.Variable(2.0)\ndef train(o, g):\n    o.apply_gradients(zip(g, [W]))", "W"),
    ],
)
def test_a_variable_with_an_owner_or_a_writer_is_left_alone(write, made, used):
    lines = made.replace("\n", "\n        ")
    written = write(
        f"""
        {lines}

        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.reduce_mean({used}) * tf.square(y_true - y_pred), -1)
        """
    )

    assert untrained(written) == []


def test_a_variable_that_the_config_sets_is_a_setting(write):
    written = write(
        """
        class Scheduled(tf.keras.losses.Loss):
            def __init__(self, weight=0.3):
                super().__init__()
                self.weight = tf.Variable(weight)

            def call(self, y_true, y_pred):
                return self.weight * tf.reduce_mean(tf.square(y_true - y_pred), -1)

            def get_config(self):
                return {**super().get_config(), "weight": self.weight.numpy()}
        """,
        name="Scheduled",
    )
    batch = regression()
    traced = trace(written.loss, batch, written.files)
    (variable,) = run_untrained(written.loss, traced, batch.name, written.files).variables
    assert variable.is_setting
