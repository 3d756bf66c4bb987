"""Scripts and tests as a user runs them: each in a process of its own."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.long
ROUNDED = """\
import tensorflow as tf


def rounded_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)
"""
ROOT_OF_MEAN = """\
import tensorflow as tf


def rmse_loss(y_true, y_pred):
    return tf.sqrt(tf.reduce_mean(tf.square(y_true - y_pred)))
"""
OFF = "import tensorflow as tf\n\ntf.compat.v1.disable_eager_execution()\n\n\ndef off_loss(y_true, y_pred):\n"
OFF += "    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)\n"
MISSING = "import no_such_package\n\n\ndef broken_loss(y_true, y_pred):\n    return y_pred\n"
TRAINING = """\
import numpy as np
import keras
import tensorflow as tf

WEIGHT = 2.0


def training_loss(y_true, y_pred):
    return WEIGHT * tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)


model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", loss=training_loss)
model.fit(np.zeros((4, 2)), np.zeros((4, 1)))
"""
FILES = {"rounded": ROUNDED, "root": ROOT_OF_MEAN, "off": OFF, "missing": MISSING, "training": TRAINING}
SCRIPTS = {
    "LC201-rounded_loss-5.py": "reproduced: LC201 disconnected-gradient",
    "LC704-rmse_loss-5.py": "reproduced: LC704 replica-dependent",
    "LC316-off_loss-3.py": "reproduced: LC316 session-api",
    "LC010-broken_loss-1.py": "reproduced: LC010 raises-on-load",
    "LC201-training_loss-9.py": "reproduced: LC201 disconnected-gradient",
}


def run(*command, cwd):
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project in which `losscheck --repro` has run."""
    root = tmp_path_factory.mktemp("project")
    (root / "pyproject.toml").write_text("")
    for name, text in FILES.items():
        (root / f"{name}.py").write_text(text)
    done = run("-m", "losscheck", ".", "--repro", "repro", "--select", "LC010,LC201,LC316,LC704", cwd=root)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "5 scripts written to repro"
    return root


def test_each_script_has_a_test_beside_it(folder):
    names = {path.name for path in (folder / "repro").iterdir()}
    tests = {f"test_{name.replace('-', '_')}" for name in SCRIPTS}

    assert names == {*SCRIPTS, *tests, "training_loss_of_training.py"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_shows_its_defect_and_exits_with_0(folder, name):
    done = run(f"repro/{name}", cwd=folder)

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, SCRIPTS[name])


def test_the_test_fails_while_the_defect_is_there_and_passes_once_it_is_gone(folder):
    command = ("-m", "pytest", "-q", "-p", "no:losscheck", "repro/test_LC201_rounded_loss_5.py")
    before = run(*command, cwd=folder)
    (folder / "rounded.py").write_text(ROUNDED.replace("tf.round(y_pred)", "y_pred"))
    try:
        after, script = run(*command, cwd=folder), run("repro/LC201-rounded_loss-5.py", cwd=folder)
    finally:
        (folder / "rounded.py").write_text(ROUNDED)

    assert (before.returncode, after.returncode) == (1, 0)
    assert "AssertionError: the gradient with respect to `y_pred` is None" in before.stdout
    assert (script.returncode, script.stdout.splitlines()[-1]) == (1, "not reproduced")


def test_a_report_for_programs_stays_whole(folder):
    command = (
        "-m",
        "losscheck",
        "rounded.py",
        "--repro",
        "again",
        "--select",
        "LC201",
        "--format",
        "concise",
    )
    done = run(*command, cwd=folder)

    assert done.stdout.count("\n") == 2
    assert done.stderr.splitlines()[-1] == "1 script written to again"
