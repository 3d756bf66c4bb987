"""Exceptions as plain data."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
import tensorflow as tf

from losscheck.finding import Location
from losscheck.observation import Frame, Raised
from losscheck.probes.frames import UserFiles
from losscheck.probes.raising import raised_from

from .conftest import code_of


def spanned(expression, statement):
    """What the columns of an error span; the tracebacks of Python 3.10 have none, and so the statement is."""
    return expression if sys.version_info >= (3, 11) else statement


def caught(written, *arguments) -> Raised:
    try:
        written.loss.function(*arguments or (0, 0))
    except BaseException as error:
        return raised_from(error, written.files)
    raise AssertionError("it did not raise")


def test_an_exception_has_its_deepest_user_line_with_its_columns(write):
    written = write(
        """
        def helper(y_pred):
            return [1][y_pred + 5]  # <- inner

        def loss_fn(y_true, y_pred):
            return 1 + helper(y_pred)  # <- outer
        """
    )
    raised = caught(written)
    assert (raised.type, raised.message) == ("IndexError", "list index out of range")
    assert (
        raised.location.path,
        raised.location.line,
        code_of(raised.location),
    ) == ("losses.py", written.line("inner"), spanned("[1][y_pred + 5]", "return [1][y_pred + 5]"))
    assert [(frame.function, frame.line) for frame in reversed(raised.frames) if frame.is_user][:2] == [
        ("helper", written.line("inner")),
        ("loss_fn", written.line("outer")),
    ]


def test_a_library_that_raises_leaves_the_users_call(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            x = 1; return tf.matmul([[1.0]], [[1.0], [2.0]])
        """
    )
    raised = caught(written)
    called = "tf.matmul([[1.0]], [[1.0], [2.0]])"
    assert code_of(raised.location) == spanned(called, f"x = 1; return {called}")
    assert [raised.frames[index].is_user for index in (1, -1)] == [True, False]


def test_columns_count_characters_where_the_line_holds_others_than_ascii(write):
    written = write(
        """
        def loss_fn(y_true, ŷ):
            μσ = "é"; return μσ + [1][ŷ + 5]
        """
    )
    assert code_of(caught(written).location) == spanned("[1][ŷ + 5]", 'μσ = "é"; return μσ + [1][ŷ + 5]')


def test_an_exception_is_known_by_its_class_and_the_bases_of_it(write):
    written = write(
        """
        class Odd(KeyError): pass
        def loss_fn(y_true, y_pred):
            raise Odd("x")
        """
    )
    raised = caught(written)
    assert (
        raised.type,
        raised.bases,
    ) == ("Odd", ("KeyError", "LookupError", "Exception", "BaseException", "object"))
    assert [raised.is_a(name) for name in ("Odd", "KeyError", "LookupError", "ValueError")] == [
        True,
        True,
        True,
        False,
    ]
    assert raised.is_a("ValueError", "Exception")


def test_an_exit_is_an_exception_like_any_other(write):
    written = write("def loss_fn(y_true, y_pred):\n    raise SystemExit(3)\n")
    raised = caught(written)
    assert (raised.type, raised.message, raised.location.line) == ("SystemExit", "3", 3)


def test_an_exception_that_no_user_line_raised_has_no_location():
    try:
        textwrap.dedent(None)
    except Exception as error:
        error.__traceback__ = error.__traceback__.tb_next
        raised = raised_from(error, UserFiles("losses.py"))
    assert raised.location is None
    assert not any(frame.is_user for frame in raised.frames)


def test_an_exception_without_frames_has_those_of_its_cause(write):
    written = write("def loss_fn(y_true, y_pred):\n    return 1 / 0\n")
    try:
        try:
            written.loss.function(0, 0)
        except ZeroDivisionError as error:
            cause = error
        outer = ValueError("outer")
        outer.__cause__ = cause
    finally:
        raised = raised_from(outer, written.files)
    assert (raised.type, code_of(raised.location)) == ("ValueError", spanned("1 / 0", "return 1 / 0"))


AUTOGRAPH = """
in user code:

    File "{helpers}", line 2, in helper  *
        return tf.reshape(x, [2, 2])
    File "{library}", line 88, in wrapper  **
        return fn(*args)

    ValueError: Cannot reshape a tensor with 3 elements to shape [2,2] (4 elements)
"""


def test_the_lines_that_autograph_puts_into_the_message_alone_are_found(write):
    written = write("def loss_fn(y_true, y_pred): return 1\n", helpers="def helper(x):\n    return 1 + x\n")
    helpers = str(Path("helpers.py").absolute())
    raised = raised_from(ValueError(AUTOGRAPH.format(helpers=helpers, library=tf.__file__)), written.files)
    assert raised.location == Location("helpers.py", 2, 5, 2, 17)
    assert raised.frames == (Frame(helpers, 2, "helper", True),)
    assert raised.message == "ValueError: Cannot reshape a tensor with 3 elements to shape [2,2] (4 elements)"


def test_an_error_under_autograph_has_the_users_line_and_no_listing(write):
    written = write(
        """
        def helper(y_pred):
            return tf.reshape(y_pred, [5, 5])  # <-

        def loss_fn(y_true, y_pred):
            return helper(y_pred)
        """
    )
    try:
        tf.function(written.loss.function).get_concrete_function(
            *[tf.TensorSpec([7, 3], tf.float32) for _ in range(2)]
        )
    except ValueError as error:
        assert "in user code:" in str(error)
        raised = raised_from(error, written.files)
    assert (raised.location.path, raised.location.line) == ("losses.py", written.line())
    assert "Cannot reshape a tensor with 21 elements to shape [5,5] (25 elements)" in raised.message
    assert "File " not in raised.message


def test_a_tensor_out_of_scope_has_the_line_that_uses_it_not_the_one_that_made_it(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            rows = []
            tf.map_fn(lambda row: rows.append(row) or row, y_pred)
            return tf.square(rows[0])  # <-
        """
    )
    for autograph in (True, False):
        function = tf.function(written.loss.function, autograph=autograph)
        try:
            function.get_concrete_function(*[tf.TensorSpec([7, 3], tf.float32) for _ in range(2)])
        except (TypeError, ValueError) as error:
            raised = raised_from(error, written.files)
        assert (raised.location.path, raised.location.line) == ("losses.py", written.line())
        assert "is out of scope and cannot be used here" in raised.message.splitlines()[0]
        assert "was defined here" not in raised.message


MESSAGES = {
    "Incompatible shapes: [7,3] vs. [3,7] [Op:Sub] name: x": "Incompatible shapes: [7,3] vs. [3,7]",
    "wrong\n\nCall arguments received by layer 'x':\n  • a=1": "wrong",
    "wrong\nArguments received by Loss.call():\n  • a=1": "wrong",
    "{{function_node __wrapped__Sub_}} Incompatible shapes [Op:Sub]": "Incompatible shapes",
    (
        "Graph execution error:\n\nDetected at node Reshape defined at (most recent call last):\n"
        '  File "train.py", line 3, in loss\n\n'
        "Input to reshape is a tensor with 6 values\n\t [[{{node Reshape}}]] [Op:__inference_f_12]"
    ): "Input to reshape is a tensor with 6 values",
    "  plain  ": "plain",
    "": "",
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.items())
def test_the_message_loses_what_tensorflow_and_keras_add(message, expected):
    assert raised_from(ValueError(message), UserFiles("losses.py")).message == expected
