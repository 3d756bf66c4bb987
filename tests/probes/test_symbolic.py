"""The loss called on `KerasTensor`s."""

from __future__ import annotations

from losscheck.probes.symbolic import run_symbolic

from .conftest import code_of, regression


def test_keras_ops_give_a_keras_tensor(write):
    written = write(
        "import keras\ndef loss_fn(y_true, y_pred):\n    return keras.ops.mean(y_true - y_pred, axis=-1)\n"
    )
    seen = run_symbolic(written.loss, regression(), written.files)
    assert (seen.raised, seen.returned.kind) == (None, "KerasTensor")


def test_an_op_of_tensorflow_raises_at_its_line(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    gap = y_true - y_pred\n    return tf.square(gap)  # <-\n"
    )
    seen = run_symbolic(written.loss, regression(), written.files)
    assert (seen.returned, seen.raised.location.line) == (None, written.line())
    assert code_of(seen.raised.location) == "tf.square(gap)"
    assert "KerasTensor" in seen.raised.message
