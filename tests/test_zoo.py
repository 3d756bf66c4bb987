"""The measurement counts what it should: on a bank of four losses, one of them missed on purpose."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from zoo.labels import Defect, read_labels

ZOO = Path(__file__).parent / "zoo"
ROUNDED = """\
import tensorflow as tf


def rounded(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)), axis=-1){mark}
"""
RIGHT = ROUNDED.replace("tf.round(y_pred)", "y_pred")


@pytest.fixture
def bank(tmp_path):
    for kind in ("broken", "clean"):
        (tmp_path / kind).mkdir()
    return tmp_path


def test_marks_are_read_for_the_keras_at_hand(bank):
    (bank / "broken" / "a.py").write_text("x = 1  # expect: LC201, LC602 (keras 3), LC701 (keras 2)\n")
    (loss,) = read_labels(bank, "3")
    assert loss.defects == (
        Defect(frozenset({"LC201"}), frozenset({1})),
        Defect(frozenset({"LC602"}), frozenset({1})),
    )


def test_labels_are_read_with_the_twin_and_its_inputs(bank):
    row = {
        "id": "a",
        "target": "a.py:f",
        "codes": ["LC201", "LC202"],
        "lines": [2],
        "visible": True,
        "needs_spec": True,
        "y_true": "float32[B, 4] onehot",
        "y_pred": "float32[B, 4] simplex",
        "clean_needs_spec": False,
    }
    (bank / "labels.jsonl").write_text(json.dumps(row) + "\n")
    for kind in ("broken", "clean"):
        (bank / kind / "a.py").write_text("def f(y_true, y_pred):\n    return 0\n")
    broken, twin = read_labels(bank, "3")
    assert broken.defects == (Defect(frozenset({"LC201", "LC202"}), frozenset({2})),)
    assert twin.defects == ()
    first = broken.text.splitlines()[0]
    assert first.endswith("# losscheck: y_true=float32[B,4]:onehot y_pred=float32[B,4]:simplex")
    assert "losscheck" not in twin.text


@pytest.mark.field
def test_the_table_counts_found_missed_and_false_alarms(bank):
    (bank / "broken" / "found.py").write_text(ROUNDED.format(mark="  # expect: LC201"))
    (bank / "broken" / "missed.py").write_text(RIGHT.format(mark="  # expect: LC201"))
    (bank / "clean" / "right.py").write_text(RIGHT.format(mark=""))
    (bank / "clean" / "wrong.py").write_text(ROUNDED.format(mark=""))
    done = subprocess.run([sys.executable, ZOO, bank], capture_output=True, text=True, check=True)
    rows = {
        row.split(" | ")[0].strip("| "): row.split(" | ")[1:4]
        for row in done.stdout.splitlines()
        if " | " in row
    }
    assert rows["losscheck"] == ["50%", "50%", "50%"]
    assert rows["`model.fit`"] == ["50%", "0%", "50%"]
    assert rows["ruff"] == ["0%", "0%", "0%"]
    assert "missed: missed.py: LC201 at [5]" in done.stdout
    assert "false alarm: wrong.py" in done.stdout
