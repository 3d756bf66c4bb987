"""The loss under `tf.function`."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.observation import EffectKind, Returned
from losscheck.probes.graph import run_graph

from .conftest import code_of, regression

MEAN = "def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - y_pred), -1)\n"


@pytest.mark.parametrize(("known", "rows"), [(True, 7), (False, None)])
def test_the_value_is_what_the_graph_gives(write, known, rows):
    written = write(MEAN)
    batch = regression()
    seen = run_graph(written.loss, batch, written.files, known_batch=known)
    np.testing.assert_allclose(np.abs(batch.y_true - batch.y_pred).mean(-1), seen.value, rtol=1e-6)
    assert (
        seen.raised,
        seen.returned,
        seen.static_shape,
        seen.traces,
        seen.calls,
        seen.effects,
    ) == (None, Returned("tensor", "float32", (7,)), (rows,), 1, 3, ())


def test_a_partial_with_an_array_is_called_as_fit_calls_it(write):
    written = write(
        """
        import functools
        import numpy as np

        def scaled(y_true, y_pred, scale):
            return tf.reduce_mean(scale * tf.abs(y_true - y_pred), -1)

        loss_fn = functools.partial(scaled, scale=np.ones(3, "float32"))
        functools.update_wrapper(loss_fn, scaled)
        """
    )
    assert run_graph(written.loss, regression(), written.files).raised is None


def test_the_batch_size_is_a_number_or_unknown(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reduce_sum(y_pred) / y_pred.shape[0]  # <-
        """
    )
    assert run_graph(written.loss, regression(), written.files).raised is None
    raised = run_graph(written.loss, regression(), written.files, known_batch=False).raised
    assert (
        raised.type,
        raised.location.line,
        raised.message.removeprefix("ValueError: "),
    ) == ("ValueError", written.line(), "None values not supported.")


def test_the_other_axes_are_known_in_both(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred / y_pred.shape[1]\n")
    shapes = [
        run_graph(written.loss, regression(), written.files, known_batch=known).static_shape
        for known in (True, False)
    ]
    assert shapes == [(7, 3), (None, 3)]


BRANCH = """
def loss_fn(y_true, y_pred):
    if tf.reduce_mean(y_pred) > 100:  # <-
        return y_pred
    else:
        return y_pred * 2
"""


def test_autograph_turns_python_branches_into_operations(write):
    written = write(BRANCH)
    np.testing.assert_allclose(
        2 * regression().y_pred, run_graph(written.loss, regression(), written.files).value, rtol=1e-6
    )


def test_without_autograph_a_branch_on_a_tensor_raises_at_its_line(write):
    written = write(BRANCH)
    seen = run_graph(written.loss, regression(), written.files, autograph=False)
    assert (
        seen.raised.type,
        seen.raised.location.line,
        seen.traces,
        seen.calls,
    ) == ("OperatorNotAllowedInGraphError", written.line(), 0, 1)
    assert code_of(seen.raised.location) == "tf.reduce_mean(y_pred) > 100"


@pytest.mark.parametrize("autograph", [True, False])
def test_an_error_of_the_trace_has_the_users_line(write, autograph):
    written = write(
        """
        def helper(y_pred):
            return y_pred.numpy()  # <-

        def loss_fn(y_true, y_pred):
            return helper(y_pred)
        """
    )
    seen = run_graph(written.loss, regression(), written.files, autograph=autograph)
    assert (
        seen.raised.location.path,
        seen.raised.location.line,
        seen.traces,
        seen.value,
    ) == ("losses.py", written.line(), 0, None)
    assert "numpy" in seen.raised.message


def test_an_error_of_a_step_has_the_users_line(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reshape(y_pred, [5, -1, 2])  # <-
        """
    )
    seen = run_graph(written.loss, regression(), written.files, known_batch=False)
    assert (seen.raised.type, seen.traces, seen.calls) == ("InvalidArgumentError", 1, 2)
    assert seen.raised.location.line == written.line()


def test_call_0_is_the_trace_and_the_others_run_no_python(write):
    written = write(
        """
        N = []
        def loss_fn(y_true, y_pred):
            print("tracing")  # <-
            N.append(1)
            return y_pred
        """
    )
    seen = run_graph(written.loss, regression(), written.files, autograph=False)
    assert [(e.kind, e.detail, e.call) for e in seen.effects] == [
        (EffectKind.OUTPUT, "tracing", 0),
        (EffectKind.STATE, "N", 0),
    ]
    assert (seen.effects[0].location.line, seen.calls) == (written.line(), 3)


def test_autograph_hides_no_change_of_state(write):
    written = write("N = []\ndef loss_fn(y_true, y_pred):\n    N.append(1)\n    return y_pred\n")
    seen = run_graph(written.loss, regression(), written.files)
    assert [(e.kind, e.detail, e.call) for e in seen.effects] == [(EffectKind.STATE, "N", 0)]


def test_what_a_py_function_does_is_seen_in_every_step(write):
    written = write(
        """
        N = []
        def count(x):
            N.append(1)
            return x
        def loss_fn(y_true, y_pred):
            return tf.py_function(count, [y_pred], tf.float32)
        """
    )
    seen = run_graph(written.loss, regression(), written.files)
    assert [(effect.detail, effect.call) for effect in seen.effects] == [("N", 1), ("N", 2)]
    assert (seen.static_shape, seen.value.shape) == (None, (7, 3))


def test_randomness_of_python_is_frozen_in_the_trace(write):
    written = write("import random\ndef loss_fn(y_true, y_pred):\n    return y_pred * random.random()\n")
    seen = run_graph(written.loss, regression(), written.files)
    assert [(effect.kind, effect.call) for effect in seen.effects] == [(EffectKind.RANDOM, 0)]


def test_an_output_that_is_no_tensor_is_described(write):
    written = write("def loss_fn(y_true, y_pred):\n    return None\n")
    seen = run_graph(written.loss, regression(), written.files)
    assert (
        seen.returned,
        seen.static_shape,
        seen.value,
        seen.traces,
    ) == (Returned("NoneType"), None, None, 1)


def test_a_variable_that_the_trace_creates_raises(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred * tf.Variable(2.0)\n")
    seen = run_graph(written.loss, regression(), written.files)
    assert (seen.raised.type, seen.raised.location.line) == ("ValueError", 3)


def test_a_graph_made_eagerly_runs_as_a_graph(write):
    import tensorflow as tf

    written = write(
        "def loss_fn(y_true, y_pred):\n    assert not tf.executing_eagerly()\n    return y_pred\n"
    )
    tf.config.run_functions_eagerly(True)
    try:
        assert run_graph(written.loss, regression(), written.files).raised is None
    finally:
        tf.config.run_functions_eagerly(False)
