"""Arrays of the user's code that are as long as a batch or a data set."""

from __future__ import annotations

from losscheck.probes.captured import run_captured

from .conftest import regression

ROWS = "import numpy as np\nROWS = np.random.default_rng(0).uniform(1, 2, size={}).astype('float32')\n"
MSE = "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)"


def captured(written):
    return run_captured(written.loss, regression(), written.files, [written.loss.function.__code__])


def test_an_array_as_long_as_the_batch_lets_no_other_batch_pass(write):
    written = write(f"{ROWS.format('(7, 3)')}def loss_fn(y_true, y_pred):\n    return y_pred + ROWS\n")
    seen = captured(written)

    assert (seen.name, seen.rows, seen.other_rows) == ("ROWS", 7, 10)
    assert seen.raised is not None


def test_an_array_sliced_to_the_batch_is_paired_by_position(write):
    written = write(
        f"{ROWS.format(50)}def loss_fn(y_true, y_pred):\n"
        f"    return {MSE} * ROWS[: tf.shape(y_pred)[0]]  # <-\n"
    )
    seen = captured(written)

    assert (seen.name, seen.rows, seen.raised) == ("ROWS", 50, None)
    assert seen.place is not None
    assert seen.place.line == written.line()
    assert seen.before != seen.after


def test_a_table_that_another_axis_or_the_labels_look_up_is_not_captured(write):
    for size, term in (("3", "ROWS"), ("50", "tf.gather(ROWS, tf.cast(tf.abs(y_pred) * 9, tf.int32))")):
        written = write(
            f"{ROWS.format(size)}def loss_fn(y_true, y_pred):\n"
            f"    return tf.reduce_mean({term} * tf.square(y_true - y_pred), axis=-1)\n"
        )
        assert not captured(written).name


def test_the_array_is_put_back(write):
    written = write(f"{ROWS.format('(7, 3)')}def loss_fn(y_true, y_pred):\n    return y_pred + ROWS\n")
    captured(written)

    assert written.loss.function.__globals__["ROWS"].shape == (7, 3)
