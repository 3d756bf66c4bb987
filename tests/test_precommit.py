"""The hooks in .pre-commit-hooks.yaml: the real pre-commit on real git repositories."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("losscheck", ".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE")
CLEAN = """\
import tensorflow as tf


def smooth_error(y_true, y_pred):
    y_true = tf.reshape(y_true, tf.shape(y_pred))
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""
BROKEN = CLEAN.replace("tf.square(y_true - y_pred)", "tf.square(y_true - tf.round(y_pred))")
NO_LOSS = "def main():\n    print('hello')\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The user's environment: losscheck on PATH, a git that knows nobody, an empty cache of pre-commit."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(home / "cache"),
        "GIT_CONFIG_GLOBAL": str(home / "no-gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "tester@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "PYTHONIOENCODING": "utf-8",
    }


@pytest.fixture(scope="module")
def hooks(tmp_path_factory, environment):
    """This checkout as a repository of hooks, as it is now."""
    folder = tmp_path_factory.mktemp("hooks")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return commit(folder, environment)


@pytest.fixture
def project(tmp_path, environment):
    """A user's repository with a clean loss, a broken one and a file without."""
    for name, text in {"clean.py": CLEAN, "broken.py": BROKEN, "main.py": NO_LOSS}.items():
        (tmp_path / name).write_text(text)
    return commit(tmp_path, environment)


def commit(folder, environment):
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-q", "-m", "Begin", "--no-verify"],
        ["tag", "v1"],
    ):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    return folder


def configure(hooks, project, hook, more=""):
    config = f"repos:\n- repo: {hooks}\n  rev: v1\n  hooks:\n  - id: {hook}\n    verbose: true\n{more}"
    (project / ".pre-commit-config.yaml").write_text(config)


def git(project, environment, *arguments):
    """Run git; give its exit code and what it and its hooks say."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def pre_commit(hooks, project, environment, hook, *files, timeout=120, more=""):
    """Run one hook on some files; give its exit code and what it says."""
    configure(hooks, project, hook, more)
    subprocess.run(["git", "add", "-A"], cwd=project, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--color", "never", "--files", *files],
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_clean_loss_passes(hooks, project, environment):
    code, said = pre_commit(hooks, project, environment, "losscheck-system", "clean.py")

    assert code == 0, said
    assert re.search(r"^losscheck\.+Passed$", said, re.MULTILINE)


@pytest.fixture(scope="module")
def broken(hooks, environment, tmp_path_factory):
    """What one run over broken losses, in files of all kinds, gives: TensorFlow is imported once."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in {
        "clean.py": CLEAN,
        "broken.py": BROKEN,
        "main.py": NO_LOSS,
        "dé jà.py": BROKEN,
    }.items():
        (folder / name).write_text(text)
    (folder / "n.ipynb").write_text(notebook(BROKEN))
    (folder / "latin.py").write_bytes("def main():\n    print('é')\n".encode("latin-1"))
    (folder / "half.py").write_text("def main(:\n")
    (folder / "script").write_text("#!/usr/bin/env python3\nprint('hello')\n")
    (folder / "script").chmod(0o755)
    files = [path.name for path in folder.iterdir()]
    more = "    args: [--format, concise, --select, LC2]\n"
    commit(folder, environment)
    return pre_commit(hooks, folder, environment, "losscheck-system", *files, more=more)


def notebook(code):
    source = code.splitlines(keepends=True)
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize("place", ["broken.py:6:", "dé jà.py:6:", "n.ipynb:cell 1:6:"])
def test_a_broken_loss_fails_with_its_finding(broken, place):
    code, said = broken

    assert code == 1
    assert re.search(r"^losscheck\.+Failed$", said, re.MULTILINE)
    found = next(line for line in said.splitlines() if line.startswith(place))
    assert "LC201 disconnected-gradient error: the gradient" in found


def test_clean_files_are_not_spoken_of(broken):
    _, said = broken

    assert [name for name in ("clean.py", "main.py", "half.py", "script") if name in said] == []


def test_the_rules_of_the_hooks_arguments_are_the_only_ones(broken):
    _, said = broken

    assert set(re.findall(r" (LC\d{3}) ", said)) == {"LC201"}


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_checked(broken):
    _, said = broken

    assert "\nnot checked: cannot read `latin.py`: it is not UTF-8 text\n" in said
    assert "- exit code: 2\n" in said


def test_a_commit_that_touches_no_python_is_not_checked(hooks, project, environment):
    commit_with_hook(hooks, project, environment)
    (project / "README.md").write_text("y_true, y_pred")
    git(project, environment, "add", "README.md")

    code, said = git(project, environment, "commit", "-m", "Tell")

    assert code == 0, said
    assert re.search(r"no files to check\)Skipped$", said, re.MULTILINE)


def test_a_commit_that_deletes_a_broken_loss_is_let_through(hooks, project, environment):
    commit_with_hook(hooks, project, environment)
    git(project, environment, "rm", "broken.py")
    (project / "main.py").write_text(NO_LOSS + "# changed\n")
    git(project, environment, "add", "-A")

    code, said = git(project, environment, "commit", "-m", "Delete")

    assert code == 0, said
    assert re.search(r"^losscheck\.+Passed$", said, re.MULTILINE)


def commit_with_hook(hooks, project, environment):
    """Let git run the hook at each commit from now on."""
    configure(hooks, project, "losscheck-system")
    git(project, environment, "add", "-A")
    git(project, environment, "commit", "-q", "-m", "Configure", "--no-verify")
    subprocess.run(
        [sys.executable, "-m", "pre_commit", "install"],
        cwd=project,
        env=environment,
        capture_output=True,
        check=True,
    )


def test_files_without_a_loss_pass_and_cost_little(hooks, project, environment):
    code, said = pre_commit(hooks, project, environment, "losscheck-system", "main.py")

    assert code == 0, said
    seconds = float(re.search(r"^- duration: ([\d.]+)s$", said, re.MULTILINE)[1])
    assert seconds < 2.0  # 0.3 s on a quiet machine; with TensorFlow it would be 4 s and more


def test_other_files_are_not_even_handed_over(hooks, project, environment):
    (project / "notes.txt").write_text("y_true, y_pred")

    code, said = pre_commit(hooks, project, environment, "losscheck-system", "notes.txt")

    assert code == 0
    assert re.search(r"no files to check\)Skipped$", said, re.MULTILINE)


@pytest.mark.field
def test_the_hook_with_an_environment_of_its_own_installs_and_finds(hooks, project, environment):
    code, said = pre_commit(hooks, project, environment, "losscheck", "broken.py", timeout=900)

    assert code == 1, said
    assert "LC201 disconnected-gradient error" in said


@pytest.mark.field
def test_the_hook_with_an_environment_of_its_own_probes_with_the_active_one(hooks, project, environment):
    (project / "broken.py").write_text("import only_here\n" + BROKEN)
    active = project.parent / "active"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", active], check=True)
    (site,) = active.glob("lib/python*/site-packages")
    (site / "only_here.py").touch()
    (site / "all.pth").write_text(sysconfig.get_path("purelib"))
    path = f"{active / 'bin'}{os.pathsep}{environment['PATH']}"

    code, said = pre_commit(
        hooks, project, environment | {"PATH": path}, "losscheck", "broken.py", timeout=900
    )

    assert code == 1, said
    assert "LC201 disconnected-gradient error" in said
