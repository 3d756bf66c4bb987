"""Hand-made reports, and a source file for their findings to point at."""

import dataclasses
import math

import pytest

from losscheck.drawing import Curve, CurveLine, Drawing, Flow, GradientPath, PathEdge, PathNode
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.report import (
    Failure,
    LossReport,
    ModeResult,
    Report,
    Status,
    TaskChoice,
    TaskSource,
    Versions,
)

SOURCE = """\
import tensorflow as tf


def dice_loss(y_true, y_pred):
    classes = tf.cast(tf.argmax(y_pred, axis=-1), tf.float32)
    intersection = tf.reduce_sum(y_true * classes)
    return 1 - 2 * intersection / (
        tf.reduce_sum(y_true)
        + tf.reduce_sum(classes)
    )
"""

PASS, FAIL = ModeResult(Status.PASS), ModeResult(Status.FAIL)

DISCONNECTED = Finding(
    code="LC201",
    name="disconnected-gradient",
    severity=Severity.ERROR,
    message="the gradient with respect to `y_pred` is None: `tf.argmax` cuts the path",
    hint="use the probabilities themselves, not the class index",
    location=Location("losses.py", 5, 23, 5, 49),
    modes=(Mode.GRADIENT, Mode.FIT),
    evidence={"path": "ArgMax ✂ Cast → Mul → Sum", "samples": 8},
)
NON_FINITE = Finding(
    code="LC501",
    name="non-finite-loss",
    severity=Severity.WARNING,
    message="NaN when `y_true` is all zero",
    hint="add an epsilon to the denominator",
    location=Location("losses.py", 7, 12, 10, 6),
)
REDUCED = Finding(
    code="LC105",
    name="batch-reduced",
    severity=Severity.NOTE,
    message="the loss is a scalar: `sample_weight` and masks cannot act per sample",
    hint="reduce over every axis but the first",
    location=Location("losses.py", 7, 5),
)
DICE = LossReport(
    target="losses.py:dice_loss",
    path="losses.py",
    line=4,
    name="dice_loss",
    kind="function",
    task=TaskChoice(
        "categorical",
        "float32[B, 4] onehot",
        "float32[B, 4] simplex",
        TaskSource.INFERRED,
        ("`tf.argmax` says classes", "binary: the shapes do not match"),
    ),
    modes={Mode.EAGER: PASS, Mode.GRAPH: PASS, Mode.GRADIENT: FAIL, Mode.FIT: FAIL},
    findings=(DISCONNECTED, NON_FINITE, REDUCED),
    skipped={"LC701": "no XLA here", "LC204": "the gradient is disconnected", "LC702": "no XLA here"},
    output="shape (8, 4)\n\x1b[31mred\x1b[0m\n",
    seconds=0.41,
)
MSE = dataclasses.replace(
    DICE,
    target="losses.py:mse",
    name="mse",
    line=1,
    task=TaskChoice("told", "float32[B, 1] real", "float32[B, 1] real", TaskSource.OPTION),
    modes=dict.fromkeys((Mode.EAGER, Mode.GRAPH, Mode.GRADIENT, Mode.FIT), PASS),
    findings=(),
    skipped={},
    output="",
)
_X = tuple(n / 20 for n in range(-2, 23))
CURVE = Curve(
    x=_X,
    axis="y_pred",
    low=0.0,
    high=1.0,
    caption="the one prediction of a sample moves",
    lines=(
        CurveLine("y_true = 0", tuple(x * x for x in _X), tuple(2 * x for x in _X)),
        CurveLine(
            "y_true = 1",
            tuple(-math.log(x) if x > 0 else math.inf if x == 0 else math.nan for x in _X),
            tuple(-1 / x if x > 0 else -math.inf if x == 0 else math.nan for x in _X),
        ),
    ),
)
PATH = GradientPath(
    nodes=(
        PathNode((), None, False),
        PathNode(("ArgMax",), Location("losses.py", 5, 23, 5, 49), False),
        PathNode(("Cast",), Location("losses.py", 5, 15, 5, 62), True),
        PathNode(("Mul", "Sum"), Location("losses.py", 6), True),
        PathNode(("Sum",), Location("losses.py", 9, 11, 9, 33), True),
        PathNode(("RealDiv", "Sub"), Location("losses.py", 7), True),
    ),
    edges=(
        PathEdge(0, 1, Flow.CUT),
        PathEdge(1, 2, Flow.NONE),
        PathEdge(2, 3, Flow.PASSES),
        PathEdge(2, 4, Flow.PASSES),
        PathEdge(3, 5, Flow.PASSES),
        PathEdge(4, 5, Flow.PASSES),
    ),
)
DRAWN = dataclasses.replace(DICE, drawing=Drawing(CURVE, "", PATH, ""))
TYPO = Failure("lossses.py", "target", "TargetError", "no such file `lossses.py`; did you mean `losses.py`?")
BUG = Failure(
    "losses.py:mse",
    "rule LC201",
    "KeyError",
    "Traceback (most recent call last):\n  File \"x.py\", line 3, in check\nKeyError: 'a'\n",
    is_bug=True,
)


def make_report(*losses, failures=(), files=1):
    return Report(
        Versions("0.1.0", "3.11.7", "2.21.0", "3.15.1"),
        losses=losses,
        failures=failures,
        files=files,
        seconds=2.13,
    )


@pytest.fixture
def source_file(tmp_path, monkeypatch):
    """The working directory holds the file that the findings point at."""
    path = tmp_path / "losses.py"
    path.write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


class Examples:
    """The hand-made losses, findings and failures."""

    disconnected, non_finite, reduced = DISCONNECTED, NON_FINITE, REDUCED
    dice, mse, typo, bug = DICE, MSE, TYPO, BUG
    drawn, curve, path = DRAWN, CURVE, PATH
    report = staticmethod(make_report)


@pytest.fixture
def examples():
    return Examples
