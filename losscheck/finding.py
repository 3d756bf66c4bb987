"""What losscheck says of a loss: a finding, its severity and its place."""

from __future__ import annotations

import enum
import linecache
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Severity(str, enum.Enum):
    """How bad a finding is; the words are SARIF's own."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for a note, 1 for a warning, 2 for an error."""
        return {"note": 0, "warning": 1, "error": 2}[self.value]


class Mode(str, enum.Enum):
    """A way in which TensorFlow or Keras runs a loss, and in which a probe runs it."""

    EAGER = "eager"
    GRAPH = "graph"
    GRADIENT = "gradient"
    FIT = "fit"
    XLA = "xla"
    REPLICAS = "replicas"
    RELOAD = "reload"
    SYMBOLIC = "symbolic"

    @property
    def label(self) -> str:
        """The name that users know the mode by."""
        return _LABELS[self]


_LABELS = {
    Mode.EAGER: "eager",
    Mode.GRAPH: "tf.function",
    Mode.GRADIENT: "GradientTape",
    Mode.FIT: "model.fit",
    Mode.XLA: "XLA",
    Mode.REPLICAS: "replicas",
    Mode.RELOAD: "reload",
    Mode.SYMBOLIC: "KerasTensor",
}


@dataclass(frozen=True)
class Location:
    """A place in the user's source; lines and columns count from 1."""

    path: str  #: file, as the user would type it
    line: int  #: first line
    column: int = 1  #: first column
    end_line: int | None = None  #: last line; None: the same line
    end_column: int | None = None  #: column after the last character; None: the end of the line
    cell: int | None = None  #: cell of a notebook, from 1, in which the lines count; None: a file

    @property
    def shown_path(self) -> str:
        """``losses.py``, or the cell of a notebook, ``losses.ipynb:cell 3``."""
        return self.path if self.cell is None else f"{self.path}:cell {self.cell}"


def source_line(path: str, line: int) -> str:
    """A line of a file as it is now, or of a notebook's cell; empty where there is none."""
    lines = source_lines(path)
    return lines[line - 1] if 0 < line <= len(lines) else ""


def source_lines(path: str) -> list[str]:
    """The lines of a file as it is now, or of a notebook's cell; none where there is no such file."""
    if not Path(path).is_file() and path not in linecache.cache:
        return []  # else it would be looked for along `sys.path`
    if Path(path).is_file() and not path.endswith(".ipynb"):  # whose code no file has as it is
        entry = linecache.cache.get(path)
        if entry is not None and not _is_checked(entry, path):
            del linecache.cache[path]
    linecache.checkcache(path)
    return linecache.getlines(path)


def _is_checked(entry: Any, path: str) -> bool:
    """Whether `linecache` looks at this very file for changes.

    It looks at none for what came through a loader, and at a file of the same name on `sys.path` where this
    one was not there when it was first asked for.
    """
    return len(entry) == 4 and entry[1] is not None and Path(entry[3]).absolute() == Path(path).absolute()


def code_span(line: str) -> tuple[int, int]:
    """First column of the code on a line of source and the column after its last, a comment left out."""
    code = re.sub(r"\s+#[^\"']*$", "", line.rstrip())
    return len(code) - len(code.lstrip()) + 1, len(code) + 1


@dataclass(frozen=True)
class Finding:
    """One defect of one loss, with its proof."""

    code: str  #: rule code, ``LC201``
    name: str  #: rule name, ``disconnected-gradient``
    severity: Severity  #: error, warning or note
    message: str  #: the observed fact with its numbers; lower case, no full stop
    hint: str  #: the cure, in the imperative
    location: Location  #: the line to change
    modes: tuple[Mode, ...] = ()  #: the modes in which the defect shows
    evidence: Mapping[str, Any] = field(default_factory=dict)  #: plain data behind the message

    def to_dict(self) -> dict[str, Any]:
        """Plain data in the schema of the JSON report."""
        place = self.location
        return {
            "code": self.code,
            "name": self.name,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
            "path": place.path,
            "line": place.line,
            "cell": place.cell,
            "column": place.column,
            "end_line": place.end_line if place.end_line is not None else place.line,
            "end_column": place.end_column,
            "modes": [mode.value for mode in self.modes],
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of `to_dict`."""
        return cls(
            code=data["code"],
            name=data["name"],
            severity=Severity(data["severity"]),
            message=data["message"],
            hint=data["hint"],
            location=Location(
                data["path"], data["line"], data["column"], data["end_line"], data["end_column"], data["cell"]
            ),
            modes=tuple(Mode(mode) for mode in data["modes"]),
            evidence=data["evidence"],
        )
