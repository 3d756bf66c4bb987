"""A `Loss` object made anew from its config."""

from __future__ import annotations

import pytest

from losscheck.probes.config import run_config

from .conftest import code_of, regression

CALL = "def call(self, y_true, y_pred): return self.k * keras.ops.mean((y_true - y_pred) ** 2, axis=-1)"


def config(write, init: str, rest: str = "", name: str = "OwnLoss"):
    written = write(
        f"""
        import keras
        class OwnLoss(keras.losses.Loss):
            {init}
            {CALL}
            {rest}
        made = OwnLoss(3.0)
        """,
        name=name,
    )
    return run_config(written.loss, regression(), written.files)


INIT = """def __init__(self, k=1.0, **kwargs):
                super().__init__(**kwargs)
                self.k = k"""


def test_an_argument_that_comes_back_is_not_lost(write):
    seen = config(write, INIT, "def get_config(self): return {**super().get_config(), 'k': self.k}")
    assert (seen.raised, seen.lost, seen.arguments) == (None, (), ("k",))
    assert seen.value == pytest.approx(seen.before)


def test_an_argument_outside_the_config_is_lost(write):
    seen = config(write, INIT)
    assert seen.lost == (("k", "0.5", "1.0"),)
    assert code_of(seen.init) == "def __init__(self, k=1.0, **kwargs):"


def test_the_arguments_of_an_object_are_compared_as_they_are(write):
    assert config(write, INIT, name="made").lost == (("k", "3.0", "1.0"),)


def test_an_argument_without_an_attribute_is_judged_by_the_value(write):
    hidden = INIT.replace("self.k = k", "self.__dict__['k'] = 1.0; self.scale = k").replace("k=1.0", "k_=1.0")
    hidden = hidden.replace("self.scale = k", "self.k = k_")
    assert config(write, hidden).lost == (("k_", "0.5", "another value"),)


REDUCED = """def __init__(self, k=1.0, reduction="sum_over_batch_size", name="own_loss"):
                super().__init__(reduction=reduction, name=name)
                self.k = k"""


@pytest.mark.parametrize(
    ("config_of", "lost"),
    [
        ("{**super().get_config(), 'k': self.k}", ()),
        ("{'k': self.k, 'name': self.name}", (("reduction", "'sum'", "'sum_over_batch_size'"),)),
    ],
)
def test_a_reduction_that_the_constructor_takes_must_come_back(write, config_of, lost):
    assert config(write, REDUCED, f"def get_config(self): return {config_of}").lost == lost


def test_a_reduction_that_only_keras_takes_is_not_tried(write):
    assert config(write, INIT, "def get_config(self): return {'k': self.k}").lost == ()


def test_a_constructor_that_takes_no_name_raises(write):
    init = "def __init__(self, k=1.0):\n                super().__init__()\n                self.k = k"
    seen = config(write, init)
    assert (seen.stage, seen.raised.type) == ("from_config", "TypeError")


def test_a_config_that_json_cannot_hold_raises(write):
    seen = config(write, INIT, "def get_config(self): return {'k': object()}")
    assert (seen.stage, seen.raised.type) == ("json", "TypeError")


def test_a_function_has_no_config(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true - y_pred)\n")
    assert run_config(written.loss, regression(), written.files).skipped == "it is no `Loss` object"
