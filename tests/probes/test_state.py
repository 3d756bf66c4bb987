"""The Python state that a loss can reach."""

from __future__ import annotations

import functools
import itertools
import random
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from losscheck.probes.frames import UserFiles
from losscheck.probes.state import (
    changed_names,
    generator_states,
    generators,
    random_state,
    restoring_random_state,
    snapshot,
)

from .conftest import Written


def changes(written: Written, *arguments: Any, function: Callable[..., Any] | None = None) -> list[str]:
    """What one call of a loss changes."""
    called = function or written.loss.function
    before = snapshot(called, written.files)
    called(*arguments or (1, 2))
    return changed_names(before, snapshot(called, written.files))


CHANGES = {
    "a global": ("N = 0\ndef loss_fn(y_true, y_pred):\n    global N\n    N += 1\n", ["N"]),
    "a list": ("SEEN = []\ndef loss_fn(y_true, y_pred):\n    SEEN.append(y_pred)\n", ["SEEN"]),
    "an entry of a list": ("SEEN = [0]\ndef loss_fn(y_true, y_pred):\n    SEEN[0] = 1\n", ["SEEN"]),
    "a dict": ("NOTES = {}\ndef loss_fn(y_true, y_pred):\n    NOTES['n'] = 1\n", ["NOTES"]),
    "an entry of a dict": ("NOTES = {'n': 0}\ndef loss_fn(y_true, y_pred):\n    NOTES['n'] = 1\n", ["NOTES"]),
    "a list in a dict in a tuple": (
        "NOTES = ({'n': [1]},)\ndef loss_fn(y_true, y_pred):\n    NOTES[0]['n'].append(1)\n",
        ["NOTES"],
    ),
    "a set": ("SEEN = set()\ndef loss_fn(y_true, y_pred):\n    SEEN.add(1)\n", ["SEEN"]),
    "a set of the same size": (
        "SEEN = {1}\ndef loss_fn(y_true, y_pred):\n    SEEN.pop(); SEEN.add(2)\n",
        ["SEEN"],
    ),
    "an array": (
        "import numpy as np\nA = np.zeros(2)\ndef loss_fn(y_true, y_pred):\n    A[0] = 1\n",
        ["A"],
    ),
    "a NumPy scalar": (
        "import numpy as np\nN = np.int64(0)\ndef loss_fn(y_true, y_pred):\n    global N\n    N = N + 1\n",
        ["N"],
    ),
    "a float32 scalar": (
        "import numpy as np\nN = np.float32(0)\ndef loss_fn(a, b):\n    global N\n    N = N + N + 1\n",
        ["N"],
    ),
    "a counter": (
        "from collections import Counter\nN = Counter()\ndef loss_fn(y_true, y_pred):\n    N['a'] += 1\n",
        ["N"],
    ),
    "a deque": (
        "from collections import deque\nN = deque(maxlen=1)\ndef loss_fn(y_true, y_pred):\n    N.append(1)\n",
        ["N"],
    ),
    "an endless counter": (
        "import itertools\nN = itertools.count()\ndef loss_fn(y_true, y_pred):\n    next(N)\n",
        ["N"],
    ),
    "a default": (
        "def loss_fn(y_true, y_pred, seen=[]):\n    seen.append(1)\n",
        ["default 0 of loss_fn"],
    ),
    "a class variable": (
        "class C:\n    n = [{'n': 0}]\ndef loss_fn(y_true, y_pred):\n    C.n[0]['n'] += 1\n",
        ["C.n"],
    ),
    "a global that a method of an object changes": (
        "N = 0\nclass C:\n    def tick(self):\n        global N\n        N += 1\n"
        "c = C()\ndef loss_fn(y_true, y_pred):\n    c.tick()\n",
        ["N"],
    ),
    "an attribute of a namespace": (
        "from types import SimpleNamespace\nS = SimpleNamespace(n=0)\n"
        "def loss_fn(y_true, y_pred):\n    S.n += 1\n",
        ["S"],
    ),
    "the closure of a decorator": (
        "import functools\ndef counted(f):\n    seen = []\n    @functools.wraps(f)\n"
        "    def inner(*a):\n        seen.append(1)\n        return f(*a)\n    return inner\n"
        "@counted\ndef loss_fn(y_true, y_pred):\n    pass\n",
        ["seen"],
    ),
    "a keyword default": (
        "def loss_fn(y_true, y_pred, *, seen=[]):\n    seen.append(1)\n",
        ["default seen of loss_fn"],
    ),
    "an attribute of the function": (
        "def loss_fn(y_true, y_pred):\n    loss_fn.calls += 1\nloss_fn.calls = 0\n",
        ["loss_fn.calls"],
    ),
    "a new attribute of the function": (
        "def loss_fn(y_true, y_pred):\n    loss_fn.calls = 1\n",
        ["loss_fn.calls"],
    ),
    "an attribute of an object": (
        "class State: n = 0\nSTATE = State()\ndef loss_fn(y_true, y_pred):\n    STATE.n = 1\n",
        ["STATE"],
    ),
    "an attribute of a class": (
        "class State: n = 0\ndef loss_fn(y_true, y_pred):\n    State.n += 1\n",
        ["State.n"],
    ),
    "a global of a helper": (
        "N = 0\ndef count():\n    global N\n    N += 1\ndef loss_fn(y_true, y_pred):\n    count()\n",
        ["N"],
    ),
    "a global in an inner function": (
        "N = [0]\ndef loss_fn(y_true, y_pred):\n    def count():\n        N[0] += 1\n    count()\n",
        ["N"],
    ),
    "two of them": (
        "M = []\nN = []\ndef loss_fn(y_true, y_pred):\n    N.append(1); M.append(1)\n",
        ["M", "N"],
    ),
}


