"""The interpreter that probes: which one is meant, what it lacks, and a run in one without losscheck."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from losscheck.exceptions import LosscheckError
from losscheck.worker import interpreter
from losscheck.worker.interpreter import choose_interpreter, find_interpreter

ROOT = Path(__file__).parent.parent.parent
#: Distributions that nothing in the worker may need; rich is there because Keras 3 itself needs it.
LEFT_OUT = re.compile(r"(_*editable_*.*losscheck|_?losscheck|typer|click|shellingham|pytest)", re.IGNORECASE)
LOSS = """\
import tensorflow as tf


def rounded_error(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)), axis=-1)
"""


def environment(folder):
    """A virtual environment with nothing in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def site_packages(folder):
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))


def pretend(folder, **versions):
    """Let an environment look as if it had these packages."""
    for name, version in versions.items():
        package = site_packages(folder) / name
        package.mkdir()
        (package / "__init__.py").write_text("raise ImportError('nobody may import this')")
        information = site_packages(folder) / f"{name}-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


@pytest.fixture
def empty(tmp_path):
    return environment(tmp_path / "env")


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A working directory without an environment, in a shell without one."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path)


def test_a_path_a_folder_and_a_name_mean_an_interpreter(empty, monkeypatch):
    monkeypatch.chdir(empty.parent)
    monkeypatch.setenv("PATH", str(empty / "bin"))

    assert find_interpreter("env/bin/python") == str(empty / "bin" / "python")
    assert find_interpreter("env") == str(empty / "bin" / "python")
    assert Path(find_interpreter("python3")).samefile(empty / "bin" / "python3")


