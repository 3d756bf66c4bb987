"""Statements that compute something for nothing."""

from __future__ import annotations

import pytest

from losscheck.probes.discarded import run_discarded
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.statements import imported_names, is_never_read, statement_at

from .conftest import regression

LOSS = "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)"


def discarded(written):
    traced = trace(written.loss, regression(), written.files)
    flow = read_flow(traced, regression(), written.files)
    found = run_discarded(traced, flow, regression(), written.files).discarded
    return [(place.op_type, place.location.line) for place in found]


@pytest.mark.parametrize(
    ("statement", "op"),
    [
        ("tf.nn.relu(y_pred)", "Relu"),
        ("y_pred * 2.0", "Mul"),
        ("_ = tf.abs(y_pred)", "Abs"),
        ("size = tf.exp(y_pred)", "Exp"),
        ("first, second = tf.split(y_pred, [1, 2], axis=1)", "SplitV"),
        ("double(y_pred)", "Mul"),
        ("K.flatten(y_pred)", "Reshape"),
    ],
)
def test_a_statement_without_effect_is_found(write, statement, op):
    written = write(
        f"""
        K = tf.keras.backend

        def double(x):
            return x * 2.0

        def loss_fn(y_true, y_pred):
            {statement}  # <-
            return {LOSS}
        """
    )

    assert discarded(written) == [(op, written.line())]


@pytest.mark.parametrize(
    "statement",
    [
        "columns = tf.abs(y_pred).shape[-1]",
        "columns = tf.abs(y_pred).get_shape().as_list()",
        "size = tf.abs(y_pred); size.shape",
        "HELD.append(tf.abs(y_pred))",
        "setattr(shout, 'mask', y_pred > 0)",
        "tf.nest.map_structure(HELD.append, [y_pred > 0])",
        "HELD[0:1] = [tf.abs(y_pred)]",
        "tf.print(tf.reduce_mean(y_pred))",
        "tf.debugging.assert_less(tf.abs(y_pred), 1e9)",
        "shout(y_pred)",
        "y_true, y_pred = y_true + 0.0, y_pred + 0.0",
        "mean, _ = tf.nn.moments(y_pred, [-1], keepdims=True); y_pred = y_pred - mean",
        "batch = tf.shape(y_pred)[0]",
    ],
)
def test_what_is_kept_read_or_has_an_effect_is_left_alone(write, statement):
    written = write(
        f"""
        HELD = []

        def shout(x):
            tf.print(x)
            return tf.abs(x)

        def loss_fn(y_true, y_pred):
            {statement}
            return {LOSS}
        """
    )

    assert discarded(written) == []


@pytest.mark.parametrize(
    ("body", "is_unread"),
    [
        ("x = 1", True),
        ("x = 1\n    return x", False),
        ("x = 1\n    x = 2\n    return x", True),
        ("x = 1\n    x = x + 1\n    return x", False),
        ("x = 1\n    return lambda: x", False),
        ("x = 1\n    del x", False),
        ("x = 1\n    return locals()", False),
        ("x: int = 1", True),
        ("x, y = 1, 2\n    return y", False),
        ("x.y = 1", False),
        ("global x\n    x = 1", False),
    ],
)
def test_a_name_is_unread_where_nothing_reads_it_before_it_is_bound_again(tmp_path, body, is_unread):
    path = tmp_path / "module.py"
    path.write_text(f"def f():\n    {body}\n")
    line = 3 if body.startswith("global") else 2

    assert is_never_read(statement_at(str(path), line)) is is_unread


def test_imports_and_their_short_names_are_known(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("import tensorflow as tf\nfrom keras import ops as o\nK = tf.keras.backend\n")

    assert imported_names(str(path)) == {
        "tf": "tensorflow",
        "o": "keras.ops",
        "K": "tensorflow.keras.backend",
    }
