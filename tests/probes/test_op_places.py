"""The expressions that make operations."""

from __future__ import annotations

import linecache
import textwrap

import pytest

from losscheck.finding import Location
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.op_places import op_location

from .conftest import code_of


def place(write, source: str, op_type: str, number: int = 0, line: int = 2) -> Location:
    written = write(source)
    return op_location(op_type, (str(written.path), line), number, written.files)


SUFFIX = "\nloss_fn = lambda y_true, y_pred: 1\n"

UNDERLINED = [
    ("x = tf.round(p) + tf.argmax(p)", "Round", 0, "tf.round(p)"),
    ("x = tf.round(p) + tf.argmax(p)", "ArgMax", 0, "tf.argmax(p)"),
    ("x = tf.round(p) + tf.argmax(p)", "AddV2", 0, "tf.round(p) + tf.argmax(p)"),
    ("x = tf.exp(a) * tf.exp(b)", "Exp", 0, "tf.exp(a)"),
    ("x = tf.exp(a) * tf.exp(b)", "Exp", 1, "tf.exp(b)"),
    ("x = tf.exp(tf.exp(b))", "Exp", 0, "tf.exp(b)"),
    ("x = tf.exp(tf.exp(b))", "Exp", 1, "tf.exp(tf.exp(b))"),
    ("x = tf.reduce_mean(tf.cast(p > 0.5, tf.float32))", "Greater", 0, "p > 0.5"),
    ("x = tf.reduce_mean(tf.cast(p > 0.5, tf.float32))", "Cast", 0, "tf.cast(p > 0.5, tf.float32)"),
    ("x = tf.reduce_mean(tf.cast(p > 0.5, t))", "Mean", 0, "tf.reduce_mean(tf.cast(p > 0.5, t))"),
    ("x = 1 - p[..., 0]", "StridedSlice", 0, "p[..., 0]"),
    ("x = tf.where(c, a, -b) / b", "SelectV2", 0, "tf.where(c, a, -b)"),
    ("x = tf.where(c, a, -b) / b", "Neg", 0, "-b"),
    ("x = tf.where(c, a, -b) / b", "RealDiv", 0, "tf.where(c, a, -b) / b"),
    ("x = keras.ops.one_hot(p, 3); y = p ** 2", "OneHot", 0, "keras.ops.one_hot(p, 3)"),
    ("x = keras.ops.one_hot(p, 3); y = p ** 2", "Pow", 0, "p ** 2"),
    ("x = stop_gradient(p)", "StopGradient", 0, "stop_gradient(p)"),
    ("x = tf.gather(a, b)", "GatherV2", 0, "tf.gather(a, b)"),
    ("x = helper(a) + 1  # a note", "Sqrt", 0, "if 0: x = helper(a) + 1"),
    ("μ = σ * tf.round(ŷ)", "Round", 0, "tf.round(ŷ)"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "op_type", "number", "expected"), UNDERLINED)
def test_an_operation_underlines_the_expression_that_made_it(write, code, op_type, number, expected):
    source = f"if 0: {code}{SUFFIX}"
    if expected == code:  # no expression: the whole statement
        expected = f"if 0: {code}"
    assert code_of(place(write, source, op_type, number)) == expected


def test_more_operations_than_calls_begin_again_with_the_first(write):
    source = f"if 0: tf.exp(a) * tf.exp(b){SUFFIX}"
    assert code_of(place(write, source, "Exp", 2)) == "tf.exp(a)"


def test_a_call_over_several_lines_is_underlined_to_its_end(write):
    source = f"""
    if 0: x = tf.reduce_mean(
        tf.square(a),
        axis=-1,
    )
    {SUFFIX}"""
    assert place(write, textwrap.dedent(source), "Mean") == Location("losses.py", 2, 11, 5, 6)


def test_an_operation_of_a_file_that_cannot_be_parsed_has_its_statement(tmp_path):
    path = tmp_path / "cell.py"
    path.write_text("%matplotlib inline\n  x = tf.round(p)  \n", encoding="utf-8")
    assert op_location("Round", (str(path), 2), 0, UserFiles(str(path))) == Location(str(path), 2, 3, 2, 18)


def test_an_operation_of_a_file_that_is_gone_has_its_line(tmp_path):
    path = str(tmp_path / "gone.py")
    linecache.checkcache(path)
    assert op_location("Round", (path, 4), 0, UserFiles(path)) == Location(path, 4, 1, 4)
    assert statement_location(path, 4, UserFiles(path)) == Location(path, 4, 1, 4)
