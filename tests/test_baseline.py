"""A file of known findings, with hand-made reports; no TensorFlow."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from losscheck.baseline import leave_out_known, write_baseline
from losscheck.exceptions import ConfigError, LosscheckError
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.report import LossReport, ModeResult, Report, Status, Versions

SOURCE = "def f(a, b):\n    c = a\n    return b\n"
FILE = Path("known.json")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("losses.py").write_text(SOURCE)


def finding(line, code="LC105", severity=Severity.ERROR, path="losses.py"):
    return Finding(code, "batch-reduced", severity, "a fact", "", Location(path, line), (Mode.FIT,))


def report(*findings, path="losses.py"):
    modes = {Mode.EAGER: ModeResult(Status.PASS), Mode.FIT: ModeResult(Status.FAIL)}
    loss = LossReport(f"{path}:f", path, 1, "f", "function", modes=modes, findings=findings)
    return Report(Versions("", ""), losses=(loss,))


def test_known_findings_are_left_out_and_new_ones_stay():
    assert write_baseline(report(finding(2)), FILE) == 1
    left = leave_out_known(report(finding(2), finding(3)), FILE)

    assert left.findings == (finding(3),)
    assert [(entry.finding, entry.by) for entry in left.losses[0].suppressed] == [(finding(2), "baseline")]
    assert (left.exit_code, left.notices) == (1, ())


def test_a_mode_that_fails_of_known_findings_alone_counts_as_skipped():
    write_baseline(report(finding(2)), FILE)
    left = leave_out_known(report(finding(2)), FILE)

    assert left.losses[0].modes[Mode.FIT] == ModeResult(Status.SKIPPED, "LC105 is silenced")
    assert left.exit_code == 0
    assert (
        leave_out_known(report(finding(2), finding(3)), FILE).losses[0].modes[Mode.FIT].status is Status.FAIL
    )


def test_a_finding_is_known_by_its_source_line_wherever_that_moves():
    write_baseline(report(finding(2)), FILE)
    Path("losses.py").write_text("import os\n" + SOURCE)

    assert leave_out_known(report(finding(3)), FILE).findings == ()
    assert leave_out_known(report(finding(4)), FILE).findings == (finding(4),)


def test_a_second_finding_on_an_equal_line_is_new():
    Path("losses.py").write_text("def f(a, b):\n    c = a\n    c = a\n")
    write_baseline(report(finding(2)), FILE)

    assert leave_out_known(report(finding(2), finding(3)), FILE).findings == (finding(3),)


def test_an_entry_without_a_finding_is_told_and_one_of_a_loss_that_was_not_checked_is_not():
    write_baseline(report(finding(2), finding(3)), FILE)

    one_gone = leave_out_known(report(finding(2)), FILE)
    assert one_gone.notices == (
        "baseline known.json: 1 entry of it has no finding any more; `--write-baseline known.json` renews it",
    )
    unchecked = replace(report().losses[0], skipped={"LC105": "the time was up"})
    assert leave_out_known(replace(report(), losses=(unchecked,)), FILE).notices == ()
    assert leave_out_known(replace(report(), losses=()), FILE).notices == ()


def test_paths_count_from_the_folder_of_the_baseline(monkeypatch):
    Path("sub").mkdir()
    write_baseline(report(finding(2)), FILE)
    monkeypatch.chdir("sub")
    away = replace(finding(2), location=Location("../losses.py", 2))

    assert leave_out_known(report(away, path="../losses.py"), Path("../known.json")).findings == ()


def test_the_file_can_be_read_and_merged_by_people():
    write_baseline(report(finding(2)), FILE)

    assert json.loads(FILE.read_text()) == {
        "losscheck_baseline": 1,
        "findings": [{"path": "losses.py", "loss": "f", "code": "LC105", "source": "c = a", "count": 1}],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot read the baseline known.json: "),
        ("[]", "known.json is no baseline: write one with `--write-baseline`"),
        ('{"losscheck_baseline": 1, "findings": [{}]}', "known.json is no baseline: "),
        ('{"losscheck_baseline": 2}', "known.json was written by another losscheck: "),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_in_one_line(text, message):
    FILE.write_text(text)

    with pytest.raises(ConfigError) as raised:
        leave_out_known(report(), FILE)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_written_is_refused():
    with pytest.raises(LosscheckError, match=r"^cannot write gone/known\.json: No such file or directory$"):
        write_baseline(report(), Path("gone/known.json"))


def test_notes_are_written_only_where_they_fail_the_run():
    noted = report(finding(2, severity=Severity.NOTE), finding(3, severity=Severity.WARNING))

    assert write_baseline(replace(noted, fail_on=Severity.ERROR), FILE) == 1
    assert write_baseline(replace(noted, fail_on=Severity.NOTE), FILE) == 2


def test_a_file_whose_name_is_no_utf_8_is_known_again():
    name = "\udcff.py"  # as Python gives it
    write_baseline(report(finding(2, path=name), path=name), FILE)

    assert leave_out_known(report(finding(2, path=name), path=name), FILE).findings == ()
