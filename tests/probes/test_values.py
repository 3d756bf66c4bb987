"""The numbers inside the graph: which operation makes the NaN, and which gradient does."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.graph_observation import Op, ValuesObservation
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.values import run_values

from .conftest import Written, code_of, numbers, regression


def values(written: Written, batch: Batch) -> tuple[tuple[Op, ...], ValuesObservation]:
    traced = trace(written.loss, batch, written.files)
    flow = read_flow(traced, batch, written.files)
    return flow.ops, run_values(traced, flow, batch)


def named(ops: tuple[Op, ...], index: int | None) -> str | None:
    return None if index is None else ops[index].type


def value(written: Written, batch: Batch) -> str | None:
    """The operation that makes the loss NaN or infinite."""
    ops, seen = values(written, batch)
    return named(ops, seen.non_finite_op)


def slope(written: Written, batch: Batch) -> str | None:
    """The operation that makes the gradient NaN or infinite."""
    ops, seen = values(written, batch)
    return named(ops, seen.non_finite_gradient_op)


def dead(written: Written, batch: Batch) -> str | None:
    """The operation that makes the gradient zero."""
    ops, seen = values(written, batch)
    return named(ops, seen.zero_gradient_op)


def test_a_finite_loss_with_a_gradient_has_no_culprit(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.square(y_true - y_pred), -1)\n"
    )
    _, seen = values(written, regression())
    assert (
        seen.non_finite_op,
        seen.non_finite_gradient_op,
        seen.zero_gradient_op,
        seen.batch,
    ) == (None, None, None, "typical")


@pytest.mark.parametrize(
    ("code", "batch", "kind"),
    [
        ("tf.reduce_mean(-tf.math.log(y_pred))", numbers(0.5, 0), "Log"),
        ("tf.reduce_mean(tf.sqrt(y_pred) * 2)", numbers(1, -1), "Sqrt"),
        ("tf.reduce_mean(tf.exp(y_pred) + 1)", numbers(1, 100), "Exp"),
        ("tf.reduce_mean(1 / y_pred)", numbers(1, 0), "RealDiv"),
        ("tf.square(tf.reduce_sum(y_pred) / tf.reduce_sum(y_true))", numbers(1, 2), "RealDiv"),
        ("tf.reduce_mean(tf.math.log(y_pred) * y_true)", numbers(0.5, 0), "Log"),
        ("tf.where(y_pred > 0, tf.math.log(y_pred), 0 * y_pred)", numbers(0.5, 0), None),
        ("tf.reduce_mean(tf.boolean_mask(y_pred, y_true > 9))", numbers(0.5, 0), "Mean"),
    ],
)
def test_the_operation_that_makes_the_loss_non_finite_is_the_first_one_that_is(write, code, batch, kind):
    assert value(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n"), batch) == kind


def test_the_operation_has_its_line_and_code(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            safe = tf.math.log(y_pred + 1.0)
            return safe + tf.math.log(tf.identity(y_pred))  # <-
        """
    )
    ops, seen = values(written, numbers(0.5, 0))
    place = ops[seen.non_finite_op].location
    assert (place.line, code_of(place)) == (written.line(), "tf.math.log(tf.identity(y_pred))")


def test_a_nan_that_passes_through_an_identity_is_followed(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return tf.identity(tf.identity(tf.math.log(y_pred)))\n"
    )
    assert value(written, numbers(0.5, 0)) == "Log"


def test_a_constant_that_the_graph_folds_away_is_found(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return -tf.reduce_mean((1 - y_true) * tf.math.log(1 - y_pred + 1e-8), -1)
        """
    )
    assert value(written, numbers(0.5, 1.0)) == "Log"


def test_a_constant_that_float32_keeps_is_no_culprit(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return -tf.reduce_mean(tf.math.log(1 - y_pred + 1e-6), -1)\n"
    )
    assert value(written, numbers(0.5, 1.0)) is None


@pytest.mark.parametrize(
    ("code", "batch", "kind"),
    [
        ("tf.reduce_mean(tf.sqrt(y_pred))", numbers(4, 0), "Sqrt"),
        ("tf.reduce_mean(y_pred ** 0.5)", numbers(4, 0), "Pow"),
        ("tf.where(y_pred > 0, tf.math.log(y_pred), y_pred)", numbers(4, 0), "Log"),
        ("tf.where(y_pred > 0, 1 / y_pred, y_pred)", numbers(4, 0), "RealDiv"),
        ("tf.sqrt(tf.reduce_mean(tf.square(y_pred), -1))", numbers(4, 0), "Sqrt"),
        ("tf.norm(y_pred, axis=-1)", numbers(4, 0), "Sqrt"),
        ("tf.math.reduce_std(y_pred, axis=-1)", numbers(4, 0), "Sqrt"),
        ("tf.acos(y_pred)", numbers(0, 1), "Acos"),
    ],
)
def test_the_operation_whose_gradient_is_not_finite_is_found(write, code, batch, kind):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    assert slope(written, batch) == kind


def test_the_line_of_a_non_finite_gradient_is_that_of_its_operation(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            first = tf.sqrt(y_pred + 1.0)
            second = tf.sqrt(y_pred * 2.0)  # <-
            return first + second
        """
    )
    ops, seen = values(written, numbers(4, 0))
    assert ops[seen.non_finite_gradient_op].location.line == written.line()


