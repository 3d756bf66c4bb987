"""What a stream can show, and writing to it without tripping over its encoding."""

from __future__ import annotations

import os
import shutil
from typing import TextIO

_SYMBOLS = "✓✗–→✂…"  # a stream that cannot encode these gets ASCII
_PIPE_WIDTH = 100  # columns where there is no terminal


def has_color(stream: TextIO) -> bool:
    """Whether to colour by default: a terminal does, unless the environment says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_unicode(stream: TextIO) -> bool:
    """Whether the stream can encode ✓ and →."""
    try:
        _SYMBOLS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width_of(stream: TextIO) -> int:
    """Columns of the stream's terminal; ``COLUMNS`` where it is set, 100 where there is neither."""
    if stream.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns
    return _PIPE_WIDTH


def write_safely(text: str, stream: TextIO) -> None:
    """Write and flush; what the stream cannot encode is written as an escape."""
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
