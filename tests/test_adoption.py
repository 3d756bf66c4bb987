"""losscheck in old code, as a process: comments, file patterns, a baseline, and reports in files."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

LOSSES = """\
import tensorflow as tf

def rounded(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)), axis=-1)

def meant(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))  # losscheck: ignore[LC105] one number is meant

def mended(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)  # losscheck: ignore[LC105] was a scalar
"""
PROJECT = """\
[tool.losscheck]
targets = ["losses.py", "legacy"]

[tool.losscheck.per-file-ignores]
legacy = ["LC2"]
"""
NEW = """

def argmaxed(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.cast(tf.argmax(y_pred, -1), tf.float32)[:, None]), axis=-1)
"""


def run(*arguments, cwd):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-m", "losscheck", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A run that writes a baseline, another after a new loss was added."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "legacy").mkdir()
    (folder / "losses.py").write_text(LOSSES)
    (folder / "legacy" / "old.py").write_text(LOSSES[: LOSSES.index("def meant")])
    (folder / "pyproject.toml").write_text(PROJECT)
    outputs = ("--output", "out/all.json", "--output", "all.sarif", "--output", "gitlab:quality.json")
    first = run("--write-baseline", "known.json", "-v", *outputs, cwd=folder)
    before = {name: (folder / name).read_text() for name in ("out/all.json", "all.sarif", "quality.json")}
    (folder / "losses.py").write_text(LOSSES + NEW)
    second = run("losses.py", "--baseline", "known.json", "--output", "junit.xml", cwd=folder)
    return SimpleNamespace(folder=folder, first=first, before=before, second=second)


def test_a_run_that_writes_the_baseline_knows_everything_it_found(project):
    assert project.first.returncode == 0
    assert "known.json now knows 2 findings\n" in project.first.stdout
    assert "4 losses checked in " in project.first.stdout
    assert "notes (3 silenced)" in project.first.stdout
    known = json.loads((project.folder / "known.json").read_text())["findings"]
    assert [(entry["loss"], entry["code"]) for entry in known] == [("mended", "LC011"), ("rounded", "LC201")]


def test_the_details_say_who_silenced_what(project):
    lines = [line.strip() for line in project.first.stdout.splitlines()]

    assert "LC105 batch-reduced at losses.py:7 by a comment (one number is meant)" in lines
    assert "LC201 disconnected-gradient at losses.py:4 by the baseline" in lines


def test_a_file_pattern_keeps_a_rule_from_a_folder(project):
    old = json.loads(project.before["out/all.json"])["losses"][-1]

    assert (old["path"], old["name"], old["suppressed"]) == ("legacy/old.py", "rounded", [])
    assert {finding["severity"] for finding in old["findings"]} <= {"note"}


def test_the_formats_of_programs_carry_what_was_silenced(project):
    report = json.loads(project.before["out/all.json"])
    results = json.loads(project.before["all.sarif"])["runs"][0]["results"]

    assert report["summary"]["suppressed"] == 3
    assert {r["ruleId"]: r["suppressions"] for r in results if "suppressions" in r} == {
        "LC201": [{"kind": "external"}],
        "LC105": [{"kind": "inSource", "justification": "one number is meant"}],
        "LC011": [{"kind": "external"}],
    }
    quality = json.loads(project.before["quality.json"])
    assert {entry["severity"] for entry in quality} == {"info"}


def test_with_the_baseline_only_what_is_new_fails(project):
    assert project.second.returncode == 1
    assert "argmaxed" in project.second.stdout
    assert "1 error, " in project.second.stdout
    suite = ElementTree.parse(project.folder / "junit.xml").getroot()
    assert suite.get("failures") == "1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["losses.py", "--output", "report"],
            "cannot tell the format of `report`; write FORMAT:FILE with one of ",
        ),
        (["empty.py", "--output", "json:empty.py/x"], "cannot write empty.py/x: "),
        (["empty.py", "--baseline", "gone.json"], "cannot read the baseline gone.json: "),
        (["empty.py", "--config", "gone.toml"], "gone.toml has no [tool.losscheck]"),
    ],
)
def test_what_cannot_be_read_or_written_is_said_in_one_line(tmp_path, arguments, message):
    (tmp_path / "empty.py").touch()
    command = [sys.executable, "-m", "losscheck", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(f"losscheck: {message}")
    assert done.stderr.count("\n") == 1
