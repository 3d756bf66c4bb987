"""What a mixed-precision model hands to a loss, and what the loss makes of it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from losscheck.graph_observation import HalfValuesObservation
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.half import HalfGraph, run_half
from losscheck.probes.session import isolated

from .conftest import Written, code_of, numbers, regression


def half_values(written: Written, batch: Batch) -> HalfValuesObservation:
    whole = read_flow(trace(written.loss, batch, written.files), batch, written.files)
    return HalfGraph(written.loss, written.files).run(batch, whole)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_under_a_mixed_policy_fit_casts_to_float32_and_a_loop_of_ones_own_does_not(name):
    set_policy = getattr(keras.mixed_precision, "set_dtype_policy", None)
    seen = []

    def loss_fn(y_true, y_pred):
        seen.append(y_pred.dtype.name if hasattr(y_pred.dtype, "name") else str(y_pred.dtype))
        return tf.reduce_mean(tf.square(tf.cast(y_true, y_pred.dtype) - y_pred), axis=-1)

    x, y = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    with isolated():
        (set_policy or keras.mixed_precision.set_global_policy)(f"mixed_{name}")
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        model.compile("sgd", loss_fn)
        model.fit(x, y, verbose=0)
        in_fit = set(seen)
        seen.clear()
        loss_fn(y, model(x))

    assert (in_fit, seen) == ({"float32"}, [name])


def test_the_predictions_are_half_and_the_labels_as_they_are(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.cast(y_true, y_pred.dtype) - y_pred\n")
    seen = run_half(written.loss, regression(), written.files, dtype="bfloat16")

    assert (seen.returned.dtype, seen.dtype, seen.raised) == ("bfloat16", "bfloat16", None)


def test_float32_labels_clash_with_half_predictions_at_the_users_line(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true - y_pred)  # <-\n")
    seen = run_half(written.loss, regression(), written.files, dtype="float16")

    assert seen.raised.location.line == written.line()


def test_a_keras_loss_casts_before_its_call(write):
    written = write(
        """
        import keras

        class Error(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return tf.square(y_true - y_pred)
        """,
        "Error",
    )
    seen = run_half(written.loss, regression(), written.files, dtype="float16")

    assert (seen.raised, seen.returned.dtype) == (None, "float32")


def test_the_first_operation_that_overflows_is_named(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            big = tf.exp(tf.cast(y_true, y_pred.dtype) + y_pred)
            return tf.reduce_sum(tf.square(big), axis=-1)
        """
    )
    seen = half_values(written, numbers(1.0, 11.0))

    assert (seen.culprit.type, seen.vanished) == ("Square", ())


@pytest.mark.parametrize(
    ("code", "batch", "constant"),
    [
        ("tf.math.log(y_pred + 1e-9)", numbers(0.5, 0.0), "1e-09"),
        ("tf.math.log(1 - tf.clip_by_value(y_pred, 1e-3, 1 - 1e-6))", numbers(0.5, 1.0), "0.999999"),
        ("1 / tf.maximum(y_pred, tf.cast(1e-10, y_pred.dtype))", numbers(0.5, 0.0), "1e-10"),
        ("tf.atanh(tf.maximum(y_pred, -1 + 1e-5))", numbers(0.5, -1.0), "-0.99999"),
    ],
)
def test_a_guard_that_float16_cannot_hold_is_found_by_putting_another_in_its_place(
    write, code, batch, constant
):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    (lost,) = half_values(written, batch).vanished

    assert str(np.float32(lost.constant)) == constant
    assert code_of(lost.location) in code or "return" in code_of(lost.location)


def test_a_lost_constant_that_guards_nothing_is_not_blamed(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.exp(y_pred * 20 + 1e-9) + 1e-9\n")
    seen = half_values(written, numbers(1.0, 2.0))

    assert (seen.culprit.type, seen.vanished) == ("Exp", ())
