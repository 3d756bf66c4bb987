"""Takes a target apart into a place (file, folder or module) and an expression, and shows paths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from losscheck.exceptions import TargetError

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True)
class Address:
    """The two halves of a target."""

    place: str  #: file, folder or dotted module path, as typed
    expression: str = ""  #: what stands behind the colon; empty: every loss of the place

    @property
    def is_module(self) -> bool:
        """Whether the place is a dotted module path and not a path on disk."""
        parts = self.place.split(".")
        if self.place.endswith((".py", ".ipynb")) or not all(part.isidentifier() for part in parts):
            return False
        path = Path(self.place)
        return not exists(self.place) or (bool(self.expression) and path.is_dir())


def split_target(target: str) -> Address:
    """The place and the expression of a target such as ``losses.py:dice_loss``."""
    text = target.strip()
    if not text:
        raise TargetError("the target is empty: write `losses.py` or `losses.py:dice_loss`")
    if "\0" in text:
        raise TargetError(f"the target {text!r} holds a NUL character")
    if exists(text):
        return Address(text)
    start = 2 if _DRIVE.match(text) else 0
    colon = text.find(":", start)
    # a folder may have a colon in its name: then the colon behind `.py` is the one that is meant
    if "/" in text[colon:] or "\\" in text[colon:]:
        for suffix in (".py:", ".ipynb:"):
            end = text.find(suffix, start) + len(suffix) - 1
            if end >= len(suffix) - 1 and exists(text[:end]):
                colon = end
    if colon < 0:
        return Address(text)
    place, expression = text[:colon].strip(), text[colon + 1 :].strip()
    if not place:
        raise TargetError(f"no file or module stands before the colon in `{text}`")
    if not expression:
        raise TargetError(f"no name stands behind the colon in `{text}`")
    if expression.startswith(":"):
        raise TargetError(f"`{text}` has two colons: write `{place}:{expression.lstrip(':')}`")
    return Address(place, expression)


def shown_path(path: Path | str) -> str:
    """The path as the user would type it: relative to the working directory where it lies below it."""
    typed = Path(path)
    if not typed.is_absolute() and ".." not in typed.parts:
        return str(typed)
    here = Path.cwd()
    for candidate, base in ((typed, here), (typed.resolve(), here.resolve())):
        if ".." not in candidate.parts and candidate.is_relative_to(base):
            return str(candidate.relative_to(base))
    return str(typed)


def exists(text: str | Path) -> bool:
    """Whether there is such a file or folder; not where it may not be looked at."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a name that is too long for the disk, a folder that may not be entered
        return False