@pytest.mark.parametrize(("source", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_state_is_seen_by_its_name(write, source, expected):
    assert changes(write(source)) == expected


UNCHANGED = {
    "nothing": "N = [1]\ndef loss_fn(y_true, y_pred):\n    return N\n",
    "a local": "def loss_fn(y_true, y_pred):\n    seen = []\n    seen.append(1)\n",
    "a global that is written to what it was": "N = 1\ndef loss_fn(a, b):\n    global N\n    N = 1\n",
    "a variable of TensorFlow": "V = tf.Variable(1.0)\ndef loss_fn(y_true, y_pred):\n    V.assign(2.0)\n",
    "a global that the loss does not name": (
        "N = []\ndef other():\n    N.append(1)\ndef loss_fn(y_true, y_pred):\n    y_true and y_true()\n"
    ),
    "a NaN that stays": "N = float('nan')\ndef loss_fn(y_true, y_pred):\n    return N\n",
    "a module of a library": "import string\ndef loss_fn(y_true, y_pred):\n    string.losscheck = 1\n",
}


@pytest.mark.parametrize("source", UNCHANGED.values(), ids=UNCHANGED)
def test_what_stays_is_no_change(write, source):
    written = write(source)
    assert changes(written, sys.modules[written.loss.function.__module__].__dict__.get("other"), 0) == []


def test_a_closure_cell_is_state(write):
    written = write(
        """
        def make():
            n = 0
            seen = []
            def inner(y_true, y_pred):
                nonlocal n
                n += 1
                seen.append(n)
            return inner
        loss_fn = make()
        """
    )
    assert changes(written) == ["n", "seen"]


def test_an_empty_closure_cell_that_is_filled_is_state(write):
    written = write(
        """
        def make():
            def inner(y_true, y_pred):
                nonlocal late
                late = 1
            if 0:
                late = 0
            return inner
        loss_fn = make()
        """
    )
    assert changes(written) == ["late"]


CLASS = """
import keras
class loss_fn(keras.losses.Loss):
    calls = 0
    def __init__(self):
        super().__init__()
        self.n = 0
        self.notes = {"seen": []}
    def call(self, y_true, y_pred):
        self.n += 1
        self.notes["seen"].append(1)
        type(self).calls += 1
        self.new = 1
        return y_pred
"""


def test_the_attributes_of_a_loss_object_and_of_its_class_are_state(write):
    assert changes(write(CLASS)) == ["loss_fn.calls", "self.n", "self.new", "self.notes"]


def test_the_attributes_of_a_callable_object_are_state(write):
    written = write(
        """
        class Counting:
            def __init__(self):
                self.n = 0
            def __call__(self, y_true, y_pred):
                self.n += 1
        loss_fn = Counting()
        """
    )
    assert changes(written) == ["self.n"]


def test_the_state_behind_a_partial_is_seen(write):
    written = write(
        """
        import functools
        class Counting:
            n = 0
            def count(self, alpha, y_true, y_pred):
                self.n += 1
        loss_fn = functools.partial(Counting().count, 3)
        """
    )
    assert changes(written) == ["self.n"]


@pytest.mark.parametrize(
    "decorator",
    [
        "functools.cache",
        "tf.function",
        "tf.autograph.experimental.do_not_convert",
        "tf.custom_gradient",
        "decorated",
        "keras.saving.register_keras_serializable()",
    ],
)
def test_the_state_behind_a_decorator_is_seen(write, decorator):
    written = write(
        f"""
        import functools
        import keras
        def decorated(function):
            @functools.wraps(function)
            def wrapper(*arguments):
                return function(*arguments)
            return wrapper
        N = 0
        @{decorator}
        def loss_fn(y_true, y_pred):
            global N
            N += 1
            both = y_pred, lambda upstream: (None, upstream)
            return both if {decorator == "tf.custom_gradient"} else y_pred
        """
    )
    assert changes(written) == ["N"]


def test_an_attribute_of_a_module_of_the_user_is_state(write):
    written = write(
        """
        import settings
        def loss_fn(y_true, y_pred):
            settings.steps += 1
        """,
        settings="steps = 0\nother = 0\n",
    )
    assert changes(written) == ["settings.steps"]


def test_an_object_that_holds_itself_is_compared(write):
    written = write(
        """
        class Node:
            n = 0
        NODE = Node()
        NODE.me = NODE
        LIST = []
        LIST.append(LIST)
        def loss_fn(y_true, y_pred):
            NODE.n += 1
            LIST.append(1)
        """
    )
    assert changes(written) == ["LIST", "NODE"]


def test_a_web_of_objects_is_compared_in_a_moment(write):
    written = write(
        """
        class Node:
            pass
        NODES = [Node() for _ in range(150)]
        for node in NODES:
            node.others = NODES
        def loss_fn(y_true, y_pred):
            return NODES
        """
    )
    start = time.perf_counter()
    snapshot(written.loss.function, written.files)
    assert time.perf_counter() - start < 1


def test_a_large_array_that_is_replaced_is_a_change(write):
    written = write(
        """
        import numpy as np
        A = np.zeros(100_000)
        def loss_fn(y_true, y_pred):
            global A
            A = y_pred
        """
    )
    other = np.ones(100_000)
    assert [changes(written, 0, other), changes(written, 0, other)] == [["A"], []]


def test_a_function_without_python_code_has_no_state():
    assert snapshot(len, UserFiles("")) == {}


def test_names_that_come_and_go_are_changes():
    assert changed_names({"a": 1, "b": 1, "d": 1}, {"b": 2, "c": 1, "d": 1}) == ["a", "b", "c"]


# Random generators


def draws() -> list[float]:
    return [random.random(), random.gauss(0, 1), float(np.random.rand()), float(np.random.normal())]


def test_the_random_generators_go_on_as_if_nothing_had_been_drawn():
    random.gauss(0, 1), np.random.normal()  # a second value is kept back by each
    state, restore = random_state(), restoring_random_state()
    expected = draws()
    restore()
    assert draws() == expected
    restore()
    assert random_state() == state


def test_a_seed_is_undone():
    random.seed(3), np.random.seed(3)
    restore = restoring_random_state()
    expected = draws()
    restore()
    random.seed(4), np.random.seed(4)
    restore()
    assert draws() == expected


@pytest.mark.parametrize("draw", [random.random, np.random.rand], ids=["random", "numpy"])
def test_a_draw_moves_the_state(draw):
    before = random_state()
    draw()
    assert before != random_state()


def test_another_bit_generator_of_numpy_is_restored():
    before = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(3))
    try:
        state, restore = random_state(), restoring_random_state()
        expected = draws()
        assert state != random_state()
        restore()
        assert draws() == expected
    finally:
        np.random.set_bit_generator(before)


@pytest.mark.parametrize(
    "make",
    [
        "np.random.default_rng(3)",
        "np.random.RandomState(3)",
        "random.Random(3)",
        "np.random.Generator(np.random.MT19937(3))",
    ],
)
def test_a_generator_that_the_loss_names_is_found_and_its_draws_are_seen(write, make):
    written = write(
        f"""
        import random
        import numpy as np
        RNG = {make}
        def loss_fn(y_true, y_pred):
            return RNG.random() if hasattr(RNG, "random") else RNG.rand()
        """
    )
    (found,) = generators(written.loss.function, written.files)
    before = generator_states([found])
    assert generator_states([found]) == before
    written.loss.function(0, 0)
    assert before != generator_states([found])


def test_a_generator_of_a_loss_object_is_found(write):
    written = write(
        """
        import keras
        import numpy as np
        class loss_fn(keras.losses.Loss):
            def __init__(self):
                super().__init__()
                self.rng = np.random.default_rng(3)
            def call(self, y_true, y_pred):
                return y_pred
        """
    )
    assert [type(g) for g in generators(written.loss.function, written.files)] == [np.random.Generator]


def test_a_snapshot_calls_nothing(write):
    written = write(
        """
        class Loud:
            def __eq__(self, other): raise AssertionError
            def __hash__(self): raise AssertionError
            def __repr__(self): raise AssertionError
        LOUD = [Loud(), {"a": Loud()}]
        def loss_fn(y_true, y_pred):
            return LOUD
        """
    )
    assert changes(written) == []


def test_an_argument_that_a_partial_binds_is_state():
    counting = functools.partial(next, itertools.count())
    files = UserFiles("losses.py")
    before = snapshot(counting, files)
    counting()
    assert changed_names(before, snapshot(counting, files)) == ["argument 0 of the partial"]


def test_what_is_typed_at_a_prompt_has_state(monkeypatch):
    main = ModuleType("__main__")
    source = """
class State:
    n = 0

STATE = State()

def loss_fn(y_true, y_pred):
    State.n += 1
    STATE.m = State.n
"""
    exec(compile(source, "<stdin>", "exec"), vars(main))
    monkeypatch.setitem(sys.modules, "__main__", main)
    files = UserFiles("")
    before = snapshot(main.loss_fn, files)
    main.loss_fn(0, 0)
    assert changed_names(before, snapshot(main.loss_fn, files)) == ["STATE", "State.n"]
