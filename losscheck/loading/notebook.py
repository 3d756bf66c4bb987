"""Reads notebooks as one Python file: each line of each code cell in order, at a line of its own."""

from __future__ import annotations

import bisect
import functools
import json
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscheck.exceptions import TargetError
from losscheck.loading.address import shown_path
from losscheck.loading.magics import without_magics

SUFFIX = ".ipynb"


@dataclass(frozen=True)
class Cell:
    """A code cell."""

    number: int  #: among all cells of the notebook, text cells too, from 1
    first_line: int  #: its first line in the text of the notebook
    text: str  #: as the user sees it
    error: str = ""  #: why it was left out; empty: it is Python

    @property
    def lines(self) -> list[str]:
        """Its lines as the user sees them."""
        return self.text.split("\n")


@dataclass(frozen=True)
class Notebook:
    """The code of a notebook."""

    path: str  #: as the user would type it
    cells: tuple[Cell, ...]
    text: str  #: the code of all cells; magics and cells that are no Python are left out, their lines not

    def place(self, line: int) -> tuple[Cell, int]:
        """The cell that a line of the text stands in, and the line within the cell."""
        starts = [cell.first_line for cell in self.cells]
        cell = self.cells[max(bisect.bisect_right(starts, line) - 1, 0)]
        return cell, line - cell.first_line + 1

    @property
    def broken(self) -> tuple[Cell, ...]:
        """The cells that are no Python."""
        return tuple(cell for cell in self.cells if cell.error)


def is_notebook(path: Path | str) -> bool:
    """Whether a path is that of a notebook."""
    return str(path).endswith(SUFFIX)


def read_notebook(path: Path) -> Notebook:
    """The code of a notebook; `linecache` gives its lines from now on, since no file has them.

    Raises:
        TargetError: the file cannot be read, or is no notebook.

    """
    notebook = _parsed(_read_bytes(path), shown_path(path))
    lines = notebook.text.splitlines(keepends=True)
    for name in {notebook.path, str(path.absolute())}:
        linecache.cache[name] = (len(notebook.text), None, lines, name)
    return notebook


def typed_cells(path: Path) -> list[str]:
    """The code cells of a notebook as they were typed, magics and all.

    Raises:
        TargetError: the file cannot be read, or is no notebook.

    """
    return [source for _, source in _cells(_read_bytes(path), shown_path(path))]


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TargetError(f"cannot read `{shown_path(path)}`: {error.strerror or error}") from None


@functools.lru_cache(maxsize=16)
def _parsed(data: bytes, shown: str) -> Notebook:
    cells = _cells(data, shown)
    made: list[Cell] = []
    text: list[str] = []
    first = 1
    for number, source in cells:
        code, error = without_magics(source)
        made.append(Cell(number, first, source, error))
        text.append(code)
        first += code.count("\n") + 1
    return Notebook(shown, tuple(made), "\n".join(text) + "\n")


def _cells(data: bytes, shown: str) -> list[tuple[int, str]]:
    """Number and source of each code cell."""
    try:
        return list(_sources(json.loads(data)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise TargetError(f"`{shown}` is no notebook: its JSON cannot be read") from None


def _sources(data: Any) -> Iterator[tuple[int, str]]:
    """The same of parsed JSON; version 3 keeps its cells in worksheets, as ``input``."""
    cells = data["cells"] if "cells" in data else [c for w in data["worksheets"] for c in w["cells"]]
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            source = cell["source"] if "source" in cell else cell["input"]
            text = source if isinstance(source, str) else "".join(source)
            yield number, text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
