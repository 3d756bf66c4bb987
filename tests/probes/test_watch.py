"""The side effects of a call: each with its kind, its words, its call and its line."""

from __future__ import annotations

import pytest

from losscheck.observation import EffectKind
from losscheck.probes.eager import run_eager

from .conftest import Written, regression


def effects(written: Written, calls: int = 1) -> list[tuple[EffectKind, str, int, int | None]]:
    """Kind, words, call and line of every side effect."""
    seen = run_eager(written.loss, regression(), written.files, calls=calls)
    assert seen.raised is None
    return [(e.kind, e.detail, e.call, e.location and e.location.line) for e in seen.effects]


def test_a_loss_without_side_effects_has_none(write):
    written = write(
        "def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.square(y_true - y_pred), -1)\n"
    )
    assert effects(written, calls=3) == []


def test_what_is_printed_is_output(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            print("mean", 1)  # <-
            return y_pred
        """
    )
    assert effects(written, calls=2) == [
        (EffectKind.OUTPUT, "mean 1", call, written.line()) for call in (0, 1)
    ]


@pytest.mark.parametrize(
    "call", ['logging.warning("lost %d", 1)', 'logging.getLogger("mine").error("lost %d", 1)']
)
def test_what_is_logged_is_output(write, call, caplog):
    written = write(
        f"""
        import logging
        def loss_fn(y_true, y_pred):
            {call}  # <-
            return y_pred
        """
    )
    assert effects(written) == [(EffectKind.OUTPUT, "lost 1", 0, written.line())]


def test_what_is_logged_below_the_level_is_no_output(write):
    written = write(
        """
        import logging
        def loss_fn(y_true, y_pred):
            logging.debug("nobody sees it")
            return y_pred
        """
    )
    assert effects(written) == []


def test_a_change_of_state_has_its_line_from_the_second_call_on(write):
    written = write(
        """
        SEEN = []
        def loss_fn(y_true, y_pred):
            x = y_pred * 2
            SEEN.append(1)  # <-
            return x
        """
    )
    assert effects(written, calls=3) == [
        (EffectKind.STATE, "SEEN", 0, None),
        (EffectKind.STATE, "SEEN", 1, None),
        (EffectKind.STATE, "SEEN", 2, written.line()),
    ]


def test_a_change_in_a_helper_has_the_helpers_line(write):
    written = write(
        """
        import notes
        def loss_fn(y_true, y_pred):
            notes.count()
            return y_pred
        """,
        notes="""
        N = 0
        def count():
            global N
            N += 1
        """,
    )
    seen = run_eager(written.loss, regression(), written.files, calls=2)
    assert [(e.detail, e.call) for e in seen.effects if e.detail == "N"] == [("N", 0), ("N", 1)]
    last = seen.effects[-1]
    assert (last.location.path, last.location.line) == ("notes.py", 5)


def test_a_change_in_the_returning_line_has_its_line(write):
    written = write(
        """
        SEEN = []
        def loss_fn(y_true, y_pred):
            return SEEN.append(1) or y_pred  # <-
        """
    )
    assert effects(written, calls=2)[-1] == (EffectKind.STATE, "SEEN", 1, written.line())


def test_a_cache_that_is_filled_once_changes_in_the_first_call_alone(write):
    written = write(
        """
        CACHE = {}
        def loss_fn(y_true, y_pred):
            if "w" not in CACHE:
                CACHE["w"] = 3.0
            return y_pred * CACHE["w"]
        """
    )
    assert effects(written, calls=3) == [(EffectKind.STATE, "CACHE", 0, None)]


RANDOM = [
    ("random.random()", "Python's random module"),
    ("np.random.rand()", "NumPy's global generator"),
    ("RNG.random()", "a random generator"),
]


@pytest.mark.parametrize(("call", "name"), RANDOM)
def test_a_random_draw_is_seen_with_its_line(write, call, name):
    written = write(
        f"""
        import random
        import numpy as np
        RNG = np.random.default_rng(1)
        def loss_fn(y_true, y_pred):
            noise = {call}  # <-
            return y_pred * noise
        """
    )
    assert [effect for effect in effects(written, calls=2) if effect[0] is EffectKind.RANDOM] == [
        (EffectKind.RANDOM, name, 0, None),
        (EffectKind.RANDOM, name, 1, written.line()),
    ]


def test_random_operations_of_tensorflow_are_no_side_effect(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred * tf.random.uniform(tf.shape(y_pred))\n")
    assert effects(written, calls=2) == []


def test_a_tape_that_is_never_asked_is_seen(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            with tf.GradientTape() as tape:  # <-
                tape.watch(y_pred)
                value = tf.square(y_pred - y_true)
            return value
        """
    )
    assert effects(written) == [(EffectKind.TAPE, "GradientTape", 0, written.line())]


