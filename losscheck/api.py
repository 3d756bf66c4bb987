"""Checking a loss from Python: in a notebook, a REPL or a test, in this process."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import losscheck
from losscheck.exceptions import LossCheckFailed
from losscheck.finding import Severity
from losscheck.report import Report, Versions
from losscheck.reporters import Style, render
from losscheck.selection import split


@dataclass(frozen=True, repr=False)
class ShownReport(Report):
    """A report that shows itself: as text in a REPL, as HTML in a notebook."""

    def __str__(self) -> str:
        return render("text", self, Style()).rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from losscheck.reporters.notebook import render_html

        return render_html(self)


def check_loss(
    loss: Any,
    *,
    y_true: Any = None,
    y_pred: Any = None,
    task: str | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
) -> ShownReport:
    """Run a loss in every mode and report its defects.

    Args:
        loss: function ``(y_true, y_pred)``, ``Loss`` object or ``Loss`` subclass (built with its defaults).
        y_true: array, tensor or spec such as ``"int32[B] labels<10"``; None: inferred.
        y_pred: array, tensor or spec such as ``"float32[B, 10] simplex"``; None: inferred.
        task: name of a convention for both, such as ``"binary"``.
        select: rules to run: codes, beginnings of codes, names or ``ALL``; empty: the usual ones.
        ignore: rules not to run.

    A loss that cannot be built, or is none, is among the report's `failures`.

    """
    from losscheck.engine import Options, check_object

    started = time.perf_counter()
    options = Options(
        y_true=_array_or_spec(y_true),
        y_pred=_array_or_spec(y_pred),
        task=task,
        select=split(select),
        ignore=split(ignore),
    )
    result = check_object(loss, options)
    return ShownReport(
        versions=_versions(),
        losses=() if result.report is None else (result.report,),
        failures=result.failures,
        seconds=time.perf_counter() - started,
    )


def assert_loss(
    loss: Any,
    *,
    y_true: Any = None,
    y_pred: Any = None,
    task: str | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    fail_on: str | Severity = Severity.WARNING,
) -> None:
    """Raise `LossCheckFailed` with the whole report if it has a finding at or above `fail_on` or a failure.

    The other arguments are those of `check_loss`.
    """
    __tracebackhide__ = True  # pytest shows the report, not this function
    threshold = Severity(fail_on)
    report = check_loss(loss, y_true=y_true, y_pred=y_pred, task=task, select=select, ignore=ignore)
    if replace(report, fail_on=threshold).exit_code:
        raise LossCheckFailed(str(report))


def _array_or_spec(given: Any) -> Any:
    """A spec as it is, an array or tensor as a NumPy array."""
    if given is None or isinstance(given, str):
        return given
    import numpy as np

    return np.asarray(given.numpy() if hasattr(given, "numpy") else given)


def _versions() -> Versions:
    """What this process runs on; TensorFlow and Keras as they have been imported."""
    return Versions(
        losscheck=losscheck.__version__,
        python=platform.python_version(),
        tensorflow=getattr(sys.modules.get("tensorflow"), "__version__", ""),
        keras=getattr(sys.modules.get("keras"), "__version__", ""),
    )
