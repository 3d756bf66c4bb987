"""What other code changes and the traced loss does not see."""

from __future__ import annotations

import pytest

from losscheck.probes.frozen import run_frozen
from losscheck.probes.saved_state import SavedState
from losscheck.probes.tracing import run_trace
from losscheck.state_observation import FrozenValue

from .conftest import Written, regression

MSE = "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)"


def frozen(written: Written) -> tuple[FrozenValue, ...]:
    untouched = SavedState(written.loss.function, written.files)
    run = run_trace(written.loss, regression(), written.files, untouched)
    return run_frozen(written.loss, regression(), written.files, run).values


WRITERS = {
    "a global": ("A = 0.5", "def change():\n    global A\n    A = 1.0  # <- writer", "A"),
    "an entry": ("A = {'k': 0.5}", "def change():\n    A['k'] = 1.0  # <- writer", "A['k']"),
    "an update": ("A = {'k': 0.5}", "def change():\n    A.update(k=1.0)  # <- writer", "A['k']"),
    "a list": ("A = [0.5]", "def change():\n    A.append(1.0)  # <- writer", "A[-1]"),
    "an attribute": (
        "class C:\n    def __init__(self):\n        self.a = 0.5\n"
        "    def step(self):\n        self.a *= 2  # <- writer\nc = C()",
        "",
        "c.a",
    ),
    "a class variable": (
        "class C:\n    a = 0.5",
        "def change(value):\n    C.a = value  # <- writer",
        "C.a",
    ),
    "a rebound variable": (
        "A = tf.Variable(0.5)",
        "def change():\n    global A\n    A = A - 0.1  # <- writer",
        "A",
    ),
    "a variable read as a number": (
        "A = tf.Variable(0.5)",
        "def change():\n    A.assign(0.7)  # <- writer",
        "tf.get_static_value(tf.keras.backend.get_value(A))",
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_value_that_other_code_writes_is_frozen(write, writer):
    setup, change, read = WRITERS[writer]
    source = f"{setup}\n{change}\ndef loss_fn(y_true, y_pred):\n    return {read} * {MSE}  # <- read\n"
    written = write(source)
    (value,) = frozen(written)

    assert value.writer.line == written.line("writer")
    assert value.read is not None
    assert value.read.line == written.line("read")
    assert value.before != value.after


QUIET = {
    "nobody writes": "A = 0.5",
    "a variable is assigned": "A = tf.Variable(0.5)\ndef change():\n    A.assign(1.0)",
    "only the module's body writes": "A = 0.1\ndef load():\n    global A\n    A = 0.5\nload()",
    "a local of the same name": "A = 0.5\ndef other():\n    A = 1.0\n    return A",
    "another class writes": "A = 0.5\nclass C:\n    def step(self):\n        self.A = 1.0",
}


@pytest.mark.parametrize("case", QUIET)
def test_a_value_that_nobody_changes_behind_its_back_is_not_frozen(write, case):
    written = write(f"{QUIET[case]}\ndef loss_fn(y_true, y_pred):\n    return A * {MSE}\n")

    assert frozen(written) == ()


def test_what_the_loss_itself_writes_is_left_to_another_rule(write):
    written = write(
        f"""
        N = 0
        def reset():
            global N
            N = 0
        def loss_fn(y_true, y_pred):
            global N
            N += 1
            return N * {MSE}
        """
    )
    assert frozen(written) == ()


def test_every_value_is_put_back(write):
    written = write(
        f"""
        A = {{"k": [0.5]}}
        def change():
            A["k"].append(1.0)
        def loss_fn(y_true, y_pred):
            return A["k"][-1] * {MSE}
        """
    )
    assert frozen(written)
    assert written.loss.function.__globals__["A"] == {"k": [0.5]}
