"""The files of a folder that may hold losses, and the losses of such a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.loading.address import exists, shown_path
from losscheck.loading.listing import broken, scanned
from losscheck.loading.notebook import SUFFIX
from losscheck.loading.prefilter import is_suspicious, may_hold_loss
from losscheck.loading.source import parse, read_text, skim_text
from losscheck.loss import FoundLoss

SUFFIXES = (".py", SUFFIX)
_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "venv", "env", "site-packages", "node_modules", "build", "dist"}
)  # hidden folders are skipped too


def losses_of(path: Path) -> tuple[FoundLoss, ...] | None:
    """The losses of a file that nobody has named; None if it is none, or cannot be read and holds none.

    Raises:
        TargetError: it cannot be read, and may hold a loss.

    """
    shown = shown_path(path)
    if not os.path.isfile(path):  # noqa: PTH113 - a pipe, a link to nothing; never raises
        return None
    try:
        if not may_hold_loss(skim_text(path)):
            return ()
        text = read_text(path)
    except TargetError:
        if is_suspicious(path):
            raise
        return None
    try:
        return scanned(shown, shown, text, parse(text))
    except SyntaxError as error:  # it speaks of a loss, and nobody can import it
        return (broken(shown, shown, "", path, error),)


def python_files(folder: Path) -> Iterator[Path]:
    """The Python files and notebooks below a folder, in order, but those of environments and builds."""
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED_FOLDERS
            and not exists(Path(current, name, "pyvenv.cfg"))
        )
        yield from (Path(current, name) for name in sorted(files) if name.endswith(SUFFIXES))
