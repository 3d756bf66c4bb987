"""The hooks in .pre-commit-hooks.yaml: the real pre-commit on real git repositories."""

import os
import re
import shutil
import subprocess
import sys
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


def pre_commit(hooks, project, environment, hook, *files, timeout=120):
    """Run one hook on some files; give its exit code and what it says."""
    config = f"repos:\n- repo: {hooks}\n  rev: v1\n  hooks:\n  - id: {hook}\n"
    (project / ".pre-commit-config.yaml").write_text(config)
    subprocess.run(["git", "add", "-A"], cwd=project, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--verbose", "--color", "never", "--files", *files],
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


def test_a_broken_loss_fails_with_its_finding(hooks, project, environment):
    code, said = pre_commit(
        hooks, project, environment, "losscheck-system", "clean.py", "broken.py", "main.py"
    )

    assert code == 1
    assert re.search(r"^losscheck\.+Failed$", said, re.MULTILINE)
    assert "- exit code: 1\n" in said
    assert "LC201 disconnected-gradient error" in said
    assert "broken.py:6:" in said
    assert "clean.py" not in said


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
