"""What the user may choose among, on the command line and in ``pyproject.toml``."""

from __future__ import annotations

import enum

#: Seconds; a longer limit is none, and beyond it no system waits.
LONGEST_TIMEOUT = 1_000_000


class FailOn(str, enum.Enum):
    """The mildest finding that fails the run."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


class Load(str, enum.Enum):
    """How much of the user's file to run."""

    AUTO = "auto"
    IMPORT = "import"
    SLICE = "slice"
