"""The loss compiled into a small model and trained for one epoch."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.probes.eager import run_eager
from losscheck.probes.fit import run_fit

from .conftest import Written, code_of, numbers, probabilities, regression


def direct_mean(written: Written, batch: Batch) -> float:
    value = run_eager(written.loss, batch.aligned(), written.files).value
    assert value is not None
    return float(value.mean())


def test_the_weights_move(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - y_pred), -1)\n")
    seen = run_fit(written.loss, regression(), written.files)
    assert (seen.raised, seen.weights_moved, seen.steps, seen.batch) == (None, True, 2, "typical")


@pytest.mark.parametrize(
    "code",
    [
        "tf.reduce_mean(tf.abs(y_true - y_pred), -1)",
        "tf.abs(y_true - y_pred)",
        "tf.reduce_mean(tf.abs(y_true - y_pred))",
    ],
)
def test_the_first_loss_is_the_mean_of_the_direct_one(write, code):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    seen = run_fit(written.loss, regression(), written.files)
    assert seen.first_loss == pytest.approx(direct_mean(written, regression()), rel=1e-5)


@pytest.mark.parametrize("code", ["tf.sign(y_pred - y_true)", "y_pred * 0.0"])
def test_weights_with_a_gradient_of_zero_do_not_move(write, code):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    seen = run_fit(written.loss, regression(), written.files)
    assert (seen.raised, seen.weights_moved, seen.steps) == (None, False, 2)


def test_a_disconnected_gradient_raises_and_no_step_is_done(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.round(y_pred)\n")
    seen = run_fit(written.loss, regression(), written.files)
    assert (
        seen.raised.type,
        seen.raised.message,
        seen.steps,
        seen.first_loss,
        seen.weights_moved,
    ) == ("ValueError", "No gradients provided for any variable.", 0, None, False)


def test_a_fixed_batch_size_raises_at_the_partial_batch(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return tf.square(y_true - tf.reshape(y_pred, [7, 3]))\n"
    )
    seen = run_fit(written.loss, regression(), written.files)
    assert (seen.raised.type, seen.steps, seen.first_loss is not None) == ("InvalidArgumentError", 1, True)


def test_an_error_of_the_trace_has_the_users_line(write):
    written = write(
        """
        def helper(y_pred):
            if y_pred[0, 0] > 0:  # <-
                return y_pred
            return -y_pred

        def loss_fn(y_true, y_pred):
            return helper(y_pred)
        """
    )
    seen = run_fit(written.loss, regression(), written.files)
    assert (
        seen.raised.type,
        seen.raised.location.path,
        seen.raised.location.line,
        code_of(seen.raised.location),
    ) == ("OperatorNotAllowedInGraphError", "losses.py", written.line(), "y_pred[0, 0] > 0")


def test_an_error_of_a_step_has_the_users_line(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.square(tf.gather(y_pred, [6]))  # <-
        """
    )
    seen = run_fit(written.loss, regression(), written.files)
    assert (seen.raised.location.path, seen.raised.location.line) == ("losses.py", written.line())
    assert seen.raised.message == "indices[0] = 6 is not in [0, 2)"


def test_a_loss_subclass_is_trained(write):
    written = write(
        """
        import keras
        class loss_fn(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return tf.reduce_mean(tf.abs(y_true - y_pred), -1)
        """
    )
    seen = run_fit(written.loss, regression(), written.files)
    assert (seen.raised, seen.weights_moved, seen.steps) == (None, True, 2)
    assert seen.first_loss == pytest.approx(direct_mean(written, regression()), rel=1e-5)


def test_a_reduction_of_a_loss_subclass_is_its_own(write):
    written = write(
        """
        import keras
        class Summed(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return tf.reduce_sum(tf.abs(y_true - y_pred), -1)
        loss_fn = Summed(reduction="sum")
        """
    )
    seen = run_fit(written.loss, regression(), written.files)
    assert seen.first_loss == pytest.approx(7 * direct_mean(written, regression()), rel=1e-5)


def test_a_prediction_of_rank_1_is_trained_on(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true - y_pred)\n")
    batch = numbers(1, 2, 3)
    flat = Batch("typical", "", batch.y_true[:, 0], batch.y_pred[:, 0])
    seen = run_fit(written.loss, flat, written.files)
    assert (
        seen.raised,
        seen.weights_moved,
        seen.steps,
        seen.first_loss,
    ) == (None, True, 2, pytest.approx(14 / 3))


def test_flat_labels_are_aligned_with_one_column(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true - y_pred)\n")
    batch = numbers(1, 2, 3)
    flat = Batch("typical", "", np.array([1, 2, 3], dtype=np.float32), batch.y_pred)
    assert run_fit(written.loss, flat, written.files).first_loss == 0


def test_integer_labels_arrive_as_float32(write):
    written = write(
        """
        DTYPES = []
        def loss_fn(y_true, y_pred):
            DTYPES.append((y_true.dtype.name, y_pred.dtype.name))
            return tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
        """
    )
    simplex = np.full((7, 4), 0.25, dtype=np.float32)
    seen = run_fit(
        written.loss, Batch("typical", "", np.arange(7, dtype=np.int32) % 4, simplex), written.files
    )
    assert (seen.raised, seen.steps, seen.first_loss) == (None, 2, pytest.approx(np.log(4), rel=1e-5))
    assert set(written.loss.function.__globals__["DTYPES"]) == {("float32", "float32")}


def test_integer_labels_that_the_loss_needs_as_integers_raise_at_its_line(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.reduce_sum(tf.one_hot(y_true, 4) * y_pred, -1)  # <-
        """
    )
    simplex = np.full((7, 4), 0.25, dtype=np.float32)
    seen = run_fit(
        written.loss, Batch("typical", "", np.arange(7, dtype=np.int32) % 4, simplex), written.files
    )
    assert (seen.raised.type, seen.raised.location.line, seen.steps) == ("TypeError", written.line(), 0)


def test_the_model_predicts_the_batch_itself(write):
    written = write(
        """
        SEEN = []
        def loss_fn(y_true, y_pred):
            tf.py_function(lambda x: SEEN.append(x.numpy()), [y_pred], [])
            return tf.square(y_true - y_pred)
        """
    )
    batch = probabilities()
    run_fit(written.loss, batch, written.files)
    full, partial = written.loss.function.__globals__["SEEN"]
    np.testing.assert_array_equal(batch.y_pred, full)
    assert partial.shape == (2, 1)


def test_a_batch_of_one_has_a_second_step_of_one(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true - y_pred)\n")
    seen = run_fit(written.loss, numbers(3), written.files)
    assert (seen.raised, seen.steps, seen.first_loss) == (None, 2, 9)


def test_nothing_reaches_the_terminal(write, capfd):
    written = write("def loss_fn(y_true, y_pred):\n    print(1)\n    return tf.square(y_true - y_pred)\n")
    run_fit(written.loss, regression(), written.files)
    assert capfd.readouterr() == ("", "")


def test_an_exit_of_the_loss_is_data(write):
    written = write("def loss_fn(y_true, y_pred):\n    raise SystemExit(1)\n")
    seen = run_fit(written.loss, regression(), written.files)
    assert (seen.raised.type, seen.raised.location.line) == ("SystemExit", 3)
