"""Which lines are the user's."""

from __future__ import annotations

import site
import sys
import sysconfig
import textwrap
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from losscheck.probes import frames
from losscheck.probes.frames import UserFiles, caller_location, user_line

from .conftest import code_of

SITE = Path(sysconfig.get_path("purelib"))


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


# Lines of calls


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
