"""The worker process: it imports TensorFlow once and then checks each loss in a forked child.

It never runs an operation itself: after TensorFlow's first operation a forked child hangs. Where there
is no fork, it checks the losses one after the other itself and is replaced when one hangs or kills it.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import os
import pkgutil
import platform
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from losscheck.loading.loaders import import_projects_afresh
from losscheck.loss import FoundLoss
from losscheck.registry import all_rules
from losscheck.worker.channel import Channel
from losscheck.worker.child import check_request
from losscheck.worker.forking import ForkingServer
from losscheck.worker.mapping import mapping_tensorflow
from losscheck.worker.messages import Broken, Check, Ended, Hello, Request, WorkerOptions, can_fork
from losscheck.worker.results import Checked
from losscheck.worker.stacks import library_folders
from losscheck.worker.surroundings import Surroundings

#: Seconds between two looks at whether the parent is still there, once a loss has closed the pipe to it.
_PATIENCE = 1.0
#: Thresholds of the garbage collector: tracing makes many objects that live on, and Python's own thresholds
#: have it look at them again and again, a sixth of the time of a check.
_COLLECTIONS = (50_000, 20, 20)
#: What every check needs: imported whole, once, here instead of in each child.
_PACKAGES = (
    "losscheck.engine",
    "losscheck.inputs",
    "losscheck.loading",
    "losscheck.probes",
    "losscheck.rules",
    "losscheck.sketch",
)


def main() -> None:
    """Serve the engine."""
    serve(_check, preload=_preload)


def serve(
    check: Check,
    *,
    imports: Sequence[str] = ("tensorflow", "keras"),
    preload: Callable[[], object] = lambda: None,
) -> NoReturn:
    """Answer requests until the parent closes its end or is gone.

    Args:
        check: loads and checks one loss.
        imports: modules whose versions the parent is told.
        preload: imports what every check needs beside them; runs before them.

    """
    channel = Channel()
    try:
        versions = _import(imports, preload)
    except BaseException as error:
        reason = str(error).strip().splitlines()
        text = f"{type(error).__name__}: {reason[0]}" if reason else type(error).__name__
        channel.send(Broken(type(error).__name__, f"the worker cannot start with {sys.executable}: {text}"))
        raise
    import_projects_afresh()
    channel.send(
        Hello(
            versions.get("tensorflow", ""),
            versions.get("keras", ""),
            platform.python_version(),
            library_folders(),
        )
    )
    if can_fork():
        ForkingServer(channel, check).run()
    else:
        _serve_in_process(channel, check)


def _check(found: FoundLoss, options: WorkerOptions, keep: Callable[[Checked], None]) -> Checked:
    from losscheck.engine import Options, check_found

    return check_found(found, Options(**dataclasses.asdict(options), is_expendable=True), keep)


def _import(imports: Sequence[str], preload: Callable[[], object]) -> dict[str, str]:
    gc.disable()  # nothing of what an import makes is garbage
    preload()
    modules = {name: importlib.import_module(name) for name in imports}
    gc.freeze()  # no collection in a child walks, and so copies, the pages that it shares with the server
    gc.set_threshold(*_COLLECTIONS)
    gc.enable()
    return {name: str(getattr(module, "__version__", "")) for name, module in modules.items()}


def _preload() -> None:
    for name in ("numpy.ma", "numpy.random"):  # NumPy 2 imports them when they are first used
        importlib.import_module(name)
    with mapping_tensorflow():
        for name in _PACKAGES:
            package = importlib.import_module(name)
            for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
                importlib.import_module(found.name)
    all_rules()  # makes and keeps them


def _serve_in_process(channel: Channel, check: Check) -> NoReturn:
    folder = Path.cwd()
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(channel, requests), daemon=True).start()
    while True:
        request = requests.get()
        os.chdir(folder)
        surroundings = Surroundings()
        is_whole = check_request(request, check) and surroundings.restore()
        try:
            channel.silence()
            channel.send(Ended(request.number, exit_code=0, is_last=not is_whole))
        except OSError:  # the loss has closed the pipe: the end of the process says the same
            os._exit(0)


def _listen(channel: Channel, requests: queue.SimpleQueue[Request]) -> NoReturn:
    """Pass requests on, and end the process with the parent even while a loss hangs."""
    parent = os.getppid()
    try:
        while (received := channel.receive()) is not None:
            for request in received:
                requests.put(request)
    except OSError:  # the loss has closed the pipe: the process ends after its result, or with the parent
        while os.getppid() == parent:
            time.sleep(_PATIENCE)
    finally:
        channel.clean_up()
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # with what the loss has started
        os._exit(0)
