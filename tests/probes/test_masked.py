"""The loss on predictions with a mask of their steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.probes.masked import run_masked

RNG = np.random.default_rng(0)
STEPS = Batch("typical", "a batch", *RNG.normal(size=(2, 4, 5, 3)).astype("float32"))
SQUARE = "tf.square(y_true - y_pred)"
LOSSES = {
    "a function": "def loss_fn(y_true, y_pred):\n    return {}\n",
    "an object": "import keras\nclass loss_fn(keras.losses.Loss):\n"
    "    def call(self, y_true, y_pred):\n        return {}\n",
}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_mask_takes_its_steps_out_where_there_is_a_value_for_each(write, kind):
    written = write(LOSSES[kind].format(f"tf.reduce_mean({SQUARE}, axis=-1)"))
    seen = run_masked(written.loss, STEPS, written.files)

    assert (seen.raised, seen.mask) == (None, (4, 5))
    assert float(seen.value) == pytest.approx(np.mean((STEPS.y_true - STEPS.y_pred)[:, :4] ** 2), rel=1e-5)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_mask_is_ignored_where_there_is_one_value_for_the_batch(write, kind):
    written = write(LOSSES[kind].format(f"tf.reduce_mean({SQUARE})"))
    seen = run_masked(written.loss, STEPS, written.files)

    assert float(seen.value) == pytest.approx(np.mean((STEPS.y_true - STEPS.y_pred) ** 2), rel=1e-5)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_mask_raises_where_there_is_a_value_for_each_row(write, kind):
    written = write(LOSSES[kind].format(f"tf.reduce_mean({SQUARE}, axis=[1, 2])"))
    seen = run_masked(written.loss, STEPS, written.files)

    assert seen.raised.is_a("InvalidArgumentError")


@pytest.mark.parametrize("axis", ["-1", "None", "[1, 2]"])
def test_a_model_with_a_mask_does_the_same(write, axis):
    written = write(LOSSES["a function"].format(f"tf.reduce_mean({SQUARE}, axis={axis})"))
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, keras.layers.Activation("linear")(keras.layers.Masking(99.0)(inputs)))
    model.compile("sgd", written.loss.compiled)
    x = STEPS.y_pred.copy()
    x[:, -1] = 99.0  # `Masking` takes these steps out, and gives zeros for them
    y_pred = np.where(x == 99.0, 0.0, x)
    seen = run_masked(written.loss, Batch("typical", "", STEPS.y_true, y_pred), written.files)

    if seen.raised is not None:
        with pytest.raises(Exception, match="Incompatible shapes"):
            model.evaluate(x, STEPS.y_true, verbose=0)
    else:
        assert model.evaluate(x, STEPS.y_true, verbose=0) == pytest.approx(float(seen.value), rel=1e-5)
