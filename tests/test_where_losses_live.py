"""Scripts and notebooks through the command line, as a process: what is found, where, and what is told."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

SCRIPT = """\
import absent_a
import tensorflow as tf
x, y = absent_a.load_data()
def good_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
absent_a.fit(x, loss=good_loss)
"""
TARGETS = ("script.py", "n.ipynb", "bad.ipynb", "script.py:gone")
CELLS = (
    "%matplotlib inline\nimport tensorflow as tf\nimport absent_b\n",
    "%%time\nabsent_b.train()\n",
    "def hard_loss(y_true, y_pred):\n    return tf.reduce_mean(tf.round(y_pred) - y_true, axis=-1)\n",
    "@tf.function\ndef auto_loss(y_true, y_pred):\n    if tf.reduce_mean(y_pred) > 1e9:\n"
    "        return tf.reduce_mean(y_pred - y_true, axis=-1)\n"
    "    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)\n",
    "def broken_loss(y_true, y_pred)\n",
)


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    (folder / "script.py").write_text(SCRIPT)
    cells = [{"cell_type": "code", "source": text, "outputs": []} for text in CELLS]
    (folder / "n.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    (folder / "bad.ipynb").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "losscheck", *TARGETS, "--format", "json", "--select", "LC0,LC2"],
        cwd=folder,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_every_loss_is_checked_beside_what_cannot_be(answer):
    code, data = answer
    assert code == 2
    assert [(loss["target"], loss["modes"]["eager"]) for loss in data["losses"]] == [
        ("script.py:good_loss", "pass"),
        ("n.ipynb:hard_loss", "pass"),
        ("n.ipynb:auto_loss", "pass"),
    ]
    messages = [failure["message"] for failure in data["failures"]]
    assert messages[0].startswith("cell 5 of n.ipynb is no Python: line 1: ")
    assert messages[1:] == ["`bad.ipynb` is no notebook: its JSON cannot be read", "no `gone` in script.py"]


def test_findings_stand_at_cell_and_line(answer):
    hard = answer[1]["losses"][1]
    (finding,) = [f for f in hard["findings"] if f["code"] == "LC201"]
    assert (hard["path"], hard["cell"], hard["line"]) == ("n.ipynb", 3, 1)
    assert (finding["path"], finding["cell"], finding["line"]) == ("n.ipynb", 3, 2)


def test_what_was_not_run_is_told(answer):
    script, hard, _ = answer[1]["losses"]
    assert script["left_out"] == "2 of 3 statements, among them `x, y = absent_a.load_data()` at line 3"
    assert hard["left_out"].endswith("at line 2 of cell 2")
