"""Turns a notebook cell into Python: magics, shell commands and help lines become lines that do nothing."""

from __future__ import annotations

import ast
import re
import warnings

#: Cell magics whose body is Python of this notebook; that of all others (``%%bash``, ``%%writefile``) is not.
_PYTHON_CELLS = frozenset(
    {"capture", "debug", "memit", "mprun", "prun", "python", "python3", "time", "timeit"}
)
_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
#: ``%magic``, ``!command``, ``?name``, ``name?``; also behind ``files =``
_LINE_MAGIC = re.compile(r"(\s*)(?:%|!|\?)|(\s*)[\w.]+(?:\[[^\]]*\])?\?{1,2}\s*$")
_ASSIGNED = re.compile(r"(\s*[\w.\[\]'\", ]+?\s*=\s*)(%|!)(?!=)(.*)$")
#: Commands in a line magic that runs Python all the same: ``%time model = build()``.
_PYTHON_LINE = re.compile(r"(\s*)%(?:time|prun|memit)\s+(?![-\d])(.+)$")


def without_magics(cell: str) -> tuple[str, str]:
    """The cell as Python with as many lines, and why it is none; then all its lines are empty.

    Lines keep their numbers, and what is Python keeps its columns.
    """
    lines = cell.split("\n")
    if magic := _first_magic(lines):
        number, name = magic
        if name not in _PYTHON_CELLS:
            return "\n" * (len(lines) - 1), ""
        lines[number] = ""
    for text in ("\n".join(lines), "\n".join(_plain(lines))):
        error = _syntax_error(text)
        if not error:
            return text, ""
    return "\n" * (len(lines) - 1), error


def _first_magic(lines: list[str]) -> tuple[int, str] | None:
    """Line and name of a cell magic, which only comments and empty lines may precede."""
    for number, line in enumerate(lines):
        if match := _CELL_MAGIC.match(line):
            return number, match[1]
        if line.strip() and not line.lstrip().startswith("#"):
            return None
    return None


def _plain(lines: list[str]) -> list[str]:
    kept: list[str] = []
    state = _State()
    is_command = False  # the line goes on a command of the one before
    for line in lines:
        if is_command:
            kept.append("")
            is_command = line.rstrip().endswith("\\")
            continue
        if state.is_fresh and (replaced := _replaced(line)) is not None:
            is_command = line.rstrip().endswith("\\")
            kept.append(replaced)
            continue
        state.read(line)
        kept.append(line)
    return kept


def _replaced(line: str) -> str | None:
    """What stands for a line that is no Python; None if it may be."""
    if match := _PYTHON_LINE.match(line):
        skipped = match.start(2) - len(match[1])
        code = match[2].strip()
        # behind `if 1:` what is Python stays in its columns
        is_python = skipped > len("if 1:") and not _syntax_error(code)
        return f"{match[1]}{'if 1:'.ljust(skipped)}{code}" if is_python else f"{match[1]}pass"
    if match := _LINE_MAGIC.match(line):
        return f"{match[1] or match[2] or ''}pass"
    if match := _ASSIGNED.match(line):
        call = "getoutput" if match[2] == "!" else "magic"
        return f"{match[1]}get_ipython().{call}({match[3].strip()!r})"
    return None


def _syntax_error(text: str) -> str:
    """Line and reason why a text is no Python; empty if it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes
            ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"line 1: {error or type(error).__name__}"
    return ""


class _State:
    """Whether the next line starts a statement: outside brackets and strings, and nothing goes on."""

    def __init__(self) -> None:
        self._depth = 0
        self._quote = ""  # of a string that goes over lines
        self._goes_on = False

    @property
    def is_fresh(self) -> bool:
        return not (self._depth or self._quote or self._goes_on)

    def read(self, line: str) -> None:
        """Go over one line."""
        index = 0
        quote = self._quote
        while index < len(line):
            if quote:
                if line[index] == "\\":
                    index += 2
                    continue
                if line.startswith(quote, index):
                    index += len(quote)
                    quote = ""
                    continue
            elif line[index] == "#":
                break
            elif line[index] in "\"'":
                quote = line[index] * (3 if line.startswith(line[index] * 3, index) else 1)
                index += len(quote)
                continue
            elif line[index] in "([{":
                self._depth += 1
            elif line[index] in ")]}":
                self._depth = max(0, self._depth - 1)
            index += 1
        self._goes_on = line.endswith("\\")
        self._quote = quote if len(quote) == 3 or self._goes_on else ""
