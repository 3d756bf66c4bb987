"""TensorFlow's shared libraries, mapped beside other imports: a fifth of the time that its import takes."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

#: In the order in which they need each other; a TensorFlow that has other ones is imported as ever.
_LIBRARIES = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")


@contextlib.contextmanager
def mapping_tensorflow() -> Iterator[None]:
    """Map and relocate TensorFlow's libraries in a thread (Linux); on leaving it has ended."""
    if sys.platform != "linux":
        yield
        return
    thread = threading.Thread(target=_map, name="losscheck-mapping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _map() -> None:
    # there is none, or no `dlopen`: importing TensorFlow says what is wrong with it
    with contextlib.suppress(ImportError, ValueError, AttributeError, OSError):
        spec = importlib.util.find_spec("tensorflow")
        # called as a foreign function it releases the interpreter's lock, which an import and `CDLL` hold
        dlopen = ctypes.CDLL(None).dlopen
        for folder in (spec and spec.submodule_search_locations) or ():
            for name in _LIBRARIES:
                if (file := Path(folder, name)).is_file():
                    dlopen(os.fsencode(file), os.RTLD_NOW)
