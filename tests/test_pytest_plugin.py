"""The pytest plugin in a user's project: real pytest in a process of its own."""

import re
import xml.etree.ElementTree as ET

import pytest

LOSSES = """\
import tensorflow as tf


def rounded(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - tf.round(y_pred)), axis=-1)


def smooth(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""
FAMILIES = ["contract", "shape", "gradient", "graph", "dtype", "numerics", "keras", "hardware"]


@pytest.fixture
def project(pytester, monkeypatch):
    """A user's project with two losses, one of them broken."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makepyfile(losses=LOSSES, test_one="def test_of_the_user():\n    pass\n")
    return pytester


def with_ini(project):
    project.makeini("[pytest]\nlosscheck_targets = losses.py\n")


def test_without_a_target_it_does_nothing_and_imports_nothing(project):
    project.makeconftest(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('loaded:', sorted(m for m in sys.modules if m.startswith('losscheck') or m == 'numpy'))\n"
    )
    run = project.runpytest_subprocess("-s")

    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(["loaded: ?'losscheck', 'losscheck.pytest_plugin'?"])


def test_an_item_for_each_loss_and_family_is_collected_without_tensorflow(project):
    with_ini(project)
    project.makeconftest(
        "import sys\ndef pytest_unconfigure():\n    assert not {'tensorflow', 'losses'} & set(sys.modules)\n"
    )
    run = project.runpytest_subprocess("--collect-only", "-q")

    assert run.ret == 0
    items = [line for line in run.outlines if "::" in line]
    assert items == [
        *(f"losses.py::{loss}[{family}]" for loss in ("rounded", "smooth") for family in FAMILIES),
        "test_one.py::test_of_the_user",
    ]


def test_a_defect_fails_the_item_of_its_family_with_the_text_of_the_command_line(project):
    with_ini(project)
    run = project.runpytest_subprocess("--junitxml=out.xml", "-p", "no:cacheprovider")

    run.assert_outcomes(passed=16, failed=1)
    run.stdout.fnmatch_lines(
        ["*_ rounded?gradient? _*", "losses.py:4 rounded", "*LC201 disconnected-gradient error*"]
    )
    run.stdout.no_fnmatch_line("*Traceback*")
    run.stdout.no_fnmatch_line("*testing.py*")
    (failed,) = [case for case in ET.parse("out.xml").iter("testcase") if case.find("failure") is not None]
    assert failed.get("name") == "rounded[gradient]"


def test_one_item_runs_again_by_its_id_by_k_and_by_lf(project):
    with_ini(project)
    first = project.runpytest_subprocess("losses.py::rounded[gradient]")
    first.assert_outcomes(failed=1)
    project.runpytest_subprocess("--lf").assert_outcomes(failed=1)
    project.runpytest_subprocess("-k", "smooth and gradient").assert_outcomes(passed=1, deselected=16)


def test_tests_of_a_named_file_do_not_bring_the_losses_of_the_ini(project):
    with_ini(project)
    project.runpytest_subprocess("test_one.py").assert_outcomes(passed=1)
    project.runpytest_subprocess("test_one.py", "--losscheck", "losses.py:smooth").assert_outcomes(passed=9)


def test_it_runs_spread_over_processes(project):
    run = project.runpytest_subprocess("--losscheck=losses.py", "-n", "2", "--dist", "loadfile")
    run.assert_outcomes(passed=16, failed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--losscheck=lossses.py"], "*no such file*did you mean*losses.py*"),
        (["--losscheck"], "*no target*losscheck_targets*"),
    ],
)
def test_a_target_that_names_nothing_is_a_usage_error(project, arguments, message):
    run = project.runpytest_subprocess(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([message])


def test_a_run_in_which_nothing_was_probed_fails(project):
    (project.path / "none.py").write_text("x = 1\n")
    run = project.runpytest_subprocess("--losscheck=none.py")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["losscheck: no loss was probed"])


def test_a_loss_that_cannot_be_checked_fails_once_and_says_why(project):
    (project.path / "needy.py").write_text(
        "import keras\n\nclass Needy(keras.losses.Loss):\n    def __init__(self, wobble):\n"
        "        super().__init__()\n\n    def call(self, y_true, y_pred):\n        return y_pred - y_true\n"
    )
    run = project.runpytest_subprocess("--losscheck=needy.py")
    run.assert_outcomes(passed=1, failed=1, skipped=7)
    run.stdout.fnmatch_lines(["*not checked: *Needy(wobble=...)*"])


LIVE = """\
import losscheck
from losses import rounded, smooth


@losscheck.parametrize([rounded, smooth], expected={EXPECTED}, y_true="float32[B, 3]", y_pred="float32[B, 3]")
def test_losses(loss, check):
    check(loss)


def test_by_hand(check_loss):
    assert check_loss(smooth).exit_code == 0
"""


def test_live_losses_are_parametrized_and_what_is_expected_passes(project):
    project.makepyfile(test_live=LIVE.replace("{EXPECTED}", "{}"))
    run = project.runpytest_subprocess("test_live.py")
    run.assert_outcomes(passed=16, failed=1)
    run.stdout.fnmatch_lines(["*_ test_losses?rounded-gradient? _*", "*LC201 disconnected-gradient error*"])
    run.stdout.no_fnmatch_line("*Traceback*")


def test_an_expected_finding_passes_and_one_that_is_gone_fails(project):
    expected = '{"LC201": "rounds on purpose", "LC105": "scalar by design"}'
    text = LIVE.replace("{EXPECTED}", expected).replace("[rounded, smooth]", "[rounded]")
    project.makepyfile(test_live=text)
    run = project.runpytest_subprocess("test_live.py")
    run.assert_outcomes(passed=8, failed=1)
    run.stdout.fnmatch_lines(["LC105 was expected (scalar by design) and did not appear*"])


def test_an_expected_finding_needs_a_reason():
    from losscheck import parametrize

    with pytest.raises(ValueError, match=re.escape("say why LC105 is expected")):
        parametrize([len], expected={"LC105": " "})
