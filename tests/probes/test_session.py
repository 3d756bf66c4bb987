"""Nothing that a loss does to global state is left behind."""

from __future__ import annotations

import functools
import logging
import random
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from losscheck.observation import Effect
from losscheck.probes.eager import run_eager
from losscheck.probes.fit import run_fit
from losscheck.probes.flow import trace
from losscheck.probes.gradient import run_gradient
from losscheck.probes.graph import run_graph
from losscheck.probes.session import captured_output, functions_inlined, isolated
from losscheck.probes.watch import Watch

from .conftest import regression


def settings() -> dict[str, object]:
    return {
        "floatx": keras.backend.floatx(),
        "policy": keras.mixed_precision.dtype_policy().name,
        "functions eagerly": tf.config.functions_run_eagerly(),
        "stdout": sys.stdout,
        "stderr": sys.stderr,
        "trace": sys.gettrace(),
        "python's random": random.getstate(),
        "numpy's random": repr(np.random.get_state()),
        "warnings": list(warnings.filters),
        "log handlers": list(logging.getLogger().handlers),
        "tf.function": tf.function,
        "tapes": tf.GradientTape.__enter__,
    }


MEDDLING = """
import random
import sys
import warnings
import keras
import numpy as np

def loss_fn(y_true, y_pred):
    keras.backend.set_floatx("float64")
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    tf.config.run_functions_eagerly(True)
    random.seed(1)
    np.random.seed(1)
    warnings.simplefilter("error")
    sys.stdout = sys.stderr
    sys.settrace(None)
    {last}
"""


@pytest.fixture
def meddle():
    def meddled(last: str = "") -> None:
        keras.backend.set_floatx("float64")
        keras.mixed_precision.set_dtype_policy("mixed_float16")
        tf.config.run_functions_eagerly(not tf.config.functions_run_eagerly())
        random.seed(1)
        np.random.seed(1)
        warnings.simplefilter("error")

    return meddled


def test_the_settings_are_as_before(meddle):
    before = settings()
    with isolated():
        meddle()
        assert before != settings()
    assert settings() == before


def test_the_settings_are_as_before_when_the_loss_raises(meddle):
    before = settings()
    with pytest.raises(SystemExit), isolated():
        meddle()
        raise SystemExit
    assert settings() == before


def test_a_trace_function_of_the_users_is_kept():
    def tracer(*arguments: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with isolated():
            sys.settrace(None)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("floatx", ["float16", "float64"])
def test_a_floatx_of_the_users_is_kept(floatx):
    keras.backend.set_floatx(floatx)
    try:
        with isolated():
            assert keras.backend.floatx() == floatx
            keras.backend.set_floatx("float32")
        assert keras.backend.floatx() == floatx
    finally:
        keras.backend.set_floatx("float32")


def test_a_dtype_policy_of_the_users_is_kept(meddle):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        with isolated():
            meddle()
        assert keras.mixed_precision.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def test_functions_run_as_graphs_inside_even_where_the_user_runs_them_eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        with isolated():
            assert not tf.config.functions_run_eagerly()
        assert tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)


def test_functions_are_inlined_for_a_while():
    with pytest.raises(ValueError, match="x"), functions_inlined():
        assert tf.config.functions_run_eagerly()
        raise ValueError("x")
    assert not tf.config.functions_run_eagerly()


def test_warnings_are_silent_inside():
    with isolated():
        warnings.warn("an error under this test's settings", stacklevel=1)


@pytest.mark.parametrize("last", ["return y_pred", "raise ValueError", "sys.exit(1)", "return None"])
@pytest.mark.parametrize("probe", [run_eager, run_graph, run_gradient, run_fit, trace])
def test_a_probe_leaves_nothing_behind(write, probe, last):
    written = write(MEDDLING.format(last=last))
    before = settings()
    probe(written.loss, regression(), written.files)
    assert settings() == before


@pytest.mark.parametrize("probe", [run_eager, run_graph, run_gradient, run_fit, trace])
def test_the_random_numbers_of_tensorflow_go_on_as_if_nothing_had_run(write, probe):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            tf.random.set_seed(3)
            return tf.reduce_mean(y_pred * tf.random.uniform(tf.shape(y_pred)), -1)
        """
    )
    tf.random.set_seed(11)
    expected = [float(tf.random.uniform([])) for _ in range(2)]
    tf.random.set_seed(11)
    found = [float(tf.random.uniform([]))]
    probe(written.loss, regression(), written.files)
    found.append(float(tf.random.uniform([])))
    assert found == expected


def test_an_interrupt_of_the_user_goes_through(write):
    written = write("def loss_fn(y_true, y_pred):\n    raise KeyboardInterrupt\n")
    before = settings()
    for probe in (run_eager, run_graph, run_gradient, run_fit, trace):
        with pytest.raises(KeyboardInterrupt):
            probe(written.loss, regression(), written.files)
    assert settings() == before


# Output


def recorded(written, action) -> list[Effect]:
    effects: list[Effect] = []
    with captured_output(written.files, effects.append, lambda: 4):
        action()
    return effects


def test_what_a_loss_prints_does_not_reach_the_terminal(write, capfd):
    written = write(
        """
        import sys
        def loss_fn(y_true, y_pred):
            print("out")
            print("err", file=sys.stderr)
        """
    )
    effects = recorded(written, lambda: written.loss.function(0, 0))
    assert capfd.readouterr() == ("", "")
    assert [(e.detail, e.call, e.location.line) for e in effects] == [("out", 4, 4), ("err", 4, 5)]


def test_what_a_library_prints_is_no_output_of_the_loss(write):
    written = write("def loss_fn(y_true, y_pred): pass\n")
    watch = Watch(written.loss.function, written.files)
    watch.run(functools.partial(exec, compile("print('x')", np.__file__, "exec"), {}))
    assert watch.effects == []


def test_long_output_is_cut_and_much_output_is_counted_no_further(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            print("x" * 1000)
            for i in range(100):
                print(i)
        """
    )
    effects = recorded(written, lambda: written.loss.function(0, 0))
    assert (effects[0].detail, len(effects)) == ("x" * 200, 50)


def test_the_streams_are_restored_when_the_loss_raises(write):
    written = write("def loss_fn(y_true, y_pred):\n    raise ValueError\n")
    before = settings()
    with pytest.raises(ValueError):
        recorded(written, lambda: written.loss.function(0, 0))
    assert settings() == before
