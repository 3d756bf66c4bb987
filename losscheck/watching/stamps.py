"""Tells which files changed, by asking the disk for their times and sizes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

#: Seconds between two looks; a look at a hundred files takes a millisecond.
INTERVAL = 0.1
#: Share of the time that may go into looking, where there are tens of thousands of files.
_SHARE = 0.1
#: Seconds without another change until a save is over: an editor may write a file in several steps.
_QUIET = 0.08
#: The same where a file is gone or empty, as it is for a moment while some editors save.
_QUIET_WHERE_GONE = 0.4

#: Time of the last change in nanoseconds, bytes, and which file it is (a rename puts another one there).
Stamp = tuple[int, int, int] | None


class Stamps:
    """What the disk says of a set of files.

    Args:
        paths: gives the files, which need not exist; asked at each look, since a folder may have new ones.

    """

    def __init__(self, paths: Callable[[], Iterable[Path]]) -> None:
        self._paths = paths
        self._seen = {path: _stamp(path) for path in paths()}
        self._next = 0.0

    @property
    def files(self) -> int:
        """How many files are there."""
        return sum(stamp is not None for stamp in self._seen.values())

    def settle(self) -> None:
        """Take files that are new to the set as they are, and forget those that left it."""
        self._seen = {
            path: self._seen[path] if path in self._seen else _stamp(path) for path in self._paths()
        }

    def has_changed(self, among: Iterable[Path]) -> bool:
        """Whether one of these files is no longer as `wait` left it; looks only now and then."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + INTERVAL
        return any(_stamp(path) != self._seen.get(path) for path in among)

    def wait(self, *, is_patient: bool = True) -> frozenset[Path]:
        """Sleep until files were changed, made or deleted, and nobody writes them any more; these files.

        One that is not patient looks once.
        """
        now, cost = self._look(), 0.0
        while is_patient and not _differences(self._seen, now):
            time.sleep(max(INTERVAL, cost / _SHARE))
            started = time.monotonic()
            now = self._look()
            cost = time.monotonic() - started
        while changed := _differences(self._seen, now):
            is_gone = any(_is_gone(now[path]) for path in changed)
            time.sleep(_QUIET_WHERE_GONE if is_gone else _QUIET)
            later = self._look()
            if later == now:
                break
            now = later
        self._seen = now
        return changed

    def _look(self) -> dict[Path, Stamp]:
        return {path: _stamp(path) for path in {*self._seen, *self._paths()}}


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _is_gone(stamp: Stamp) -> bool:
    return stamp is None or stamp[1] == 0


def _differences(before: dict[Path, Stamp], after: dict[Path, Stamp]) -> frozenset[Path]:
    return frozenset(path for path, stamp in after.items() if before.get(path) != stamp)
