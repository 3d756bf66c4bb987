"""The first line where a call in a graph parts from an eager one."""

from __future__ import annotations

import pytest

from losscheck.probes.divergence import run_divergence

from .conftest import regression


@pytest.mark.parametrize(
    ("body", "branches"),
    [
        ("if tf.executing_eagerly():  # <-\n        y_pred = y_pred * 2.0", True),
        (
            "try:\n        y_pred = y_pred * y_true.numpy()  # <-\n    except AttributeError:\n        pass",
            True,
        ),
        ("scale = 2.0 if tf.executing_eagerly() else 1.0  # <-\n    y_pred = y_pred * scale", False),
        ("y_pred = helper(y_pred)", True),
        ("y_pred = y_pred * (1.0 if y_pred.shape[0] is None else 3.0)  # <-", False),
    ],
)
def test_the_line_is_found(write, body, branches):
    helper = "if tf.inside_function():  # <-" if "helper" in body else "if tf.inside_function():"
    written = write(
        f"def helper(x):\n    {helper}\n        return x * 3.0\n    return x\n\n"
        f"def loss_fn(y_true, y_pred):\n    {body}\n    return tf.reduce_mean(y_pred, axis=-1)\n"
    )
    seen = run_divergence(written.loss, regression(), written.files, tolerance=1e-3)

    assert (seen.location.line, seen.branches) == (written.line(), branches)


@pytest.mark.parametrize(
    "body",
    [
        "return tf.map_fn(lambda row: tf.reduce_sum(row), y_pred)",
        "return tf.cond(tf.reduce_sum(y_true) > 0, lambda: y_pred, lambda: -y_pred)",
        "rows = y_pred.shape[0]\n    return y_pred",
    ],
)
def test_the_way_of_what_tensorflow_calls_does_not_count(write, body):
    written = write(f"def loss_fn(y_true, y_pred):\n    {body}\n")
    seen = run_divergence(written.loss, regression(), written.files, tolerance=1e-3)

    assert seen.location is None


def test_an_error_is_observed(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            if not tf.executing_eagerly():
                raise ValueError("no graph")  # <-
            return y_pred
        """
    )
    seen = run_divergence(written.loss, regression(), written.files, tolerance=1e-3)

    assert (seen.raised.type, seen.raised.location.line) == ("ValueError", written.line())
