"""Results that are used again, seen from the command line: what comes back, and what is checked anew."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FILES = {
    "losses.py": """\
import tensorflow as tf
from helper import weight

def rounded(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)), axis=-1)

def weighted(y_true, y_pred):
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    "helper.py": "weight = 2.0\n",
    "moody.py": """\
import os
import tensorflow as tf

def scaled(y_true, y_pred):
    return float(os.environ.get("SCALE", "1")) * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    "reading.py": """\
import numpy as np
import tensorflow as tf

scale = float(np.loadtxt("scale.txt"))

def offset_loss(y_true, y_pred):
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    "scale.txt": "2\n",
    "hanging.py": """\
def endless_loss(y_true, y_pred):
    while True:
        y_pred = y_pred + 1
    return y_pred
""",
}


def run(folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "LOSSCHECK_NO_CACHE"}
    environment["LOSSCHECK_CACHE_DIR"] = str(folder / "cache")
    command = [sys.executable, "-m", "losscheck", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done


def losses(folder, *arguments):
    """The report on each loss, by name."""
    data = json.loads(run(folder, *arguments, "--format", "json", "--timeout", "8").stdout)
    return {loss["name"]: loss for loss in data["losses"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A first run, a second one without any change, and a third after a helper was edited."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).write_text(text)
        os.utime(folder / name, (1e9, 1e9))  # a file that was edited during the check is not trusted
    first, again = losses(folder, "."), losses(folder, ".")
    text = run(folder, "losses.py:rounded").stdout
    (folder / "helper.py").write_text("weight = 3.0\n")
    os.utime(folder / "helper.py", (1.1e9, 1.1e9))
    return SimpleNamespace(folder=folder, first=first, again=again, text=text, edited=losses(folder, "."))


def test_a_result_comes_back_as_it_was(runs):
    assert runs.again["rounded"] == runs.first["rounded"]
    assert runs.again["weighted"] == runs.first["weighted"]
    assert [f["code"] for f in runs.again["rounded"]["findings"] if f["severity"] == "error"] == ["LC201"]


def test_what_asks_for_the_environment_reads_a_file_or_hangs_is_checked_again(runs):
    for name in ("scaled", "offset_loss", "endless_loss"):
        assert runs.again[name]["seconds"] != runs.first[name]["seconds"]


def test_another_way_to_name_a_loss_gives_its_text_in_full(runs):
    assert "LC201 disconnected-gradient error" in runs.text
    assert "tf.round(y_pred)" in runs.text


def test_an_edited_helper_has_the_losses_of_its_importers_checked_again(runs):
    assert runs.edited["weighted"]["seconds"] != runs.first["weighted"]["seconds"]


def test_without_the_cache_everything_is_checked(runs):
    anew = losses(runs.folder, "losses.py", "--no-cache")

    assert anew["rounded"]["seconds"] != runs.edited["rounded"]["seconds"]
    assert anew["rounded"]["findings"] == runs.edited["rounded"]["findings"]


def test_no_tensorflow_is_imported_where_all_results_are_kept(runs):
    watch = (
        "import sys, losscheck.worker.pool as p; p.Pool = None; from losscheck.__main__ import main; main()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LOSSCHECK_NO_CACHE"}
    environment["LOSSCHECK_CACHE_DIR"] = str(runs.folder / "cache")
    done = subprocess.run(
        [sys.executable, "-c", watch, "losses.py", "--format", "json", "--timeout", "8"],
        cwd=runs.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert {loss["name"] for loss in json.loads(done.stdout)["losses"]} == {"rounded", "weighted"}


def test_clearing_deletes_what_is_kept(runs):
    assert list((runs.folder / "cache").glob("??/*.json"))
    assert run(runs.folder, "--clear-cache").returncode == 0
    assert not (runs.folder / "cache").exists()


def test_the_project_may_switch_it_off(tmp_path):
    for name in ("losses.py", "helper.py"):
        (tmp_path / name).write_text(FILES[name])
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / "pyproject.toml").write_text("[tool.losscheck]\ncache = false\n")
    run(tmp_path, "losses.py")

    assert not Path(tmp_path, "cache").exists()