def test_of_several_readers_of_a_tensor_the_one_that_breaks_its_gradient_is_told(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            a = tf.exp(y_pred)
            b = tf.sqrt(y_pred)  # <-
            c = tf.tanh(y_pred)
            return a + b + c
        """
    )
    ops, seen = values(written, numbers(4, 0))
    assert (
        ops[seen.non_finite_gradient_op].type,
        ops[seen.non_finite_gradient_op].location.line,
    ) == ("Sqrt", written.line())


def test_an_operation_that_reads_a_tensor_twice_is_told(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            x = tf.identity(y_pred)
            return tf.exp(x) + tf.pow(x, x)  # <-
        """
    )
    assert slope(written, numbers(4, 0)) == "Pow"


def test_a_finite_gradient_under_a_where_is_no_culprit(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            safe = tf.where(y_pred > 0, y_pred, 1.0)
            return tf.where(y_pred > 0, tf.math.log(safe), y_pred)
        """
    )
    assert slope(written, numbers(4, 0)) is None


@pytest.mark.parametrize(
    ("code", "batch", "kind"),
    [
        ("tf.reduce_mean(tf.sign(y_pred - y_true), -1)", numbers(4, 2), "Sign"),
        ("tf.reduce_mean(tf.clip_by_value(y_pred, 0.0, 1.0))", numbers(4, 2), "Minimum"),
        ("tf.reduce_mean(tf.nn.relu(y_pred))", numbers(-4, -2), "Relu"),
        ("tf.reduce_mean(tf.square(y_pred) * y_true)", numbers(-4, -2), "Mul"),
    ],
)
def test_the_operation_whose_gradient_is_zero_is_found(write, code, batch, kind):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    assert dead(written, batch) == kind


def test_a_gradient_that_is_zero_in_some_rows_is_not_dead(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.nn.relu(y_pred)\n")
    assert dead(written, numbers(-1, 1)) is None


def test_a_softmax_of_one_column_has_a_dead_gradient(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true - tf.nn.softmax(y_pred))\n")
    assert dead(written, numbers(0.3, 0.4, y_true=0.5)) == "Softmax"


def test_a_branch_and_a_loop_leave_the_rest_readable(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            x = tf.cond(tf.reduce_sum(y_true) > 9.0, lambda: y_pred, lambda: y_pred * 2.0)
            _, x = tf.while_loop(lambda i, _: i < 2, lambda i, x: (i + 1, x + 0.0), [0, x])
            return tf.math.log(x)  # <-
        """
    )
    ops, seen = values(written, numbers(0.5, 0))
    assert (ops[seen.non_finite_op].type, ops[seen.non_finite_op].location.line) == ("Log", written.line())


def test_a_loss_that_cannot_be_traced_has_no_numbers(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred.numpy()\n")
    assert (
        value(written, regression()),
        slope(written, regression()),
        dead(written, regression()),
    ) == (None, None, None)


def test_a_step_that_raises_has_no_numbers(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            with tf.control_dependencies([tf.debugging.assert_less(y_pred, 5.0)]):
                return tf.math.log(y_pred)
        """
    )
    traced = trace(written.loss, numbers(1, 2), written.files)
    bad = numbers(1, 9)
    seen = run_values(traced, read_flow(traced, bad, written.files), bad)
    assert seen.non_finite_op is None


def test_one_trace_serves_many_batches(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.math.log(y_pred) + tf.sqrt(y_pred - 1)\n")
    traced = trace(written.loss, numbers(1, 2), written.files)
    found = []
    for batch in (numbers(2, 3), numbers(2, 0.5), numbers(2, 3)):
        flow = read_flow(traced, batch, written.files)
        found.append(named(flow.ops, run_values(traced, flow, batch).non_finite_op))
    assert found == [None, "Sqrt", None]


def test_the_values_are_read_in_the_dtype_of_the_batch(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.exp(y_pred)\n")
    batch = Batch("typical", "", np.zeros((2, 1)), np.full((2, 1), 100.0))
    assert value(written, batch) is None
