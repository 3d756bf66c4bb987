from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.loss import FoundLoss, Kind
from losscheck.report import Failure, LossReport, Pending
from losscheck.worker.messages import (
    Broken,
    Ended,
    Goodbye,
    Hello,
    Request,
    RequestFiles,
    Result,
    Started,
    Welcome,
    WorkerOptions,
    decode,
    encode,
)

LOSS = FoundLoss("ö.py:f", "ö.py", "f", 3, Kind.CLASS, spec_comment="y_true=int32[B]")


@pytest.mark.parametrize(
    "message",
    [
        Request(
            7, LOSS, WorkerOptions("int32[B]", None, "binary", ("LC1",), ("LC2", "LC3")), "/tmp/x\n", 2.5, 4.0
        ),
        Welcome("/tmp/ö"),
        Goodbye(),
        Hello("2.21.0", "3.15.1", "3.11.7", ("/usr/lib",)),
        Broken("ImportError", "two\nlines"),
        Started(1, 4711),
        Ended(1, signal="SIGKILL", timed_out=True),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_is_one_line_and_comes_back(message):
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (3, Ended(1, exit_code=3)),
        (-11, Ended(1, signal="SIGSEGV")),
        (-99, Ended(1, signal="signal 99")),
    ],
)
def test_an_exit_status_says_how_a_process_ended(code, expected):
    assert Ended.by(1, code) == expected


def report(evidence: dict[str, object]) -> LossReport:
    place = Location("ö.py", 3, 1, 3, 4)
    finding = Finding("LC201", "x", Severity.ERROR, "m", "h", place, (Mode.FIT,), evidence)
    return LossReport("ö.py:f", "ö.py", 3, "f", "class", findings=(finding,), output="\ud800 ✂")


def test_a_result_comes_back(tmp_path: Path):
    files = RequestFiles(tmp_path)
    failures = (Failure("t", "rule LC201", "ValueError", "m"),)
    assert files.read_result() is None
    for pending in (Pending(Mode.XLA, Location("ö.py", 4)), Pending(Mode.REPLICAS), None):
        result = Result(report({"worst": 1.5}), failures, pending)
        files.write_result(result)
        assert files.read_result() == result
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_numpy_in_the_evidence_becomes_plain_data(tmp_path: Path):
    files = RequestFiles(tmp_path)
    files.write_result(Result(report({"a": np.float32(0.5), "b": np.arange(2), "c": float("nan")})))
    evidence = files.read_result().report.findings[0].evidence
    assert (evidence["a"], evidence["b"]) == (0.5, [0, 1])
    assert math.isnan(evidence["c"])


def test_what_is_no_plain_data_in_the_evidence_leaves_no_result(tmp_path: Path):
    files = RequestFiles(tmp_path)
    with pytest.raises(TypeError, match="object is no plain data"):
        files.write_result(Result(report({"a": object()})))
    assert files.read_result() is None
