"""How Python source is laid out: as a formatter would do it, with lines of 100 columns."""

from __future__ import annotations

import ast
import json

WIDTH = 100


def double_quoted(text: str) -> str:
    """A string literal in double quotes, whatever the text holds."""
    return json.dumps(text) if text.isprintable() and "\\" not in text else ast.unparse(ast.Constant(text))


def laid_out(line: str, indent: int = 0) -> list[str]:
    """A statement or expression on as many lines as it needs, broken at its brackets and commas."""
    if len(line) + indent <= WIDTH:
        return [" " * indent + line]
    start = min((place for place in map(line.find, "([") if place >= 0), default=None)
    if start is None:
        return [" " * indent + line]
    end = _matching(line, start)
    inner, rest = line[start + 1 : end], line[end:]
    lines = [" " * indent + line[: start + 1]]
    if inner.startswith("[") and _matching(inner, 0) == len(inner) - 1:  # a list alone hugs its bracket
        first, *between = laid_out(inner, indent)
        if between:
            return [f"{lines[0]}{first.strip()}", *between[:-1], f"{between[-1]}{rest}"]
    parts = _parts(inner)
    comma = "," * (len(parts) > 1)  # after a single part it would make a tuple
    for part in parts:
        joined = f"{lines[-1]} {part},"
        is_row = part.startswith("[") and lines[-1].endswith("],")
        if is_row and len(joined) <= WIDTH:
            lines[-1] = joined
        else:
            lines += laid_out(f"{part}{comma}", indent + 4)
    return [*lines, " " * indent + rest]


def _matching(line: str, start: int) -> int:
    depth = 0
    for place in range(start, len(line)):
        depth += (line[place] in "([{") - (line[place] in ")]}")
        if depth == 0:
            return place
    raise ValueError(f"unbalanced: {line}")


def _parts(text: str) -> list[str]:
    """The text between the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]
