"""The line at which a loss that is called on tensors reads a `KerasTensor`."""

from __future__ import annotations

import sys

import pytest

from losscheck.probes.captured_symbol import run_captured_symbol

from .conftest import code_of, regression

MODEL = """
    import keras
    pixels = keras.Input((3,))
    code = keras.layers.Dense(3, name="code")(pixels)
    encoder = keras.Model(pixels, code)
    held = {"code": [code]}
    class Holder:
        latent = code
"""


def captured(write, body: str, head: str = "def loss_fn(y_true, y_pred):"):
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    written = write(f"{MODEL}\n    {head}\n{lines}\n")
    return run_captured_symbol(written.loss, regression(), written.files), written


@pytest.mark.parametrize(
    "read",
    [
        "code",
        "encoder.inputs[0]",
        "encoder.output",
        "encoder.get_layer('code').output",
        "held['code'][0]",
        "Holder.latent",
    ],
)
def test_the_expression_that_brings_it_in_is_found(write, read):
    seen, written = captured(write, f"error = y_true - y_pred\nreturn tf.square(error + {read})  # <-")
    assert (seen.name, code_of(seen.place), seen.place.line) == (read, read, written.line())
    assert "KerasTensor" in seen.raised.message


def test_it_is_found_in_a_helper_under_tf_function(write):
    seen, written = captured(
        write,
        "return helper(y_true - y_pred)\n\ndef unused(): pass",
        "def helper(error):\n        return tf.square(error) + tf.exp(code)  # <-\n\n"
        "    @tf.function\n    def loss_fn(y_true, y_pred):",
    )
    assert (seen.name, seen.place.line) == ("code", written.line())


@pytest.mark.parametrize(
    "body",
    [
        "return tf.square(y_true - y_pred) * code.shape[-1]",
        "return tf.square(encoder(y_true) - encoder(y_pred))",
        "return tf.square(y_true - y_pred) if True else tf.exp(\n    code)",
        "own = keras.Input((3,))\nreturn keras.ops.square(y_true - y_pred) + own",
    ],
)
def test_a_loss_that_uses_none_from_outside_reads_none(write, body):
    seen, _ = captured(write, body)
    assert (seen.place, seen.name, seen.raised) == (None, "", None)


def test_the_trace_function_is_put_back(write):
    before = sys.gettrace()
    captured(write, "return tf.exp(code)")
    assert sys.gettrace() is before
