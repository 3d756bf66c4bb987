"""`check_loss` and `assert_loss` with a hand-made engine: no TensorFlow."""

import dataclasses
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import losscheck
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.report import Failure, LossReport, ModeResult, Status
from losscheck.reporters import Style, render

WARNING = Finding("LC005", "ignored-y-true", Severity.WARNING, "it is so", "use it", Location("nb.py", 3))
FAILURE = Failure("f", "inputs", "SpecError", "`x` is no input spec")


@dataclasses.dataclass(frozen=True)
class Options:
    y_true: Any
    y_pred: Any
    task: str | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    """An engine that remembers its options and finds one warning."""
    seen = []

    def check_object(thing, options):
        seen.append((thing, options))
        if options.task == "failure":
            return SimpleNamespace(report=None, failures=(FAILURE,))
        modes = {Mode.EAGER: ModeResult(Status.PASS)}
        report = LossReport("nb.py:f", "nb.py", 3, "f", "function", modes=modes, findings=(WARNING,))
        return SimpleNamespace(report=report, failures=())

    fake = SimpleNamespace(Options=Options, check_object=check_object)
    monkeypatch.setitem(sys.modules, "losscheck.engine", fake)
    return seen


def loss(y_true, y_pred):
    return y_pred


class Tensor:
    """Something with a `numpy` method, as TensorFlow's eager tensors have."""

    def numpy(self):
        return np.ones((2, 1), np.float32)


def test_the_loss_and_the_options_are_handed_to_the_engine(engine):
    losscheck.check_loss(loss, y_true="int32[B]", task="binary", select="LC2,LC3", ignore=["LC201"])

    assert engine == [
        (loss, Options("int32[B]", None, "binary", ("LC2", "LC3"), ("LC201",))),
    ]


def test_arrays_and_tensors_become_numpy_arrays(engine):
    losscheck.check_loss(loss, y_true=[[0], [1]], y_pred=Tensor())

    options = engine[0][1]
    assert options.y_true.tolist() == [[0], [1]]
    assert isinstance(options.y_true, np.ndarray)
    assert options.y_pred.dtype == np.float32


def test_the_report_shows_itself_as_text_and_as_html():
    report = losscheck.check_loss(loss)

    assert f"{report}\n" == render("text", report, Style(width=100, color=False))
    assert repr(report) == str(report)
    assert report._repr_html_().startswith('<div class="losscheck">')


def test_assert_loss_raises_with_the_text_of_the_report():
    with pytest.raises(losscheck.LossCheckFailed, match="LC005 ignored-y-true warning") as error:
        losscheck.assert_loss(loss)

    assert str(error.value).startswith("nb.py:3 f\n")
    assert isinstance(error.value, AssertionError)


def test_assert_loss_passes_below_its_threshold():
    losscheck.assert_loss(loss, fail_on="error")


def test_what_could_not_be_checked_never_passes():
    with pytest.raises(losscheck.LossCheckFailed) as error:
        losscheck.assert_loss(loss, task="failure", fail_on="error")

    assert str(error.value) == "not checked: f: `x` is no input spec\n\nno loss checked: 1 failure"


def test_assert_loss_refuses_an_unknown_threshold():
    with pytest.raises(ValueError, match="'bad' is not a valid Severity"):
        losscheck.assert_loss(loss, fail_on="bad")
