"""`--static`: what rules suspect from the source alone. Nothing is run, so nothing here needs TensorFlow."""

import json
import re
from pathlib import Path

import pytest
from zoo.labels import expected

from losscheck.cli import run
from losscheck.finding import Severity
from losscheck.loading.target import find_losses
from losscheck.reading.installed import installed
from losscheck.registry import all_rules
from losscheck.static import NOT_RUN, suspect

RULES = all_rules()
ROOT = Path(__file__).parent.parent
LOSSES = ROOT / "fixtures" / "losses"
CLEAN = sorted((LOSSES / "clean").glob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: BAD examples that the source side of their rule does not see, or not as a run does: (code, number) → why.
UNSEEN = {
    ("LC004", 1): "whether the exchanged names matter is for the value to say",
    ("LC010", 0): "what a module does when it is imported is not followed",
    ("LC101", 1): "needs the ranks of the inputs",
    ("LC101", 2): "needs the shapes inside the loss",
    ("LC102", 1): "needs the values at two batch sizes",
    ("LC103", 1): "needs the value for one row",
    ("LC106", 1): "needs the shape of what is reshaped",
    ("LC209", 1): "needs to know that the inputs are probabilities",
    ("LC312", 0): "the file is opened on the line before it is written to, and that line is told",
    ("LC318", 1): "a number from a list may be the same in each call",
    ("LC604", 2): "whether an attribute can be written as JSON is for a run to say",
}


#: Rules whose source side knows which names and inputs the installed Keras takes, and speaks of Keras 3.
OF_KERAS_3 = ("LC602", "LC605")


def examples(kind, rules=RULES):
    return [
        pytest.param(rule, number, id=f"{rule.code}-{kind.lower()}-{number}")
        for rule in rules
        for number in range(len(getattr(rule, kind)))
    ]


def suspicions(source, folder):
    """What all rules suspect of the loss of an example, in the order of its lines."""
    path = folder / "example.py"
    path.write_text(source)
    found = find_losses(str(path)).losses
    if not found:
        name = re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE)[-1]
        found = find_losses(f"{path}:{name}").losses
    report, bugs = suspect(found[-1], RULES)
    assert bugs == ()
    return report.findings


@pytest.mark.parametrize(("rule", "number"), examples("BAD", [rule for rule in RULES if rule.reads_source]))
def test_a_bad_example_is_suspected_at_the_marked_line(rule, number, tmp_path):
    if rule.code in OF_KERAS_3 and installed("keras") < (3, 0):
        pytest.skip("Keras 2 has these names and takes these inputs")
    source = rule.BAD[number]
    marked = [line for line, text in enumerate(source.splitlines(), 1) if "# <-" in text]
    lines = sorted({f.location.line for f in suspicions(source, tmp_path) if f.code == rule.code})

    assert (lines == marked) is ((rule.code, number) not in UNSEEN)


@pytest.mark.parametrize(("rule", "number"), examples("GOOD"))
def test_a_good_example_gives_no_warning_from_any_rule(rule, number, tmp_path):
    findings = suspicions(rule.GOOD[number], tmp_path)

    assert [(f.code, f.location.line) for f in findings if f.severity is not Severity.NOTE] == []


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_a_right_loss_gives_no_warning(path):
    reports = [suspect(loss, RULES) for loss in find_losses(str(path)).losses]

    assert reports
    assert [bugs for _, bugs in reports if bugs] == []
    findings = [f for report, _ in reports for f in report.findings if f.severity is not Severity.NOTE]
    assert [(f.code, f.location.line, f.message) for f in findings] == []


def test_a_suspicion_says_so_and_is_never_an_error(tmp_path):
    findings = [f for rule in RULES for source in rule.BAD for f in suspicions(source, tmp_path)]

    assert len(findings) > 100
    assert {f.severity for f in findings} == {Severity.WARNING, Severity.NOTE}
    assert {f.message.partition(" ")[0] for f in findings} == {"suspected:"}
    assert {f.evidence["suspicion"] for f in findings} == {True}
    graver = [
        f.code
        for f in findings
        for rule in RULES
        if rule.code == f.code and f.severity.rank > rule.severity.rank
    ]
    assert graver == []


@pytest.mark.skipif(installed("keras") < (3, 0), reason="the number is that of Keras 3")
def test_the_readme_says_how_many_defects_are_suspected_at_their_line():
    wanted = found = 0
    for path in sorted([*(LOSSES / "broken").glob("*.py"), *(LOSSES / "seed").glob("*.py")]):
        marks = expected(path.read_text(encoding="utf-8"), "3")
        findings = [f for loss in find_losses(str(path)).losses for f in suspect(loss, RULES)[0].findings]
        wanted += len(marks)
        found += len(marks & {(f.code, f.location.line) for f in findings})

    assert f"it names {found / wanted:.0%} of the defects at their line" in README


def test_the_rule_in_the_readme_has_a_source_side(tmp_path):
    (code,) = re.findall(r"<!-- example: rule -->\n```python\n(.*?)```", README, re.DOTALL)
    names = {"__name__": "losscheck.rules.negative_loss"}
    exec(compile(code, "negative_loss.py", "exec"), names)
    rule = names["NegativeLoss"]()
    for source in (*rule.BAD, *rule.GOOD):
        path = tmp_path / "losses.py"
        path.write_text(source)
        (loss,) = find_losses(str(path)).losses
        marked = [line for line, text in enumerate(source.splitlines(), 1) if "# <-" in text]
        assert [f.location.line for f in suspect(loss, [rule])[0].findings] == marked


