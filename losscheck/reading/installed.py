"""Which versions are installed, by what their packages say of themselves; nothing is imported."""

from __future__ import annotations

import functools
import re

_NEWEST = (999, 0)


@functools.cache
def installed(package: str) -> tuple[int, int]:
    """Major and minor version; a package that is not installed is taken for the newest."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and most rules ask nothing

    try:
        numbers = re.findall(r"\d+", version(package))
    except PackageNotFoundError:
        return _NEWEST
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else _NEWEST
