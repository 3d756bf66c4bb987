"""`assert_loss` in a user's own tests: real pytest runs in a process of their own."""

import os
import re
import subprocess
import sys

import pytest

LOSSES = """\
import tensorflow as tf


def rounded_error(y_true, y_pred):
    hard = tf.round(y_pred)
    return tf.reduce_mean(tf.square(y_true - hard), axis=-1)


def smooth_error(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.reshape(y_pred, tf.shape(y_true))), axis=-1)
"""
TESTS = """\
import losscheck
from my_losses import rounded_error, smooth_error

SPECS = {"y_true": "float32[B, 3]", "y_pred": "float32[B, 3]"}


def test_rounded():
    losscheck.assert_loss(rounded_error, **SPECS)


def test_smooth():
    losscheck.assert_loss(smooth_error, **SPECS)
"""


@pytest.fixture
def project(pytester):
    """A user's project: losses, and tests of them."""
    pytester.makepyfile(my_losses=LOSSES, test_losses=TESTS)
    return pytester


def command_line(folder, *arguments):
    """What the command line prints, without colour, 100 columns wide."""
    done = subprocess.run(
        [sys.executable, "-m", "losscheck", *arguments],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    return done.stdout


def lines(text):
    """The lines without what differs by right: seconds, and the margin that pytest puts before them."""
    return [line.strip() for line in re.sub(r"in \d+\.\d s", "in 0.0 s", text).splitlines() if line.strip()]


def test_a_failing_loss_fails_its_test_with_the_text_of_the_command_line(project):
    run = project.runpytest_subprocess("-p", "no:cacheprovider")

    run.assert_outcomes(failed=1, passed=1)
    shown = "\n".join(line.removeprefix("E") for line in run.outlines if line.startswith("E "))
    shown = shown.replace("losscheck.exceptions.LossCheckFailed: ", "", 1)
    specs = ("--y-true", "float32[B, 3]", "--y-pred", "float32[B, 3]")
    assert lines(shown) == lines(command_line(project.path, "my_losses.py:rounded_error", *specs))
    assert "LC201 disconnected-gradient error" in lines(shown)
