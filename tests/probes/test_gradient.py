"""The loss inside `GradientTape`."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.observation import GradientObservation, Returned
from losscheck.probes.gradient import GraphGradient, run_gradient

from .conftest import Written, numbers, regression

both = pytest.mark.parametrize("mode", ["eager", "graph"])


def gradient(written: Written, mode: str, batch=None) -> GradientObservation:
    batch = batch or regression()
    if mode == "eager":
        return run_gradient(written.loss, batch, written.files)
    return GraphGradient(written.loss, written.files).run(batch)


@both
def test_the_gradient_is_that_of_the_summed_loss(write, mode):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return tf.reduce_sum(tf.square(y_true - y_pred), -1)\n"
    )
    batch = regression()
    seen = gradient(written, mode)
    np.testing.assert_allclose(2 * (batch.y_pred - batch.y_true), seen.gradient, rtol=1e-5)
    np.testing.assert_allclose(np.square(batch.y_true - batch.y_pred).sum(-1), seen.value, rtol=1e-5)
    assert (seen.raised, seen.is_forward_done, seen.batch) == (None, True, "typical")
    assert seen.returned == Returned("tensor", "float32", (7,))
    assert 0 < seen.seconds < 5


@both
@pytest.mark.parametrize(
    "code",
    [
        "tf.stop_gradient(y_pred)",
        "tf.cast(tf.argmax(y_pred, -1), tf.float32)",
        "tf.cast(y_pred > 0.5, tf.float32)",
        "tf.square(y_true)",
        "tf.cast(tf.cast(y_pred, tf.int32), tf.float32)",
        "tf.round(y_pred)",
    ],
)
def test_a_disconnected_gradient_is_none(write, mode, code):
    seen = gradient(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n"), mode)
    assert (seen.raised, seen.gradient, seen.is_forward_done) == (None, None, True)


@both
@pytest.mark.parametrize("code", ["tf.sign(y_pred)", "y_pred * 0.0", "tf.clip_by_value(y_pred, 50.0, 60.0)"])
def test_a_gradient_of_zero_is_an_array(write, mode, code):
    seen = gradient(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n"), mode)
    np.testing.assert_array_equal(np.zeros((7, 3)), seen.gradient)


@both
def test_a_gradient_that_is_not_finite_is_an_array(write, mode):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.sqrt(y_pred)\n")
    seen = gradient(written, mode, numbers(0, 4))
    np.testing.assert_array_equal([[np.inf], [0.25]], seen.gradient)


@both
def test_a_gradient_of_some_rows_is_a_whole_array(write, mode):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.gather(y_pred, [1, 1])\n")
    expected = np.zeros((7, 3))
    expected[1] = 2
    np.testing.assert_array_equal(expected, gradient(written, mode).gradient)


@both
@pytest.mark.parametrize("code", ["None", "tf.cast(y_pred, tf.int32)", "(y_pred, y_pred)"])
def test_what_is_no_float_tensor_has_no_gradient(write, mode, code):
    seen = gradient(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n"), mode)
    assert (seen.raised, seen.gradient, seen.is_forward_done) == (None, None, True)


@both
def test_an_error_of_the_forward_pass_says_so(write, mode):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.matmul(y_true, y_pred)  # <-
        """
    )
    seen = gradient(written, mode)
    assert (
        seen.raised.location.line,
        seen.is_forward_done,
        seen.value,
        seen.gradient,
    ) == (written.line(), False, None, None)


CUSTOM = """
@tf.custom_gradient
def odd(x):
    def backward(upstream):
        {code}
    return x, backward

def loss_fn(y_true, y_pred):
    return odd(y_pred)
"""


@both
def test_an_error_of_the_gradient_says_that_the_forward_pass_was_done(write, mode):
    written = write(CUSTOM.format(code='raise ArithmeticError("no way back")  # <-'))
    seen = gradient(written, mode)
    assert (
        seen.raised.type,
        seen.raised.message,
        seen.raised.location.line,
        seen.is_forward_done,
    ) == ("ArithmeticError", "no way back", written.line(), True)


@both
def test_an_operation_without_a_gradient_raises_after_the_forward_pass(write, mode):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.raw_ops.Cumprod(x=tf.raw_ops.RandomGammaGrad(alpha=y_pred, sample=y_pred), axis=0)
        """
    )
    seen = gradient(written, mode)
    assert (seen.raised.type, seen.is_forward_done, seen.gradient) == ("LookupError", True, None)


def test_an_error_of_a_step_of_the_graph_is_one_of_the_forward_pass(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reshape(y_pred, [5, -1, 2])
        """
    )
    seen = gradient(written, "graph")
    assert (seen.raised.type, seen.is_forward_done) == ("InvalidArgumentError", False)


def test_an_error_of_one_batch_says_nothing_of_the_next(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            with tf.control_dependencies([tf.debugging.assert_less(y_pred, 5.0)]):
                return tf.identity(y_pred)
        """
    )
    probe = GraphGradient(written.loss, written.files)
    seen = [probe.run(numbers(*values)) for values in ((1, 2), (1, 9), (1, 2))]
    assert [(s.raised and s.raised.type, s.is_forward_done) for s in seen] == [
        (None, True),
        ("InvalidArgumentError", False),
        (None, True),
    ]


def test_one_trace_serves_every_batch_size(write):
    written = write(
        """
        SHAPES = []
        def loss_fn(y_true, y_pred):
            SHAPES.append(tuple(y_pred.shape))
            return y_pred
        """
    )
    probe = GraphGradient(written.loss, written.files)
    values = [probe.run(regression(rows)).value.shape for rows in (7, 11, 1)]
    assert (values, written.loss.function.__globals__["SHAPES"]) == ([(7, 3), (11, 3), (1, 3)], [(None, 3)])


def test_each_batch_size_is_traced_where_the_size_must_be_known(write):
    written = write(
        """
        SHAPES = []
        def loss_fn(y_true, y_pred):
            SHAPES.append(tuple(y_pred.shape))
            return y_pred / y_pred.shape[0]
        """
    )
    probe = GraphGradient(written.loss, written.files)
    gradients = [probe.run(regression(rows)).gradient[0, 0] for rows in (2, 4)]
    assert gradients == [0.5, 0.25]
    assert written.loss.function.__globals__["SHAPES"] == [(None, 3), (2, 3), (4, 3)]


def test_the_graph_runs_without_autograph_as_fit_does(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    if y_pred[0, 0] > 0:\n        return y_pred\n    return -y_pred\n"
    )
    assert gradient(written, "graph").raised.type == "OperatorNotAllowedInGraphError"


@both
def test_a_prediction_of_rank_1_has_a_gradient(write, mode):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred * 3\n")
    batch = numbers(1, 2)
    flat = type(batch)("typical", "", batch.y_true[:, 0], batch.y_pred[:, 0])
    assert gradient(written, mode, flat).gradient.tolist() == [3, 3]


def test_what_the_gradient_prints_stays_off_the_terminal(write, capfd):
    written = write(CUSTOM.format(code='print("back"); return upstream'))
    gradient(written, "eager")
    assert capfd.readouterr() == ("", "")
