"""A file that switches eager execution off gets one finding, and no crash."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = """\
import tensorflow as tf

{switch}

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""


@pytest.mark.parametrize(
    ("switch", "line"),
    [
        ("tf.compat.v1.disable_eager_execution()", 3),
        ("tf.compat.v1.disable_v2_behavior()", 3),
        ("getattr(tf.compat.v1, 'disable_eager_' + 'execution')()", 5),
    ],
)
def test_one_clear_finding_at_the_call_or_at_the_def(tmp_path, switch, line):
    path = tmp_path / "losses.py"
    path.write_text(SOURCE.format(switch=switch))
    command = [sys.executable, "-m", "losscheck", "--format", "json", str(Path(path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    report = json.loads(done.stdout)
    (loss,) = report["losses"]

    assert [(found["code"], found["line"]) for found in loss["findings"]] == [("LC316", line)]
    assert (done.returncode, report["failures"]) == (1, [])
