"""The XLA probe: value and gradient compiled, and which operation is refused at which line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

from losscheck.probes.gradient import GraphGradient
from losscheck.probes.xla import CompiledGradient, compile_quickly

from .conftest import code_of, regression


def compiled(written, batch=None, *, has_list=False, is_expendable=False):
    probe = CompiledGradient(
        written.loss, written.files, GraphGradient(written.loss, written.files), is_expendable=is_expendable
    )
    return probe.run(batch or regression(), has_list=has_list)


def test_value_and_gradient_are_those_of_the_formula(write):
    batch = regression()
    seen = compiled(
        write("def loss_fn(y_true, y_pred):\n    return tf.reduce_sum((y_true - y_pred) ** 2, -1)\n")
    )
    error = batch.y_pred - batch.y_true
    np.testing.assert_allclose(seen.value, (error**2).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(seen.gradient, 2 * error, rtol=1e-5)
    assert (seen.raised, seen.refusals, seen.skipped) == (None, (), "")


def test_a_disconnected_gradient_is_none(write):
    seen = compiled(write("def loss_fn(y_true, y_pred):\n    return tf.reduce_sum(y_true, -1)\n"))
    assert seen.value is not None
    assert seen.gradient is None


def test_a_refused_operation_comes_with_its_line(write):
    written = write("""
        def loss_fn(y_true, y_pred):
            tf.print(y_pred)  # <-
            return tf.reduce_sum((y_true - y_pred) ** 2, -1)
    """)
    (refusal,) = compiled(written).refusals
    assert refusal.op == "StringFormat"
    assert refusal.location.line == written.line()
    assert code_of(refusal.location) == "tf.print(y_pred)"


def test_an_operation_inside_a_branch_is_found(write):
    written = write("""
        def loss_fn(y_true, y_pred):
            error = tf.reduce_sum((y_true - y_pred) ** 2, -1)
            return tf.cond(
                tf.reduce_sum(y_true) > 0,
                lambda: tf.math.segment_sum(error, tf.range(7)),  # <-
                lambda: error,
            )
    """)
    assert [(r.op, r.location.line) for r in compiled(written).refusals] == [("SegmentSum", written.line())]


def test_the_gradient_of_a_loop_points_at_the_loop(write):
    written = write("""
        def loss_fn(y_true, y_pred):
            error = tf.reduce_sum((y_true - y_pred) ** 2, -1)
            count = tf.cast(tf.reduce_sum(y_true), tf.int32)
            return tf.while_loop(lambda i, e: i < count, lambda i, e: (i + 1, e * e), [0, error])[1]  # <-
    """)
    assert {r.location.line for r in compiled(written).refusals} == {written.line()}


def test_a_list_is_compiled_only_where_the_process_may_die(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.map_fn(tf.reduce_sum, y_true - y_pred)\n")
    assert compiled(written, has_list=True).skipped.startswith("compiling a loop can end this process")
    assert compiled(written, has_list=True, is_expendable=True).skipped == ""


def test_what_cannot_be_traced_is_skipped(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return y_pred if tf.reduce_sum(y_true) > 0 else y_true\n"
    )
    assert compiled(written).skipped == "the loss cannot be traced as `fit` does it"


def test_a_refused_loss_is_not_compiled_again(write):
    written = write("def loss_fn(y_true, y_pred):\n    tf.print('x')\n    return y_true - y_pred\n")
    probe = CompiledGradient(
        written.loss, written.files, GraphGradient(written.loss, written.files), is_expendable=False
    )
    assert probe.run(regression(), has_list=False) is probe.run(regression(), has_list=False)


MINIMUM = """\
import tensorflow as tf

def least_loss(y_true, y_pred):
    gap = tf.reduce_mean(tf.abs(y_true[:, :, None, :] - y_pred[:, None, :, :]), axis=-1)
    orders = [gap[:, 0, 0] + gap[:, 1, 1], gap[:, 0, 1] + gap[:, 1, 0]]
    return tf.reduce_min(tf.stack(orders, axis=1), axis=1)
"""


@pytest.mark.skipif(
    version("tensorflow").startswith("2.16."), reason="XLA of TensorFlow 2.16 makes a NaN in any case"
)
def test_the_flags_that_xla_is_given_leave_the_gradient_of_a_minimum_finite(tmp_path):
    (tmp_path / "least.py").write_text(MINIMUM)
    specs = ("--y-true", "float32[B, 2, 3] real", "--y-pred", "float32[B, 2, 3] real")
    command = [sys.executable, "-m", "losscheck", "least.py", "--no-cache", "--select", "LC204,LC702", *specs]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_what_a_user_tells_xla_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=here")
    compile_quickly()
    assert os.environ["XLA_FLAGS"] == "--xla_dump_to=here"


def test_xla_is_told_to_compile_quickly(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "")  # restored afterwards
    del os.environ["XLA_FLAGS"]
    compile_quickly()
    assert os.environ["XLA_FLAGS"] == "--xla_backend_optimization_level=0"
