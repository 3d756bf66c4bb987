"""Losses that were made in one loop."""

from __future__ import annotations

import pytest

from losscheck.probes.siblings import run_siblings

from .conftest import regression

MSE = "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)"
LATE = {
    "a comprehension": f"L = [lambda y_true, y_pred: w * {MSE} for w in (1.0, 2.0)]  # <-\nloss_fn = L[0]\n",
    "a loop of the module": (
        f"L = []\nfor w in (1.0, 2.0):\n    def loss_fn(y_true, y_pred):  # <-\n"
        f"        return w * {MSE}\n    L.append(loss_fn)\n"
    ),
    "a loop of a function": (
        "def make():\n    made = []\n    for w in (1.0, 2.0):\n        v = 2 * w\n"
        f"        def loss_fn(y_true, y_pred):  # <-\n            return v * {MSE}\n"
        "        made.append(loss_fn)\n    return made\nL = make()\nloss_fn = L[0]\n"
    ),
}
BOUND = {
    "a default": f"L = [lambda y_true, y_pred, w=w: w * {MSE} for w in (1.0, 2.0)]\nloss_fn = L[0]\n",
    "a factory": (
        f"def make(w):\n    return lambda y_true, y_pred: w * {MSE}\n"
        "L = [make(w) for w in (1.0, 2.0)]\nloss_fn = L[0]\n"
    ),
    "a partial": (
        f"import functools\ndef scaled(w, y_true, y_pred):\n    return w * {MSE}\n"
        "L = [functools.partial(scaled, w) for w in (1.0, 2.0)]\nloss_fn = L[0]\n"
    ),
    "the same on purpose": f"L = [lambda y_true, y_pred: {MSE} for _ in range(2)]\nloss_fn = L[0]\n",
}


@pytest.mark.parametrize("case", LATE)
def test_losses_that_share_the_loops_variable_are_found(write, case):
    written = write(LATE[case])
    seen = run_siblings(written.loss, regression(), written.files)

    assert seen.made_at is not None
    assert (seen.count, seen.made_at.line) == (2, written.line())


@pytest.mark.parametrize("case", BOUND)
def test_losses_with_a_value_of_their_own_are_not(write, case):
    written = write(BOUND[case])

    assert run_siblings(written.loss, regression(), written.files).made_at is None
