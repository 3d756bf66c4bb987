"""What reading says of a loss: which values are tensors of the batch, and where their gradient ends."""

import ast
import textwrap

import pytest

from losscheck.loading.definitions import read_definitions
from losscheck.loading.expression import parse_expression
from losscheck.loading.subject import find_subject
from losscheck.loss import FoundLoss, Kind
from losscheck.reading import source as reading
from losscheck.reading import values

HEAD = """\
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from keras import ops
"""


def read(body, name="loss"):
    """The source of a loss whose body, or whole text, is given."""
    text = textwrap.dedent(body)
    if f"def {name}" not in text and f"class {name}" not in text:
        text = f"def loss(y_true, y_pred):\n{textwrap.indent(text, '    ')}"
    text = HEAD + text
    tree = ast.parse(text)
    definitions = read_definitions(tree)
    found = FoundLoss(f"losses.py:{name}", "losses.py", name, 1, Kind.FUNCTION)
    return reading.read_source(
        found, text, tree, definitions, find_subject(definitions, parse_expression(name))
    )


def returned(body, name="loss"):
    """What the loss returns."""
    (event,) = read(body, name).returns()
    return event.value


def code(node):
    return None if node is None else ast.unparse(node)


@pytest.mark.parametrize(
    ("body", "cut"),
    [
        ("return tf.square(y_true - y_pred)", None),
        ("return tf.cast(tf.argmax(y_pred, -1), tf.float32)", "tf.argmax(y_pred, -1)"),
        ("p = tf.nn.softmax(y_pred)\nreturn tf.abs(y_true - ops.round(p))", "ops.round(p)"),
        ("return tf.where(y_pred > 0.5, y_true, 0.0)", "tf.where(y_pred > 0.5, y_true, 0.0)"),
        ("return tf.reduce_mean(tf.cast(y_pred > 0.5, 'int32'))", "y_pred > 0.5"),
        ("return tf.stop_gradient(y_pred) - y_true", "tf.stop_gradient(y_pred)"),
        ("return tf.cast(y_pred > 0.5, tf.float32) * y_pred", None),
        ("return my_package.unknown(y_pred) - y_true", None),
        ("rows = []\nfor i in range(3):\n    rows.append(y_pred[:, i])\nreturn tf.stack(rows)", None),
        ("kept = {}\nkept['p'] = y_pred\nreturn kept['p'] + 1.0 * tf.round(y_true)", None),
    ],
)
def test_the_operation_that_takes_the_gradient_away_is_named(body, cut):
    value = returned(body)

    assert code(value.cut) == cut
    if cut is not None:
        assert (value.of_pred, value.has_slope) == (True, False)


@pytest.mark.parametrize(
    ("body", "dead"),
    [
        ("return tf.square(y_pred) + 0.1 * tf.round(y_pred)", ["tf.round(y_pred)"]),
        ("return tf.square(y_pred) * tf.cast(y_pred > 0.5, tf.float32)", []),
        ("return y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)", []),
        ("return tf.square(y_pred - tf.floor(y_pred))", []),
        ("return tf.square(y_pred) + tf.reduce_sum(tf.ones_like(y_pred))", []),
    ],
)
def test_a_term_without_a_gradient_is_dead_where_it_is_added_and_kept_as_it_is(body, dead):
    assert [code(node) for node in returned(body).dead] == dead


@pytest.mark.parametrize(
    ("body", "can_vanish"),
    [
        ("return y_pred", True),
        ("return 1 - y_pred", True),
        ("return y_pred + 1e-7", False),
        ("return y_pred + K.epsilon()", False),
        ("return tf.maximum(y_pred, 1e-7)", False),
        ("return tf.maximum(y_pred, 0.0)", True),
        ("return tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)", False),
        ("return tf.nn.softmax(y_pred)", False),
        ("return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)", True),
        ("eps = 1e-6\nreturn tf.reduce_sum(y_true) + eps", False),
    ],
)
def test_a_value_can_be_zero_unless_something_keeps_it_away(body, can_vanish):
    assert returned(body).can_vanish is can_vanish


