"""Text from users and libraries, made safe to show: no escape sequences, no control characters."""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC and the like: titles, links
    r"|\x1b.?",
    re.DOTALL,
)
# C0 and C1 controls but tab and newline, and the marks that change the direction of text
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_ASCII = str.maketrans(
    {
        "✓": "ok",
        "✗": "FAIL",
        "–": "-",
        "─": "-",
        "—": "-",
        "→": "->",
        "✂": "-x-",
        "…": "...",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "·": "*",
        "’": "'",
        "“": '"',
        "”": '"',
    }
)


def plain(text: str) -> str:
    """The text without escape sequences and control characters; tabs become four spaces."""
    return _CONTROL.sub("", _ESCAPE_SEQUENCE.sub("", text)).expandtabs(4)


def one_line(text: str) -> str:
    """The text on one line, made safe."""
    return " ".join(plain(text).split())


def ascii_only(text: str) -> str:
    """The text with ✓, → and their like in words that every encoding has."""
    return text.translate(_ASCII)


def is_control(character: str) -> bool:
    """Whether a terminal would obey this character instead of showing it."""
    return character == "\x1b" or _CONTROL.match(character) is not None