FILE = """\
import numpy as np
import tensorflow as tf

open("ran.txt", "w").close()


def scaled_loss(y_true, y_pred):
    scale = np.mean(y_true)
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)


def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a file of two losses."""
    (tmp_path / "losses.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def untimed(text):
    return re.sub(r"\d+\.\d s", "0.0 s", text)


def test_a_run_tells_what_it_suspects_and_that_nothing_was_run(folder, capsys):
    code = run(["--static", "losses.py", "--format", "concise", "--ignore", "LC6"])

    assert (code, untimed(capsys.readouterr().out)) == (
        1,
        "losses.py:8:13: LC301 numpy-on-tensor warning: suspected: `np.mean` is handed a tensor, which has "
        "no value while `fit` traces\n2 losses read in 0.0 s, nothing was run: 1 warning\n",
    )
    assert not (folder / "ran.txt").exists()


def test_the_text_says_why_every_mode_was_skipped(folder, capsys):
    assert run(["--static", "losses.py:squared_loss", "--ignore", "LC6"]) == 0
    assert untimed(capsys.readouterr().out) == (
        "losses.py:12 squared_loss\n"
        "  eager –  tf.function –  GradientTape –  model.fit –  XLA –  replicas –  reload –  KerasTensor –\n"
        "  every mode skipped: not run: --static\n"
        "\n"
        "1 loss read in 0.0 s, nothing was run: no suspicion\n"
    )


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("never", 0)])
def test_fail_on_means_what_it_always_means(folder, capsys, fail_on, code):
    assert run(["--static", "losses.py", "--fail-on", fail_on]) == code


def test_json_says_that_nothing_was_run_and_marks_each_suspicion(folder, capsys):
    run(["--static", "losses.py:scaled_loss", "--select", "LC301,LC105,LC006", "--format", "json"])
    report = json.loads(capsys.readouterr().out)

    assert report["static"] is True
    assert (report["tensorflow"], report["keras"]) == ("", "")
    (loss,) = report["losses"]
    assert set(loss["modes"].values()) == {"skipped"}
    assert set(loss["mode_reasons"].values()) == {NOT_RUN}
    assert loss["skipped"] == {"LC006": NOT_RUN}
    assert [(f["code"], f["line"], f["evidence"]) for f in loss["findings"]] == [
        ("LC301", 8, {"suspicion": True})
    ]


def test_sarif_marks_each_suspicion(folder, capsys):
    run(["--static", "losses.py:scaled_loss", "--select", "LC301", "--format", "sarif"])
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]

    assert (result["level"], result["properties"]) == ("warning", {"modes": [], "suspicion": True})


def test_a_run_without_a_rule_that_reads_the_source_is_an_error(folder, capsys):
    assert run(["--static", "losses.py", "--select", "LC006"]) == 2
    assert capsys.readouterr().err == (
        "losscheck: no selected rule reads the source: `losscheck --rules` marks those that `--static` runs\n"
    )


@pytest.mark.parametrize(
    "option",
    [("--mode", "xla"), ("--task", "binary"), ("--y-pred", "float32[B, 1]"), ("--y-true", "float32[B, 1]")],
)
def test_an_option_about_running_is_an_error(folder, capsys, option):
    assert run(["--static", "losses.py", *option]) == 2
    assert (
        capsys.readouterr().err
        == f"losscheck: `{option[0]}` says how to run a loss, and `--static` runs none\n"
    )


def test_a_file_that_is_no_python_is_one_warning(folder, capsys):
    (folder / "broken.py").write_text("def my_loss(y_true, y_pred):\n    return (y_true\n")

    assert run(["--static", "broken.py", "--format", "concise"]) == 1
    assert untimed(capsys.readouterr().out) == (
        "broken.py:2:5: LC010 raises-on-load warning: suspected: the file is no Python: "
        "'(' was never closed\n"
        "1 loss read in 0.0 s, nothing was run: 1 warning\n"
    )


def test_a_target_that_is_not_there_is_a_failure_and_the_others_are_read(folder, capsys):
    assert run(["--static", "losses.py:squared_los", "losses.py:squared_loss", "--quiet"]) == 2
    assert "no `squared_los` in losses.py; did you mean `squared_loss`" in capsys.readouterr().out


def test_a_loss_whose_code_is_elsewhere_says_so(folder, capsys):
    (folder / "imported.py").write_text("from losses import squared_loss\n")
    run(["--static", "imported.py:squared_loss", "--format", "json", "--select", "LC301"])
    (loss,) = json.loads(capsys.readouterr().out)["losses"]

    assert loss["skipped"] == {"LC301": "its code is not in this file"}


def test_a_notebook_is_told_by_cell_and_line(folder, capsys):
    cells = ["import numpy as np\n", "def my_loss(y_true, y_pred):\n    return np.abs(y_true - y_pred)\n"]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": None}
            for cell in cells
        ],
    }
    (folder / "losses.ipynb").write_text(json.dumps(notebook))

    assert run(["--static", "losses.ipynb", "--format", "concise", "--select", "LC301"]) == 1
    assert capsys.readouterr().out.startswith(
        "losses.ipynb:cell 2:2:12: LC301 numpy-on-tensor warning: suspected: "
    )
