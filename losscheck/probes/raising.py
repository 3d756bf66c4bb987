"""Exceptions reduced to plain data: the user's line, and the telling part of the text."""

from __future__ import annotations

import os
import re
import traceback

from losscheck.observation import Frame, Raised
from losscheck.probes.frames import PACKAGE, UserFiles, statement_location, summary_location

#: AutoGraph and a running graph name the user's lines in the message of an error that they pass on.
_USER_CODE_LINE = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_TRAILERS = (
    re.compile(r"\s*\[Op:\w+\].*", re.DOTALL),
    re.compile(r"\n\s*(Call arguments received by|Arguments received by).*", re.DOTALL),
    re.compile(r"\s*\[\[\{\{node [^\]]*\]\]"),
    re.compile(r"\s*\{\{node [^}]*\}\}"),
)

#: A tensor that is out of scope is told with the lines that made it: not those that raise.
_ORIGIN = re.compile(r"\n[^\n]* was defined here:\n.*", re.DOTALL)

#: Characters of an exception's text; the telling lines of AutoGraph's longest lie well within.
_MAX_TEXT = 100_000


def raised_from(error: BaseException, files: UserFiles) -> Raised:
    """The exception as plain data, with the deepest user line."""
    summaries = _frames_of(error)
    frames = [Frame(s.filename, s.lineno or 1, s.name, s.filename in files) for s in summaries]
    location = None
    for summary, frame in zip(reversed(summaries), reversed(frames), strict=True):
        if frame.is_user:
            location = summary_location(summary, files)
            break
    message = _text(error)
    if location is None or "in user code:" in message:
        inner = message.rpartition(f'File "{PACKAGE}{os.sep}')[2]
        named = [match for match in _USER_CODE_LINE.finditer(inner) if match["path"] in files]
        if named:
            line = int(named[-1]["line"])
            frames += [Frame(m["path"], int(m["line"]), m["function"], True) for m in named]
            location = statement_location(named[-1]["path"], line, files)
    bases = tuple(cls.__name__ for cls in type(error).__mro__[1:])
    return Raised(type(error).__name__, bases, _clean(message), location, tuple(frames))


def _text(error: BaseException) -> str:
    """What the exception says, as far as anybody reads it."""
    try:
        text = str(error)
    except Exception as second:  # the user's own class
        return f"its text cannot be made, since that raises `{type(second).__name__}`"
    text = _ORIGIN.sub("", text)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _frames_of(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an exception; Keras and AutoGraph may have put the telling ones on its cause."""
    summaries = list(traceback.extract_tb(error.__traceback__))
    cause = error.__cause__ or error.__context__
    if not summaries and cause is not None:
        return _frames_of(cause)
    return summaries


def _clean(message: str) -> str:
    """The telling part of an error's text: no listing of lines, no call trailer."""
    if "Graph execution error" in message:
        lines = [line.strip() for line in message.splitlines()]
        told = [
            line for line in lines if line and not line.startswith(("File ", "[[", "Graph ", "Detected "))
        ]
        message = "\n".join(told) or message
    if "in user code:" in message:
        tail = message.rsplit("\n\n    ", maxsplit=1)[-1]
        body = [line.strip() for line in tail.splitlines() if line.strip() and "File " not in line]
        message = "\n".join(body[-3:]) or message
    for trailer in _TRAILERS:
        message = trailer.sub("", message)
    message = re.sub(r"\{\{function_node [^}]*\}\}\s*", "", message)
    return message.strip()
