import pytest

from losscheck.finding import Location
from losscheck.reporters.source import SourceLine, crop, snippet


@pytest.fixture
def file(tmp_path):
    """Write a source file and give its path."""

    def write(text):
        path = tmp_path / "losses.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def marked(lines):
    return [line.text[line.start : line.end] for line in lines if line.end > line.start]


def test_the_culprit_is_marked_by_its_columns_with_two_lines_of_context(file):
    path = file("a = 1\nb = 2\nc = 3\nd = f(x)\ne = 5\nf = 6\ng = 7\n")

    lines = snippet(Location(path, 4, 5, 4, 9))

    assert [line.number for line in lines] == [2, 3, 4, 5, 6]
    assert marked(lines) == ["f(x)"]


def test_without_columns_the_whole_line_is_marked_but_its_indent(file):
    assert marked(snippet(Location(file("def f():\n    return 1  \n"), 2))) == ["return 1"]


def test_a_culprit_of_several_lines_is_marked_on_each(file):
    path = file("x = f(\n    1,\n)  # done\n")

    assert marked(snippet(Location(path, 1, 5, 3, 2))) == ["f(", "1,", ")"]


def test_of_a_long_culprit_only_the_first_line_is_marked(file):
    path = file("def f():\n" + "    x = 1\n" * 20)

    lines = snippet(Location(path, 1, 1, 21, 10))

    assert marked(lines) == ["def f():"]
    assert len(lines) == 3


def test_blank_lines_at_the_edge_of_the_context_are_left_out(file):
    lines = snippet(Location(file("\n\nx = 1\n\n\n"), 3))

    assert lines == (SourceLine(3, "x = 1", 0, 5),)


def test_tabs_and_control_characters_do_not_shift_the_mark(file):
    lines = snippet(Location(file("\tx = '\x1b[1m' + y\n"), 1, 15, 1, 16))

    assert lines == (SourceLine(1, "    x = '?[1m' + y", 17, 18),)


@pytest.mark.parametrize(
    "location", [Location("gone.py", 1), Location("string.py", 1), Location("<stdin>", 1)]
)
def test_a_file_that_is_not_there_has_no_lines(location, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert snippet(location) == ()


def test_a_line_beyond_the_end_of_the_file_has_no_lines(file):
    assert snippet(Location(file("x = 1\n"), 9)) == ()


def test_a_culprit_beyond_the_width_is_brought_into_view():
    line = SourceLine(1, "x" * 50 + "culprit" + "y" * 50, 50, 57)

    (cropped,) = crop((line,), 20)

    assert cropped == SourceLine(1, "…xxxxxxxxxxxculprit…", 12, 19)
    assert cropped.text[cropped.start : cropped.end] == "culprit"


def test_lines_that_fit_stay_as_they_are():
    lines = (SourceLine(1, "short", 0, 5), SourceLine(2, "", 0, 0))

    assert crop(lines, 20) == lines
