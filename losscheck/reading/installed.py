"""Which versions are installed, by what their packages say of themselves; nothing is imported."""

from __future__ import annotations

import functools
import re
from importlib.metadata import PackageNotFoundError, version


@functools.cache
def installed(package: str) -> tuple[int, int]:
    """Major and minor version; zeros where the package is not installed."""
    try:
        numbers = re.findall(r"\d+", version(package))
    except PackageNotFoundError:
        return (0, 0)
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else (0, 0)
