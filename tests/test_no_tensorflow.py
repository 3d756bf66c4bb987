"""What needs no loss never imports TensorFlow: not losscheck, not any process that it starts."""

import os
import subprocess
import sys

import pytest

#: Runs first in every Python process below: writes down each try to import TensorFlow or Keras, and refuses.
GUARD = """
import os, sys

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tf_keras"):
            with open(os.environ["GUARD_LOG"], "a") as log:
                log.write(name + chr(10))
            raise ImportError(name + " is not to be imported here")

sys.meta_path.insert(0, Guard())
"""
LOSS = "def half_loss(y_true, y_pred):\n    return (y_true - y_pred) / 2\n"
TRACED = "import tensorflow as tf\n\ndef loss(y_true, y_pred):\n    return tf.abs(y_true.numpy() - y_pred)\n"
MODEL = "import tensorflow as tf\n\ndef build():\n    return tf.keras.Sequential()\n"


@pytest.fixture
def guarded(tmp_path):
    """Run Python with a guard against TensorFlow; give the finished process and what it tried to import."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD)
    (tmp_path / "losses.py").write_text(LOSS)
    (tmp_path / "traced.py").write_text(TRACED)
    (tmp_path / "model.py").write_text(MODEL)
    log = tmp_path / "log"

    def run(*arguments):
        path = os.pathsep.join(filter(None, [str(tmp_path / "guard"), os.environ.get("PYTHONPATH")]))
        environment = {"GUARD_LOG": str(log), "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return done, log.read_text().split() if log.exists() else []

    return run


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-c", "import losscheck"], 0),
        (["-c", "from losscheck import *"], 0),
        (["-m", "losscheck"], 2),
        (["-m", "losscheck", "--help"], 0),
        (["-m", "losscheck", "--version"], 0),
        (["-m", "losscheck", "--rules"], 0),
        (["-m", "losscheck", "--explain", "LC201"], 0),
        (["-m", "losscheck", "--explain", "LC2O1"], 2),
        (["-m", "losscheck", "model.py"], 0),
        (["-m", "losscheck", "model.py", "--format", "json"], 0),
        (["-m", "losscheck", "model.py", "--plot", "--html", "page.html"], 0),
        (["-m", "losscheck", "guard"], 0),
        (["-m", "losscheck", "--server", "status"], 1),
        (["-m", "losscheck", "--static", "losses.py"], 0),
        (["-m", "losscheck", "--static", "traced.py"], 1),
        (["-m", "losscheck", "--static", "losses.py", "--mode", "xla"], 2),
        (["-m", "losscheck", "losess.py"], 2),
        (["-m", "losscheck", "losses.py:half_los"], 2),
        (["-m", "losscheck", "losses.py", "--y-true", "int32[3]"], 2),
        (["-m", "losscheck", "losses.py", "--select", "LC999"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_needs_no_loss_never_imports_tensorflow(guarded, arguments, code):
    done, tried = guarded(*arguments)

    assert (tried, done.returncode) == ([], code), done.stderr


@pytest.mark.parametrize("arguments", [["-c", "import keras.losses"], ["-m", "losscheck", "losses.py"]])
def test_the_guard_sees_an_import_here_and_in_child_processes(guarded, arguments):
    done, tried = guarded(*arguments)

    assert set(tried) & {"tensorflow", "keras"}
    assert done.returncode != 0
