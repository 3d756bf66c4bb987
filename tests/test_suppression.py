"""Comments that silence a rule: what they cover, and when they are idle; no TensorFlow."""

from pathlib import Path

import pytest

from losscheck.finding import Finding, Location, Severity
from losscheck.registry import all_rules
from losscheck.report import Suppressed
from losscheck.suppression import idle_comments, read_ignores, suppress

LOSS = Location("losses.py", 1)
RULES = {rule.code: rule for rule in all_rules()}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def finding(line, code="LC105", path="losses.py", end=None):
    return Finding(code, RULES[code].name, Severity.WARNING, "a fact", "", Location(path, line, 1, end))


def lines_covered(text, code="LC105"):
    """The lines on which a comment silences a finding of a loss that is defined elsewhere."""
    Path("losses.py").write_text(text)
    far = Location("other.py", 1)
    numbers = range(1, text.count("\n") + 1)
    return [line for line in numbers if suppress([finding(line, code)], far)[1]]


def idle(text, *silenced, ran=("LC105", "LC201")):
    Path("losses.py").write_text(text)
    return [comment.problem for comment in idle_comments(LOSS, silenced, RULES, ran)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a = 1\nb = 2  # losscheck: ignore[LC105] meant\nc = 3\n", [2]),
        ("a = 1\nb = (\n    2,  # losscheck: ignore[LC105]\n    3,\n)\nc = 3\n", [2, 3, 4, 5]),
        ("a = 1\n# losscheck: ignore[LC105]\n# why\nb = 2\nc = 3\n", [4]),
        ("def f(a, b):  # losscheck: ignore[LC105]\n    c = a\n    return c\nd = 1\n", [1, 2, 3]),
        ("def f(\n    a,  # losscheck: ignore[LC105]\n    b,\n):\n    return a\nd = 1\n", [1, 2, 3, 4, 5]),
        ("# losscheck: ignore[LC105]\n@g\ndef f(a, b):\n    return a\nd = 1\n", [2, 3, 4]),
        ("@g  # losscheck: ignore[LC105]\ndef f(a, b):\n    return a\nd = 1\n", [1, 2, 3]),
        ("class A:  # losscheck: ignore[LC105]\n    def f(s):\n        return s\nd = 1\n", [1, 2, 3]),
        ("if a:  # losscheck: ignore[LC105]\n    b = 1\n", [1]),
        ("def f(a):\n    # losscheck: ignore[LC105]\n    b = a\n    return b\n", [3]),
        ("def f(a):\n    b = 's'  # losscheck: y_true=int32[B] ignore[LC105]\n    return b\n", [2]),
        ("b = 1  # losscheck: ignore[batch-reduced, LC201] two\n", [1]),
        ("b = 1  # losscheck: ignore[LC201]\n", []),
        ("b = 1  # losscheck: ignore[LC1]\n", []),
        ("b = 1  # losscheck: ignore\n", []),
        ("b = '# losscheck: ignore[LC105]'\n", []),
        ("b = 1\n# losscheck: ignore[LC105]\n", [2]),
        ("b = (1  # losscheck: ignore[LC105]\n", [1]),
    ],
)
def test_a_comment_covers_its_statement_and_at_a_header_the_whole_definition(text, lines):
    assert lines_covered(text) == lines


def test_at_the_definition_of_the_loss_it_covers_what_is_found_in_a_helper_of_another_file():
    Path("losses.py").write_text("def f(a, b):  # losscheck: ignore[LC105] meant\n    return helper(a)\n")
    Path("helper.py").write_text("def helper(a):\n    return a\n")
    far = finding(2, path="helper.py")

    assert suppress([far], LOSS) == ((), (Suppressed(far, "comment", "meant"),))
    assert suppress([far], Location("other.py", 1)) == ((far,), ())


def test_a_comment_in_a_helper_covers_its_line_there():
    Path("losses.py").write_text("def f(a, b):\n    return helper(a)\n")
    Path("helper.py").write_text("def helper(a):\n    return a  # losscheck: ignore[LC105]\n")

    assert suppress([finding(2, path="helper.py")], LOSS)[0] == ()
    assert suppress([finding(1, path="helper.py")], LOSS)[1] == ()


def test_a_finding_over_several_lines_is_silenced_on_any_of_them():
    Path("losses.py").write_text("def f(a, b):\n    c = 1\n    return a  # losscheck: ignore[LC105]\n")

    assert suppress([finding(2, end=3)], LOSS)[0] == ()


def test_a_reason_may_follow_a_colon_or_a_dash():
    Path("losses.py").write_text("b = 1  # losscheck: ignore[LC105] - scalar by design  # noqa: F841\n")

    assert [ignore.reason for ignore in read_ignores("losses.py")] == ["scalar by design"]


def test_a_comment_that_silences_nothing_is_idle():
    text = "def f(a, b):\n    return a  # losscheck: ignore[LC105, LC201] reason\n"
    silenced = Suppressed(finding(2), "comment")

    assert idle(text) == [
        "silences nothing: LC105 batch-reduced has no finding here",
        "silences nothing: LC201 disconnected-gradient has no finding here",
    ]
    assert idle(text, silenced, ran=("LC105",)) == []


def test_a_rule_that_did_not_run_and_a_comment_outside_of_the_loss_are_not_judged():
    text = "def f(a, b):\n    return a  # losscheck: ignore[LC701]\n\nb = 1  # losscheck: ignore[LC105]\n"

    assert idle(text) == []


def test_a_comment_that_names_no_rule_or_an_unknown_one_is_idle():
    assert idle("def f(a, b):  # losscheck: ignore\n    return a\n") == ["names no rule and silences nothing"]
    (problem,) = idle("def f(a, b):  # losscheck: ignore[batch-reducd]\n    return a\n")
    assert problem.startswith("names `batch-reducd`, which is no rule; did you mean LC105 batch-reduced ")


def test_a_file_that_is_gone_silences_nothing():
    assert read_ignores("gone.py") == ()
