"""Which files and lines are the user's."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from losscheck.finding import Location, code_span, source_line

#: The folder of losscheck itself.
PACKAGE = str(Path(__file__).resolve().parent.parent)
#: Their code is never the user's, wherever it is installed.
_LIBRARIES = ("tensorflow", "keras", "tf_keras", "numpy", "scipy")
#: Sources of compiled modules, whose frames name them as they lay where they were compiled.
_COMPILED = (".pyx", ".pxd", ".pxi", ".c", ".cpp")


class UserFiles:
    """Tells the user's files from those of libraries.

    Args:
        path: file of the loss; its own package counts as the user's even where it is installed.

    """

    def __init__(self, path: str) -> None:
        self._own = str(Path(path).resolve()) if path and not path.startswith("<") else path
        self._own_root = self._package_root(self._own)
        self._known: dict[str, bool] = {}

    def __contains__(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = self._is_user(path)
        return self._known[path]

    def _is_user(self, path: str) -> bool:
        if not path:
            return False
        if path.startswith("<"):
            return path.startswith(("<ipython", "<stdin")) or path == self._own
        resolved = str(Path(path).resolve())
        if resolved == self._own:
            return True
        if (
            "__autograph_generated_file" in path
            or path.endswith(_COMPILED)
            or resolved.startswith(PACKAGE + "/")
        ):
            return False
        if self._own_root and resolved.startswith(self._own_root + "/"):
            return True
        return not any(resolved.startswith(root + "/") for root in _library_roots())

    @staticmethod
    def _package_root(path: str) -> str:
        """The top-level folder of an installed package, unless it is TensorFlow's or Keras's own."""
        for root in _library_roots():
            if root.endswith("-packages") and path.startswith(root + "/"):
                name = path[len(root) + 1 :].split("/", maxsplit=1)[0]
                return "" if name in _LIBRARIES or name.endswith(".py") else f"{root}/{name}"
        return ""

    def shown(self, path: str) -> str:
        """The path as the user would type it: relative to the working directory where it lies below it."""
        try:
            return str(Path(path).resolve().relative_to(Path.cwd()))
        except (ValueError, OSError):
            return path


@functools.lru_cache(maxsize=1)
def _library_roots() -> tuple[str, ...]:
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths.update(site.getsitepackages() if hasattr(site, "getsitepackages") else [])
    paths.add(site.getusersitepackages() if hasattr(site, "getusersitepackages") else "")
    for name in _LIBRARIES:
        source = getattr(sys.modules.get(name), "__file__", None)
        if source:
            paths.add(str(Path(source).parent))
    return tuple(sorted(str(Path(path).resolve()) for path in paths if path))


def summary_location(summary: traceback.FrameSummary, files: UserFiles) -> Location:
    """The expression that a line of a traceback was in; Python 3.10 tells the line alone."""
    line = summary.lineno or 1
    column = getattr(summary, "colno", None)
    if column is None:
        return statement_location(summary.filename, line, files)
    end_line = getattr(summary, "end_lineno", None) or line
    end = column_of(summary.filename, end_line, getattr(summary, "end_colno", None))
    start = column_of(summary.filename, line, column)
    return Location(files.shown(summary.filename), line, start or 1, end_line, end)


def column_of(path: str, line: int, offset: int | None) -> int | None:
    """The column of a byte offset, as Python's compiler counts them: from 1, in characters."""
    if offset is None:
        return None
    return len(source_line(path, line).encode()[:offset].decode(errors="ignore")) + 1


def statement_location(path: str, line: int, files: UserFiles) -> Location:
    """The code on a line, from its first character to its last, without a comment behind it."""
    start, end = code_span(source_line(path, line))
    return Location(files.shown(path), line, start, line, end if end > 1 else None)


def user_line(frames: Iterable[tuple[str, int]], files: UserFiles) -> tuple[str, int] | None:
    """The deepest user's file and line among frames, outermost first, inside the call of the probe."""
    inner: list[tuple[str, int]] = []
    for path, line in frames:
        inner = [] if path.startswith(PACKAGE + os.sep) else [*inner, (path, line)]
    return next(((path, line) for path, line in reversed(inner) if path in files), None)


def caller_location(files: UserFiles, frame: FrameType | None) -> Location | None:
    """The innermost user line on the present stack, as far up as the probe that called the loss."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE + os.sep) and frame.f_code.co_name == "run":
            return None
        if frame.f_code.co_filename in files:
            return statement_location(frame.f_code.co_filename, frame.f_lineno, files)
        frame = frame.f_back
    return None
