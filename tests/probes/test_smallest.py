"""The smallest input that shows a bad number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from losscheck.numerics_observation import SmallestObservation
from losscheck.probes.gradient import run_gradient
from losscheck.probes.smallest import run_smallest

from .conftest import regression


def smallest(written, batch, *, of_gradient=False) -> SmallestObservation:
    return run_smallest(
        lambda part: run_gradient(written.loss, part, written.files), batch, of_gradient=of_gradient
    )


def test_one_row_and_one_entry_are_enough_for_a_division_by_a_label(write):
    code = "tf.reduce_mean(tf.abs((y_true - y_pred) / y_true), axis=-1)"
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    labels = regression().y_true.copy()
    labels[4] = 0
    seen = smallest(written, replace(regression(), y_true=labels))

    assert seen.y_true is not None
    assert seen.y_true.tolist() == [[0.0]]
    assert seen.words.startswith("one row is enough: `y_true = [0.], y_pred = [")


def test_a_gradient_is_told_from_a_value(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.norm(y_true - y_pred, axis=-1)\n")
    batch = regression()
    equal = replace(batch, y_pred=batch.y_true.copy())

    assert smallest(written, equal, of_gradient=True).y_pred is not None
    assert smallest(written, equal).words == ""


def test_rows_that_only_are_bad_together_stay_together(write):
    code = "tf.reduce_mean(y_pred) / (1.0 - tf.cast(tf.shape(y_pred)[0] > 2, tf.float32))"
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")

    assert smallest(written, regression()).words == ""


def test_large_arrays_are_not_printed():
    seen = SmallestObservation("typical", y_true=np.zeros((1, 9)), y_pred=np.zeros((1, 9)))

    assert seen.words == "one row is enough"