@pytest.mark.parametrize(
    ("body", "is_scalar", "lost"),
    [
        ("return tf.reduce_mean(y_pred)", True, None),
        ("return tf.reduce_mean(y_pred, axis=-1)", False, None),
        ("return K.mean(y_pred, axis=None)", True, None),
        ("return tf.reduce_sum(y_pred, axis=0)", False, "tf.reduce_sum(y_pred, axis=0)"),
        ("return tf.reduce_sum(y_pred, axis=0, keepdims=True)", False, None),
        ("return tf.reduce_sum(tf.transpose(y_pred), axis=0)", False, None),
        ("return y_pred - tf.reduce_mean(y_pred, axis=0)", False, None),
        ("return 2.0 * tf.sqrt(tf.reduce_mean(y_pred))", True, None),
    ],
)
def test_a_reduction_leaves_one_number_or_takes_the_batch_away(body, is_scalar, lost):
    value = returned(body)

    assert (value.is_scalar, code(value.lost_rows)) == (is_scalar, lost)


@pytest.mark.parametrize(
    ("body", "dtype"),
    [
        ("return tf.cast(y_true, tf.int32)", "int"),
        ("return tf.cast(y_true, y_pred.dtype)", "float"),
        ("return tf.square(y_true - y_pred)", "float"),
        ("return tf.shape(y_pred)[0] / tf.shape(y_pred)[1]", "float64"),
        ("return y_pred > 0.5", "bool"),
        ("return y_true", ""),
    ],
)
def test_the_dtype_is_known_where_the_source_says_it(body, dtype):
    assert returned(body).dtype == dtype


@pytest.mark.parametrize(
    ("body", "sure"),
    [
        ("print(y_pred)\nreturn y_pred", True),
        ("if tf.executing_eagerly():\n    print(y_pred)\nreturn y_pred", False),
        ("if not tf.executing_eagerly():\n    print(y_pred)\nreturn y_pred", True),
        ("if hasattr(y_pred, 'numpy'):\n    print(y_pred)\nreturn y_pred", False),
        ("try:\n    print(y_pred)\nexcept ValueError:\n    pass\nreturn y_pred", False),
        ("return y_pred\nprint(y_pred)", False),
    ],
)
def test_a_call_is_sure_where_a_graph_runs_it_and_nobody_catches_it(body, sure):
    assert any(call.name == "print" for call in read(body).calls()) is sure


def test_helpers_methods_and_closures_are_followed():
    helper = "def half(x):\n    return np.mean(x)\n\ndef loss(y_true, y_pred):\n    return half(y_pred)\n"
    method = (
        "class loss(keras.losses.Loss):\n    def half(self, x):\n        return np.mean(x)\n\n"
        "    def call(self, y_true, y_pred):\n        return self.half(x=y_pred)\n"
    )
    closure = (
        "def loss(scale=2):\n    def half(x):\n        return np.mean(x)\n\n"
        "    def inner(y_true, y_pred):\n        return half(y_pred)\n\n    return inner\n"
    )
    for text in (helper, method, closure):
        (call,) = (call for call in read(text).calls() if call.name == "numpy.mean")
        assert call.arguments[0].of_pred


def test_a_function_that_calls_itself_ends():
    body = "def loss(y_true, y_pred, n=3):\n    return loss(y_true, y_pred, n - 1) + y_pred\n"

    assert returned(body).has_slope


def test_a_loss_of_a_thousand_lines_is_read_in_part_and_never_raises():
    body = "x = y_pred\n" + "x = x + tf.square(x - 1.0)\n" * 8000 + "return x"

    assert read(body).returns() == []


def test_a_name_of_the_function_hides_an_import():
    (call,) = (call for call in read("K = make()\nreturn K.mean(y_pred)").calls() if call.method == "mean")

    assert call.name == ""


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("K.mean", "keras.backend.mean"),
        ("tf.keras.losses.Loss", "keras.losses.Loss"),
        ("ops.mean", "keras.ops.mean"),
    ],
)
def test_keras_has_one_name(written, name):
    assert read("return y_pred").name_of(ast.parse(written, mode="eval").body) == name


def test_what_two_branches_give_is_known_as_far_as_they_agree():
    one = values.Value(values.Kind.TENSOR, of_pred=True, has_slope=True, can_vanish=True)
    other = values.Value(values.Kind.TENSOR, of_true=True, can_vanish=False)

    both = values.joined(one, other)
    assert (both.kind, both.of_true, both.of_pred, both.has_slope) == (values.Kind.TENSOR, True, True, True)
    assert not both.can_vanish
