"""`--html` and `--plot` through the command line, as a process, on real losses."""

import json
import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

LOSSES = """\
import tensorflow as tf


def hard_loss(y_true, y_pred):  # losscheck: task=binary
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)


def entropy_loss(y_true, y_pred):  # losscheck: task=binary
    return -tf.reduce_mean(y_true * tf.math.log(y_pred) + (1 - y_true) * tf.math.log(1 - y_pred), axis=-1)


def red_loss(y_true, y_pred):  # losscheck: task=binary
    print("\\x1b[31mred\\x1b[0m")
    raise ValueError("\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07")


LOSSES = {"<script>alert(1)</script>": hard_loss}
"""
TARGETS = ("losses.py", 'losses.py:LOSSES["<script>alert(1)</script>"]')
RULES = "LC001,LC201,LC501"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "losses.py").write_text(LOSSES)

    def losscheck(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "losscheck", *arguments, "--select", RULES],
            cwd=folder,
            env=os.environ | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "100", "NO_COLOR": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    losscheck.folder = folder
    return losscheck


@pytest.fixture(scope="module")
def text(run):
    """The text of a run with both; the page lies beside the losses."""
    done = run(*TARGETS, "--plot", "--verbose", "--html", "page.html")
    assert (done.returncode, done.stderr) == (1, "")
    return done.stdout


@pytest.fixture(scope="module")
def page(run, text):
    return (run.folder / "page.html").read_text(encoding="utf-8")


def test_the_page_has_a_path_and_a_curve_of_each_loss_that_runs(page):
    assert page.count("<h2 id=") == 4
    assert page.count("<h3>Gradient path</h3>") == page.count("<h3>Curve</h3>") == 3
    assert page.count("No gradient path and no curve: the loss cannot be called.") == 1


def test_the_cut_is_at_the_operation_that_the_finding_names(page):
    culprits = re.findall(r'<g class="node culprit">.*?</g>', page)

    assert len(culprits) == 2  # the same loss twice, by two names
    for culprit in culprits:
        assert re.findall(r">([^<>]+)</t", culprit)[:3] == ["Round", "5", "tf.round(y_pred)"]
        assert ">LC201</text>" in culprit


def test_the_logarithm_at_zero_is_marked(page):
    assert "loss for y_true = 1 at 0 (+∞)" in page
    assert "gradient for y_true = 1 at 0 (−∞)" in page


def test_a_loss_named_script_is_a_name_on_the_page(page):
    assert "<script" not in page
    assert "LOSSES[&quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;]" in page


def test_no_escape_sequence_of_a_loss_reaches_the_terminal_or_the_page(text, page):
    assert "on the inputs that you gave: red\n" in text
    assert "on the inputs that you gave: red</p>" in page
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text + page) == []


def test_the_plot_stands_below_the_findings_of_each_loss(text):
    hard, entropy, red, _ = re.split(r"^losses\.py:", text, flags=re.MULTILINE)[1:]

    assert hard.index("LC201") < hard.index("curve: the one prediction of a sample moves")
    assert hard.count("None: disconnected") == 2
    assert "×" in entropy
    assert "no curve: the loss cannot be called" in red


def test_the_json_report_has_the_drawing_where_a_page_was_asked_for(run):
    done = run("losses.py:entropy_loss", "--format", "json", "--html", "again.html")

    (loss,) = json.loads(done.stdout, parse_constant=pytest.fail)["losses"]
    curve = loss["drawing"]["curve"]
    assert [line["label"] for line in curve["lines"]] == ["y_true = 0", "y_true = 1"]
    assert curve["lines"][1]["loss"][curve["x"].index(0.0)] == "inf"
    assert loss["drawing"]["path"]["edges"][0] == {"source": 0, "target": 1, "flow": "passes"}


def test_a_page_that_cannot_be_written_in_the_end_is_one_line_after_the_report(run):
    (run.folder / "full.html").symlink_to("/dev/full")
    done = run("losses.py:hard_loss", "--format", "concise", "--html", "full.html")

    assert done.returncode == 2
    assert "LC201 disconnected-gradient error" in done.stdout
    assert done.stderr == "losscheck: cannot write `full.html`: No space left on device\n"
