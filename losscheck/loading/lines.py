"""Targets that name a line: ``train.py:12``, or ``train.ipynb:cell 3:7``."""

from __future__ import annotations

import re
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.loading.notebook import is_notebook, read_notebook

_LINE = re.compile(r"(?:cell\s+(?P<cell>\d+)\s*:\s*)?(?P<line>\d+)$")


def named_line(expression: str, path: Path) -> int | None:
    """The line that the part behind the colon names, in the text of the file; None if it is no line.

    Raises:
        TargetError: the notebook has no such cell, or a cell is named and it is no notebook.

    """
    match = _LINE.match(expression.strip())
    if match is None:
        return None
    line = int(match["line"])
    if match["cell"] is None and not is_notebook(path):
        return line
    if match["cell"] is None or not is_notebook(path):
        raise TargetError(f"`{expression}` names no line: write `losses.py:12` or `losses.ipynb:cell 3:7`")
    for cell in read_notebook(path).cells:
        if cell.number == int(match["cell"]):
            return cell.first_line + line - 1
    raise TargetError(f"no code cell {match['cell']} in {path}")


def shown_line(line: int, path: Path) -> str:
    """How a target names a line."""
    if not is_notebook(path):
        return str(line)
    cell, inner = read_notebook(path).place(line)
    return f"cell {cell.number}:{inner}"