def test_a_link_is_not_followed_since_it_says_which_environment_is_meant(empty):
    assert (empty / "bin" / "python").is_symlink()
    assert Path(find_interpreter(str(empty))).parent == empty / "bin"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone/bin/python", "no such interpreter: gone/bin/python"),
        ("python9", "no such interpreter: python9"),
        ("link", "no such interpreter: link (a link to nowhere)"),
        ("folder", "no interpreter in the folder `folder`: it is no virtual environment"),
        ("text.txt", "`text.txt` is not executable, so it is no interpreter"),
    ],
)
def test_a_path_that_means_none_is_refused_in_one_line(path, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").touch()
    (tmp_path / "link").symlink_to("gone")

    with pytest.raises(LosscheckError, match=f"^{re.escape(message)}$"):
        find_interpreter(path)


@pytest.mark.parametrize(
    ("versions", "fault"),
    [
        ({}, "has no TensorFlow: install it there, or name another interpreter"),
        ({"tensorflow": "2.21.0"}, "has no NumPy: install it there, or name another interpreter"),
        ({"tensorflow": "2.9.3", "numpy": "1.26.4"}, "has TensorFlow 2.9.3; losscheck needs 2.15 or newer"),
    ],
)
def test_an_interpreter_without_what_a_loss_needs_is_refused(versions, fault, empty):
    pretend(empty, **versions)

    with pytest.raises(LosscheckError, match=f"^{re.escape(f'`{empty}` {fault}')}$"):
        choose_interpreter(str(empty))


def test_a_module_in_the_working_directory_is_not_taken_for_an_installed_one(empty, monkeypatch, tmp_path):
    (tmp_path / "tensorflow.py").touch()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(LosscheckError, match="has no TensorFlow"):
        choose_interpreter(str(empty))


@pytest.mark.parametrize("version", ["2.15.0", "2.16.0rc1", "3.0.0"])
def test_an_interpreter_with_it_is_taken_without_importing_it(version, empty):
    pretend(empty, tensorflow=version, numpy="2.0.0")

    assert choose_interpreter(str(empty)) == str(empty / "bin" / "python")


def test_a_tensorflow_under_another_name_is_one(empty):
    pretend(empty, numpy="2.0.0", tensorflow="2.16.1")
    folder = site_packages(empty) / "tensorflow-2.16.1.dist-info"
    (folder / "top_level.txt").write_text("tensorflow\n")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tf-nightly\nVersion: 2.9.0.dev1\n")

    with pytest.raises(LosscheckError, match=r"has TensorFlow 2\.9\.0\.dev1; losscheck needs 2\.15 or newer"):
        choose_interpreter(str(empty))


@pytest.mark.parametrize("tool", ["/bin/ls", "/bin/sh", "/bin/cat"])
def test_what_is_no_python_is_refused_and_does_nothing(tool):
    with pytest.raises(LosscheckError, match=f"^`{tool}` does not run as Python 3$"):
        choose_interpreter(tool)


def test_a_python_that_is_too_old_is_refused(tmp_path):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho '{\"python\": [3, 9]}'\n")
    old.chmod(0o755)

    with pytest.raises(LosscheckError, match=f"^`{old}` is Python 3.9; losscheck needs 3.10 or newer$"):
        choose_interpreter(str(old))


def test_what_is_too_old_is_what_the_package_says():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'requires-python = ">={interpreter._dotted(interpreter._OLDEST_PYTHON)},' in project
    assert f'"tensorflow>={interpreter._dotted(interpreter._OLDEST_TENSORFLOW)}"' in project


@pytest.mark.usefixtures("nowhere")
def test_without_a_word_and_without_another_environment_it_is_losschecks_own():
    assert choose_interpreter(None) == sys.executable
    assert choose_interpreter("auto") == sys.executable


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("way", ["VIRTUAL_ENV", "CONDA_PREFIX", "PATH", ".venv"])
def test_auto_is_the_active_environment_where_it_has_tensorflow(way, tmp_path, monkeypatch):
    folder = environment(tmp_path / (".venv" if way == ".venv" else "env"))
    if way != ".venv":
        monkeypatch.setenv(way, str(folder / "bin" if way == "PATH" else folder))

    assert choose_interpreter("auto") == sys.executable
    pretend(folder, tensorflow="2.21.0", numpy="2.0.0")
    assert choose_interpreter("auto") == str(folder / "bin" / "python")


@pytest.mark.usefixtures("nowhere")
def test_auto_looks_past_the_environment_of_the_hook_itself(empty, monkeypatch):
    pretend(empty, tensorflow="2.21.0", numpy="2.0.0")
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PATH", os.pathsep.join([f"{sys.prefix}/bin", str(empty / "bin"), "/usr/bin"]))

    assert choose_interpreter("auto") == str(empty / "bin" / "python")


@pytest.mark.usefixtures("nowhere")
def test_auto_prefers_the_projects_environment_to_condas_base(tmp_path, monkeypatch):
    for name in ("base", ".venv"):
        pretend(environment(tmp_path / name), tensorflow="2.21.0", numpy="2.0.0")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "base"))
    assert choose_interpreter("auto") == str(tmp_path / "base" / "bin" / "python")
    monkeypatch.setenv("CONDA_DEFAULT_ENV", "base")
    assert choose_interpreter("auto") == str(tmp_path / ".venv" / "bin" / "python")


def test_a_loss_is_probed_where_losscheck_and_typer_are_not_installed(empty, tmp_path):
    from importlib.metadata import version

    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not LEFT_OUT.match(entry.name) and entry.suffix != ".pth":
            (site_packages(empty) / entry.name).symlink_to(entry)
    (tmp_path / "losses.py").write_text(LOSS)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(python, code, *arguments):
        return subprocess.run(
            [python, "-c", code, *arguments],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    for package in ("losscheck", "typer"):
        assert "ModuleNotFoundError" in run(empty / "bin" / "python", f"import {package}").stderr
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from losscheck.__main__ import main; main()"
    done = run(sys.executable, program, str(ROOT), "--python", "env", "losses.py", "--format", "json")
    report = json.loads(done.stdout)

    assert [f["code"] for f in report["losses"][0]["findings"] if f["severity"] == "error"] == ["LC201"]
    assert report["failures"] == []
    assert (report["tensorflow"], report["python"]) == (
        version("tensorflow"),
        ".".join(map(str, sys.version_info[:3])),
    )
