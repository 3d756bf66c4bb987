"""What a hint of LC701 says in place of a refused operation is compiled, loss and gradient."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from losscheck.rules.hardware.replacements import REPLACEMENTS, replacement


@pytest.mark.parametrize("entry", REPLACEMENTS, ids=lambda entry: entry.ops[0])
def test_xla_compiles_a_replacement_and_its_gradient(entry):
    import tensorflow as tf

    function = eval(f"lambda y_true, y_pred: {entry.code}", {"tf": tf})

    @tf.function(jit_compile=True)
    def step(y_true, y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = tf.reduce_mean(function(y_true, y_pred))
        return value, tape.gradient(value, y_pred)

    value, gradient = step(tf.constant([[0.0], [1.0], [1.0]]), tf.constant([[0.2], [0.5], [0.9]]))

    assert bool(tf.math.is_finite(value))
    assert gradient is not None


def test_an_operation_has_one_replacement():
    ops = [op for entry in REPLACEMENTS for op in entry.ops]

    assert sorted(set(ops)) == sorted(ops)


def test_a_list_of_tensors_is_a_loop():
    assert replacement("TensorListGetItem") == replacement("While")
    assert replacement("MatMul") == ""
