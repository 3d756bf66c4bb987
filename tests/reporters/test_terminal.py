import io

import pytest

from losscheck.reporters.terminal import has_color, has_unicode, width_of, write_safely


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def stream_in(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    ("stream", "variables", "expected"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_terminal_is_coloured_unless_the_environment_says_otherwise(
    environment, stream, variables, expected
):
    for name, value in variables.items():
        environment.setenv(name, value)

    assert has_color(stream) is expected


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", True), ("ascii", False), ("latin-1", False)])
def test_the_encoding_says_whether_symbols_can_be_shown(encoding, expected):
    assert has_unicode(stream_in(encoding)) is expected


def test_a_pipe_is_100_columns_wide_unless_columns_is_set(environment):
    assert width_of(io.StringIO()) == 100
    environment.setenv("COLUMNS", "72")
    assert width_of(io.StringIO()) == 72


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("ascii", "é→", b"\\xe9\\u2192"),
        ("utf-8", "é→", "é→".encode()),
        ("utf-8", "\udc80", b"\\udc80"),
    ],
)
def test_what_an_encoding_lacks_is_written_as_an_escape(encoding, text, written):
    stream = stream_in(encoding)

    write_safely(text, stream)

    assert stream.buffer.getvalue() == written
