"""Under which terms losses are checked: how many at a time, their limits, and where they believe to be."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

#: What this process was started with; modules that are imported later, such as TensorFlow, change some of it.
_STARTED_WITH = dict(os.environ)


@dataclass(frozen=True)
class Place:
    """Where a run was started."""

    folder: str  #: working directory
    environment: Mapping[str, str]  #: of a worker that is started there
    umask: int  #: permissions that new files do not get

    def enter(self) -> None:
        """Make this process, which has imported TensorFlow, one that was started there.

        Raises:
            OSError: the folder is gone.

        """
        os.chdir(self.folder)
        os.umask(self.umask)
        names = _STARTED_WITH.keys() | os.environ.keys()
        changed = {name for name in names if _STARTED_WITH.get(name) != os.environ.get(name)}
        imported = {name: os.environ[name] for name in changed if name in os.environ}
        kept = {name: value for name, value in self.environment.items() if name not in changed}
        os.environ.clear()
        os.environ.update(kept | imported)
        if hasattr(time, "tzset"):
            time.tzset()
        importlib.invalidate_caches()  # a folder of `sys.path` may have come since


@dataclass(frozen=True)
class Terms:
    """What holds for the losses of a run."""

    jobs: int  #: losses that are checked at a time
    timeout: float  #: seconds that one of them may take
    memory: float  #: GiB that one of them may take above the import of TensorFlow
    place: Place | None = None  #: None: where the workers were started
