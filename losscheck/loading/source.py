"""Reads Python files as text and as a tree; nothing is run."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.loading.address import shown_path
from losscheck.loading.notebook import is_notebook, read_notebook, typed_cells


def read_text(path: Path) -> str:
    """The text of a Python file in the encoding that Python would read it in; of a notebook, its code."""
    if is_notebook(path):
        return read_notebook(path).text
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(f"cannot read `{shown_path(path)}`: {error.strerror or error}") from None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (UnicodeDecodeError, SyntaxError, LookupError):
        raise TargetError(f"cannot read `{shown_path(path)}`: it is not UTF-8 text") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def skim_text(path: Path) -> str:
    """What `read_text` gives, for a first look: of a notebook, every cell as it was typed, which is quick."""
    return "\n".join(typed_cells(path)) if is_notebook(path) else read_text(path)


def parse(text: str) -> ast.Module:
    """The tree of a module; whatever keeps it from being parsed is a `SyntaxError`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes warn when the user's module is imported
        try:
            return ast.parse(text)
        except (ValueError, RecursionError, MemoryError) as error:
            raise SyntaxError(str(error) or type(error).__name__, ("<text>", 1, 1, "")) from error
