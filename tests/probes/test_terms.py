"""The summands of a loss, each with its gradient."""

from __future__ import annotations

import pytest

from losscheck.engine import Options, check
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.terms import run_terms

from .conftest import regression


def terms(written):
    batch = regression()
    traced = trace(written.loss, batch, written.files)
    return run_terms(traced, read_flow(traced, batch, written.files), batch).terms


@pytest.mark.parametrize(
    ("term", "cut"),
    [
        ("tf.round(y_pred)", "Round"),
        ("tf.sign(y_pred)", "Sign"),
        ("tf.cast(y_pred > 0.5, tf.float32)", "Greater"),
        ("tf.where(y_pred > 0.5, 2.0, 1.0)", "Greater"),
        ("tf.cast(tf.cast(y_pred * 9, tf.int32), tf.float32)", "Cast"),
        ("tf.math.floor(tf.exp(y_pred))", "Floor"),
    ],
)
@pytest.mark.parametrize("form", ["error - 3.0 * {}", "tf.add_n([error, {} / 2.0])", "tf.stack([error, {}])"])
def test_a_term_without_a_gradient_is_told_with_its_cut(write, term, cut, form):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            error = tf.reduce_mean(tf.square(y_true - y_pred), -1)
            return {form.format(f"tf.reduce_mean({term}, -1)")}
        """
    )

    found = terms(written)

    assert [part.is_live for part in found].count(True) >= 1
    assert [part.cut.type for part in found if part.cut is not None] == [cut]


@pytest.mark.parametrize(
    "term",
    [
        "tf.round(y_pred) * y_pred",
        "tf.stop_gradient(tf.round(y_pred))",
        "tf.gather(y_pred, tf.argmax(y_pred, -1), batch_dims=1)[:, None]",
        "tf.zeros_like(y_pred) + tf.exp(y_pred)",
    ],
)
def test_masks_shapes_and_stopped_terms_are_not_dead(write, term):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.square(y_true - y_pred), -1) + tf.reduce_mean({term}, -1)
        """
    )

    assert [part for part in terms(written) if part.cut is not None] == []


def test_a_loss_of_one_term_is_not_taken_apart(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return 2.0 * tf.reduce_mean(tf.abs(y_true * y_pred), -1)
        """
    )

    assert terms(written) == ()


def test_a_term_that_holds_nothing_loses_nothing(write):
    written = write("""
        def loss_fn(y_true, y_pred):
            behind_the_last_column = tf.reduce_sum(tf.round(y_pred[:, 3:]), axis=-1)
            return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + behind_the_last_column
    """)

    result = check(written.loss, Options(y_true="float32[B, 3]", y_pred="float32[B, 3]", select=("LC203",)))

    assert (result.failures, result.report.findings) == ((), ())
