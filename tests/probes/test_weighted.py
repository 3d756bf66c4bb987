"""Rows with a weight of zero, against the batch without these rows; steps without a reduction."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.probes.unreduced import run_unreduced
from losscheck.probes.weighted import run_weighted

from .conftest import code_of, regression

OBJECT = """
    import keras
    class OwnLoss(keras.losses.Loss):
        def {head}:
            {body}
    made = OwnLoss(reduction={reduction!r})
"""


def own_loss(write, head="call(self, y_true, y_pred)", reduction="sum_over_batch_size", body=None):
    body = body or "return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)"
    return write(OBJECT.format(head=head, body=body, reduction=reduction), name="made")


def test_rows_that_are_kept_have_the_loss_that_they_have_alone(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - y_pred), -1)\n")
    seen = run_weighted(written.loss, regression(), written.files)
    assert seen.kept == (0, 2, 3, 5, 6)
    assert seen.value[list(seen.kept)] == pytest.approx(seen.of_kept)


def test_an_object_is_called_with_weights_and_with_other_reductions(write):
    written = own_loss(write)
    seen = run_weighted(written.loss, regression(), written.files)
    assert (seen.raised, seen.call, seen.skips_super) == (None, None, False)
    assert float(seen.summed) == pytest.approx(7 * float(seen.plain), rel=1e-5)
    assert float(seen.weighted) == pytest.approx(seen.of_kept.sum() / 7, rel=1e-5)
    assert seen.unreduced == pytest.approx(seen.value)
    assert written.loss.compiled.reduction == "sum_over_batch_size"


def test_an_override_that_takes_no_weights_raises(write):
    written = own_loss(write, "__call__(self, y_true, y_pred)")
    seen = run_weighted(written.loss, regression(), written.files)
    assert (seen.raised.type, code_of(seen.call)) == ("TypeError", "def __call__(self, y_true, y_pred):")


def test_without_a_reduction_the_step_is_that_of_the_sum(write):
    written = own_loss(write, reduction=None)
    seen = run_unreduced(written.loss, regression(), written.files)
    assert seen.factor == pytest.approx(7, rel=1e-3)
    assert not seen.is_called_by_hand


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
def test_an_object_that_reduces_is_left_alone(write, reduction):
    written = own_loss(write, reduction=reduction)
    assert run_unreduced(written.loss, regression(), written.files).skipped == "it reduces"


def test_a_file_that_calls_the_object_itself_is_seen(write):
    source = OBJECT.format(head="call(self, y_true, y_pred)", body="return y_true - y_pred", reduction=None)
    written = write(f"{source}\n    def step(y, p):\n        return made(y, p)\n", name="made")
    assert run_unreduced(written.loss, regression(), written.files).is_called_by_hand


def test_the_users_object_is_never_copied_through_a_file(write):
    written = own_loss(write)
    before = dict(vars(written.loss.compiled))
    run_weighted(written.loss, regression(), written.files)
    assert vars(written.loss.compiled) == before
    assert np.isfinite(run_weighted(written.loss, regression(), written.files).plain)
