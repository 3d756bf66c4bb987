"""What a process keeps from one loss to the next, where no fork gives each a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from typing import Any

from losscheck.worker.orphans import processes
from losscheck.worker.stacks import library_folders


class Surroundings:
    """Remembers the state of the process as it is now."""

    def __init__(self) -> None:
        self._modules = frozenset(sys.modules)
        self._path = tuple(sys.path)
        self._environment = dict(os.environ)
        self._settings = _settings()

    def restore(self) -> bool:
        """Forget the user's modules, and put path and environment back; whether all is as it was then."""
        libraries = tuple(f"{folder}{os.sep}" for folder in library_folders())
        for name in sys.modules.keys() - self._modules:
            file = getattr(sys.modules[name], "__file__", None)
            if isinstance(file, str) and not file.startswith(libraries):
                del sys.modules[name]
        sys.path[:] = self._path
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        return _settings() == self._settings


def _settings() -> dict[str, Any]:
    """What cannot be put back: then another process must check the next loss."""
    own = os.getpid()
    settings: dict[str, Any] = {
        "threads": threading.active_count(),
        "processes": {p.pid for p in processes() if own in (p.session, p.parent) and p.pid != own},
        "recursion": sys.getrecursionlimit(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "traces": (sys.gettrace(), sys.getprofile()),
        "warnings": tuple(map(str, warnings.filters)),
    }
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        settings["eager"] = tensorflow.executing_eagerly(), tensorflow.config.functions_run_eagerly()
        settings["dtype"] = tensorflow.keras.backend.floatx()
    return settings
