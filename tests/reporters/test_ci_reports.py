"""The formats that CI servers read: each loses nothing, and nothing of the user's can break out of it."""

import dataclasses
import json
import xml.etree.ElementTree as ET

import pytest

from losscheck.finding import Location, Severity
from losscheck.reporters import Style, render

HOSTILE = '50 % of <b>]]>,\r\n::error::\x1b[31mred\x00 & \ud800 "quoted"'


def hostile(examples):
    finding = dataclasses.replace(
        examples.reduced, message=HOSTILE, location=Location("a,b:c.py", 1, 2, 1, 5)
    )
    return examples.report(dataclasses.replace(examples.dice, findings=(finding,), output=HOSTILE))


def test_github_gets_an_annotation_for_each_finding_and_failure(examples, source_file):
    report = examples.report(examples.dice, failures=(examples.typo,))

    assert render("github", report).splitlines() == [
        "::error file=losses.py,line=5,col=23,endColumn=49,title=LC201 disconnected-gradient::"
        "the gradient with respect to `y_pred` is None: `tf.argmax` cuts the path%0A"
        "use the probabilities themselves, not the class index",
        "::warning file=losses.py,line=7,endLine=10,title=LC501 non-finite-loss::"
        "NaN when `y_true` is all zero%0Aadd an epsilon to the denominator",
        "::notice file=losses.py,line=7,col=5,title=LC105 batch-reduced::"
        "the loss is a scalar: `sample_weight` and masks cannot act per sample%0A"
        "reduce over every axis but the first",
        "::error title=losscheck::not checked: no such file `lossses.py`; did you mean `losses.py`?",
        "1 loss checked in 2.1 s: 1 error, 1 warning, 1 note, 1 failure",
    ]


def test_a_message_cannot_make_an_annotation_of_its_own(examples):
    (line,) = render("github", hostile(examples), Style(quiet=True)).splitlines()
    assert line.startswith(
        "::notice file=a%2Cb%3Ac.py,line=1,col=2,endColumn=5,title=LC105 batch-reduced::50 %25 of"
    )
    assert "\x1b" not in line


def test_junit_has_a_suite_for_each_loss_and_fails_what_fails_the_run(examples):
    report = examples.report(examples.dice, examples.mse, failures=(examples.bug,))
    root = ET.fromstring(render("junit", report))

    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [
        ("losses.py:dice_loss", "3"),
        ("losses.py:mse", "1"),
        ("not checked", "1"),
    ]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "2", "1")
    assert [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None] == [
        "LC201 disconnected-gradient",
        "LC501 non-finite-loss",
    ]
    assert "losses.py:5:23" in root.find(".//failure").text


def test_junit_follows_the_limit_of_the_run(examples):
    report = dataclasses.replace(examples.report(examples.dice), fail_on=Severity.NOTE)
    assert ET.fromstring(render("junit", report)).get("failures") == "3"


@pytest.mark.parametrize("name", ["junit", "sarif", "gitlab", "json"])
def test_nothing_of_the_users_breaks_a_document(examples, name):
    text = render(name, hostile(examples))
    text.encode("utf-8")
    assert ET.fromstring(text) is not None if name == "junit" else json.loads(text)


def test_gitlab_gets_a_fingerprint_that_survives_lines_above(examples, source_file):
    before = json.loads(render("gitlab", examples.report(examples.dice)))
    source_file.write_text("\n" + source_file.read_text())
    moved = [
        dataclasses.replace(
            f, location=dataclasses.replace(f.location, line=f.location.line + 1, end_line=None)
        )
        for f in examples.dice.findings
    ]
    after = json.loads(
        render("gitlab", examples.report(dataclasses.replace(examples.dice, findings=tuple(moved))))
    )

    assert [row["fingerprint"] for row in before] == [row["fingerprint"] for row in after]
    assert len({row["fingerprint"] for row in before}) == 3
    assert [row["severity"] for row in before] == ["major", "minor", "info"]
    assert before[1]["location"] == {"path": "losses.py", "lines": {"begin": 7, "end": 10}}


def test_equal_findings_have_fingerprints_of_their_own(examples, source_file):
    twice = dataclasses.replace(examples.dice, findings=(examples.reduced, examples.reduced))
    rows = json.loads(render("gitlab", examples.report(twice)))
    assert rows[0]["fingerprint"] != rows[1]["fingerprint"]
