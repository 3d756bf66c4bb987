"""Which lines are the user's."""

from __future__ import annotations

import linecache
import site
import sys
import sysconfig
import textwrap
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from losscheck.finding import Location
from losscheck.observation import Frame
from losscheck.probes import frames
from losscheck.probes.frames import (
    UserFiles,
    caller_location,
    op_location,
    raised_from,
    statement_location,
    user_line,
)

from .conftest import code_of

SITE = Path(sysconfig.get_path("purelib"))


def spanned(expression, statement):
    """What the columns of an error span; the tracebacks of Python 3.10 have none, and so the statement is."""
    return expression if sys.version_info >= (3, 11) else statement


def caught(written, *arguments) -> frames.Raised:
    try:
        written.loss.function(*arguments or (0, 0))
    except BaseException as error:
        return raised_from(error, written.files)
    raise AssertionError("it did not raise")


# Which files


def test_the_file_of_the_loss_is_the_users(tmp_path):
    assert str(tmp_path / "losses.py") in UserFiles(str(tmp_path / "losses.py"))


def test_a_file_beside_it_is_the_users(tmp_path):
    assert str(tmp_path / "helpers.py") in UserFiles(str(tmp_path / "losses.py"))


@pytest.mark.parametrize(
    "path",
    [
        textwrap.__file__,
        pytest.__file__,
        tf.__file__,
        keras.losses.Loss.__init__.__code__.co_filename,
        str(SITE / "some_package" / "losses.py"),
        frames.__file__,
        "<frozen importlib._bootstrap>",
        "<string>",
        "<__array_function__ internals>",
        "/tmp/__autograph_generated_file1a2b.py",
        "numpy/random/_common.pyx",  # as it lay where NumPy was compiled
    ],
)
def test_a_file_of_a_library_is_not_the_users(path, tmp_path):
    assert path not in UserFiles(str(tmp_path / "losses.py"))


@pytest.mark.parametrize("path", ["<stdin>", "<ipython-input-3-abc>", "<stdin-4>"])
def test_what_is_typed_at_a_prompt_is_the_users(path):
    assert path in UserFiles("")


def test_a_loss_without_a_file_has_the_name_that_python_gave_it():
    assert "<string>" in UserFiles("<string>")
    assert "<string>" not in UserFiles("")


def test_an_installed_package_of_the_loss_is_the_users():
    files = UserFiles(str(SITE / "their_losses" / "dice.py"))
    paths = (
        "their_losses/dice.py",
        "their_losses/inner/smooth.py",
        "other_losses/dice.py",
        "their_losses2/a.py",
    )
    assert [str(SITE / path) in files for path in paths] == [True, True, False, False]


def test_an_installed_module_of_the_loss_is_the_users_and_the_ones_beside_it_are_not():
    files = UserFiles(str(SITE / "dice.py"))
    assert [str(SITE / path) in files for path in ("dice.py", "other.py")] == [True, False]


def test_a_loss_of_keras_makes_its_own_file_the_users_and_not_the_rest_of_keras():
    own = keras.losses.MeanSquaredError.__init__.__code__.co_filename
    other = keras.losses.Loss.__init__.__code__.co_filename
    assert [path in UserFiles(own) for path in (own, other)] == [True, False]


def test_packages_installed_for_one_user_are_libraries():
    package = Path(site.getusersitepackages()) / "some_package" / "losses.py"
    assert str(package) not in UserFiles("losses.py")


def test_a_path_below_the_working_directory_is_shown_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = UserFiles("losses.py")
    shown = [files.shown(str(path)) for path in (tmp_path / "a" / "b.py", tmp_path.parent / "c.py")]
    assert shown == [str(Path("a", "b.py")), str(tmp_path.parent / "c.py")]


# Exceptions


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


# Lines of operations


def test_the_users_line_is_the_deepest_one(tmp_path):
    files = UserFiles(str(tmp_path / "losses.py"))
    calls = [
        (str(tmp_path / "losses.py"), 3),
        (str(tmp_path / "helpers.py"), 5),
        (tf.__file__, 9),
    ]
    assert user_line(calls, files) == (str(tmp_path / "helpers.py"), 5)


def test_lines_outside_the_call_of_the_probe_are_not_the_losss(tmp_path):
    files = UserFiles(str(tmp_path / "losses.py"))
    assert user_line([(str(tmp_path / "train.py"), 3), (frames.__file__, 5), (tf.__file__, 9)], files) is None


def test_a_file_whose_path_begins_like_the_package_is_the_users_all_the_same():
    path = str(Path(frames.__file__).parents[1]) + "_examples/losses.py"
    assert user_line([(frames.__file__, 1), (path, 3)], UserFiles(path)) == (path, 3)


def test_no_frames_have_no_users_line():
    assert user_line([], UserFiles("losses.py")) is None


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


# The line that runs now


def test_a_location_of_a_caller_is_the_innermost_user_line(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return helper(y_true)  # <-

        def helper(call):
            return list(map(call, [1]))  # <- inner
        """
    )
    (seen,) = written.loss.function(lambda _: caller_location(written.files, sys._getframe(1)), 0)
    assert (
        seen.path,
        seen.line,
        code_of(seen),
    ) == ("losses.py", written.line("inner"), "return list(map(call, [1]))")


def test_a_stack_without_a_users_line_has_no_location():
    assert caller_location(UserFiles("losses.py"), None) is None
