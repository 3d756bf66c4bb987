"""The user's files as syntax trees: parsed once for all probes, and again where a file has changed."""

from __future__ import annotations

import ast
import functools

from losscheck.finding import source_lines


def parsed(path: str) -> ast.Module:
    """The file as it is now; empty where there is none, or it cannot be read as Python."""
    return _parsed(source_text(path))


def source_text(path: str) -> str:
    """The file as it is now, or the code of a notebook; empty where there is none."""
    return "".join(source_lines(path))


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])
