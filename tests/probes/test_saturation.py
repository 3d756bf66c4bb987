"""The operation behind which the gradient of sure predictions is lost."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.probes.flow import read_flow, trace
from losscheck.probes.saturation import run_saturation

from .conftest import numbers


def saturation(written, batch, rows=(0, 1)):
    traced = trace(written.loss, batch, written.files)
    return run_saturation(traced, read_flow(traced, batch, written.files), batch, written.files, rows)


@pytest.mark.parametrize(
    ("code", "prediction", "op"),
    [
        ("tf.square(y_true - tf.sigmoid(y_pred))", 20.0, "Sigmoid"),
        ("-tf.math.log(tf.clip_by_value(y_pred, 1e-3, 1.0))", 1e-6, "Maximum"),
        ("1.0 + tf.tanh(y_pred)", 20.0, "Tanh"),
    ],
)
def test_the_operation_that_loses_the_gradient_is_told(write, code, prediction, op):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean({code}, -1)
        """
    )

    seen = saturation(written, numbers(prediction, prediction))

    assert (seen.op.type, seen.is_of_library) == (op, False)


def test_a_gradient_that_stays_is_lost_nowhere(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.nn.softplus(y_pred) - y_true * y_pred, -1)
        """
    )

    assert saturation(written, numbers(20.0, 18.0)).op is None


def test_a_product_with_almost_zero_is_no_saturation(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(1.0 - 1e-9 * y_pred, -1)
        """
    )

    assert saturation(written, numbers(1.0, 0.5)).op is None


def test_a_clip_inside_a_loss_of_keras_is_its_own(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.keras.losses.binary_crossentropy(y_true, y_pred)
        """
    )

    assert saturation(written, numbers(1.0, 1.0)).is_of_library


def test_only_the_rows_that_are_named_count(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - tf.sigmoid(y_pred)), -1)
        """
    )
    batch = numbers(20.0, 0.5)

    assert saturation(written, batch, rows=(1,)).op is None
    assert saturation(written, batch, rows=(0,)).op.type == "Sigmoid"
    assert np.all(batch.y_true == 0)
