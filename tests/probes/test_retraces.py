"""Traces of a `tf.function` that an earlier call had traced."""

from __future__ import annotations

import pytest
import tensorflow as tf

from losscheck.observation import EffectKind
from losscheck.probes.eager import run_eager

from .conftest import code_of, regression


def retraces(written):
    seen = run_eager(written.loss, regression(), written.files, calls=3)
    return [effect for effect in seen.effects if effect.kind is EffectKind.RETRACE]


@pytest.mark.parametrize(
    ("argument", "detail"),
    [
        ("len(CALLS)", "`extra` is 3 now and was 2: a Python value is a part of the signature"),
        ("object()", "`extra` is another `object` object in each call"),
        ("lambda: 1", "`extra` is another `function` object in each call"),
    ],
)
def test_each_call_that_traces_again_is_an_effect_at_its_line(write, argument, detail):
    written = write(
        f"""
        CALLS = []

        @tf.function
        def scaled(x, extra):
            return 2.0 * x

        def loss_fn(y_true, y_pred):
            CALLS.append(1)
            return scaled(y_pred, {argument})  # <-
        """
    )
    found = retraces(written)

    assert [(effect.call, effect.location.line) for effect in found] == [
        (1, written.line()),
        (2, written.line()),
    ]
    assert found[-1].detail == detail


@pytest.mark.parametrize("argument", ["lambda: 1", "extra=lambda: 1"])
def test_in_a_call_of_several_lines_it_is_the_line_of_the_argument(write, argument):
    written = write(
        f"""
        @tf.function
        def scaled(x, extra):
            return 2.0 * x

        def loss_fn(y_true, y_pred):
            return scaled(
                y_pred,
                {argument}  # <-
            )
        """
    )
    first, second = retraces(written)

    assert first.location.line == second.location.line == written.line()
    assert code_of(first.location) == "lambda: 1"


@pytest.mark.parametrize("argument", ["2.0", "tf.reduce_sum(y_true)", "CALLS", "None"])
def test_an_argument_that_stays_traces_once(write, argument):
    written = write(
        f"""
        CALLS = ()

        @tf.function
        def scaled(x, extra):
            return 2.0 * x

        def loss_fn(y_true, y_pred):
            return scaled(y_pred, {argument}) + scaled(y_pred[:2], 7)[0]
        """
    )

    assert retraces(written) == []


def test_calling_a_function_is_as_before_afterwards(write):
    kind = type(tf.function(lambda: None))
    before = kind.__call__
    retraces(write("def loss_fn(y_true, y_pred):\n    return y_pred\n"))

    assert kind.__call__ is before
