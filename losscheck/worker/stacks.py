"""The user's line in the stacks that `faulthandler` left behind."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable, Collection
from pathlib import Path

from losscheck.finding import Location
from losscheck.probes.frames import UserFiles, statement_location

#: The first line of a stack file; `faulthandler` does not say at a time limit which thread is the main one.
MAIN_THREAD = "Main thread {:#x}\n"
#: The first line of the stack of the thread that failed, as `faulthandler` writes it.
CURRENT_THREAD = "Current thread {:#x} (most recent call first):"
_MAIN = re.compile(r"^Main thread (0x[0-9a-f]+)$", re.MULTILINE)
_THREAD = re.compile(r"^(?P<current>Current thread|Thread) (?P<ident>0x[0-9a-f]+)")
_FRAME = re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+) in ')
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


#: The part of the time limit that is kept for writing the stacks: milliseconds, on a busy machine more.
_STACK_SHARE, _STACK_SECONDS = 0.1, 1.0


def stack_seconds(limit: float) -> float:
    """How long before the time limit the stacks are written."""
    return min(limit * _STACK_SHARE, _STACK_SECONDS)


def library_folders() -> tuple[str, ...]:
    """Folders of this interpreter's own and installed code."""
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(sorted(str(Path(path).resolve()) for path in paths if path))


def find_user_line(text: str, path: str, libraries: Collection[str] = ()) -> Location | None:
    """The deepest line of the user's code that was running.

    Args:
        text: a stack file: `MAIN_THREAD`, then what `faulthandler` wrote, most recent call first.
        path: the file of the loss; a line in it is preferred to a line in another file of the user.
        libraries: folders of libraries besides those of this interpreter.

    """
    files = UserFiles(path)
    threads = _threads(text)
    for is_wanted in (_is_file(path), lambda p: p in files and not _is_below(p, libraries)):
        for frames in threads:
            for frame_path, line in frames:
                if is_wanted(frame_path):
                    return statement_location(frame_path, line, files)
    return None


def _threads(text: str) -> list[list[tuple[str, int]]]:
    """File and line of each frame of each thread, the thread that matters first."""
    main = _MAIN.search(text)
    main_ident = int(main[1], 16) if main else None
    threads: list[tuple[int, list[tuple[str, int]]]] = []
    for row in text.splitlines():
        if thread := _THREAD.match(row):
            is_main = int(thread["ident"], 16) == main_ident
            threads.append((0 if thread["current"] == "Current thread" else 1 if is_main else 2, []))
        elif threads and (frame := _FRAME.match(row)):
            threads[-1][1].append((_file_name(frame["path"]), int(frame["line"])))
    return [frames for _, frames in sorted(threads, key=lambda ranked: ranked[0])]


def _file_name(written: str) -> str:
    """The name of a file as it is: `faulthandler` escapes what is not ASCII, but no backslash."""
    if "\\" not in written or Path(written).exists():
        return written
    return _ESCAPE.sub(lambda match: chr(int(match[1] or match[2] or match[3], 16)), written)


def _is_file(path: str) -> Callable[[str], bool]:
    own = Path(path).resolve()
    return lambda candidate: not candidate.startswith("<") and Path(candidate).resolve() == own


def _is_below(path: str, folders: Collection[str]) -> bool:
    resolved = Path(path).resolve()
    return any(resolved.is_relative_to(folder) for folder in folders)
