"""What a loss does in Python while `fit` traces it: leaked tensors, clocks, files."""

from __future__ import annotations

import pytest

from losscheck.observation import EffectKind
from losscheck.probes.saved_state import SavedState
from losscheck.probes.tracing import run_trace
from losscheck.state_observation import TraceObservation

from .conftest import Written, regression

MSE = "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)"


def trace(written: Written) -> TraceObservation:
    untouched = SavedState(written.loss.function, written.files)
    return run_trace(written.loss, regression(), written.files, untouched).seen


def effects(written: Written) -> list[tuple[EffectKind, str, int | None]]:
    seen = trace(written)
    assert seen.raised is None
    return [(effect.kind, effect.detail, effect.location and effect.location.line) for effect in seen.effects]


LEAKS = {
    "a list": ("KEPT = []\ndef loss_fn(y_true, y_pred):\n    KEPT.append(y_pred)  # <-\n", "KEPT[0]"),
    "a global": (
        "KEPT = None\ndef loss_fn(y_true, y_pred):\n    global KEPT\n    KEPT = y_pred  # <-\n",
        "KEPT",
    ),
    "a default": (
        "def loss_fn(y_true, y_pred, kept={}):\n    kept['p'] = y_pred  # <-\n",
        'default 0 of loss_fn["p"]',
    ),
    "a tuple in a dict": (
        "KEPT = {}\ndef loss_fn(y_true, y_pred):\n    KEPT['a'] = (1, y_pred)  # <-\n",
        'KEPT["a"][1]',
    ),
    "a function's attribute": (
        "def loss_fn(y_true, y_pred):\n    loss_fn.kept = y_pred  # <-\n",
        "loss_fn.kept",
    ),
    "a class variable": (
        "class Log:\n    kept = None\ndef loss_fn(y_true, y_pred):\n    Log.kept = y_pred  # <-\n",
        "Log.kept",
    ),
}


@pytest.mark.parametrize("place", LEAKS)
def test_a_tensor_kept_after_the_trace_is_a_leak_at_the_statement_that_keeps_it(write, place):
    source, path = LEAKS[place]
    written = write(f"{source}    return {MSE}\n")

    assert effects(written) == [(EffectKind.LEAK, f"`{path}` of shape (?, 3)", written.line())]


def test_the_statement_is_that_of_the_caller_where_a_helper_has_returned(write):
    written = write(
        f"""
        KEPT = []
        def _error(y_true, y_pred):
            return {MSE}
        def loss_fn(y_true, y_pred):
            KEPT.append(_error(y_true, y_pred))  # <-
            return {MSE}
        """
    )

    assert [line for _, _, line in effects(written)] == [written.line()]


def test_a_cache_that_an_eager_call_has_filled_still_leaks_in_a_first_trace(write):
    written = write(
        f"""
        CACHE = {{}}
        def loss_fn(y_true, y_pred):
            if "w" not in CACHE:
                CACHE["w"] = tf.ones([3])  # <-
            return CACHE["w"][0] * {MSE}
        """
    )
    untouched = SavedState(written.loss.function, written.files)
    batch = regression()
    kept = written.loss.function(batch.y_true, batch.y_pred)
    seen = run_trace(written.loss, batch, written.files, untouched).seen

    assert [effect.kind for effect in seen.effects] == [EffectKind.LEAK]
    assert kept.shape == written.loss.function(batch.y_true, batch.y_pred).shape, "the cache is as it was"


def test_a_tensor_that_is_let_go_is_no_leak(write):
    written = write(
        f"""
        KEPT = []
        def loss_fn(y_true, y_pred):
            KEPT.append(y_pred)
            KEPT.pop()
            return {MSE}
        """
    )
    assert effects(written) == []


def test_the_trace_leaves_the_state_as_it_found_it(write):
    written = write(
        f"""
        SEEN = [0]
        def loss_fn(y_true, y_pred):
            SEEN[0] += 1
            return {MSE}
        """
    )
    trace(written)

    assert written.loss.function.__globals__["SEEN"] == [0]


@pytest.mark.parametrize(
    ("setup", "call", "name"),
    [
        ("import time", "time.time()", "time.time()"),
        ("import time as t", "t.perf_counter()", "time.perf_counter()"),
        ("from time import monotonic as now", "now()", "time.monotonic()"),
        ("import datetime", "datetime.datetime.now()", "datetime.now()"),
        ("from datetime import date", "date.today()", "date.today()"),
    ],
)
def test_a_clock_that_a_users_line_reads_is_seen(write, setup, call, name):
    written = write(f"{setup}\ndef loss_fn(y_true, y_pred):\n    {call}  # <-\n    return {MSE}\n")

    assert effects(written) == [(EffectKind.CLOCK, name, written.line())]


def test_a_clock_inside_a_tf_function_is_seen(write):
    written = write(
        f"import time\n@tf.function\ndef loss_fn(y_true, y_pred):\n    time.time()  # <-\n    return {MSE}\n"
    )
    assert effects(written) == [(EffectKind.CLOCK, "time.time()", written.line())]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ('open("x.txt", "w").close()', "opens `x.txt` for writing"),
        ('os.mkdir("folder")', "makes the folder `folder`"),
        ('subprocess.run(["true"])', "starts the process `true`"),
        ('LOG.write("x")', "writes to `log.txt`"),
        ('tf.print(1, output_stream="file://p.txt")', "prints to `file://p.txt`"),
    ],
)
def test_what_a_users_line_writes_is_seen(write, call, words):
    written = write(
        f"import os, subprocess\nLOG = open('log.txt', 'w')\n"
        f"def loss_fn(y_true, y_pred):\n    {call}  # <-\n    return {MSE}\n"
    )
    seen = effects(written)
    if log := written.loss.function.__globals__.get("LOG"):  # not run where the loss does not need it
        log.close()

    assert (EffectKind.IO, words, written.line()) == seen[0]
    assert {line for _, _, line in seen} == {written.line()}


@pytest.mark.parametrize(
    "call", ["open(__file__).close()", "open(os.devnull, 'w').close()", "import colorsys", "print('x')"]
)
def test_reading_importing_and_printing_open_no_file(write, call):
    written = write(f"import os\ndef loss_fn(y_true, y_pred):\n    {call}\n    return {MSE}\n")

    assert effects(written) == []
