"""The replicas probe: a step on two logical CPUs against one on one device."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from losscheck.probes.replicas import run_replicas

from .conftest import regression


def run(written):
    return run_replicas(written.loss, regression(rows=8), written.files)


def test_a_loss_per_sample_is_the_same_on_two_replicas(write):
    seen = run(write("def loss_fn(y_true, y_pred):\n    return tf.reduce_mean((y_true - y_pred) ** 2, -1)\n"))
    assert (seen.raised, seen.skipped) == (None, "")
    assert seen.fit_loss == pytest.approx(seen.single_fit_loss, rel=1e-5)
    assert seen.loop_loss == pytest.approx(seen.single_fit_loss, rel=1e-5)
    np.testing.assert_allclose(seen.step, seen.single_step, rtol=1e-3)


def test_a_scalar_mean_steps_twice_as_far_because_keras_does_not_divide_it(write):
    seen = run(write("def loss_fn(y_true, y_pred):\n    return tf.reduce_mean((y_true - y_pred) ** 2)\n"))
    np.testing.assert_allclose(seen.step, 2 * seen.single_step, rtol=1e-3)
    assert seen.loop_loss == pytest.approx(seen.single_fit_loss, rel=1e-5)


def test_the_replicas_of_a_custom_loop_take_their_own_roots(write):
    seen = run(
        write("def loss_fn(y_true, y_pred):\n    return tf.sqrt(tf.reduce_mean((y_true - y_pred) ** 2))\n")
    )
    halves = np.array_split((regression(8).y_true - regression(8).y_pred) ** 2, 2)
    assert seen.loop_loss == pytest.approx(np.mean([np.sqrt(half.mean()) for half in halves]), rel=1e-5)


def test_an_error_on_a_half_has_the_users_line(write):
    written = write("""
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.reshape(y_true, [8, 3]) - y_pred, -1)  # <-
    """)
    seen = run(written)
    assert (seen.raised.location.line, seen.is_uneven) == (written.line(), False)


def test_an_error_on_uneven_halves_is_told_apart(write):
    written = write("""
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.reshape(y_true - y_pred, [-1, 4, 3]) ** 2, [1, 2])  # <-
    """)
    seen = run(written)
    assert seen.is_uneven
    assert seen.raised.location.line == written.line()


def test_what_fit_refuses_on_one_device_is_skipped(write):
    seen = run(write("def loss_fn(y_true, y_pred):\n    return 'none'\n"))
    assert seen.skipped == "`fit` raises on one device already"


def test_a_process_with_one_device_says_so():
    code = """
import numpy as np, tensorflow as tf
tf.constant(1.0)
from losscheck.inputs.batches import Batch
from losscheck.probes.replicas import run_replicas, split_cpu
x = np.ones((8, 3), np.float32)
print(split_cpu(), run_replicas(None, Batch("even", "", x, x), None).skipped)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False TensorFlow has already run in this process, on one device")
