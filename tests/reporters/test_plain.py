import pytest

from losscheck.reporters.plain import ascii_only, one_line, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x00b\x08c\rd\x9be", "abcde"),
        ("safe\u202egnp", "safegnp"),
        ("two\nlines", "two\nlines"),
        ("tab\tstop", "tab stop"),
        ("naïve [bold]", "naïve [bold]"),
    ],
)
def test_plain_drops_what_a_terminal_would_obey(text, shown):
    assert plain(text) == shown


def test_one_line_joins_lines_and_blanks():
    assert one_line("  a\n\n   b\t c ") == "a b c"


def test_ascii_only_has_words_for_our_symbols():
    assert ascii_only("✓ ✗ – → ✂ … ×") == "ok FAIL - -> -x- ... x"
