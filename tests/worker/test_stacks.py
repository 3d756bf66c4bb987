from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from losscheck.finding import Location
from losscheck.worker.stacks import find_user_line, library_folders

STDLIB = sysconfig.get_path("stdlib")


@pytest.fixture(autouse=True)
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("losses.py", "helpers.py", "größe.py"):
        Path(name).write_text("one\n    two\nthree\n")
    return tmp_path


def test_the_deepest_line_of_the_loss_is_found_at_a_time_limit():
    text = (
        "Main thread 0x7f01\nTimeout (0:00:01)!\n"
        "Thread 0x00007f01 (most recent call first):\n"
        f'  File "{STDLIB}/threading.py", line 5 in wait\n'
        '  File "losses.py", line 2 in inner\n'
        '  File "losses.py", line 3 in loss\n'
    )
    assert find_user_line(text, "losses.py") == Location("losses.py", 2, 5, 2, 8)


def test_the_file_of_the_loss_is_preferred_to_a_deeper_line_of_another():
    text = (
        "Main thread 0x1\nFatal Python error: Segmentation fault\n\n"
        "Current thread 0x0001 (most recent call first):\n"
        '  File "helpers.py", line 1 in help\n'
        '  File "losses.py", line 3 in loss\n'
    )
    assert find_user_line(text, "losses.py").line == 3


def test_another_file_of_the_user_is_better_than_nothing():
    text = 'Current thread 0x0001 (most recent call first):\n  File "helpers.py", line 1 in help\n'
    assert find_user_line(text, "losses.py") == Location("helpers.py", 1, 1, 1, 4)


def test_the_main_thread_comes_before_others_at_a_time_limit():
    text = (
        "Main thread 0x2\nTimeout (0:00:01)!\n"
        'Thread 0x0001 (most recent call first):\n  File "losses.py", line 1 in background\n'
        'Thread 0x0002 (most recent call first):\n  File "losses.py", line 3 in loss\n'
    )
    assert find_user_line(text, "losses.py").line == 3


def test_the_thread_that_crashed_comes_before_the_main_thread():
    text = (
        "Main thread 0x2\nFatal Python error: Aborted\n\n"
        'Thread 0x0002 (most recent call first):\n  File "losses.py", line 3 in loss\n'
        'Current thread 0x0001 (most recent call first):\n  File "losses.py", line 1 in background\n'
    )
    assert find_user_line(text, "losses.py").line == 1


def test_libraries_and_generated_code_are_nobodys_lines(source):
    text = (
        "Current thread 0x0001 (most recent call first):\n"
        '  File "<frozen importlib._bootstrap>", line 1 in _call\n'
        '  File "/tmp/__autograph_generated_file1.py", line 1 in tf__loss\n'
        f'  File "{source}/libs/tensorflow/ops.py", line 1 in op\n'
        f'  File "{library_folders()[0]}/x.py", line 1 in x\n'
        "  Garbage-collecting\n  ...\n\nExtension modules: numpy (total: 1)\n"
    )
    assert find_user_line(text, "losses.py", [str(source / "libs")]) is None


def test_a_file_name_that_is_not_ascii_is_found():
    text = 'Current thread 0x0001 (most recent call first):\n  File "gr\\xf6\\xdfe.py", line 2 in loss\n'
    assert find_user_line(text, "größe.py") == Location("größe.py", 2, 5, 2, 8)


@pytest.mark.parametrize("text", ["", "Main thread 0x1\n", "Thread zero\n  File x, line y in z\n"])
def test_a_stack_that_is_not_there_gives_no_line(text):
    assert find_user_line(text, "losses.py") is None
