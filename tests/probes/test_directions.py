"""The loss far out on straight lines."""

from __future__ import annotations

import pytest

from losscheck.probes.directions import run_directions
from losscheck.probes.flow import trace

from .conftest import regression


def directions(write, code: str, *, is_told: bool = False) -> list[str]:
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    batch = regression()
    seen = run_directions(trace(written.loss, batch, written.files), batch, is_told=is_told)
    return [words for words, _ in seen.lines]


def test_a_loss_that_falls_one_way_is_followed_that_way(write):
    found = directions(write, "tf.reduce_mean(y_pred, -1)")
    assert [way in found for way in ("minus", "plus", "moved down its gradient by")] == [True, False, True]


@pytest.mark.parametrize(
    "code",
    ["tf.reduce_mean(tf.square(y_true - y_pred), -1)", "-tf.reduce_mean(tf.tanh(y_pred), -1)"],
)
def test_a_loss_that_is_bounded_is_not(write, code):
    assert directions(write, code) == []


def test_a_cross_entropy_is_unbounded_for_labels_that_are_told_to_be_real_alone(write):
    code = "tf.reduce_mean(tf.math.softplus(y_pred) - y_true * y_pred, -1)"
    assert directions(write, code) == []
    assert directions(write, code, is_told=True) != []
