"""What the user may choose among, on the command line and in ``pyproject.toml``."""

from __future__ import annotations

import enum


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


class Device(str, enum.Enum):
    """Where losses run."""

    CPU = "cpu"
    GPU = "gpu"


class ServerAction(str, enum.Enum):
    """What to do with the server that keeps TensorFlow imported."""

    START = "start"
    STOP = "stop"
    STATUS = "status"


#: Seconds that a loss may take, where nobody says otherwise.
DEFAULT_TIMEOUT = 30.0
#: Seconds, about twelve days: far below what the system's own clocks can wait for.
LONGEST_TIMEOUT = 1_000_000.0
#: GiB that a loss may take above the import of TensorFlow, where nobody says otherwise.
DEFAULT_MEMORY = 4.0