@pytest.mark.parametrize(
    "ask",
    [
        "tape.gradient(value, y_pred)",
        "tape.jacobian(value, y_pred)[:, 0, 0]",
        "tape.batch_jacobian(value, y_pred)[:, 0]",
    ],
)
def test_a_tape_that_is_asked_is_no_side_effect(write, ask):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            with tf.GradientTape() as tape:
                tape.watch(y_pred)
                value = tf.square(y_pred - y_true)
            return {ask}
        """
    )
    assert effects(written) == []


def test_of_two_tapes_the_one_that_is_never_asked_is_seen(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            with tf.GradientTape() as asked:
                asked.watch(y_pred)
                value = tf.square(y_pred - y_true)
            with tf.GradientTape():  # <-
                tf.square(y_pred)
            return asked.gradient(value, y_pred)
        """
    )
    assert effects(written) == [(EffectKind.TAPE, "GradientTape", 0, written.line())]


def test_a_tape_of_a_loss_that_raises_is_seen(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            with tf.GradientTape():
                raise ValueError
        """
    )
    seen = run_eager(written.loss, regression(), written.files)
    assert [effect.kind for effect in seen.effects] == [EffectKind.TAPE]


def test_a_function_that_each_call_makes_is_seen(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            @tf.function  # <-
            def inner(x):
                return x * 2
            return inner(y_pred)
        """
    )
    assert effects(written, calls=2) == [
        (EffectKind.FUNCTION, "tf.function", call, written.line()) for call in (0, 1)
    ]


def test_a_function_of_the_module_is_no_side_effect(write):
    written = write(
        """
        @tf.function
        def inner(x):
            return x * 2
        def loss_fn(y_true, y_pred):
            return inner(y_pred)
        """
    )
    assert effects(written) == []


def test_a_variable_that_each_call_creates_is_seen(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            weight = tf.Variable(2.0)  # <-
            return y_pred * weight
        """
    )
    assert effects(written, calls=2) == [
        (EffectKind.VARIABLE, "tf.Variable", call, written.line()) for call in (0, 1)
    ]


def test_the_variables_of_a_layer_that_each_call_builds_have_the_users_line(write):
    written = write(
        """
        import keras
        def loss_fn(y_true, y_pred):
            return keras.layers.Dense(2, use_bias=False)(y_pred)  # <-
        """
    )
    assert (EffectKind.VARIABLE, "tf.Variable", 0, written.line()) in effects(written)


def test_a_variable_of_the_module_is_no_side_effect(write):
    written = write(
        """
        WEIGHT = tf.Variable(2.0)
        def loss_fn(y_true, y_pred):
            WEIGHT.assign_add(1.0)
            return y_pred * WEIGHT
        """
    )
    assert effects(written) == []


def test_a_statement_over_several_lines_has_its_first_line_and_code(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            print(  # <-
                "mean",
                1,
            )
            return y_pred
        """
    )
    assert effects(written) == [(EffectKind.OUTPUT, "mean 1", 0, written.line())]


def test_a_long_loop_is_followed_for_a_while_only(write):
    written = write(
        """
        N = [0]
        def loss_fn(y_true, y_pred):
            for _ in range(100_000):
                N[0] += 1
            return y_pred
        """
    )
    seen = run_eager(written.loss, regression(), written.files, calls=2)
    assert seen.seconds < 5
    assert [effect.location and effect.location.line for effect in seen.effects] == [None, 5]
